"""Lines of a register: inscription, deletion, consultation (RP-01 to RP-06, RP-23)."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import told as ground
from told import ME, ONEM, fresh, known, load_people, new_register, periods_of, register_of, span, told

from kruispunt.errors import DataError
from kruispunt.identifiers import organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex, Ssin
from kruispunt.periods import ALWAYS, merge
from kruispunt.registers import changes
from kruispunt.repertory.identification import Field, Identification
from kruispunt.repertory.lines import Key, Line, dossier_type
from kruispunt.repertory.register import Outcome, Register, Told
from kruispunt.repertory.tenants import DossierType
from kruispunt.repertory.writing import Verdict
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]


def test_rp_03_overlapping_and_adjoining_periods_become_one_line(ask: Ask) -> None:
    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        register = await new_register(database)

        async def inscribe(begin: int, end: int | None) -> Outcome:
            (outcome,) = await register.inscribe([told(ssin, begin, end)], ME)
            return outcome

        for begin, end in ((0, 9), (20, 29), (40, None)):
            assert await inscribe(begin, end) == Outcome(Verdict.DONE, ssin, held=span(begin, end))
        assert await periods_of(register, ssin) == [span(0, 9), span(20, 29), span(40, None)]
        assert (await inscribe(10, 19)).held == span(0, 29)
        assert (await inscribe(31, 38)).held == span(31, 38)
        assert await inscribe(2, 5) == Outcome(Verdict.UNCHANGED, ssin, held=span(0, 29))
        assert await periods_of(register, ssin) == [span(0, 29), span(31, 38), span(40, None)]
        (outcome,) = await register.inscribe([Told(ssin, "902")], ME)
        assert outcome.held == ALWAYS
        assert await periods_of(register, ssin) == [ALWAYS]

    ask(question)


def test_rp_04_days_are_taken_out_and_lines_shortened_or_split(ask: Ask) -> None:
    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        register = await new_register(database)
        await register.inscribe([told(ssin, 0, 9), told(ssin, 20, None), told(ssin, 0, 9, "1")], ME)
        for begin, end, left in (
            (3, 4, [span(0, 2), span(5, 9), span(20, None)]),
            (9, 25, [span(0, 2), span(5, 8), span(26, None)]),
            (30, None, [span(0, 2), span(5, 8), span(26, 29)]),
        ):
            assert await register.delete([told(ssin, begin, end)], ME) == (Outcome(Verdict.DONE, ssin),)
            assert await periods_of(register, ssin) == left
        assert await register.delete([told(ssin, 9, 25)], ME) == (Outcome(Verdict.UNCHANGED, ssin),)
        assert await register.delete([Told(ssin, "902")], ME) == (Outcome(Verdict.DONE, ssin),)
        assert await periods_of(register, ssin) == []
        assert await periods_of(register, ssin, "1") == [span(0, 9)]

    ask(question)


def test_rp_05_rp_23_consultation_by_type_organisation_and_period(ask: Ask) -> None:
    async def question(database: Database) -> None:
        one, other = await known(database, 2)
        branch = organisation.parse("18/0")
        register = await new_register(
            database, DossierType("902", "x", ONEM), DossierType("902", "x", branch), DossierType("1", "x", ONEM)
        )
        lines = [
            told(one, 0, 9, organisation=ONEM),
            told(one, 5, None, organisation=branch),
            told(one, 20, 29, "1", organisation=ONEM),
            told(other, 0, 9, organisation=ONEM),
        ]
        assert {outcome.verdict for outcome in await register.inscribe(lines, ME)} == {Verdict.DONE}
        stored = {each: Line(Key(Ssin(each.ssin), each.organisation, each.dossier_type), each.period) for each in lines}
        first, second, third, fourth = (stored[each] for each in lines)
        assert await register.consult([other, one]) == (third, first, second, fourth)
        assert await register.consult([one], kind="1") == (third,)
        assert await register.consult([one], known_to=branch) == (second,)
        assert await register.consult([one], period=span(7, 7)) == (first, second)
        assert await register.consult([one], period=span(10, 19)) == (second,)
        assert await register.consult([one], kind="902", known_to=ONEM, period=span(10, 19)) == ()
        assert await register.consult([]) == ()

    ask(question)


def test_rp_02_what_a_line_must_satisfy(ask: Ask) -> None:
    async def question(database: Database) -> None:
        active, cancelled, old, unknown, nowhere = fresh(5)
        await load_people(
            database,
            {"ssin": active},
            {"ssin": cancelled, "cancelled": True},
            {"ssin": old, "replacedBy": active},
            {"ssin": nowhere, "replacedBy": cancelled},
        )
        register = await new_register(
            database, DossierType("902", "x"), DossierType("4", "x", closed=True), DossierType("1", "x", ONEM)
        )
        lines = [
            told("85673093334", 0, 9),
            told(unknown, 0, 9),
            told(cancelled, 0, 9),
            told(nowhere, 0, 9),
            told(active, 0, 9, "903"),
            told(active, 0, 9, ";"),
            told(active, 0, 9, "1"),
            told(active, 0, 9, "4"),
            told(old, 3, 9),
            told(active, 0, 2),
        ]
        outcomes = await register.inscribe(lines, ME)
        assert [outcome.verdict for outcome in outcomes] == [
            Verdict.SSIN_INVALID,
            Verdict.SSIN_UNKNOWN,
            Verdict.SSIN_CANCELLED,
            Verdict.SSIN_CANCELLED,
            *(Verdict.TYPE_UNKNOWN, Verdict.TYPE_UNKNOWN, Verdict.TYPE_UNKNOWN),
            Verdict.TYPE_CLOSED,
            Verdict.DONE,
            Verdict.DONE,
        ]
        assert outcomes[8] == Outcome(Verdict.DONE, active, True, span(0, 9))
        assert await periods_of(register, old) == await periods_of(register, active) == [span(0, 9)]
        single = [(await register.inscribe([line], ME))[0].verdict for line in lines]
        again = [Verdict.UNCHANGED if each is Verdict.DONE else each for each in (o.verdict for o in outcomes)]
        assert single == again
        strict = Register(database, register.owner, today=lambda: ground.TODAY)
        assert (await strict.inscribe([told(active, 0, 1)], ME))[0].verdict is Verdict.SSIN_INVALID

    ask(question)


def test_rp_02_identification_is_checked_and_all_differences_named(ask: Ask) -> None:
    async def question(database: Database) -> None:
        ssin, bare, old = fresh(3)
        legal = {
            "name": {"lastName": "De Clèrcq", "firstNames": ["Zoë", "An"]},
            "birth": {"date": "1980-02-00"},
            "gender": {"code": 2},
        }
        await load_people(
            database, {"ssin": ssin, "nationalRegister": legal}, {"ssin": bare}, {"ssin": old, "replacedBy": ssin}
        )
        register = await new_register(database)

        async def inscribe(number: str, **fields: Any) -> Outcome:
            (outcome,) = await register.inscribe([told(number, 0, 9, identification=Identification(**fields))], ME)
            return outcome

        right: dict[str, Any] = {
            "last_name": "DECLERCQ",
            "first_name": "zoe",
            "birth_date": PartialDate(1980, 2, 17),
            "sex": Sex.FEMALE,
        }
        wrong: dict[str, Any] = {
            "last_name": "Peeters",
            "first_name": "An",
            "birth_date": PartialDate(1980, 3),
            "sex": Sex.MALE,
        }
        for count in range(1, 5):
            for names in itertools.combinations(right, count):
                outcome = await inscribe(ssin, **{**right, **{name: wrong[name] for name in names}})
                fields = tuple(field for field, name in zip(Field, right, strict=True) if name in names)
                assert outcome == Outcome(Verdict.IDENTIFICATION_DIFFERS, ssin, differing=fields)
                assert "Clèrcq" not in repr(outcome)
        assert await periods_of(register, ssin) == []
        assert (await inscribe(bare, **right)).verdict is Verdict.IDENTIFICATION_UNKNOWN
        assert (await inscribe(ssin, **right)).verdict is Verdict.DONE
        assert await inscribe(old, first_name="Zoë An") == Outcome(Verdict.UNCHANGED, ssin, True, span(0, 9))
        assert (await inscribe(old, sex=Sex.MALE)).replaced
        assert (await inscribe(fresh(1)[0], **right)).verdict is Verdict.SSIN_UNKNOWN

    ask(question)


@pytest.mark.parametrize("hidden", [{"blocked": True}, {"unreadable": ["everything"]}], ids=["blocked", "unreadable"])
def test_ip_18_nothing_is_compared_with_data_that_nobody_is_told(ask: Ask, hidden: dict[str, Any]) -> None:
    """Or a right name would be told from a wrong one, and guesses would tell the name."""

    async def question(database: Database) -> None:
        ssin, old = fresh(2)
        legal = {"name": {"lastName": "Slot", "firstNames": ["Tom"]}, "birth": {"date": "1977-04-04"}, **hidden}
        await load_people(database, {"ssin": ssin, "nationalRegister": legal}, {"ssin": old, "replacedBy": ssin})
        register = await new_register(database)
        for number in (ssin, old):
            for identification in (
                Identification("Slot", "Tom"),
                Identification("Elders"),
                Identification(sex=Sex.MALE),
            ):
                (outcome,) = await register.inscribe([told(number, 0, 9, identification=identification)], ME)
                assert outcome == Outcome(Verdict.IDENTIFICATION_UNKNOWN, ssin, number == old)

    ask(question)


def test_rp_05_registers_know_nothing_of_each_other(ask: Ask) -> None:
    """Whatever one does, the rows of the other are not touched, not even written again."""

    async def question(database: Database) -> None:
        numbers = await known(database, 3)
        mine, theirs = await new_register(database), await new_register(database)
        await theirs.inscribe([told(ssin, 0, 9) for ssin in numbers], ME)
        rows = "SELECT ctid::text, xmin::text, period::text FROM inscription WHERE owner = $1::bigint ORDER BY 1"
        before = list(map(tuple, await database.fetch(rows, int(theirs.owner))))
        for step in range(3):
            await mine.inscribe([told(ssin, step, 20 + step) for ssin in numbers], ME)
            await mine.inscribe([told(numbers[0], 5, None)], ME)
            await mine.delete([told(ssin, 8, 12) for ssin in numbers], ME)
            await mine.delete([Told(numbers[1], "902")], ME)
        assert list(map(tuple, await database.fetch(rows, int(theirs.owner)))) == before
        assert len(before) == 3
        await theirs.delete([Told(ssin, "902") for ssin in numbers], ME)
        assert await theirs.consult(numbers) == ()
        assert len(await mine.consult(numbers)) == 4
        stranger = register_of(database, ground.fresh_owner())
        assert await stranger.consult(numbers) == ()
        assert (await stranger.inscribe([told(numbers[0], 0, 1)], ME))[0].verdict is Verdict.TYPE_UNKNOWN
        assert (await stranger.delete([told(numbers[0], 0, 1)], ME))[0].verdict is Verdict.TYPE_UNKNOWN

    ask(question)


def test_a_period_that_is_there_already_is_not_written_again(ask: Ask) -> None:
    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        register = await new_register(database)
        await register.inscribe([told(ssin, 0, 99)], ME)
        where = "SELECT ctid::text, xmin::text FROM inscription WHERE ssin = $1"
        before = tuple(await database.fetchrow(where, ssins.to_int(ssin)))  # type: ignore[arg-type]
        count = "SELECT count(*) FROM repertory_change"
        counted = await database.fetchval(count)
        for begin, end in ((0, 99), (3, 4), (99, 99)):
            assert (await register.inscribe([told(ssin, begin, end)], ME))[0].verdict is Verdict.UNCHANGED
        assert tuple(await database.fetchrow(where, ssins.to_int(ssin))) == before  # type: ignore[arg-type]
        assert await database.fetchval(count) == counted

    ask(question)


def test_rp_06_simultaneous_inscriptions_end_as_if_one_came_after_the_other(ask: Ask) -> None:
    chance = random.Random(7)

    async def question(database: Database) -> None:
        register = await new_register(database)
        for ssin in await known(database, 5):
            wanted = [span(n, n + chance.randrange(3)) for n in range(0, 60, 2)]
            chance.shuffle(wanted)
            await asyncio.gather(*(register.inscribe([Told(ssin, "902", period)], ME) for period in wanted))
            assert tuple(await periods_of(register, ssin)) == merge(wanted)

    ask(question)


def test_rp_06_inscription_and_replacement_meet(ask: Ask, dsn: str) -> None:
    """Whichever comes first: the days stand at the new number, and nothing at the old one."""

    async def question(database: Database) -> None:
        register = await new_register(database)
        for _ in range(10):
            old, new = await known(database, 2)
            other = await Database.open(dsn, size=2)
            try:
                outcomes = await asyncio.gather(
                    register.inscribe([told(old, 0, 4)], ME),
                    changes.replace(other, old, new, author="tests"),
                    register_of(other, register.owner).inscribe([told(old, 5, 9)], ME),
                )
            finally:
                await other.close()
            assert outcomes[0] is not None
            rows = await database.fetch(
                "SELECT ssin FROM inscription WHERE ssin = ANY($1::bigint[])", [ssins.to_int(n) for n in (old, new)]
            )
            assert [row[0] for row in rows] == [ssins.to_int(new)]
            assert await periods_of(register, new) == [span(0, 9)]

    ask(question)


@pytest.mark.parametrize("text", ["902", "1", "000", "NEO:UNEMPLOYMENT", "a b", "x" * 64])
def test_rp_01_dossier_types_are_kept_as_they_are_written(text: str) -> None:
    assert dossier_type(text) == text


@pytest.mark.parametrize("text", ["", " 1", "1 ", "x" * 65, "é", "1\n", "\x00", "<a>", "1;2"])
def test_rp_01_other_texts_are_no_dossier_type(text: str) -> None:
    with pytest.raises(DataError):
        dossier_type(text)


def test_a_thousand_lines_and_more_have_an_outcome_each(ask: Ask) -> None:
    async def question(database: Database) -> None:
        ssin, *_ = await known(database, 1)
        register = await new_register(database)
        lines = [told(ssin, 2 * n, 2 * n) for n in range(1_500)]
        lines[700] = replace(lines[700], dossier_type="903")
        outcomes = await register.inscribe(lines, ME)
        assert [n for n, outcome in enumerate(outcomes) if outcome.verdict is not Verdict.DONE] == [700]
        assert len(await register.consult([ssin])) == 1_499

    ask(question)


def test_so_many_lines_as_there_may_be_do_not_fill_the_table_of_locks(ask: Ask) -> None:
    """PostgreSQL as it is installed has room for 6,400 locks, of everybody together."""

    async def question(database: Database) -> None:
        register = await new_register(database)
        async with database.connection() as connection, connection.transaction():
            written = await connection.fetchval(
                """
                SELECT count(*) FILTER (WHERE w.verdict = 0) FROM repertory_write(
                    1::smallint, 0::smallint, true, false, NULL,
                    (SELECT array_agg($1::bigint) FROM generate_series(1, 20000)),
                    (SELECT array_agg(n) FROM generate_series(1, 20000) AS n),
                    (SELECT array_agg(''::text) FROM generate_series(1, 20000)),
                    (SELECT array_agg('902'::text) FROM generate_series(1, 20000)),
                    (SELECT array_agg('[2020-01-01,)'::daterange) FROM generate_series(1, 20000)),
                    (SELECT array_agg('tests'::text) FROM generate_series(1, 20000)),
                    (SELECT array_agg(NULL::text) FROM generate_series(1, 20000))
                ) w
                """,
                int(register.owner),
            )
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            assert await connection.fetchval(locks) == 4_093
        assert written == 20_000

    ask(question)
