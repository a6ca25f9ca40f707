"""One statement for all who ask at the same time: everybody gets the own rows, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from kruispunt.errors import StorageError
from kruispunt.storage.database import Database
from kruispunt.storage.together import GROUP_LIMIT, Together

SERIES = """
    select asked.position, s from unnest($1::int[]) with ordinality as asked (last, position)
    cross join lateral generate_series(1, asked.last) s order by 1, 2
"""
DIVISION = "select position, 12 / divisor from unnest($1::int[]) with ordinality as asked (divisor, position)"


def run(dsn: str, work: Callable[[Database], Awaitable[None]]) -> None:
    async def opened() -> None:
        database = await Database.open(dsn, size=2)
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(opened())


class Counting:
    """Stands before `fetch`: what was asked in which statement."""

    def __init__(self, database: Database) -> None:
        self._fetch = database.fetch
        self.groups: list[list[Any]] = []

    async def __call__(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        self.groups.append(arguments[0])
        return await self._fetch(sql, *arguments)


def test_everybody_gets_the_own_rows(empty_dsn: str) -> None:
    async def ask(database: Database, last: int) -> None:
        rows = await database.fetch_together(SERIES, last)
        assert [row[1] for row in rows] == list(range(1, last + 1))

    async def work(database: Database) -> None:
        await asyncio.gather(*(ask(database, last % 7) for last in range(2 * GROUP_LIMIT)))

    run(empty_dsn, work)


def test_who_asks_at_the_same_time_shares_a_statement(empty_dsn: str) -> None:
    async def work(database: Database) -> None:
        counting = Counting(database)
        together = Together(counting, SERIES)
        await asyncio.gather(*(together.ask((number,)) for number in range(40)))
        assert counting.groups == [list(range(40))]
        await together.ask((3,))
        assert counting.groups[1:] == [[3]]

    run(empty_dsn, work)


def test_who_asks_alone_may_have_a_statement_without_arrays(empty_dsn: str) -> None:
    """For one alone and for each of a group that failed; never for two."""
    alone = "select 1, 12 / $1::int"

    async def work(database: Database) -> None:
        counting = Counting(database)
        together = Together(counting, DIVISION, alone)
        assert [tuple(row) for row in await together.ask((3,))] == [(1, 4)]
        assert counting.groups == [3]
        answers = await asyncio.gather(*(together.ask((number,)) for number in (2, 6)))
        assert [row[1] for (row,) in answers] == [6, 2]
        assert counting.groups[1:] == [[2, 6]]
        found = await asyncio.gather(*(together.ask((number,)) for number in (0, 4)), return_exceptions=True)
        assert isinstance(found[0], asyncpg.DivisionByZeroError)
        assert found[1][0][1] == 3
        assert counting.groups[2:] == [[0, 4], 0, 4]

    run(empty_dsn, work)


def test_a_group_is_bounded(empty_dsn: str) -> None:
    async def work(database: Database) -> None:
        counting = Counting(database)
        together = Together(counting, SERIES)
        await asyncio.gather(*(together.ask((0,)) for _ in range(GROUP_LIMIT + 1)))
        assert [len(group) for group in counting.groups] == [GROUP_LIMIT, 1]

    run(empty_dsn, work)


def test_the_next_group_collects_while_a_statement_runs(empty_dsn: str) -> None:
    async def work(database: Database) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        groups: list[list[int]] = []

        async def slow(sql: str, numbers: list[int]) -> list[asyncpg.Record]:
            groups.append(numbers)
            begun.set()
            await go_on.wait()
            return await database.fetch(sql, numbers)

        together = Together(slow, SERIES)
        tasks = [asyncio.create_task(together.ask((1,)))]
        await begun.wait()
        tasks += [asyncio.create_task(together.ask((number,))) for number in (2, 3)]
        await asyncio.sleep(0)
        go_on.set()
        assert [len(rows) for rows in await asyncio.gather(*tasks)] == [1, 2, 3]
        assert groups == [[1], [2, 3]]

    run(empty_dsn, work)


def test_an_error_of_one_is_nobody_elses(empty_dsn: str) -> None:
    async def work(database: Database) -> None:
        asked = (1, 2, 0, 4)
        got = await asyncio.gather(
            *(database.fetch_together(DIVISION, divisor) for divisor in asked), return_exceptions=True
        )
        assert isinstance(got[2], asyncpg.DivisionByZeroError)
        for divisor, rows in zip(asked, got, strict=True):
            if divisor:
                assert isinstance(rows, list)
                assert [row[1] for row in rows] == [12 // divisor]

    run(empty_dsn, work)


def test_a_server_that_is_away_is_told_to_everybody_in_an_error_of_the_own(empty_dsn: str) -> None:
    async def away(_sql: str, *_arguments: Any) -> list[asyncpg.Record]:
        raise StorageError("away")

    async def work(_database: Database) -> None:
        together = Together(away, SERIES)
        got = await asyncio.gather(*(together.ask((1,)) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(one, StorageError) for one in got)
        assert len({id(one) for one in got}) == 3

    run(empty_dsn, work)


def test_behind_a_statement_that_took_too_long_nobody_waits_as_long_again(empty_dsn: str) -> None:
    async def work(_database: Database) -> None:
        begun, end, asked = asyncio.Event(), asyncio.Event(), []

        async def hangs(_sql: str, numbers: list[int]) -> list[asyncpg.Record]:
            asked.append(numbers)
            begun.set()
            await end.wait()
            raise StorageError("too slow") from TimeoutError()

        together = Together(hangs, SERIES)
        waiting = [asyncio.create_task(together.ask((1,)))]
        await begun.wait()
        waiting.append(asyncio.create_task(together.ask((2,))))
        await asyncio.sleep(0)
        end.set()
        got = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(one) for one in got] == ["too slow", "too slow"]
        assert asked == [[1]]

    run(empty_dsn, work)


@pytest.mark.parametrize("seed", range(3))
def test_a_cancelled_asker_takes_nobody_along(empty_dsn: str, seed: int) -> None:
    chance = random.Random(seed)

    async def ask(database: Database, last: int) -> list[int]:
        return [row[1] for row in await database.fetch_together(SERIES, last)]

    async def work(database: Database) -> None:
        for _ in range(20):
            lasts = [chance.randrange(5) for _ in range(20)]
            tasks = [asyncio.create_task(ask(database, last)) for last in lasts]
            await asyncio.sleep(chance.random() / 500)
            for task in chance.sample(tasks, 6):
                task.cancel()
            for last, got in zip(lasts, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
                assert isinstance(got, asyncio.CancelledError) or got == list(range(1, last + 1))

    run(empty_dsn, work)


def test_nobody_is_left_waiting_when_the_task_is_cancelled(empty_dsn: str) -> None:
    async def work(_database: Database) -> None:
        begun = asyncio.Event()

        async def endless(_sql: str, *_arguments: Any) -> list[asyncpg.Record]:
            begun.set()
            await asyncio.sleep(3600)
            raise AssertionError

        together = Together(endless, SERIES)
        waiting = [asyncio.create_task(together.ask((1,)))]
        await begun.wait()
        waiting.append(asyncio.create_task(together.ask((2,))))
        await asyncio.sleep(0)
        (task,) = (t for t in asyncio.all_tasks() if t.get_name() == "ask together")
        task.cancel()
        got = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
        assert all(isinstance(one, asyncio.CancelledError) for one in got)

    run(empty_dsn, work)
