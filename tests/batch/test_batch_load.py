"""Files of inscriptions, loaded (RP-08)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import senders
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from senders import NOW, OWNER, TODAY, bench, line, numbers, prepare, send, table

from kruispunt.batch import blocks, files
from kruispunt.batch.files import NotYet, State, status
from kruispunt.batch.items import Kind
from kruispunt.batch.run import OUTCOMES, load_file
from kruispunt.batch.xml_lines import CONTRACT
from kruispunt.errors import AuthenticationRefused, DataError, KruispuntError
from kruispunt.files.voucher import SUFFIX, content_of, read_voucher, voucher_of
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period, cut, merge
from kruispunt.repertory.history import history
from kruispunt.repertory.register import Register
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.wss.policy import STRICT
from kruispunt.wss.trust import Trust
from kruispunt.xml.schemas import Schema
from signed_messages import ec_signer, rsa_signer, trust

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
slow_ground = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def held(database: Database, ssin: Ssin, kind: str = "902") -> list[Period]:
    register = Register(database, OWNER, today=lambda: TODAY, test_band=True)
    return [each.period for each in await register.consult([ssin], kind=kind)]


def outcomes(file: Path, trusted: Trust | None = None, now: datetime = NOW) -> dict[int, tuple[str, dict[str, str]]]:
    """By line: the verdict, and what else is told. The file is valid, and its voucher that of the platform."""
    path = file.with_name(file.name + OUTCOMES)
    tree = etree.parse(str(path)).getroot()
    assert Schema(CONTRACT).check(tree) is None
    signed = read_voucher(voucher_of(path).read_bytes(), trusted or trust(), now, lambda _: STRICT)
    assert signed.voucher.content == content_of(path)
    assert signed.voucher.kind == "OUTCOMES"
    assert signed.voucher.records == len(tree[4])
    found = {}
    for node in tree[4]:
        more = {each[0].text or "": each[1].text or "" for each in node}
        more |= {"ssin": node.get("ssin")} if node.get("ssin") else {}
        found[int(node.get("line"))] = (node.get("verdict"), more)
    return found


def test_rp_08_each_line_has_its_outcome_and_a_bad_one_stops_nothing(ask: Ask, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        known, old, unknown, other = numbers(4)
        await prepare(database, [known, other], (old, known))
        names = "<identification><lastName>Nobody</lastName><gender>2</gender></identification>"
        lines = [
            line(known),
            line(old, "2010-01-01", "2010-12-31"),
            line(unknown),
            line("85673093334"),
            line(known, "2022-01-01", "2021-01-01"),
            line(known, kind="77"),
            line(known, kind="9"),
            line(known, "2021-02-30"),
            "<inscription><ssin>1</ssin></inscription>\n",
            line(other, more=names),
            line(other, "2019-12-31+01:00", "9999-12-31"),
        ]
        file = send(tmp_path, lines)
        loaded = await load_file(bench(database), file)
        assert (loaded.status.done, loaded.status.unchanged, loaded.status.refused) == (3, 0, 8)
        told = outcomes(file)
        assert {number: verdict for number, (verdict, _) in told.items()} == {
            1: "DONE",
            2: "DONE",
            3: "SSIN_UNKNOWN",
            4: "SSIN_INVALID",
            5: "LINE_INVALID",
            6: "TYPE_UNKNOWN",
            7: "TYPE_CLOSED",
            8: "LINE_INVALID",
            9: "LINE_INVALID",
            10: "IDENTIFICATION_UNKNOWN",
            11: "DONE",
        }
        assert told[2][1] == {"ssin": known}
        assert told[5][1] == {"why": "the period ends before it begins"}
        assert await held(database, known) == [
            Period.days(date(2010, 1, 1), date(2010, 12, 31)),
            Period.days(date(2020, 1, 1), None),
        ]
        assert await held(database, other) == [Period.days(date(2019, 12, 31), None)]
        (change, *_) = await history(database, OWNER, known)
        assert (change.author, change.ticket) == (senders.URN, "file 1")

    ask(question)


def test_rp_08_a_file_sent_twice_changes_nothing_and_says_so(ask: Ask, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        people = numbers(5)
        await prepare(database, people)
        file = send(tmp_path, [line(ssin) for ssin in people])
        first = await load_file(bench(database), file)
        written = file.with_name(file.name + OUTCOMES).read_bytes()
        rows = await database.fetchval("SELECT count(*) FROM repertory_change")
        file.with_name(file.name + OUTCOMES).unlink()
        second = await load_file(bench(database), file)
        assert (first.before, second.before) == (State.NEW, State.FINISHED)
        assert first.status == second.status
        assert file.with_name(file.name + OUTCOMES).read_bytes() == written
        assert await database.fetchval("SELECT count(*) FROM repertory_change") == rows

    ask(question)


def test_rp_18_numbers_are_taken_in_order_and_never_by_another_file(ask: Ask, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        people = numbers(2)
        await prepare(database, people)
        with pytest.raises(NotYet, match="1 is the next one"):
            await load_file(bench(database), send(tmp_path, [line(people[0])], 2))
        await load_file(bench(database), send(tmp_path, [line(people[0])], 1))
        with pytest.raises(DataError, match="another file was taken under sequence number 1"):
            await load_file(bench(database), send(tmp_path, [line(people[1])], 1))
        assert await held(database, people[1]) == []
        await load_file(bench(database), send(tmp_path, [line(people[0], None)], 2, Kind.DELETE))
        assert await held(database, people[0]) == []
        assert [(each.sequence, each.kind) for each in await status(database)] == [(2, Kind.DELETE), (1, Kind.INSERT)]

    ask(question)


def _head(file: Path, sequence: int) -> None:
    """A file whose head tells another number than its voucher."""
    file.write_bytes(senders.document([line(numbers(1)[0])], sequence))
    senders.sign(file, 1, Kind.INSERT)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file: file.write_bytes(file.read_bytes() + b" "), "not the one that was sent"),
        (lambda file: senders.sign(file, 1, Kind.INSERT, records=7), "its voucher tells 7"),
        (lambda file: senders.send(file.parent, [line(numbers(1)[0])], 2).replace(file), "not the one that was sent"),
        (lambda file: _head(file, 2), "do not say the same"),
        (lambda file: senders.sign(file, 1, Kind.DELETE), "do not say the same"),
        (lambda file: senders.sign(file, 1, Kind.INSERT, environment=Environment.PRODUCTION), "this is acceptance"),
        (lambda file: voucher_of(file).unlink(), "cannot be read"),
        (lambda file: senders.sign(file, 1, Kind.INSERT, signer=ec_signer()), "not registered"),
        (lambda file: voucher_of(file).write_bytes(rsa_signer().envelope("<a></a>", NOW)), "no voucher"),
        (
            lambda file: voucher_of(file).write_bytes(
                voucher_of(file).read_bytes().replace(b"<numberOfRecords>1<", b"<numberOfRecords>2<")
            ),
            "digest",
        ),
    ],
)
def test_rp_08_what_its_voucher_does_not_stand_for_is_refused_whole(
    ask: Ask, tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    async def question(database: Database) -> None:
        (ssin,) = numbers(1)
        await prepare(database, [ssin])
        file = send(tmp_path, [line(ssin)])
        spoil(file)
        with pytest.raises(KruispuntError, match=why):
            await load_file(bench(database), file)
        assert await status(database) == ()
        assert await held(database, ssin) == []
        assert not file.with_name(file.name + OUTCOMES).exists()

    ask(question)


def test_pl_14_rp_05_the_rights_are_those_of_the_service(ask: Ask, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        (ssin,) = numbers(1)
        await prepare(database, [ssin])
        file = send(tmp_path, [line(ssin)])
        for rights, why in (
            (table(services=()), "not registered for RegisterService"),
            (table(acts_for=()), "may not act for"),
            (table(kinds=[Kind.DELETE]), "may not call inscribe"),
        ):
            with pytest.raises((DataError, AuthenticationRefused), match=why):
                await load_file(bench(database, rights), file)
        with pytest.raises(DataError, match="signed in the future"):
            await load_file(bench(database, now=NOW - timedelta(minutes=5)), file)
        # A file may lie for weeks; its certificate must be good when it is read.
        await load_file(bench(database, now=NOW + timedelta(days=40)), file)
        with pytest.raises(AuthenticationRefused, match="valid until"):
            await load_file(bench(database, now=NOW + timedelta(days=400)), file)

    ask(question)


def test_csv_says_the_same(ask: Ask, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        people = numbers(3)
        await prepare(database, people)
        file = tmp_path / "inscriptions.csv"
        rows = [f"{ssin};902;2020-01-01;2020-12-31;" for ssin in people] + ["1;902;2020-01-01;;", f"{people[0]};902"]
        file.write_text("\n".join(["ssin;dossierType;beginDate;endDate;lastName", *rows, ""]), encoding="utf-8")
        senders.sign(file, 1, Kind.INSERT, records=5)
        loaded = await load_file(bench(database), file)
        assert (loaded.status.done, loaded.status.refused) == (3, 2)
        assert [outcomes(file)[number][0] for number in (1, 4, 5)] == ["DONE", "LINE_INVALID", "LINE_INVALID"]
        assert await held(database, people[2]) == [Period.days(date(2020, 1, 1), date(2020, 12, 31))]

    ask(question)


days = st.integers(0, 40)
told_lines = st.lists(
    st.tuples(st.integers(0, 4), days, st.integers(0, 12), st.sampled_from(["902", "1"])), max_size=60
)


@slow_ground
@given(
    inserts=told_lines,
    deletes=told_lines,
    block=st.integers(1, 50),
    part=st.integers(1, 7),
    heavy=st.sampled_from([2, 1_000]),
)
def test_rp_03_rp_04_files_in_any_parts_come_to_what_the_pure_functions_do(
    ask_shared: Ask,
    tmp_path_factory: pytest.TempPathFactory,
    inserts: Any,
    deletes: Any,
    block: int,
    part: int,
    heavy: int,
) -> None:
    """The merge of parts, whatever their size, against `periods.merge` and `periods.cut`."""

    async def question(database: Database) -> None:
        await database.execute("DELETE FROM batch_part")
        await database.execute("DELETE FROM batch_file")
        await database.execute("DELETE FROM inscription")
        people = numbers(5)
        await prepare(database, people)
        directory = tmp_path_factory.mktemp("files")
        expected: dict[tuple[Ssin, str], tuple[Period, ...]] = {}

        def spelt(rows: Any) -> list[str]:
            return [
                line(people[who], str(origin + timedelta(days=begin)), str(origin + timedelta(days=begin + more)), kind)
                for who, begin, more, kind in rows
            ]

        origin = date(2020, 1, 1)
        for who, begin, more, kind in inserts:
            key, period = (people[who], kind), _period(origin, begin, more)
            expected[key] = merge((*expected.get(key, ()), period))
        for who, begin, more, kind in deletes:
            key = people[who], kind
            expected[key] = cut(expected.get(key, ()), _period(origin, begin, more))
        await load_file(bench(database), send(directory, spelt(inserts), 1))
        await load_file(bench(database), send(directory, spelt(deletes), 2, Kind.DELETE))
        for (ssin, kind), periods in expected.items():
            assert tuple(await held(database, ssin, kind)) == periods

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", block)
        patch.setattr(files, "PART", part)
        patch.setattr(blocks, "HEAVY", heavy)
        ask_shared(question)


def test_rp_08_a_load_goes_on_with_the_sizes_that_it_began_with(ask: Ask, tmp_path: Path) -> None:
    """Those of an earlier version, say; or lines would be left out and others done twice."""

    async def question(database: Database) -> None:
        people = numbers(100)
        await prepare(database, people)
        file = send(tmp_path, [line(ssin) for ssin in (*people[50:], *people[:50])])

        def stop(done: int, _: int) -> None:
            if done > 40:
                raise InterruptedError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "BLOCK", 30)
            patch.setattr(files, "PART", 7)
            with pytest.raises(InterruptedError):
                await load_file(bench(database), file, progress=stop)
        assert 40 < (await status(database))[0].lines < 60
        loaded = await load_file(bench(database), file)
        assert (loaded.before, loaded.status.done, loaded.status.unchanged) == (State.BROKEN_OFF, 100, 0)
        assert {verdict for verdict, _ in outcomes(file).values()} == {"DONE"}
        assert await database.fetchval("SELECT count(DISTINCT ssin) FROM inscription") == 100

    ask(question)


def _period(origin: date, begin: int, more: int) -> Period:
    return Period.days(origin + timedelta(days=begin), origin + timedelta(days=begin + more))


def test_rp_06_two_loads_of_one_file_at_once_write_it_once(ask: Ask, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        people = numbers(40)
        await prepare(database, people)
        file = send(tmp_path, [line(ssin) for ssin in people])
        found = await asyncio.gather(*(load_file(bench(database), file, directory) for directory in _two(tmp_path)))
        assert Counter(each.before for each in found)[State.FINISHED] >= 1
        assert {each.status.done for each in found} == {40}
        assert await database.fetchval("SELECT count(*) FROM inscription") == 40

    def _two(path: Path) -> list[Path]:
        made = [path / "one", path / "two"]
        for each in made:
            each.mkdir()
        return made

    ask(question)


def test_rp_06_a_file_that_somebody_else_takes_between_two_looks_is_no_other_file(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for its turn meanwhile is not told that another file comes first."""
    signed = voucher_of(send(tmp_path, [line(ssin) for ssin in numbers(1)])).read_bytes()
    voucher = read_voucher(signed, trust(), NOW, lambda _: STRICT).voucher
    first = iter([True])

    async def question(database: Database) -> None:
        await prepare(database, [])
        async with database.connection() as connection:
            look = type(connection).fetchrow

            async def look_while_it_is_taken(asking: Any, sql: str, *values: Any) -> Any:
                found = await look(asking, sql, *values)
                if sql == files._HELD and next(first, False):
                    await files.take(connection, OWNER, voucher, signed, "another", TODAY)
                return found

            monkeypatch.setattr(type(connection), "fetchrow", look_while_it_is_taken)
            await files.ask_turn(database, OWNER, voucher)
            assert [each.sequence for each in await status(database)] == [1]

    ask(question)


def test_the_name_of_a_voucher() -> None:
    assert voucher_of(Path("a/b.xml")) == Path("a/b.xml" + SUFFIX)
