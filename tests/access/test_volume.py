"""The agreed volume: never more than it, over all workers, however they end; one statement per block (PL-16)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kruispunt.access.model import Volume
from kruispunt.access.volume import BLOCK, PER_DAY, PER_SECOND, SHARES, Volumes
from kruispunt.errors import StorageError
from kruispunt.storage.database import Database

DAY, NEXT = date(2026, 3, 28), date(2026, 3, 29)
USED = "select coalesce(sum(used), 0)::int from quota_use where urn = $1 and day = $2"

Work = Callable[[Database], Awaitable[Any]]


def run(dsn: str, work: Work) -> Any:
    async def whole() -> Any:
        database = await Database.open(dsn, size=4)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(whole())


def application() -> str:
    """One that has used nothing."""
    return f"urn:test:{uuid.uuid4()}"


class Hand:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Counting:
    """The database, which counts statements, and is away when it is told to be."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements = 0
        self.away = False

    async def fetchval(self, sql: str, *args: Any) -> Any:
        self.statements += 1
        if self.away:
            raise StorageError("away")
        return await self._database.fetchval(sql, *args)


async def let_in(worker: Volumes, urn: str, volume: Volume, times: int, day: date = DAY) -> int:
    return [await worker.exceeded(urn, volume, day) for _ in range(times)].count(None)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.one_of(st.integers(0, 40), st.integers(0, 6_000)),
    rounds=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400), st.booleans()), min_size=1, max_size=20),
)
def test_any_interleaving_stays_within_the_volume(dsn: str, limit: int, rounds: list[tuple[int, int, bool]]) -> None:
    """Four workers in any order, each ended and begun anew at any moment: never one more than the volume.

    And never one refused while anything was left that no worker had taken.
    """

    async def work(database: Database) -> None:
        urn, volume = application(), Volume(limit)
        workers = [Volumes(database) for _ in range(4)]
        begun, allowed = 4, 0
        for which, times, restart in rounds:
            if restart:
                workers[which] = Volumes(database)
                begun += 1
            came = await let_in(workers[which], urn, volume, times)
            allowed += came
            used = await database.fetchval(USED, urn, DAY)
            assert allowed <= used <= limit
            assert used - allowed <= begun * (BLOCK - 1)
            if came < times:
                assert used == limit

    run(dsn, work)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(0, 500), workers=st.integers(1, 4), each=st.integers(1, 200))
def test_requests_at_the_same_time_stay_within_the_volume(dsn: str, limit: int, workers: int, each: int) -> None:
    async def work(database: Database) -> None:
        urn, volume = application(), Volume(limit)
        several = [Volumes(database) for _ in range(workers)]
        answers = await asyncio.gather(*(w.exceeded(urn, volume, DAY) for w in several for _ in range(each)))
        allowed = answers.count(None)
        used = await database.fetchval(USED, urn, DAY)
        assert allowed <= used <= limit
        if PER_DAY in answers:
            assert used == limit
            assert allowed >= limit - workers * (BLOCK - 1)

    run(dsn, work)


def test_a_worker_alone_gets_the_whole_volume(dsn: str) -> None:
    async def work(database: Database) -> None:
        for limit in (0, 1, 63, 64, 65, 1_000):
            assert await let_in(Volumes(database), application(), Volume(limit), limit + 5) == limit

    run(dsn, work)


def test_one_statement_for_each_block(dsn: str) -> None:
    """And none for a request that is refused, once the volume is known to be used up."""

    async def work(database: Database) -> None:
        counting = Counting(database)
        worker = Volumes(counting)  # type: ignore[arg-type]
        urn, plenty = application(), Volume(1_000_000)
        assert await let_in(worker, urn, plenty, 10 * BLOCK) == 10 * BLOCK
        assert counting.statements == 10
        at_once = await asyncio.gather(*(worker.exceeded(urn, plenty, DAY) for _ in range(3 * BLOCK)))
        assert set(at_once) == {None}
        assert counting.statements == 13
        counting.statements = 0
        urn, small = application(), Volume(SHARES)
        assert await let_in(worker, urn, small, 500) == SHARES
        assert counting.statements == SHARES + 1

    run(dsn, work)


def test_a_restart_gives_nothing_back(dsn: str) -> None:
    async def work(database: Database) -> None:
        urn, volume = application(), Volume(SHARES)
        assert await let_in(Volumes(database), urn, volume, SHARES - 2) == SHARES - 2
        assert await let_in(Volumes(database), urn, volume, 10) == 2
        assert await let_in(Volumes(database), urn, volume, 10) == 0

    run(dsn, work)


