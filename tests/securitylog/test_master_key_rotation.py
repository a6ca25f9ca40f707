"""Another master key for the log: all keys or none, and servers go on or say why not (PL-33)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from test_security_log import NOW, SSIN, an_entry, opened

from kruispunt.clock import FixedClock
from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.securitylog.keys import KeyRing, MasterKey, MasterKeys, parse_master_keys
from kruispunt.securitylog.rotation import _LOCK, announcing, begin_afresh, rotate
from kruispunt.storage.database import Database

OLD, NEW, OTHER = (MasterKey(letter * 32) for letter in (b"m", b"n", b"o"))
TODAY = date(2026, 3, 1)


async def announced(dsn: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async with announcing(dsn, FixedClock(datetime(2026, 3, 2, tzinfo=UTC)), "os-user:test", NEW) as announce:
        return await work(announce)


async def rotated(dsn: str, old: MasterKey = OLD, new: MasterKey = NEW) -> Any:
    return await announced(dsn, lambda announce: rotate(dsn, (old,), new, announce))


async def rows(dsn: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def write_two(dsn: str, master: Any = OLD) -> list[Any]:
    """An entry of each of two organisations, so three keys; gives the tickets."""
    async with opened(dsn, master) as log:
        tickets = [log.tickets.new(), log.tickets.new()]
        entry = an_entry(tickets[0])
        assert entry.message is not None
        await log.writer.append(entry)
        await log.writer.append(an_entry(tickets[1], message=type(entry.message)("vdab", b"<x/>")))
    return tickets


def test_every_key_is_wrapped_anew_and_every_message_read(fresh_dsn: str) -> None:
    async def work() -> None:
        tickets = await write_two(fresh_dsn)
        before = await rows(fresh_dsn, "select * from log_entry order by ticket")
        done = await rotated(fresh_dsn)
        assert (done.wrapped, done.lost) == (3, 0)
        assert await rows(fresh_dsn, "select distinct master from log_key") == [(NEW.name,)]
        assert await rows(fresh_dsn, "select * from log_entry where kind <> 3 order by ticket") == before
        with pytest.raises(ConfigurationError, match=NEW.name):
            async with opened(fresh_dsn, OLD):
                pass
        async with opened(fresh_dsn, NEW) as log:
            for ticket in tickets:
                (found,) = await log.reader.by_ticket(ticket, "somebody", "a test")
                assert found.message is not None
        assert (await rotated(fresh_dsn)).wrapped == 0

    asyncio.run(work())


def test_digests_stay_the_same(fresh_dsn: str) -> None:
    async def digest(master: MasterKey) -> bytes:
        database = await Database.open(fresh_dsn, size=1)
        ring = KeyRing(database, master)
        await ring.open()
        await database.close()
        return ring.digest(SSIN)

    async def work() -> None:
        first = await digest(OLD)
        await rotated(fresh_dsn)
        assert await digest(NEW) == first

    asyncio.run(work())


def test_a_rotation_is_an_entry(fresh_dsn: str) -> None:
    async def work() -> None:
        await write_two(fresh_dsn)
        await rotated(fresh_dsn)
        ((canonical,),) = await rows(fresh_dsn, "select canonical from log_entry where kind = 3")
        assert b"rotate-log-master: 3 keys" in canonical
        assert NEW.name.encode() in canonical
        assert b"os-user:test" in canonical

    asyncio.run(work())


def test_a_wrong_old_key_changes_nothing(fresh_dsn: str) -> None:
    async def work() -> None:
        await write_two(fresh_dsn)
        before = await rows(fresh_dsn, "select * from log_key order by id")
        with pytest.raises(ConfigurationError, match="Nothing was changed"):
            await rotated(fresh_dsn, OTHER)
        assert await rows(fresh_dsn, "select * from log_key order by id") == before
        assert await rows(fresh_dsn, "select * from log_entry where kind = 3") == []

    asyncio.run(work())


def test_what_cannot_be_announced_is_not_done(fresh_dsn: str) -> None:
    """Nothing is done that the log does not tell; and whatever interrupts it leaves every key as it was."""

    async def fails(_what: str) -> None:
        raise StorageError("the log is full")

    async def work() -> None:
        await write_two(fresh_dsn)
        before = await rows(fresh_dsn, "select * from log_key order by id")
        with pytest.raises(StorageError, match="the log is full"):
            await rotate(fresh_dsn, (OLD,), NEW, fails)
        assert await rows(fresh_dsn, "select * from log_key order by id") == before

    asyncio.run(work())


def test_a_key_that_does_not_read_back_undoes_everything(fresh_dsn: str) -> None:
    """A trigger of the database's owner that keeps the old bytes stands for whatever could go wrong there."""
    sabotage = """
    create function keep() returns trigger language plpgsql as $$ begin new.wrapped = old.wrapped; return new; end $$;
    create trigger keep before update on log_key for each row execute function keep();
    """

    async def work() -> None:
        await write_two(fresh_dsn)
        connection = await asyncpg.connect(fresh_dsn)
        await connection.execute(sabotage)
        await connection.close()
        with pytest.raises((StorageError, ConfigurationError)):
            await rotated(fresh_dsn)
        assert await rows(fresh_dsn, "select distinct master from log_key") == [(OLD.name,)]

    asyncio.run(work())


