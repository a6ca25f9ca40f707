"""What is fixed for a day: its borders, clocks that jump, rounds between, and others at the same time (RP-16)."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from choosing_ground import DAY, NEXT, alpha, fix, no_room, rename, stage
from mutation_ground import OWNERS, at, inscribe, on, people_told, set_clock, table

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing, distributions
from kruispunt.registers import changes
from kruispunt.registers.parts import Part
from kruispunt.storage.database import Database


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
