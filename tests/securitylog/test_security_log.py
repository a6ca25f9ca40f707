"""The security log on a real PostgreSQL: durable, grouped, sealed, found by digest only (PL-06, PL-30, PL-33)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from kruispunt.clock import FixedClock
from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.identifiers.ticket import Ticket, TicketSource
from kruispunt.securitylog.entry import Entry, Kind, Message
from kruispunt.securitylog.keys import KeyRing, MasterKey
from kruispunt.securitylog.read import LogReader
from kruispunt.securitylog.write import LogWriter, Replayed, ReplayKey
from kruispunt.storage.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MASTER = MasterKey(b"m" * 32)
SSIN = "85673093333"
SECRET = b"<soapenv:Envelope>85673093333 Someone</soapenv:Envelope>"


@dataclass(frozen=True, slots=True)
class Log:
    writer: LogWriter
    reader: LogReader
    database: Database
    tickets: TicketSource


@asynccontextmanager
async def opened(dsn: str, master: MasterKey = MASTER) -> AsyncIterator[Log]:
    clock = FixedClock(NOW)
    database = await Database.open(dsn, size=2)
    keys = KeyRing(database, master)
    try:
        await keys.open()
        writer = LogWriter(dsn, keys, clock)
        await writer.open()
        try:
            yield Log(writer, LogReader(database, keys, writer, clock), database, TicketSource(clock))
        finally:
            await writer.close()
    finally:
        await database.close()


def run(dsn: str, work: Callable[[Log], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with opened(dsn) as log:
            return await work(log)

    return asyncio.run(whole())


def an_entry(ticket: Ticket, **more: Any) -> Entry:
    plain = Entry(
        ticket=ticket,
        kind=Kind.INCOMING,
        at=NOW,
        peer="127.0.0.1",
        tls_client="ab" * 32,
        path="/x",
        subjects=(SSIN,),
        message=Message("onem", SECRET, (("step", "what"),)),
    )
    return replace(plain, **more)


def a_key(name: str, minutes: int = 5) -> ReplayKey:
    return ReplayKey(sha256(name.encode()).digest(), NOW + timedelta(minutes=minutes))


def test_what_was_appended_is_read_back(fresh_dsn: str) -> None:
    async def work(log: Log) -> None:
        ticket = log.tickets.new()
        await log.writer.append(an_entry(ticket))
        await log.writer.append(an_entry(ticket, kind=Kind.OUTGOING, outcome="MSG00000"))
        incoming, outgoing = await log.reader.by_ticket(ticket, "somebody", "a test")
        assert incoming.message == Message("", SECRET, (("step", "what"),))
        assert outgoing.facts["outcome"] == "MSG00000"
        assert incoming.facts["ticket"] == ticket

    run(fresh_dsn, work)


def test_nothing_about_a_person_stands_in_clear(fresh_dsn: str) -> None:
    """PL-33: neither number nor message, in any column."""

    async def work(log: Log) -> None:
        await log.writer.append(an_entry(log.tickets.new()), a_key("clear"))
        for table in ("log_entry", "log_key", "replay"):
            for row in await log.database.fetch(f"select * from {table}"):
                for value in row.values():
                    shown = value if isinstance(value, bytes) else str(value).encode()
                    assert SSIN.encode() not in shown
                    assert b"Someone" not in shown
        found = await log.database.fetchval("select subjects[1] from log_entry limit 1")
        assert found != sha256(SSIN.encode()).digest()

    run(fresh_dsn, work)


def test_canonical_bytes_commit_to_the_ciphertext(fresh_dsn: str) -> None:
    async def work(log: Log) -> None:
        await log.writer.append(an_entry(log.tickets.new()))
        row = await log.database.fetchrow("select canonical, payload, subjects from log_entry")
        facts = json.loads(row["canonical"])
        assert facts["payload"] == sha256(row["payload"]).hexdigest()
        assert facts["subjects"] == [s.hex() for s in row["subjects"]]
        again = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode("ascii")
        assert again == row["canonical"]

    run(fresh_dsn, work)


def test_concurrent_appends_share_a_flush(fresh_dsn: str) -> None:
    """One flush runs while the next group collects: 200 at once need few transactions."""

    async def work(log: Log) -> None:
        await asyncio.gather(*(log.writer.append(an_entry(log.tickets.new())) for _ in range(200)))
        assert log.writer.entries == 200
        assert log.writer.flushes <= 5

    run(fresh_dsn, work)


def test_replay_is_refused_and_leaves_no_entry(fresh_dsn: str) -> None:
    async def work(log: Log) -> None:
        await log.writer.append(an_entry(log.tickets.new()), a_key("once"))
        with pytest.raises(Replayed):
            await log.writer.append(an_entry(log.tickets.new()), a_key("once"))
        assert await log.database.fetchval("select count(*) from log_entry") == 1

    run(fresh_dsn, work)


def test_the_same_message_twice_in_one_group_is_let_in_once(fresh_dsn: str) -> None:
    async def work(log: Log) -> None:
        attempts = [log.writer.append(an_entry(log.tickets.new()), a_key("twin")) for _ in range(50)]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        assert sum(r is None for r in results) == 1
        assert sum(isinstance(r, Replayed) for r in results) == 49
        assert await log.database.fetchval("select count(*) from log_entry") == 1

    run(fresh_dsn, work)


def test_two_workers_let_the_same_message_in_once(fresh_dsn: str) -> None:
    async def work(first: Log) -> None:
        async with opened(fresh_dsn) as second:
            names = [f"m{i}" for i in range(100)]
            attempts = [
                log.writer.append(an_entry(log.tickets.new()), a_key(name)) for name in names for log in (first, second)
            ]
            results = await asyncio.gather(*attempts, return_exceptions=True)
        assert sum(r is None for r in results) == len(names)
        assert all(r is None or isinstance(r, Replayed) for r in results)

    run(fresh_dsn, work)


def test_a_replay_is_known_after_a_restart(fresh_dsn: str) -> None:
    async def first(log: Log) -> None:
        await log.writer.append(an_entry(log.tickets.new()), a_key("lasting"))

    async def second(log: Log) -> None:
        with pytest.raises(Replayed):
            await log.writer.append(an_entry(log.tickets.new()), a_key("lasting"))

    run(fresh_dsn, first)
    run(fresh_dsn, second)


def test_a_clock_set_back_brings_no_forgotten_message_to_life(fresh_dsn: str) -> None:
    """PL-06: what is forgotten raises the floor below which nothing is let in; time alone does not."""

    async def work(log: Log) -> None:
        await log.writer.append(an_entry(log.tickets.new()), a_key("old", minutes=5))
        await log.writer.append(an_entry(log.tickets.new()), a_key("young", minutes=60))
        await log.writer.forget_replays(NOW + timedelta(minutes=30))
        assert await log.database.fetchval("select count(*) from replay") == 1
        for name, minutes in (("old", 5), ("never seen", 4), ("young", 60)):
            with pytest.raises(Replayed):
                await log.writer.append(an_entry(log.tickets.new()), a_key(name, minutes))
        await log.writer.append(an_entry(log.tickets.new()), a_key("new", minutes=31))
        for moment in (NOW, NOW + timedelta(minutes=30)):
            await log.writer.forget_replays(moment)
            assert await log.database.fetchval("select expires from replay_floor") == NOW + timedelta(minutes=5)

    run(fresh_dsn, work)


def test_entry_moved_to_another_ticket_is_noticed(fresh_dsn: str) -> None:
    async def work(log: Log) -> None:
        mine, other = log.tickets.new(), log.tickets.new()
        await log.writer.append(an_entry(mine))
        await log.writer.append(an_entry(other))
        await log.database.execute(
            "update log_entry set payload = (select payload from log_entry where ticket = $1) where ticket = $2",
            mine,
            other,
        )
        (found,) = await log.reader.by_ticket(other, "somebody", "a test")
        assert found.message is None
        assert "altered" in found.unreadable

    run(fresh_dsn, work)


def test_destroyed_key_leaves_the_facts(fresh_dsn: str) -> None:
    async def work(log: Log) -> None:
        ticket = log.tickets.new()
        await log.writer.append(an_entry(ticket))
        await log.database.execute("alter table log_entry drop constraint log_entry_key_fkey")
        await log.database.execute("delete from log_key where purpose = 'message'")
        (found,) = await log.reader.by_ticket(ticket, "somebody", "a test")
        assert found.message is None
        assert "destroyed" in found.unreadable
        assert found.facts["payload"]

    run(fresh_dsn, work)


def test_every_reading_is_an_entry(fresh_dsn: str) -> None:
    """PL-32, also when nothing was found."""

    async def work(log: Log) -> None:
        wanted = log.tickets.new()
        assert await log.reader.by_ticket(wanted, "os-user:carla", "kruispunt log show") == ()
        row = await log.database.fetchrow("select kind, canonical from log_entry")
        facts = json.loads(row["canonical"])
        assert Kind(row["kind"]) is Kind.READING
        assert (facts["application"], facts["client_reference"]) == ("os-user:carla", wanted)

    run(fresh_dsn, work)


def test_another_master_key_is_refused_at_the_door(fresh_dsn: str) -> None:
    async def wrong() -> None:
        async with opened(fresh_dsn, MasterKey(b"x" * 32)):
            pytest.fail("opened with a key that is not this database's")

    run(fresh_dsn, lambda log: asyncio.sleep(0))
    with pytest.raises(ConfigurationError, match="log_master_key_file"):
        asyncio.run(wrong())


def test_an_entry_that_cannot_be_written_out_fails_alone(fresh_dsn: str) -> None:
    """PL-30: a group is written out together; what is wrong with one entry is no trouble of the others."""

    async def work(log: Log) -> None:
        wrong = an_entry(Ticket("no ticket"))
        outcomes = await asyncio.gather(
            log.writer.append(an_entry(log.tickets.new()), a_key("before")),
            log.writer.append(wrong, a_key("wrong")),
            log.writer.append(an_entry(log.tickets.new()), a_key("behind")),
            return_exceptions=True,
        )
        assert [type(o) for o in outcomes] == [type(None), ValueError, type(None)]
        assert log.writer.flushes == 1
        await log.writer.append(an_entry(log.tickets.new()), a_key("wrong"))  # nothing of it was remembered
        assert await log.database.fetchval("select count(*) from log_entry") == 3

    run(fresh_dsn, work)


def test_a_lost_connection_fails_those_who_wait_and_no_one_after(fresh_dsn: str) -> None:
    """Fail closed: who was not written is told so; the next group has a new connection."""

    async def work(log: Log) -> None:
        await log.writer.append(an_entry(log.tickets.new()))
        await log.database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        outcomes = await asyncio.gather(
            *(log.writer.append(an_entry(log.tickets.new())) for _ in range(3)), return_exceptions=True
        )
        written = sum(o is None for o in outcomes)
        assert all(o is None or isinstance(o, StorageError) for o in outcomes)
        await log.writer.append(an_entry(log.tickets.new()))
        connection = await asyncpg.connect(fresh_dsn)
        try:
            assert await connection.fetchval("select count(*) from log_entry") == written + 2
        finally:
            await connection.close()

    run(fresh_dsn, work)


def test_keys_of_a_day_serve_every_worker(fresh_dsn: str) -> None:
    async def work(log: Log) -> None:
        async with opened(fresh_dsn) as second:
            await asyncio.gather(
                *(one.writer.append(an_entry(one.tickets.new())) for one in (log, second) for _ in range(20))
            )
        assert await log.database.fetchval("select count(*) from log_key where purpose = 'message'") == 1
        assert await log.database.fetchval("select count(distinct payload) from log_entry") == 40

    run(fresh_dsn, work)
