"""Writing the security log: durable before the next step, grouped by the running flush (PL-30, PL-06).

One task drains the queue on a connection of its own. While a flush runs the next group collects; there is no timer.
A flush is one statement, so one transaction: the replay keys of new messages and all entries of the group. Entries are
compressed, encrypted and written out by the group too: what that takes, code and tables, stays in the processor's
caches from one entry to the next, and costs half of what it does between the other steps of an exchange.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from kruispunt.clock import Clock, today
from kruispunt.errors import StorageError
from kruispunt.securitylog.entry import Entry, canonical
from kruispunt.securitylog.keys import DataKey, KeyRing
from kruispunt.securitylog.seal import seal
from kruispunt.storage.database import SESSION

GROUP_LIMIT = 256
QUEUE_LIMIT = 10_000
FLUSH_SECONDS = 5.0
COLUMNS = 11
"""Of a row of `log_entry`."""
_SESSION = SESSION | {"application_name": "kruispunt log"}

# A message with a replay key is new when its key was never seen, and when it expires after everything forgotten.
_FLUSH = """
with fresh as (
    insert into replay (key, expires)
    select k, e from unnest($1::bytea[], $2::timestamptz[]) u (k, e)
    where e > (select expires from replay_floor)
    on conflict do nothing
    returning key
), written as (
    insert into log_entry (ticket, kind, at, organisation, legal_context, client_reference, outcome, subjects,
                           canonical, key, payload)
    select ticket, kind, at, organisation, legal_context, client_reference, outcome, subjects::bytea[],
           canonical, key, payload
    from unnest($3::bytea[], $4::uuid[], $5::smallint[], $6::timestamptz[], $7::text[], $8::text[], $9::text[],
                $10::text[], $11::text[], $12::bytea[], $13::bigint[], $14::bytea[])
         u (replay, ticket, kind, at, organisation, legal_context, client_reference, outcome, subjects,
            canonical, key, payload)
    where replay is null or replay in (select key from fresh)
)
select key from fresh
"""

# Keys are forgotten only together with raising the floor below which nothing is let in: a clock that is set back
# cannot bring a forgotten message to life. It rises to what was forgotten and no further: a clock that was far ahead
# for a moment would else shut everybody out until that day.
_FORGET = """
with forgotten as (
    delete from replay where expires <= $1 returning expires
)
update replay_floor set expires = greatest(expires, (select max(expires) from forgotten))
"""
_FORGET_LOCK = "select pg_try_advisory_xact_lock(hashtext('kruispunt.replay'))"


class Replayed(Exception):
    """This message was seen before, or is older than what is remembered."""


@dataclass(frozen=True, slots=True)
class ReplayKey:
    key: bytes
    """Digest of certificate and canonical SignedInfo (PL-06)."""
    expires: datetime


@dataclass(slots=True, eq=False)
class _Waiting:
    entry: Entry
    key: DataKey | None
    """Under which its message is encrypted."""
    replay: ReplayKey | None
    done: asyncio.Future[bool]


class LogWriter:
    """Appends entries; every append returns when its entry is on disk."""

    def __init__(self, dsn: str, keys: KeyRing, clock: Clock) -> None:
        self._dsn = dsn
        self._keys = keys
        self._clock = clock
        self._queue: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.flushes = 0
        """Transactions so far; with `entries` it tells how well groups form."""
        self.entries = 0

    async def open(self) -> None:
        self._connection = await self._connect()
        self._task = asyncio.create_task(self._drain(), name="security log")

    async def close(self) -> None:
        """Writes what is queued, then stops."""
        if self._task is not None:
            self._closing = True
            self._wake.set()
            await self._task
        if self._connection is not None:
            await self._connection.close(timeout=FLUSH_SECONDS)

    async def append(self, entry: Entry, replay: ReplayKey | None = None) -> None:
        """Durable when it returns. Raises Replayed, or StorageError when the log cannot be written."""
        key = await self._key(entry)
        if self._closing or len(self._queue) >= QUEUE_LIMIT:
            raise StorageError("the security log is closed, or cannot keep up")
        waiting = _Waiting(entry, key, replay, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        if not await waiting.done:
            raise Replayed

    async def append_both(self, incoming: Entry, outgoing: Entry) -> None:
        """Both entries of an exchange that ended before it was let in."""
        await asyncio.gather(self.append(incoming), self.append(outgoing))

    async def forget_replays(self, before: datetime) -> None:
        """Drops the replay keys that expired before a moment, and lets nothing older in from then on."""
        async with self._connect_once() as connection, connection.transaction():
            if await connection.fetchval(_FORGET_LOCK):
                await connection.execute(_FORGET, before)

    async def _key(self, entry: Entry) -> DataKey | None:
        """The key of an entry's message, which has its sample if it can have one. Raises StorageError."""
        message = entry.message
        if message is None:
            return None
        key = await self._keys.data_key(today(self._clock), message.owner)
        if not key.sampled and message.usual and message.data:
            await self._keys.learn(key, entry.kind, message)
        return key

    async def _drain(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await asyncio.sleep(0)  # one turn of the loop: who is about to append comes along
                group, self._queue = self._queue[:GROUP_LIMIT], self._queue[GROUP_LIMIT:]
                await self._flush(group)

    async def _flush(self, group: list[_Waiting]) -> None:
        repeated = _repeated(group)
        rows, columns = self._rows([w for w in group if w not in repeated])
        replays = sorted((w.replay.key, w.replay.expires) for w in rows if w.replay is not None)
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
            fresh = await self._connection.fetch(
                _FLUSH,
                [key for key, _ in replays],
                [expires for _, expires in replays],
                [None if w.replay is None else w.replay.key for w in rows],
                *columns,
            )
        except Exception as error:  # whatever happened: nobody of this group is logged, and the task must go on
            self._give_up(group, error)
            return
        self.flushes += 1
        self.entries += len(rows)
        known = {record["key"] for record in fresh}
        for waiting in group:
            if not waiting.done.done():
                again = waiting in repeated
                waiting.done.set_result(not again and (waiting.replay is None or waiting.replay.key in known))

    def _rows(self, group: list[_Waiting]) -> tuple[list[_Waiting], list[tuple[Any, ...]]]:
        """Those of a group whose entries could be written out, and the columns of their rows.

        An entry that cannot be is the trouble of its own exchange, and of no other.
        """
        written: list[_Waiting] = []
        rows: list[tuple[Any, ...]] = []
        for waiting in group:
            try:
                rows.append(_row(waiting.entry, waiting.key, self._keys))
            except Exception as error:
                if not waiting.done.done():
                    waiting.done.set_exception(error)
            else:
                written.append(waiting)
        return written, list(zip(*rows, strict=True)) if rows else [()] * COLUMNS

    def _give_up(self, group: list[_Waiting], error: Exception) -> None:
        """Nobody in the group is answered as logged; the next group gets a new connection.

        A database that hangs would keep those behind waiting as long again, one group after the other: they fail too.
        """
        if isinstance(error, TimeoutError):
            group, self._queue = [*group, *self._queue], []
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        for waiting in group:
            if not waiting.done.done():
                refusal = StorageError(f"the security log cannot be written: {error}")
                refusal.__cause__ = error
                waiting.done.set_exception(refusal)

    async def _connect(self) -> asyncpg.Connection[Any]:
        return await asyncpg.connect(
            self._dsn, timeout=FLUSH_SECONDS, command_timeout=FLUSH_SECONDS, server_settings=_SESSION
        )

    @contextlib.asynccontextmanager
    async def _connect_once(self) -> Any:
        connection = await self._connect()
        try:
            yield connection
        finally:
            await connection.close()


def _row(entry: Entry, data_key: DataKey | None, keys: KeyRing) -> tuple[Any, ...]:
    """The values of `log_entry`, in the order of `_FLUSH`."""
    subjects = [keys.digest(ssin) for ssin in dict.fromkeys(entry.subjects)]
    key, payload = None, None
    if entry.message is not None and data_key is not None:
        key, payload = data_key.id, seal(entry.message, data_key, entry.ticket, entry.kind)
    return (
        entry.ticket,
        int(entry.kind),
        entry.at,
        entry.organisation,
        entry.legal_context,
        entry.client_reference,
        entry.outcome,
        "{" + ",".join([f'"\\\\x{s.hex()}"' for s in subjects]) + "}",
        canonical(entry, subjects, payload, key),
        key,
        payload,
    )


def _repeated(group: list[_Waiting]) -> list[_Waiting]:
    """Those of a group whose message stands in it already: one statement would let both through."""
    seen: set[bytes] = set()
    again: list[_Waiting] = []
    for waiting in group:
        if waiting.replay is not None:
            if waiting.replay.key in seen:
                again.append(waiting)
            seen.add(waiting.replay.key)
    return again


def forget_before(now: datetime) -> datetime:
    """Keys are kept well beyond the moment when the timestamp alone refuses the message: servers' clocks differ."""
    return now - timedelta(minutes=10)
