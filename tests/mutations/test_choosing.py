"""What is fixed for a day: borders, clocks, chains, rights, and what happens at the same time (RP-15, RP-16)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from mutation_ground import (
    CONTEXT,
    OWNERS,
    at,
    define,
    fresh,
    inscribe,
    legal,
    on,
    people_told,
    registers,
    set_clock,
    table,
    tell,
)

from kruispunt.access.model import ControlKind, IntegrationControl
from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing, defining, distributions
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.subscriptions import Definition
from kruispunt.periods import Period
from kruispunt.registers import changes
from kruispunt.registers.parts import DATA, Part
from kruispunt.storage.database import Database

DAY = date(2025, 6, 15)
NEXT = DAY + timedelta(days=1)
ALL = tuple(Kind)


async def stage(database: Database, *definitions: Definition, people: int = 0) -> list[Ssin]:
    """So many people in alpha's register, and who is subscribed; what happened before counts for nothing."""
    await set_clock(database, at(DAY - timedelta(days=30)))
    await registers(database)
    numbers = fresh(people)
    if numbers:
        await tell(database, *({"ssin": each, "nationalRegister": legal()} for each in numbers), written=False)
    for number in numbers:
        await inscribe(database, OWNERS["alpha"], number)
    await define(database, *(definitions or [alpha()]))
    await set_clock(database, at(DAY))
    return numbers


def alpha(code: str = "alpha-people", kinds: Sequence[Kind] = ALL, **fields: Any) -> Definition:
    return Definition(code, "alpha", CONTEXT, kinds=tuple(kinds), **fields)


async def rename(database: Database, ssin: Ssin, last: str, **fields: Any) -> None:
    await tell(database, {"ssin": ssin, "nationalRegister": legal(last, **fields)})


async def fix(database: Database, day: date, **rights: Any) -> dict[Ssin, tuple[int, list[Ssin], set[str]]]:
    fixed = await choosing.fix(database, table(**rights), day, now=at(day + timedelta(days=1)))
    return await people_told(database, fixed.id)


@asynccontextmanager
async def no_room(database: Database) -> AsyncIterator[None]:
    """No distribution can be written to its end: its files, the last of it, are refused."""
    await database.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$"
    )
    await database.execute(
        "CREATE TRIGGER no_room AFTER INSERT ON mutation_file FOR EACH ROW EXECUTE FUNCTION no_room()"
    )
    yield
    await database.execute("DROP FUNCTION no_room CASCADE")


