"""From the outbox into a real JetStream: in order, nothing lost, nothing twice after its number (RP-18)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nats_servers import Nats, alone, until
from pushed import (
    ENVIRONMENT,
    OWNER,
    STREAMS,
    Ask,
    add_round,
    check_files,
    deduplicated,
    publish,
    publishing,
    read,
    some,
    subscriptions,
    waiting,
)

from kruispunt.errors import DataError, MessagingError
from kruispunt.jetstream.pieces import subject
from kruispunt.mutations import lanes
from kruispunt.mutations.cutting import write_round
from kruispunt.mutations.outbox import Outbox
from kruispunt.storage.database import Database

KILOBYTE = b"k" * 1024


def test_rp_18_files_arrive_in_pieces_in_order_and_whole(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a", "b"])
        rounds = [{"a": some(700), "b": some(3)}, {"a": some(1, 700)}, {"a": [], "b": some(400, 3)}]
        for each in rounds:
            pieces = await add_round(database, each)
            assert pieces == sum(len(records) + 3 for records in each.values())
        await publish(database, nats.address)
        assert await waiting(database) == 0
        for code in "ab":
            check_files(await read(nats.address, code), [each[code] for each in rounds if code in each])
        await publish(database, nats.address)
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
        await publish(database, nats.address)
        await database.execute("UPDATE outgoing SET published = NULL, place = NULL WHERE number > 590")
        await add_round(database, {"a": some(5)})
        await publish(database, nats.address)
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
        await publish(database, nats.address)

        async def forgotten() -> bool:
            """The memory of JetStream is gone when it takes the last piece again."""
            await database.execute("UPDATE outgoing SET published = NULL, place = NULL WHERE number = 23")
            await publish(database, nats.address)
            return bool(await database.fetchval("SELECT max(place) > 23 FROM outgoing"))

        await until(forgotten)
        await database.execute("UPDATE outgoing SET published = NULL, place = NULL WHERE number > 10")
        await add_round(database, {"a": some(2)})
        await publish(database, nats.address)
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
        await publish(database, nats.address, streams)
        held = await waiting(database)
        assert 1900 < held < 3000, "less than a megabyte of three is there"
        check_files(await read(nats.address, "other"), [some(4)])
        pieces: list[object] = []
        while held:
            got = await read(nats.address, "full", 400)
            assert got, "what is acknowledged makes room"
            pieces += got
            await publish(database, nats.address, streams)
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
            await publish(database, small.address, streams)
            await add_round(database, {"a": some(4), "b": some(4)})
            await publish(database, small.address, streams)
            assert {lane.code: lane.waiting for lane in await Outbox(database).status()} == {"a": 0, "b": 7}
            await publish(database, small.address, replace(STREAMS, most_bytes=1 << 20))
            await publish(database, small.address, replace(STREAMS, most_bytes=1 << 20))
            assert await waiting(database) == 0
            check_files(await read(small.address, "b"), [some(4)])

    ask(work)


def test_rp_18_a_piece_that_nats_does_not_take_waits_and_others_go_on(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a", "b"])
        await add_round(database, {"a": [b"x" * (2 << 20)], "b": some(4)})
        await publish(database, nats.address)
        assert {lane.code: lane.waiting for lane in await Outbox(database).status()} == {"a": 3, "b": 0}

    ask(work)


def test_rp_18_what_jetstream_lost_is_sent_again_unless_it_was_collected(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(5)})
        await publish(database, nats.address)
        check_files(await read(nats.address, "a"), [some(5)])
        await until(lambda: _all_collected(database, nats))
        await add_round(database, {"a": some(6)})
        await publish(database, nats.address)
        collected = await database.fetch("SELECT sequence, collector FROM mutation_file WHERE collected IS NOT NULL")
        assert [tuple(row) for row in collected] == [(1, "jetstream")]
        nats.kill()
        shutil.rmtree(nats.directory / "jetstream")
        nats.start()
        await add_round(database, {"a": some(7)})
        await publish(database, nats.address)
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
        await publish(database, nats.address)
        nats.stop()
        shutil.copytree(nats.directory / "jetstream", older)
        nats.start()
        await add_round(database, {"a": some(7)})
        await publish(database, nats.address)
        seen = await read(nats.address, "a", 4)
        await add_round(database, {"a": some(8)})
        await publish(database, nats.address)
        nats.kill()
        shutil.rmtree(nats.directory / "jetstream")
        older.rename(nats.directory / "jetstream")
        nats.start()
        await add_round(database, {"a": some(9)})
        await publish(database, nats.address)
        assert await waiting(database) == 0
        seen += await read(nats.address, "a")
        check_files(deduplicated(seen), [some(count) for count in range(5, 10)])

    ask(work)


def test_rp_18_pieces_are_sent_again_when_the_operator_says_so(ask: Ask, nats: Nats) -> None:
    async def work(database: Database) -> None:
        await subscriptions(database, ["a"])
        await add_round(database, {"a": some(5)})
        await publish(database, nats.address)
        first = await read(nats.address, "a")
        for _ in range(2):
            assert await Outbox(database).again("a", 3) == 6
            await publish(database, nats.address)
            again = await read(nats.address, "a")
            assert [(p.number, p.part, p.body) for p in again] == [(p.number, p.part, p.body) for p in first[2:]]
        with pytest.raises(DataError, match="from 1 to 8 are held"):
            await Outbox(database).again("a", 9)
        with pytest.raises(DataError, match="nothing of it"):
            await Outbox(database).again("b", 1)

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
        await publish(database, nats.address)
        check_files(deduplicated(await read(nats.address, "a")), [some(5), some(6)])

    ask(work)


def test_names_of_streams_and_subjects_hold_the_environment() -> None:
    assert subject(ENVIRONMENT, "a-b") == "kruispunt.development.mutations.a-b"
    assert OWNER


async def _all_collected(database: Database, nats: Nats) -> bool:
    """JetStream takes note of acknowledgements a little later."""
    await publish(database, nats.address)
    return [lane.uncollected for lane in await Outbox(database).status()] == [0]