def test_a_running_server_goes_on(fresh_dsn: str) -> None:
    """It keeps its keys, makes new ones under the new master key, and reads old entries."""

    async def work() -> None:
        file = [OLD]
        async with opened(fresh_dsn, MasterKeys(lambda: tuple(file))) as log:  # type: ignore[arg-type]
            first = log.tickets.new()
            await log.writer.append(an_entry(first))
            file.append(NEW)
            await rotated(fresh_dsn)
            second = log.tickets.new()
            entry = an_entry(second)
            assert entry.message is not None
            await log.writer.append(an_entry(second, message=type(entry.message)("vdab", b"<x/>")))
            for ticket in (first, second):
                (found,) = await log.reader.by_ticket(ticket, "somebody", "a test")
                assert found.message is not None
        assert await rows(fresh_dsn, "select distinct master from log_key") == [(NEW.name,)]

    asyncio.run(work())


def test_a_server_that_knows_only_the_old_key_makes_none_under_it(fresh_dsn: str) -> None:
    """It goes on with the keys it has, and refuses what needs another: no key is left that the new one cannot open."""

    async def work() -> None:
        async with opened(fresh_dsn, OLD) as log:
            await log.writer.append(an_entry(log.tickets.new()))
            await rotated(fresh_dsn)
            await log.writer.append(an_entry(log.tickets.new()))
            entry = an_entry(log.tickets.new())
            assert entry.message is not None
            with pytest.raises(StorageError, match=NEW.name):
                await log.writer.append(an_entry(log.tickets.new(), message=type(entry.message)("vdab", b"<x/>")))
        assert await rows(fresh_dsn, "select distinct master from log_key") == [(NEW.name,)]

    asyncio.run(work())


def test_a_key_made_during_a_rotation_is_under_the_new_master_key(fresh_dsn: str) -> None:
    """The insert waits for the rotation's lock, and sees what was committed, not what it saw before."""

    async def work() -> None:
        database = await Database.open(fresh_dsn, size=1)
        ring = KeyRing(database, MasterKeys(lambda: (OLD, NEW)))
        await ring.open()
        await ring.data_key(TODAY, "warm")
        connection = await asyncpg.connect(fresh_dsn)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(_LOCK)
        making = asyncio.create_task(ring.data_key(TODAY, "onem"))
        waiting = "select count(*) from pg_locks where not granted and relation = 'log_key'::regclass"
        while await connection.fetchval(waiting) == 0:  # noqa: ASYNC110  the database has no event for it
            await asyncio.sleep(0.01)
        for key, wrapped in await connection.fetch("select id, wrapped from log_key"):
            again = NEW.wrap(OLD.unwrap(wrapped, OLD.name))
            await connection.execute("update log_key set master = $2, wrapped = $3 where id = $1", key, NEW.name, again)
        await transaction.commit()
        await making
        await connection.close()
        await database.close()
        assert await rows(fresh_dsn, "select distinct master from log_key") == [(NEW.name,)]

    asyncio.run(work())


def test_exchanges_go_on_while_the_keys_are_locked(fresh_dsn: str) -> None:
    async def work() -> None:
        async with opened(fresh_dsn) as log:
            await log.writer.append(an_entry(log.tickets.new()))
            connection = await asyncpg.connect(fresh_dsn)
            async with connection.transaction():
                await connection.execute(_LOCK)
                await log.writer.append(an_entry(log.tickets.new()))
            await connection.close()

    asyncio.run(work())