def test_a_new_day_begins_anew_and_a_clock_that_goes_back_does_not(dsn: str) -> None:
    async def work(database: Database) -> None:
        urn, volume = application(), Volume(SHARES)
        worker = Volumes(database)
        assert await let_in(worker, urn, volume, 100, DAY) == SHARES
        assert await let_in(worker, urn, volume, 10, NEXT) == 10
        for again in (worker, Volumes(database)):
            assert await let_in(again, urn, volume, 10, DAY) == 0
        assert await let_in(worker, urn, volume, 100, NEXT) == SHARES - 10
        for far in range(1, 29):
            await let_in(worker, urn, volume, 1, date(2027, 1, far))
        assert await let_in(worker, urn, volume, 10, DAY) == 0

    run(dsn, work)


def test_a_volume_that_is_changed_counts_at_once(dsn: str) -> None:
    async def work(database: Database) -> None:
        urn, worker = application(), Volumes(database)
        assert await let_in(worker, urn, Volume(100_000), 10) == 10
        assert await let_in(worker, urn, Volume(20), 10) == 0, "a block of 64 was taken: more than 20"
        assert await let_in(worker, urn, Volume(BLOCK + SHARES), 500) == SHARES
        assert await let_in(worker, urn, Volume(BLOCK + SHARES + 1), 10) == 1

    run(dsn, work)


def test_applications_do_not_share(dsn: str) -> None:
    async def work(database: Database) -> None:
        worker, one, other = Volumes(database), application(), application()
        assert await let_in(worker, one, Volume(5), 10) == 5
        assert await let_in(worker, other, Volume(5), 10) == 5

    run(dsn, work)


def test_burst_is_each_workers_share_of_a_second(dsn: str) -> None:
    """Refused for the pace, a request is not counted for the day, and asks nothing of the database."""

    async def work(database: Database) -> None:
        hand, counting = Hand(), Counting(database)
        worker = Volumes(counting, 2, hand)  # type: ignore[arg-type]
        urn, volume = application(), Volume(1_000_000, burst=9)
        answers = [await worker.exceeded(urn, volume, DAY) for _ in range(20)]
        assert answers == [None] * 5 + [PER_SECOND] * 15
        hand.seconds += 0.5
        assert await let_in(worker, urn, volume, 20) == 2
        hand.seconds += 3_600
        assert await let_in(worker, urn, volume, 20) == 5
        hand.seconds -= 60
        assert await let_in(worker, urn, volume, 20) == 0
        assert counting.statements == 1

    run(dsn, work)


def test_a_slow_share_still_lets_one_in_each_second(dsn: str) -> None:
    async def work(database: Database) -> None:
        hand = Hand()
        worker, urn, volume = Volumes(database, 16, hand), application(), Volume(100, burst=1)
        for _ in range(3):
            assert await let_in(worker, urn, volume, 5) == 1
            hand.seconds += 1

    run(dsn, work)


def test_operators_are_told_once_a_day(dsn: str) -> None:
    async def work(database: Database) -> None:
        urn, workers = application(), [Volumes(database) for _ in range(3)]
        for worker in workers:
            await worker.exceeded(urn, Volume(0), DAY)
        for day, kind in ((DAY, PER_DAY), (DAY, PER_SECOND), (NEXT, PER_DAY)):
            told = [await worker.first(urn, day, kind) for worker in workers for _ in range(3)]
            assert told == [True] + [False] * 8

    run(dsn, work)


def test_nothing_is_let_in_uncounted(dsn: str) -> None:
    """Without the database there are no more blocks; what was taken before is served."""

    async def work(database: Database) -> None:
        counting = Counting(database)
        worker, urn = Volumes(counting), application()  # type: ignore[arg-type]
        assert await let_in(worker, urn, Volume(1_000_000), 1) == 1
        counting.away = True
        assert await let_in(worker, urn, Volume(1_000_000), BLOCK - 1) == BLOCK - 1
        with pytest.raises(StorageError):
            await worker.exceeded(urn, Volume(1_000_000), DAY)
        assert await worker.first(urn, DAY, PER_DAY), "told twice is better than never"
        counting.away = False
        assert await let_in(worker, urn, Volume(1_000_000), 5) == 5

    run(dsn, work)
