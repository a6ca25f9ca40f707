"""From the outbox into a real JetStream: in order, nothing lost, nothing twice after its number (RP-18)."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nats_servers import Nats, alone, until
from pushed import (
    ENVIRONMENT,
    OWNER,
    STREAMS,
    add_round,
    check_files,
    deduplicated,
    publishing,
    read,
    subscriptions,
)

from kruispunt.errors import DataError, MessagingError
from kruispunt.jetstream.pieces import subject
from kruispunt.mutations import lanes
from kruispunt.mutations.cutting import write_round
from kruispunt.mutations.outbox import Outbox
from kruispunt.mutations.pushing import Pusher
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[None]]], None]
KILOBYTE = b"k" * 1024


@pytest.fixture
def ask(fresh_dsn: str) -> Ask:
    async def run(work: Callable[[Database], Awaitable[None]]) -> None:
        database = await Database.open(fresh_dsn, size=8)
        try:
            await work(database)
        finally:
            await database.close()

    return lambda work: asyncio.run(run(work))


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    with alone(tmp_path / "nats") as running:
        yield running


def some(count: int, start: int = 0) -> list[bytes]:
    return [f"<record>{number}</record>\n".encode() for number in range(start, start + count)]


async def publish(database: Database, nats: Nats, streams: lanes.Streams = STREAMS) -> None:
    async with publishing(database, nats.address, streams)() as publisher:
        await publisher.publish()
        await publisher.collect()


async def waiting(database: Database) -> int:
    return sum(lane.waiting for lane in await Outbox(database).status())


def test_rp_18_files_arrive_in_pieces_in_order_and_whole(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a", "b"])
        rounds = [{"a": some(700), "b": some(3)}, {"a": some(1, 700)}, {"a": [], "b": some(400, 3)}]
        for each in rounds:
            pieces = await add_round(database, each)
            assert pieces == sum(len(records) + 3 for records in each.values())
        await publish(database, nats)
        assert await waiting(database) == 0
        for code in "ab":
            check_files(await read(nats.address, code), [each[code] for each in rounds if code in each])
        await publish(database, nats)
        assert await read(nats.address, "a") == [], "what was published is not published again"

    ask(work)


def test_rp_18_a_round_is_written_once(ask: Ask) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(2)})
        row = await database.fetchrow("SELECT distribution, records, size, published IS NOT NULL FROM mutation_file")
        assert row is not None
        assert tuple(row)[1:] == (2, len(b"<head></head>" + b"".join(some(2))), True)

        def nothing(_connection: object) -> Any:
            raise AssertionError("nothing is rendered of a round that was written")

        assert await write_round(database, row[0], {}, nothing) == 0

    ask(work)


def test_rp_18_records_that_cannot_be_made_leave_nothing_behind(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])

        def fails(_records: int, _content: object) -> bytes:
            raise DataError("no signature")

        monkeypatch.setattr("pushed.voucher", fails)
        with pytest.raises(DataError):
            await add_round(database, {"a": some(300)})
        assert await database.fetchval("SELECT count(*) FROM outgoing") == 0
        assert await database.fetchval("SELECT count(*) FROM distribution WHERE finished IS NOT NULL") == 0

    ask(work)


def test_rp_18_a_crash_between_publication_and_mark_publishes_twice_and_jetstream_keeps_one(
    ask: Ask, nats: Nats
) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(600)})
        await publish(database, nats)
        await database.execute("UPDATE outgoing SET published = NULL, place = NULL WHERE number > 590")
        await add_round(database, {"a": some(5)})
        await publish(database, nats)
        assert await waiting(database) == 0
        check_files(await read(nats.address, "a"), [some(600), some(5)])

    ask(work)


def test_rp_18_after_jetstream_forgot_a_repetition_the_number_still_tells(
    ask: Ask, nats: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "REPETITION_SECONDS", 0.1)

    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(20)})
        await publish(database, nats)

        async def forgotten() -> bool:
            """The memory of JetStream is gone when it takes the last piece again."""
            await database.execute("UPDATE outgoing SET published = NULL, place = NULL WHERE number = 23")
            await publish(database, nats)
            return bool(await database.fetchval("SELECT max(place) > 23 FROM outgoing"))

        await until(forgotten)
        await database.execute("UPDATE outgoing SET published = NULL, place = NULL WHERE number > 10")
        await add_round(database, {"a": some(2)})
        await publish(database, nats)
        pieces = await read(nats.address, "a")
        assert len(pieces) > 28
        check_files(deduplicated(pieces), [some(20), some(2)])

    ask(work)


def test_rp_18_a_full_stream_refuses_and_the_outbox_keeps(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        streams = replace(STREAMS, most_bytes=1 << 20)
        await subscriptions(database, ["full", "other"])
        large = [b"%04d" % number + KILOBYTE for number in range(3000)]
        await add_round(database, {"full": large, "other": some(4)})
        await publish(database, nats, streams)
        held = await waiting(database)
        assert 1900 < held < 3000, "less than a megabyte of three is there"
        check_files(await read(nats.address, "other"), [some(4)])
        pieces: list[object] = []
        while held:
            got = await read(nats.address, "full", 400)
            assert got, "what is acknowledged makes room"
            pieces += got
            await publish(database, nats, streams)
            held = await waiting(database)
        pieces += await read(nats.address, "full")
        check_files(pieces, [large])  # type: ignore[arg-type]

    ask(work)


def test_rp_18_a_server_without_room_holds_up_what_needs_it_alone(ask: Ask, tmp_path: Path) -> None:
    async def work(database: Database) -> None:
        with alone(tmp_path / "small", maximum="3MB") as small:
            streams = replace(STREAMS, most_bytes=2 << 20)
            await subscriptions(database, ["a", "b"])
            await add_round(database, {"a": some(4)})
            await publish(database, small, streams)
            await add_round(database, {"a": some(4), "b": some(4)})
            await publish(database, small, streams)
            assert {lane.code: lane.waiting for lane in await Outbox(database).status()} == {"a": 0, "b": 7}
            await publish(database, small, replace(STREAMS, most_bytes=1 << 20))
            await publish(database, small, replace(STREAMS, most_bytes=1 << 20))
            assert await waiting(database) == 0
            check_files(await read(small.address, "b"), [some(4)])

    ask(work)


def test_rp_18_a_piece_that_nats_does_not_take_waits_and_others_go_on(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a", "b"])
        await add_round(database, {"a": [b"x" * (2 << 20)], "b": some(4)})
        await publish(database, nats)
        assert {lane.code: lane.waiting for lane in await Outbox(database).status()} == {"a": 3, "b": 0}

    ask(work)


def test_rp_18_what_jetstream_lost_is_sent_again_unless_it_was_collected(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(5)})
        await publish(database, nats)
        check_files(await read(nats.address, "a"), [some(5)])
        await until(lambda: _all_collected(database, nats))
        await add_round(database, {"a": some(6)})
        await publish(database, nats)
        collected = await database.fetch("SELECT sequence, collector FROM mutation_file WHERE collected IS NOT NULL")
        assert [tuple(row) for row in collected] == [(1, "jetstream")]
        nats.kill()
        shutil.rmtree(nats.directory / "jetstream")
        nats.start()
        await add_round(database, {"a": some(7)})
        await publish(database, nats)
        pieces = await read(nats.address, "a")
        assert [piece.number for piece in pieces] == list(range(9, 9 + 9 + 10))
        await until(lambda: _all_collected(database, nats))

    ask(work)


def test_rp_18_what_was_not_on_disk_when_the_power_failed_is_sent_again(ask: Ask, nats: Nats, tmp_path: Path) -> None:
    """NATS comes back with an older state of its store: the end of a stream is gone, and acknowledgements are."""
    older = tmp_path / "older"

    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        for count in (5, 6):
            await add_round(database, {"a": some(count)})
        await publish(database, nats)
        nats.stop()
        shutil.copytree(nats.directory / "jetstream", older)
        nats.start()
        await add_round(database, {"a": some(7)})
        await publish(database, nats)
        seen = await read(nats.address, "a", 4)
        await add_round(database, {"a": some(8)})
        await publish(database, nats)
        nats.kill()
        shutil.rmtree(nats.directory / "jetstream")
        older.rename(nats.directory / "jetstream")
        nats.start()
        await add_round(database, {"a": some(9)})
        await publish(database, nats)
        assert await waiting(database) == 0
        seen += await read(nats.address, "a")
        check_files(deduplicated(seen), [some(count) for count in range(5, 10)])

    ask(work)


def test_rp_18_pieces_are_sent_again_when_the_operator_says_so(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(5)})
        await publish(database, nats)
        first = await read(nats.address, "a")
        for _ in range(2):
            assert await Outbox(database).again("a", 3) == 6
            await publish(database, nats)
            again = await read(nats.address, "a")
            assert [(p.number, p.part, p.body) for p in again] == [(p.number, p.part, p.body) for p in first[2:]]
        with pytest.raises(DataError, match="from 1 to 8 are held"):
            await Outbox(database).again("a", 9)
        with pytest.raises(DataError, match="nothing of it"):
            await Outbox(database).again("b", 1)

    ask(work)


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


def test_rp_18_two_publishers_at_once_keep_the_order(ask: Ask, nats: Nats) -> None:
    """As when one lost its lock and does not know yet."""

    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        expected: list[Sequence[bytes]] = []
        for count in (800, 1, 500, 300):
            expected.append(some(count))
            await add_round(database, {"a": expected[-1]})
        async with publishing(database, nats.address)() as one, publishing(database, nats.address)() as two:
            await asyncio.gather(one.publish(), two.publish(), one.publish(), two.publish())
        assert await waiting(database) == 0
        check_files(deduplicated(await read(nats.address, "a")), expected)

    ask(work)


def test_a_server_that_does_not_answer_ends_a_turn(ask: Ask, nats: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_PATIENCE_SECONDS", 0.5)

    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(5)})
        async with publishing(database, nats.address)() as publisher:
            await publisher.publish()
            await add_round(database, {"a": some(6)})
            nats.pause()
            with pytest.raises(MessagingError):
                await publisher.publish()
            nats.go_on()
        await publish(database, nats)
        check_files(deduplicated(await read(nats.address, "a")), [some(5), some(6)])

    ask(work)


def test_names_of_streams_and_subjects_hold_the_environment() -> None:
    assert subject(ENVIRONMENT, "a-b") == "kruispunt.development.mutations.a-b"
    assert OWNER


async def _true(value: bool) -> bool:
    return value


async def _no_more(database: Database) -> bool:
    return await waiting(database) == 0


async def _all_collected(database: Database, nats: Nats) -> bool:
    """JetStream takes note of acknowledgements a little later."""
    await publish(database, nats)
    return [lane.uncollected for lane in await Outbox(database).status()] == [0]
