"""Files of a distribution, from the database to the folder (RP-15, RP-16, RP-18)."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from distribution_ground import (
    DAY,
    begin,
    busy_day,
    contents,
    desk,
    distribute_day,
    fixing,
    read,
    subscribe,
    subscription,
    told,
)
from lxml import etree
from mutation_ground import OWNERS, at, fresh, inscribe, legal, on, set_clock, table, tell

from kruispunt.errors import DataError, StorageError
from kruispunt.files.voucher import voucher_of
from kruispunt.mutations import rows
from kruispunt.mutations.distributing import Done, clean, distribute, restore
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.records import Form, Record
from kruispunt.mutations.writing import Unrepeatable
from kruispunt.storage.database import Database
from signed_messages import ec_signer

NEXT = DAY + timedelta(days=1)


def lose(folder: Path) -> None:
    """Everything in it goes."""
    for path in folder.iterdir():
        path.unlink()


def test_rp_15_replaced_and_changed_the_same_day_is_told_once_under_the_final_number(
    fresh_dsn: str, tmp_path: Path
) -> None:
    old, new, other = fresh(3)

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, subscription("a"))
        await tell(database, {"ssin": old, "nationalRegister": legal()}, written=False)
        await tell(database, {"ssin": other, "nationalRegister": legal("Maes")}, written=False)
        await inscribe(database, OWNERS["alpha"], old)
        await inscribe(database, OWNERS["alpha"], other)
        await tell(database, {"ssin": new, "nationalRegister": legal()})
        await tell(database, {"ssin": old, "nationalRegister": legal(), "replacedBy": new})
        await tell(database, {"ssin": new, "nationalRegister": legal("Janssens")})
        last = await database.fetchval("SELECT max(sequence) FROM person_change")
        await tell(database, {"ssin": other, "cancelled": True})
        assert await distribute_day(database, tmp_path) == (Done(DAY, 1, 2),)
        found = told(read(tmp_path, "a"))
        assert set(found) == {new, other}
        assert found[new]["replaced"] == [old]
        assert set(found[new]["kinds"]) >= {"replacement", "identification"}
        assert found[new]["name"] == "Janssens"
        assert found[new]["number"] == last
        assert (found[other]["canceled"], found[other]["kinds"], found[other]["told"]) == (
            "true",
            ["cancellation"],
            None,
        )

    on(fresh_dsn, question)


def test_rp_16_data_are_those_of_the_cut_whatever_happened_since(fresh_dsn: str, tmp_path: Path) -> None:
    """Also of a number that came in the place of another and was never changed itself: until now, or until later."""
    changed, old, quiet, older, later = fresh(5)

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, subscription("a"))
        for number, name in ((changed, "Aerts"), (old, "Bex"), (quiet, "Claes"), (older, "Daems"), (later, "Evers")):
            await tell(database, {"ssin": number, "nationalRegister": legal(name)}, written=False)
            await inscribe(database, OWNERS["alpha"], number)
        await tell(database, {"ssin": changed, "nationalRegister": legal("Goos")})
        await tell(database, {"ssin": old, "replacedBy": quiet}, {"ssin": older, "replacedBy": later})
        await distribute_day(database, tmp_path)
        names = {ssin: each["name"] for ssin, each in told(read(tmp_path, "a")).items()}
        assert names == {changed: "Goos", quiet: "Claes", later: "Evers"}
        made = contents(tmp_path)
        await set_clock(database, at(NEXT))
        await tell(database, {"ssin": changed, "cancelled": True}, {"ssin": later, "nationalRegister": legal("Zeis")})
        await tell(database, {"ssin": quiet, "nationalRegister": legal("Claes")}, {"ssin": old, "cancelled": True})
        lose(tmp_path / "a")
        assert await restore(database, desk(tmp_path), DAY) == (Done(DAY, 1, 3),)
        assert contents(tmp_path) == made

    on(fresh_dsn, question)


def test_rp_18_a_day_without_mutations_gives_a_file_without_records_and_numbers_have_no_gap(
    fresh_dsn: str, tmp_path: Path
) -> None:
    rights = table(["dimona", *(kind.value for kind in Kind)])

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, subscription("a"), subscription("dim", stream="dimona"), rights=rights)
        for number in range(3):
            day = DAY + timedelta(days=number)
            await distribute_day(database, tmp_path, day, rights)
            for code in ("a", "dim"):
                root = read(tmp_path, code, number + 1, now=at(day + timedelta(days=2)))
                assert root.findtext("day") == str(day)
                assert root.find("sender").findtext("timestampSent") == f"{day + timedelta(days=1)}T01:00:00.000Z"  # type: ignore[union-attr]
                assert len(root.find("items")) == 0  # type: ignore[arg-type]
        assert read(tmp_path, "dim", 3, now=at(DAY + timedelta(days=9))).findtext("stream") == "dimona"

    on(fresh_dsn, question)


def test_rp_17_items_of_a_stream_go_to_those_who_know_the_person(fresh_dsn: str, tmp_path: Path) -> None:
    known, old, stranger = fresh(3)
    rights = table(["dimona"])

    async def question(database: Database) -> None:
        await begin(database)
        await subscribe(database, subscription("dim", stream="dimona"), rights=rights)
        for number in (known, old, stranger):
            await tell(database, {"ssin": number, "nationalRegister": legal()}, written=False)
        await inscribe(database, OWNERS["alpha"], known)
        await tell(database, {"ssin": old, "nationalRegister": legal(), "replacedBy": known})
        for reference, number in (("r1", known), ("r2", old), ("r3", stranger)):
            await database.execute(
                "INSERT INTO stream_item (stream, reference, ssin, told_at, document, author)"
                " VALUES ('dimona', $1, $2, $3, $4, 'tests')",
                *(reference, int(number), at(DAY, 8), f'<d:x xmlns:d="urn:d">é{reference}</d:x>'),
            )
        assert await distribute_day(database, tmp_path, rights=rights, block=1) == (Done(DAY, 1, 2),)
        items = list(read(tmp_path, "dim").iter("item"))
        assert [each.findtext("reference") for each in items] == ["r1", "r2"]
        assert [each.findtext("ssin") for each in items] == [known, known]
        assert [each.findtext("replacedSsin") for each in items] == [None, old]
        payload = items[1].find("payload")
        assert payload is not None
        assert etree.tostring(payload[0], method="c14n", exclusive=True).decode() == '<d:x xmlns:d="urn:d">ér2</d:x>'

    on(fresh_dsn, question)


@pytest.mark.parametrize("seed", [1, 2])
def test_rp_18_the_bytes_depend_on_nothing_but_what_was_fixed(fresh_dsn: str, tmp_path: Path, seed: int) -> None:
    """Not on the size of blocks, not on what waits to be written, not on when they are made."""
    usual, small = tmp_path / "usual", tmp_path / "small"

    async def question(database: Database) -> None:
        await busy_day(database, seed)
        usual.mkdir()
        small.mkdir()
        await distribute_day(database, usual)
        await restore(database, desk(small, at(NEXT + timedelta(days=3)), block=3, waiting_bytes=1), DAY)
        assert contents(usual) == contents(small)
        assert sum(len(told(read(usual, f"s-{n}"))) for n in range(7)) > 30
        assert await distribute_day(database, usual) == (Done(DAY, 0, 0),), "the second time there is nothing to do"

    on(fresh_dsn, question)


def test_rp_18_a_voucher_is_signed_once_also_with_a_signature_that_is_never_the_same(
    fresh_dsn: str, tmp_path: Path
) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 3)
        await distribute_day(database, tmp_path, signer=ec_signer())
        made = contents(tmp_path)
        lose(tmp_path / "s-0")
        voucher_of(tmp_path / "s-1" / "s-1-0000000001.xml").write_bytes(b"another one")
        assert [each.files for each in await distribute_day(database, tmp_path, signer=ec_signer())] == [2]
        assert contents(tmp_path) == made

    on(fresh_dsn, question)


def test_rp_18_what_was_altered_is_set_aside_and_made_again(
    fresh_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 4)
        await distribute_day(database, tmp_path)
        made = contents(tmp_path)
        altered = tmp_path / "s-0" / "s-0-0000000001.xml"
        whole = altered.read_bytes()
        altered.write_bytes(whole.replace(b"CBE", b"cbe", 1)[:-1] + b"x")
        short = tmp_path / "s-1" / "s-1-0000000001.xml"
        short.write_bytes(short.read_bytes()[:-9])
        linked = tmp_path / "s-2" / "s-2-0000000001.xml"
        linked.unlink()
        linked.symlink_to(tmp_path / "s-3" / "s-3-0000000001.xml")
        assert [each.files for each in await restore(database, desk(tmp_path), DAY)] == [2], "of size alone"
        assert [each.files for each in await restore(database, desk(tmp_path), DAY, whole=True)] == [1]
        assert {name: value for name, value in contents(tmp_path).items() if not name.startswith(".aside")} == made
        aside = sorted(name.split("/")[-1] for name in contents(tmp_path) if name.startswith(".aside"))
        assert aside == [altered.name, short.name, linked.name]
        assert not linked.is_symlink()

    on(fresh_dsn, question)
    assert capsys.readouterr().out.count("is not what was written there") == 3


def test_rp_18_a_file_that_is_asked_for_again_is_made_again(fresh_dsn: str, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 5)
        await distribute_day(database, tmp_path)
        made = contents(tmp_path)
        (tmp_path / "s-2" / "s-2-0000000001.xml").unlink()
        for code in ("s-2", "s-3"):
            await rows.ask(database, (await rows.file_of(database, code, 1)).file.id)
        assert [each.files for each in await restore(database, desk(tmp_path))] == [1], "the other one is there"
        assert contents(tmp_path) == made
        assert await rows.asked_again(database) == ()

    on(fresh_dsn, question)


def test_rp_18_a_folder_that_cannot_be_written_says_so_and_nothing_is_lost(fresh_dsn: str, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 6)
        (tmp_path / "s-4").write_bytes(b"a file where a folder should be")
        with pytest.raises(DataError, match=r"s-4.*cannot be written.*Nothing is lost"):
            await distribute_day(database, tmp_path)
        assert not [name for name in contents(tmp_path) if name.startswith(".")]
        (tmp_path / "s-4").unlink()
        (tmp_path / "s-4").symlink_to(tmp_path / "s-3")
        with pytest.raises(DataError, match="a link stands where the folder of a subscription should"):
            await distribute_day(database, tmp_path)
        (tmp_path / "s-4").unlink()
        await distribute_day(database, tmp_path)
        for number in range(7):
            read(tmp_path, f"s-{number}")
        with pytest.raises(DataError, match="cannot be written"):
            await distribute_day(database, tmp_path / "nowhere", DAY + timedelta(days=1))

    on(fresh_dsn, question)


def test_rp_18_two_at_once_end_as_one(fresh_dsn: str, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 7)
        done = await asyncio.gather(*(distribute_day(database, tmp_path) for _ in range(3)))
        assert sorted(each.files for (each,) in done) == [0, 0, 7]
        for number in range(7):
            read(tmp_path, f"s-{number}")

    on(fresh_dsn, question)


def test_rp_18_days_are_told_in_order_and_those_that_are_missing_first(fresh_dsn: str, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 8)
        await fixing(database)(DAY)
        two = await distribute_day(database, tmp_path, NEXT)
        assert [(each.day, each.files) for each in two] == [(DAY, 7), (NEXT, 7)]
        with pytest.raises(DataError, match="days are told in order"):
            await distribute_day(database, tmp_path, NEXT + timedelta(days=2))

    on(fresh_dsn, question)


def test_rp_18_old_files_are_removed_and_their_proof_stays(
    fresh_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 9)
        await distribute_day(database, tmp_path)
        await distribute_day(database, tmp_path, NEXT)
        await database.execute("UPDATE mutation_file SET collected = now() WHERE code <> 's-0'")
        before = {kept.file.name: kept.made for kept in await rows.made_since(database, DAY)}
        assert await clean(database, desk(tmp_path), DAY) == 0
        assert await clean(database, desk(tmp_path), NEXT) == 7
        assert await clean(database, desk(tmp_path), NEXT) == 0
        assert {name.split("-")[-1] for name in contents(tmp_path)} == {"0000000002.xml", "0000000002.xml.voucher.xml"}
        assert {kept.file.name: kept.made for kept in await rows.made_since(database, DAY)} == before
        assert await database.fetchval("SELECT count(*) FROM distributed_person") == 0
        full = next(each.file for each in await rows.made_since(database, DAY) if before[each.file.name].records)  # type: ignore[union-attr]
        await rows.ask(database, full.id)
        assert await restore(database, desk(tmp_path)) == ()
        assert await rows.asked_again(database) == (), "it is not asked for in vain again and again"
        assert full.name not in "".join(contents(tmp_path))

    on(fresh_dsn, question)
    output = capsys.readouterr().out
    assert output.count("files that nobody collected are removed") == 1
    assert output.count("a file cannot be made again") == 1


def test_rp_18_a_file_that_was_told_is_never_replaced_by_other_bytes(fresh_dsn: str, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 10)
        await distribute_day(database, tmp_path)
        made = contents(tmp_path)
        forgotten = await database.execute(
            "DELETE FROM distributed_person WHERE files && (SELECT array_agg(id) FROM mutation_file WHERE code = 's-0')"
        )
        assert forgotten != "DELETE 0"
        lose(tmp_path / "s-0")
        with pytest.raises(Unrepeatable, match="would be made with other bytes"):
            await distribute(database, desk(tmp_path), fixing(database), [DAY])
        assert {name: made[name] for name in made if not name.startswith("s-0/")} == contents(tmp_path)

    on(fresh_dsn, question)


def test_rp_18_when_a_record_is_refused_nothing_is_published_and_the_next_attempt_writes_all(
    fresh_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the next people are being read: their connection is free again."""
    usual, broken = tmp_path / "usual", tmp_path / "broken"

    async def question(database: Database) -> None:
        await busy_day(database, 11)
        usual.mkdir()
        broken.mkdir()
        await distribute_day(database, usual)
        told_before: list[Record] = []
        write = Record.write

        def refuse(record: Record, form: Form) -> bytes:
            told_before.append(record)
            if len(told_before) == 10:
                raise StorageError("A dossier cannot be told.")
            return write(record, form)

        with monkeypatch.context() as patched:
            patched.setattr(Record, "write", refuse)
            with pytest.raises(StorageError, match=r"cannot be told\."):
                await restore(database, desk(broken, block=3), DAY)
        assert contents(broken) == {}
        await restore(database, desk(broken, block=3), DAY)
        assert contents(broken) == contents(usual)

    on(fresh_dsn, question)


def test_rp_18_files_are_for_their_owner_alone(fresh_dsn: str, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 11)
        mask = os.umask(0)
        try:
            await distribute_day(database, tmp_path)
        finally:
            os.umask(mask)

    on(fresh_dsn, question)
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
