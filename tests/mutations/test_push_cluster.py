"""A NATS cluster of three, of which one is killed under load (RP-18): every piece arrives, in order, none twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nats_servers import Nats, cluster, until
from pushed import STREAMS, add_round, check_files, deduplicated, publishing, read, subscriptions

from kruispunt.errors import MessagingError
from kruispunt.mutations.outbox import Outbox
from kruispunt.mutations.pushing import Pusher
from kruispunt.storage.database import Database

THREE = replace(STREAMS, replicas=3)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Nats]]:
    with cluster(tmp_path) as running:
        yield running


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_rp_18_one_of_three_is_killed_under_load(fresh_dsn: str, servers: list[Nats], victim: int) -> None:
    addresses = [server.address for server in servers]
    codes = ["a", "b", "c"]
    chance = random.Random(victim)

    async def work() -> None:
        database = await Database.open(fresh_dsn, size=12)
        ended = asyncio.Event()

        async def wait(seconds: float) -> bool:
            try:
                await asyncio.wait_for(ended.wait(), seconds / 20)
            except TimeoutError:
                return False
            return True

        async def no_rounds() -> int:
            return 0

        async def published() -> bool:
            return sum(lane.waiting for lane in await Outbox(database).status()) == 0

        try:
            await subscriptions(database, codes)
            pusher = Pusher(database, publishing(database, addresses, THREE), no_rounds, wait, 1.0)
            expected: dict[str, list[list[bytes]]] = {code: [] for code in codes}
            running = asyncio.create_task(pusher.run())
            for turn in range(9):
                told = {
                    code: [f"<r>{turn}-{n}</r>\n".encode() for n in range(chance.randrange(50, 700))] for code in codes
                }
                await add_round(database, told)
                for code in codes:
                    expected[code].append(told[code])
                if turn == 0:
                    await until(published)
                elif turn == 3:
                    servers[victim].kill()
                elif turn == 7:
                    servers[victim].start()
            await until(published)
            ended.set()
            await running
            for code in codes:
                check_files(deduplicated(await _all(addresses, code, expected[code])), expected[code])
        finally:
            await database.close()

    asyncio.run(work())


async def _all(addresses: list[str], code: str, expected: list[list[bytes]]) -> list[object]:
    """Everything, also when the server that is asked first has just come back."""
    pieces: list[object] = []
    last = sum(len(records) + 3 for records in expected)

    async def there() -> bool:
        try:
            pieces.extend(await read(addresses, code))
        except MessagingError:
            return False
        return {piece.number for piece in pieces} == set(range(1, last + 1))  # type: ignore[attr-defined]

    await until(there)
    return pieces