# After a loss.


async def afresh(dsn: str, *known: MasterKey, new: MasterKey = NEW) -> Any:
    return await announced(dsn, lambda announce: begin_afresh(dsn, known, new, announce))


def test_a_server_starts_again_after_the_loss(fresh_dsn: str) -> None:
    async def work() -> None:
        tickets = await write_two(fresh_dsn)
        before = await rows(fresh_dsn, "select * from log_entry order by ticket")
        left = await afresh(fresh_dsn)
        assert (left.keys, left.entries) == (3, 2)
        assert await rows(fresh_dsn, "select * from log_entry where kind <> 3 order by ticket") == before
        async with opened(fresh_dsn, NEW) as log:
            # The same day and organisations as before the loss.
            again = log.tickets.new()
            await log.writer.append(an_entry(again))
            (found,) = await log.reader.by_ticket(again, "somebody", "a test")
            assert found.message is not None
            (found,) = await log.reader.by_ticket(tickets[0], "somebody", "a test")
            assert found.message is None
            assert "declared lost" in found.unreadable
            assert found.facts["organisation"] == an_entry(tickets[0]).organisation
        ((canonical,),) = await rows(fresh_dsn, "select canonical from log_entry where kind = 3")
        assert f"{OLD.name} is lost, 3 keys to be set aside, 2 messages unreadable".encode() in canonical

    asyncio.run(work())


def test_a_key_that_is_found_after_all_opens_the_old_messages(fresh_dsn: str) -> None:
    async def work() -> None:
        tickets = await write_two(fresh_dsn)
        await afresh(fresh_dsn)
        async with opened(fresh_dsn, MasterKeys(lambda: (NEW, OLD))) as log:  # type: ignore[arg-type]
            (found,) = await log.reader.by_ticket(tickets[0], "somebody", "a test")
            assert found.message is not None
        # And a rotation takes them along.
        done = await announced(fresh_dsn, lambda announce: rotate(fresh_dsn, (OLD, NEW), OTHER, announce))
        assert (done.wrapped, done.lost) == (4, 0)

    asyncio.run(work())


def test_two_losses_on_one_day(fresh_dsn: str) -> None:
    async def work() -> None:
        await write_two(fresh_dsn)
        await afresh(fresh_dsn)
        await write_two(fresh_dsn, NEW)
        assert (await afresh(fresh_dsn, new=OTHER)).keys == 3
        await write_two(fresh_dsn, OTHER)
        done = await rotated(fresh_dsn, OTHER, OLD)
        assert (done.wrapped, done.lost) == (3, 3)

    asyncio.run(work())


def test_a_key_that_is_not_lost_is_kept(fresh_dsn: str) -> None:
    async def work() -> None:
        with pytest.raises(ConfigurationError, match="none is lost"):
            await afresh(fresh_dsn)
        await write_two(fresh_dsn)
        with pytest.raises(ConfigurationError, match="it is not lost"):
            await afresh(fresh_dsn, OLD)
        async with opened(fresh_dsn):
            with pytest.raises(ConfigurationError, match="Stop every server first"):
                await afresh(fresh_dsn)
        assert await rows(fresh_dsn, "select distinct master from log_key") == [(OLD.name,)]

    asyncio.run(work())


def test_several_keys_in_one_text() -> None:
    import base64

    lines = [base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]
    assert len({key.name for key in parse_master_keys("\n".join(lines) + "\n")}) == 2
    for wrong in ("", "\n", lines[0] + " short"):
        with pytest.raises(ConfigurationError, match="log master key"):
            parse_master_keys(wrong)


def test_no_other_day_is_touched_by_the_clock(fresh_dsn: str) -> None:
    """Tomorrow's key is made under the master key that is in force then."""

    async def work() -> None:
        database = await Database.open(fresh_dsn, size=1)
        ring = KeyRing(database, MasterKeys(lambda: (OLD, NEW)))
        await ring.open()
        await ring.data_key(NOW.date(), "onem")
        await rotated(fresh_dsn)
        await ring.data_key(NOW.date() + timedelta(days=1), "onem")
        await database.close()
        assert await rows(fresh_dsn, "select distinct master from log_key") == [(NEW.name,)]

    asyncio.run(work())