def test_rp_16_only_people_in_the_register_are_told_of(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        (mine,) = await stage(database, people=1)
        (stranger,) = fresh(1)
        await tell(database, {"ssin": stranger, "nationalRegister": legal()}, written=False)
        await inscribe(database, OWNERS["beta"], stranger)
        for number in (mine, stranger):
            await rename(database, number, "Maes")
        assert await fix(database, DAY) == {mine: (Part.NAME, [], {"alpha-people"})}

    on(fresh_dsn, question)


def test_rp_16_a_subscription_names_parts_dossier_types_and_active_lines(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        definitions = [
            alpha("decease", [Kind.DECEASE]),
            alpha("address", [Kind.ADDRESS]),
            alpha("active", [Kind.IDENTIFICATION], active_only=True),
            alpha("typed", [Kind.IDENTIFICATION], dossier_types=("1",)),
        ]
        await set_clock(database, at(DAY))
        await registers(database)
        first, second, third = fresh(3)
        await tell(database, *({"ssin": each, "nationalRegister": legal()} for each in (first, second, third)))
        await inscribe(database, OWNERS["alpha"], first, "902", period=Period.days(DAY, DAY))
        await inscribe(database, OWNERS["alpha"], second, "1", period=Period.days(NEXT, None))
        await inscribe(database, OWNERS["alpha"], third, "902", period=Period.days(None, DAY - timedelta(days=1)))
        await define(database, *definitions)
        await choosing.fix(database, table(), DAY - timedelta(days=1), now=at(DAY))
        await choosing.fix(database, table(), DAY, now=at(NEXT))
        await set_clock(database, at(NEXT))
        decease = {"decease": {"date": "2025-06-14"}}
        await tell(database, {"ssin": first, "nationalRegister": legal("Maes")})
        await tell(database, {"ssin": second, "nationalRegister": legal("Maes", "8")})
        await tell(database, {"ssin": third, "nationalRegister": legal("Maes", **decease)})
        told = await fix(database, NEXT)
        assert {ssin: codes for ssin, (_, _, codes) in told.items()} == {
            second: {"address", "active", "typed"},
            third: {"decease"},
        }

    on(fresh_dsn, question)


def test_what_was_changed_back_is_not_told_and_several_changes_are_one(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        back, partly = await stage(database, people=2)
        for last in ("Maes", "Peeters"):
            await rename(database, back, last)
        await tell(database, {"ssin": partly, "nationalRegister": legal("Maes")})
        await tell(database, {"ssin": partly, "nationalRegister": legal("Peeters", "9")})
        assert await fix(database, DAY) == {partly: (Part.ADDRESS, [], {"alpha-people"})}

    on(fresh_dsn, question)


def test_rp_15_a_person_replaced_and_changed_is_told_once_under_the_number_in_use(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        first, second, last = await stage(database, people=3)
        await rename(database, first, "Maes")
        await changes.replace(database, first, second, author="tests")
        await changes.replace(database, second, last, author="tests")
        await rename(database, last, "Claes")
        parts = Part.REPLACEMENT | DATA
        assert await fix(database, DAY) == {last: (parts, sorted([first, second]), {"alpha-people"})}
        await set_clock(database, at(NEXT))
        await changes.cancel(database, last, author="tests")
        assert await fix(database, NEXT) == {last: (Part.CANCELLATION, [], {"alpha-people"})}

    on(fresh_dsn, question)


def test_rp_15_a_chain_without_a_valid_end_is_told_under_its_last_number(fresh_dsn: str) -> None:
    beta = Definition("beta-people", "beta", CONTEXT, kinds=ALL)

    async def question(database: Database) -> None:
        first, second, third = await stage(database, alpha(), beta, people=3)
        await inscribe(database, OWNERS["beta"], first)
        await tell(
            database,
            {"ssin": first, "replacedBy": second},
            {"ssin": second, "replacedBy": third},
            {"ssin": third, "cancelled": True},
        )
        told = await fix(database, DAY)
        parts = Part.REPLACEMENT | Part.CANCELLATION
        assert told == {third: (parts, sorted([first, second]), {"alpha-people", "beta-people"})}
        await set_clock(database, at(NEXT))
        await tell(database, {"ssin": third, "replacedBy": first})
        assert await fix(database, NEXT) == {third: (parts, [], {"alpha-people"})}, "a circle: each under itself"

    on(fresh_dsn, question)


def test_a_number_that_was_replaced_after_the_day_is_told_as_it_stood(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        old, new = await stage(database, people=2)
        await rename(database, old, "Maes")
        await set_clock(database, at(NEXT, 1))
        await changes.replace(database, old, new, author="tests")
        fixed = await choosing.fix(database, table(), DAY, now=at(NEXT, 2))
        assert await people_told(database, fixed.id) == {old: (Part.NAME, [], {"alpha-people"})}
        assert await fix(database, NEXT) == {new: (Part.REPLACEMENT | DATA, [old], {"alpha-people"})}

    on(fresh_dsn, question)


def test_days_end_at_midnight_in_belgium_and_clocks_that_jump_lose_nothing(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        numbers = await stage(database, people=5)
        moments = (
            datetime(2025, 6, 15, 21, 59, 59, 999999, tzinfo=UTC),
            datetime(2025, 7, 30, tzinfo=UTC),  # the clock jumps ahead
            datetime(2025, 6, 15, 21, 59, tzinfo=UTC),
            datetime(2025, 6, 15, 22, 0, tzinfo=UTC),  # 00:00 in Belgium
            datetime(2025, 6, 10, tzinfo=UTC),  # and back
        )
        await choosing.fix(database, table(), DAY - timedelta(days=1), now=at(DAY))
        for number, moment in zip(numbers, moments, strict=True):
            await set_clock(database, moment)
            await rename(database, number, "Maes")
        one = await choosing.fix(database, table(), DAY, now=datetime(2025, 6, 15, 22, 1, tzinfo=UTC))
        assert set(await people_told(database, one.id)) == set(numbers), "what lies between comes along"
        await set_clock(database, datetime(2025, 6, 17, tzinfo=UTC))
        await rename(database, numbers[0], "Claes")
        two = await choosing.fix(database, table(), NEXT, now=at(NEXT + timedelta(days=1)))
        assert (two.changes_from, two.changes_upto) == (one.changes_upto, one.changes_upto), "never less than before"
        three = await choosing.fix(database, table(), NEXT + timedelta(days=1), now=at(NEXT + timedelta(days=2)))
        assert set(await people_told(database, three.id)) == {numbers[0]}

    on(fresh_dsn, question)


def test_the_border_of_a_day_is_exact(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        before, after = await stage(database, people=2)
        await set_clock(database, datetime(2025, 6, 15, 21, 59, 59, 999999, tzinfo=UTC))
        await rename(database, before, "Maes")
        await set_clock(database, datetime(2025, 6, 15, 22, 0, tzinfo=UTC))
        await rename(database, after, "Maes")
        assert set(await fix(database, DAY)) == {before}
        assert set(await fix(database, NEXT)) == {after}

    on(fresh_dsn, question)


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (DAY, 24)])
def test_days_of_23_and_25_hours(day: date, hours: int) -> None:
    length = distributions.end_of(day).astimezone(UTC) - distributions.begin_of(day).astimezone(UTC)
    assert length == timedelta(hours=hours)


def test_the_first_day_begins_at_its_midnight_and_days_follow_each_other(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        earlier, that_day = await stage(database, people=2)
        await set_clock(database, at(DAY - timedelta(days=2)))
        await rename(database, earlier, "Maes")
        await set_clock(database, at(DAY))
        await rename(database, that_day, "Maes")
        with pytest.raises(DataError, match="is not over"):
            await choosing.fix(database, table(), DAY, now=at(DAY))
        early = await choosing.fix(database, table(), DAY, now=at(DAY), early=True)
        assert set(await people_told(database, early.id)) == {that_day}
        await rename(database, earlier, "Claes")
        for moment in (at(DAY), at(NEXT)):
            assert await choosing.fix(database, table(), DAY, now=moment) == early, "fixed once"
        with pytest.raises(DataError, match="2025-06-16 was not distributed yet"):
            await choosing.fix(database, table(), NEXT + timedelta(days=1), now=at(NEXT + timedelta(days=3)))
        with pytest.raises(DataError, match="cannot be distributed any more"):
            await choosing.fix(database, table(), DAY - timedelta(days=1), now=at(NEXT))
        with pytest.raises(DataError, match="is not over"):
            await choosing.fix(database, table(), NEXT, now=at(DAY), early=True)
        assert set(await fix(database, NEXT)) == {earlier}, "what came after an early one is told the next day"
        fixed = await database.fetch("SELECT day FROM distribution ORDER BY id")
        assert [row["day"] for row in fixed] == [DAY, NEXT]

    on(fresh_dsn, question)


def test_days_that_are_due(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        assert await distributions.days_due(database, NEXT) == ()
        await stage(database)
        began = await database.fetchval("SELECT (min(at) AT TIME ZONE 'Europe/Brussels')::date FROM subscription")
        due = await distributions.days_due(database, began + timedelta(days=2))
        assert due == (began, began + timedelta(days=1))
        await choosing.fix(database, table(), began, now=at(began + timedelta(days=2)))
        assert await distributions.days_due(database, began + timedelta(days=2)) == due[1:]

    on(fresh_dsn, question)


def test_rp_16_what_is_granted_on_the_day_decides(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        decease, numbers = alpha("alpha-decease", [Kind.DECEASE]), alpha("alpha-numbers", [Kind.CANCELLATION])
        one, two = await stage(database, alpha(), decease, numbers, people=2)
        await rename(database, one, "Maes")
        await tell(database, {"ssin": two, "nationalRegister": legal("Maes", "7")})
        told = await fix(database, DAY, names=["identification", "address"], groups=["name"])
        assert told == {
            one: (Part.NAME, [], {"alpha-people"}),
            two: (Part.NAME | Part.ADDRESS, [], {"alpha-people"}),
        }
        rows = await database.fetch("SELECT code, parts, groups FROM mutation_file ORDER BY code")
        assert [tuple(row) for row in rows] == [
            ("alpha-decease", 0, 0),
            ("alpha-numbers", 0, 0),
            ("alpha-people", Part.NAME | Part.ACCESS, Part.NAME),
        ]
        await set_clock(database, at(NEXT))
        await rename(database, one, "Claes", street="3")
        assert await fix(database, NEXT, names=["identification", "address"], groups=["birth"]) == {}
        rows = await database.fetch("SELECT sequence FROM mutation_file WHERE code = 'alpha-people' ORDER BY id")
        assert [row[0] for row in rows] == [1, 2]

    on(fresh_dsn, question)


def test_integration_control_of_a_row_narrows_the_lines(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        mine, other, past = await stage(database, people=3)
        await inscribe(database, OWNERS["alpha"], other, "1")
        await database.execute("DELETE FROM inscription WHERE ssin = $1 AND dossier_type = '902'", int(other))
        await database.execute(
            "UPDATE inscription SET period = daterange(NULL, '2025-06-15') WHERE ssin = $1", int(past)
        )
        for day, control, expected in (
            (DAY, IntegrationControl(ControlKind.ACTIVE, ("902",)), {mine}),
            (NEXT, IntegrationControl(ControlKind.ANY, ("902",)), {mine, past}),
            (NEXT + timedelta(days=1), IntegrationControl(ControlKind.OVERLAP, None), {mine, other}),
            (NEXT + timedelta(days=2), None, {mine, other, past}),
        ):
            await set_clock(database, at(day))
            for number in (mine, other, past):
                await rename(database, number, f"Of {day}")
            assert set(await fix(database, day, integration=control)) == expected

    on(fresh_dsn, question)


def test_rounds_are_for_what_is_pushed_and_days_for_the_others(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        pushed = [alpha(f"alpha-{name}", pushed=True) for name in ("push", "two")]
        (mine,) = await stage(database, alpha(), *pushed, people=1)
        assert await choosing.fix_round(database, table(), now=at(DAY)) is None, "nothing happened"
        begun = await database.fetchval("SELECT changes_upto FROM distribution")
        await rename(database, mine, "Maes")
        first = await choosing.fix_round(database, table(), now=at(DAY))
        assert first is not None
        assert (first.day, first.changes_from) == (None, begun)
        assert await people_told(database, first.id) == {mine: (Part.NAME, [], {"alpha-push", "alpha-two"})}
        assert await fix(database, DAY) == {mine: (Part.NAME, [], {"alpha-people"})}
        rows = await database.fetch("SELECT code, sequence FROM mutation_file ORDER BY code, sequence")
        assert [tuple(row) for row in rows] == [("alpha-people", 1), ("alpha-push", 1), ("alpha-two", 1)]
        await rename(database, mine, "Claes")
        async with no_room(database):
            with pytest.raises(asyncpg.RaiseError):
                await choosing.fix_round(database, table(), now=at(DAY))
        second = await choosing.fix_round(database, table(), now=at(DAY))
        assert second is not None
        assert second.changes_from == first.changes_upto, "what failed was not fixed"

    on(fresh_dsn, question)


def test_two_at_once_fix_one_distribution(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        (mine,) = await stage(database, people=1)
        await rename(database, mine, "Maes")
        found = await asyncio.gather(*(choosing.fix(database, table(), DAY, now=at(NEXT, n)) for n in range(6)))
        assert len({each.id for each in found}) == 1
        assert await database.fetchval("SELECT count(*) FROM mutation_file") == 1
        assert await database.fetchval("SELECT count(*) FROM distributed_person") == 1

    on(fresh_dsn, question)


def test_changes_and_inscriptions_while_it_is_fixed_are_told_whole_or_the_next_day(fresh_dsn: str) -> None:
    """Every change is told on exactly one day, whoever writes meanwhile."""

    async def question(database: Database) -> None:
        numbers = await stage(database, people=24)
        days = [DAY + timedelta(days=n) for n in range(6)]
        told: list[Ssin] = []

        async def change(part: int) -> None:
            for number in numbers[part::3]:
                await rename(database, number, "Maes")
                await inscribe(database, OWNERS["beta"], number)

        async def distribute() -> None:
            for day in days[:-1]:
                told.extend(await fix(database, day))

        await asyncio.gather(*(change(part) for part in range(3)), distribute())
        told.extend(await fix(database, days[-1]))
        assert sorted(told) == sorted(numbers)
        files = await database.fetch("SELECT sequence FROM mutation_file ORDER BY sequence")
        assert [row[0] for row in files] == list(range(1, len(days) + 1))

    on(fresh_dsn, question)


def test_an_import_under_way_is_told_when_it_is_there(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        one, two = await stage(database, people=2)
        async with changes.changing(database, "tests") as changer:
            known = await changer.known([int(one)])
            await changer.tell([changes.Told(known[int(one)]._replace(cancelled=True))])
            assert await fix(database, DAY) == {}
        await rename(database, two, "Maes")
        assert set(await fix(database, NEXT)) == {one, two}

    on(fresh_dsn, question)


def test_numbers_of_files_have_no_gaps_when_a_distribution_is_broken_off(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        (mine,) = await stage(database, people=1)
        await rename(database, mine, "Maes")
        async with no_room(database):
            with pytest.raises(asyncpg.RaiseError):
                await choosing.fix(database, table(), DAY, now=at(NEXT))
        assert await database.fetchval("SELECT count(*) FROM distribution") == 0
        assert set(await fix(database, DAY)) == {mine}
        assert await database.fetchval("SELECT sequence FROM mutation_file") == 1

    on(fresh_dsn, question)


def test_a_long_chain_and_a_day_without_subscriptions(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        numbers = await stage(database, people=400)
        await tell(database, *({"ssin": one, "replacedBy": two} for one, two in pairwise(numbers)))
        told = await fix(database, DAY)
        assert list(told) == [numbers[-1]]
        assert told[numbers[-1]][1] == sorted(numbers[:-1])
        await set_clock(database, at(NEXT))
        await tell(database, {"ssin": numbers[-1], "cancelled": True})
        assert list(await fix(database, NEXT)) == [numbers[-1]]
        await defining.end(database, "alpha-people")
        assert await fix(database, NEXT + timedelta(days=1)) == {}

    on(fresh_dsn, question)
