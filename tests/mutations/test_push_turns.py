"""Pushers, turn after turn: NATS or the database goes away and comes back, one of two works (RP-15, RP-18)."""

from __future__ import annotations

import asyncio
import random
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from nats_servers import Nats, until
from pushed import Ask, add_round, check_files, deduplicated, publishing, read, some, subscriptions, waiting

from kruispunt.jetstream.connection import Way
from kruispunt.mutations.pushing import Publishes, Pusher
from kruispunt.storage.database import Database


class Ending:
    """Waits as a pusher does, in a hundredth of the time, until it is told to end."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self.ended.wait(), seconds / 100)
        except TimeoutError:
            return False
        return True


async def no_rounds() -> int:
    return 0


def pusher(database: Database, nats: Nats, ending: Ending) -> Pusher:
    return Pusher(database, publishing(database, nats.address), no_rounds, ending.wait, 1.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_rp_18_nats_killed_again_and_again_loses_nothing(ask: Ask, nats: Nats, seed: int) -> None:
    chance = random.Random(seed)

    async def work(database: Database) -> None:
        await subscriptions(database, ["a", "b"])
        ending, expected = Ending(), {"a": [], "b": []}  # type: ignore[var-annotated]
        running = asyncio.create_task(pusher(database, nats, ending).run())
        for _ in range(4):
            for _ in range(3):
                told = {code: some(chance.randrange(900), chance.randrange(10_000)) for code in "ab"}
                await add_round(database, told)
                for code in "ab":
                    expected[code].append(told[code])
            await asyncio.sleep(chance.random() / 5)
            chance.choice([nats.kill, nats.stop])()
            await asyncio.sleep(chance.random() / 20)
            nats.start()

        async def done() -> bool:
            return await waiting(database) == 0

        await until(done)
        ending.ended.set()
        await running
        for code in "ab":
            check_files(deduplicated(await read(nats.address, code)), expected[code])

    ask(work)


def test_rp_18_two_pushers_one_works_and_the_other_takes_over(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        endings = [Ending(), Ending()]
        opened: list[int] = []

        def counted(place: int) -> Pusher:
            whole = pusher(database, nats, endings[place])

            def publisher():  # type: ignore[no-untyped-def]
                opened.append(place)
                return whole.publisher()

            return replace(whole, publisher=publisher)

        first = asyncio.create_task(counted(0).run())
        await until(lambda: _true(opened == [0]))
        second = asyncio.create_task(counted(1).run())
        await add_round(database, {"a": some(5)})
        await until(lambda: _no_more(database))
        assert opened == [0]
        endings[0].ended.set()
        await first
        await until(lambda: _true(opened == [0, 1]))
        await add_round(database, {"a": some(6)})
        await until(lambda: _no_more(database))
        endings[1].ended.set()
        await second
        check_files(await read(nats.address, "a"), [some(5), some(6)])

    ask(work)


def test_rp_18_the_database_goes_away_and_nothing_is_lost(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        ending, expected = Ending(), []  # type: ignore[var-annotated]
        async with AsyncExitStack() as stack:
            running = asyncio.create_task(pusher(database, nats, ending).run())
            stack.callback(running.cancel)
            for count in (400, 900, 30):
                expected.append(some(count))
                await add_round(database, {"a": expected[-1]})
                await database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            await until(lambda: _no_more(database))
            ending.ended.set()
            await running
        check_files(deduplicated(await read(nats.address, "a")), expected)

    ask(work)


def test_rp_18_a_certificate_that_goes_away_is_waited_for(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(5)})
        ending, attempts = Ending(), 0
        whole = pusher(database, nats, ending)

        def publisher() -> AbstractAsyncContextManager[Publishes]:
            nonlocal attempts
            attempts += 1
            if attempts <= 2:
                Way((nats.address,), *[Path("away.pem")] * 3).context()
            return whole.publisher()

        running = asyncio.create_task(replace(whole, publisher=publisher).run())
        await until(lambda: _no_more(database))
        ending.ended.set()
        await running
        assert attempts == 3
        check_files(await read(nats.address, "a"), [some(5)])

    ask(work)


async def _true(value: bool) -> bool:
    return value


async def _no_more(database: Database) -> bool:
    return await waiting(database) == 0
