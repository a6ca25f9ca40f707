"""Another master key for the log: by rotation, while servers run; or after the old one was lost (PL-33).

No entry is touched. Each change is itself an entry, durable before the change is: what was done may have failed, but
nothing was done that the log does not tell.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from kruispunt.clock import Clock
from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.identifiers.ticket import TicketSource
from kruispunt.securitylog.entry import Entry, Kind
from kruispunt.securitylog.keys import EPOCH, KEY_BYTES, LOST, KeyRing, MasterKey
from kruispunt.securitylog.write import LogWriter
from kruispunt.storage.database import Database

# Against whoever makes a key, not against whoever reads one or writes an entry: exchanges go on.
_LOCK = "lock table log_key in share row exclusive mode"
_PATIENCE = "set local lock_timeout = '10s'"
_ALL = "select id, purpose, master, wrapped from log_key order by id"
_REWRAP = """
update log_key k set master = $3, wrapped = u.wrapped
from unnest($1::bigint[], $2::bytea[]) u (id, wrapped) where k.id = u.id
"""
_SERVERS = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'kruispunt' and pid <> pg_backend_pid()
"""
_SET_ASIDE = f"""
update log_key set purpose = '{LOST}' || purpose, organisation = organisation || '#' || id where id = any($1::bigint[])
"""  # noqa: S608  a constant; the number keeps the rows of two losses apart
_AFRESH = "insert into log_key (purpose, day, organisation, master, wrapped) values ('subject', $1, '', $2, $3)"
_ENTRIES = "select count(*) from log_entry where key = any($1::bigint[])"

Announce = Callable[[str], Awaitable[None]]
"""Writes what is about to happen into the security log; returns when it is on disk."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    wrapped: int
    """Keys that are wrapped by the new master key now, and were not before."""
    lost: int
    """Keys that a master key wraps which was declared lost; left as they are."""


@dataclass(frozen=True, slots=True)
class Afresh:
    """What a new beginning left behind."""

    keys: int
    """Keys that cannot be opened any more."""
    entries: int
    """Entries whose message cannot be read any more."""


@asynccontextmanager
async def announcing(dsn: str, clock: Clock, who: str, master: MasterKey) -> AsyncIterator[Announce]:
    """Opens the log for entries about its keys; such entries need none of them, so no connection but the writer's."""
    writer = LogWriter(dsn, KeyRing(Database(dsn, 1, 10), master), clock)
    tickets = TicketSource(clock)

    async def announce(what: str) -> None:
        ticket = tickets.new()
        entry = Entry(ticket, Kind.KEYS, clock.now(), "local", "", what, application=who)
        await writer.append(entry)

    await writer.open()
    try:
        yield announce
    finally:
        await writer.close()


async def rotate(dsn: str, old: Sequence[MasterKey], new: MasterKey, announce: Announce) -> Rotated:
    """Wraps every key of the log by `new`, all in one transaction: whatever happens, all or none.

    Raises ConfigurationError when a key is there that neither `old` nor `new` opens, and changes nothing then.
    """
    known = {key.name: key for key in (*old, new)}
    async with _locked(dsn) as connection:
        rows = await connection.fetch(_ALL)
        plain: dict[int, bytes] = {}
        lost = 0
        for row in rows:
            if row["master"] in known:
                if row["master"] != new.name:
                    plain[row["id"]] = known[row["master"]].unwrap(row["wrapped"], row["master"])
            elif row["purpose"].startswith(LOST):
                lost += 1
            else:
                raise ConfigurationError(
                    f"log key {row['id']} was wrapped by master key {row['master']}, which is neither the old nor the "
                    "new one that you gave. Nothing was changed."
                )
        if plain:
            await announce(f"kruispunt key rotate-log-master: {len(plain)} keys to be wrapped by {new.name}")
            await connection.execute(_REWRAP, list(plain), [new.wrap(key) for key in plain.values()], new.name)
            await _verify(connection, plain, new)
    return Rotated(len(plain), lost)


async def begin_afresh(dsn: str, known: Sequence[MasterKey], new: MasterKey, announce: Announce) -> Afresh:
    """Sets the keys aside that no known master key opens, and starts a new key of the digests under `new`.

    Entries stay as they are. Raises ConfigurationError when the master key is not lost, or a server still runs.
    """
    names = {key.name for key in known}
    async with _locked(dsn) as connection:
        rows = [row for row in await connection.fetch(_ALL) if not row["purpose"].startswith(LOST)]
        current = next((row["master"] for row in rows if row["purpose"] == "subject"), None)
        if current is None:
            raise ConfigurationError("the security log of this database has no keys: none is lost")
        if current in names:
            raise ConfigurationError(
                f"master key {current} opens this database's log, and the settings point at it: it is not lost. "
                "To replace it: kruispunt key rotate-log-master OLD NEW"
            )
        if servers := await connection.fetchval(_SERVERS):
            raise ConfigurationError(
                f"{servers} connections of servers are open on this database. Stop every server first: what they log "
                "from now on could not be read either."
            )
        lost = [row["id"] for row in rows if row["master"] not in names]
        entries = await connection.fetchval(_ENTRIES, lost)
        await announce(
            f"kruispunt key new-log-master --after-loss: {current} is lost, {len(lost)} keys to be set aside, "
            f"{entries} messages unreadable; begins afresh under {new.name}"
        )
        await connection.execute(_SET_ASIDE, lost)
        await connection.execute(_AFRESH, EPOCH, new.name, new.wrap(secrets.token_bytes(KEY_BYTES)))
    return Afresh(len(lost), entries)


async def _verify(connection: Any, plain: dict[int, bytes], new: MasterKey) -> None:
    """Reads back what is about to be committed. Raises StorageError, which undoes it."""
    for row in await connection.fetch(_ALL):
        if row["id"] in plain and (
            row["master"] != new.name or new.unwrap(row["wrapped"], row["master"]) != plain[row["id"]]
        ):
            raise StorageError(f"log key {row['id']} does not read back as it was written. Nothing was changed.")


@asynccontextmanager
async def _locked(dsn: str) -> AsyncIterator[Any]:
    """A transaction in which nobody else makes a key."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "kruispunt keys"})
        try:
            async with connection.transaction():
                await connection.execute(_PATIENCE)
                await connection.execute(_LOCK)
                yield connection
        finally:
            await connection.close(timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StorageError(f"the keys of the log were not changed: {type(error).__name__}: {error}") from error
