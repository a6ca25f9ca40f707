"""The agreed volume of each application: requests per civil day, and per second (PL-16).

The day is counted in one row of `quota_use`, over all workers of all servers. A worker takes a block of requests from
it by one statement, and counts the block down in memory. The row says what was handed out, not what was used:

- never more than the volume is let in, whatever workers do at the same time, and however they end;
- a worker that ends, or that gets no more requests of a client, keeps what is left of its block. So the last few
  requests of a day may be refused: at most what the workers hold, `BLOCK - 1` each. Blocks become smaller towards the
  end of the volume, down to a single request.

The pace is a bucket of each worker, of its share of the requests per second: nothing is asked of the database.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from math import ceil

from kruispunt.access.model import Volume
from kruispunt.errors import StorageError
from kruispunt.storage.database import Database

BLOCK = 64
"""Requests that a worker takes at once."""
SHARES = 32
"""A block is at most this part of what is left of the day."""
DAYS = 2
"""Days of which a worker keeps a block: clocks may go back and forth over midnight."""

PER_DAY, PER_SECOND = "day", "second"

# One statement, atomic by the row's lock: `granted` tells how much of what was asked this very statement got.
_TAKE = """
insert into quota_use as q (urn, day, used, granted)
values ($1, $2, least($3::bigint, greatest(1, $4::bigint / $5::bigint), $4::bigint),
        least($3::bigint, greatest(1, $4::bigint / $5::bigint), $4::bigint))
on conflict (urn, day) do update set
    used = q.used + greatest(0, least($3, greatest(1, ($4 - q.used) / $5), $4 - q.used)),
    granted = greatest(0, least($3, greatest(1, ($4 - q.used) / $5), $4 - q.used))
returning granted
"""
_SIGNAL = "insert into quota_signal (urn, day, kind) values ($1, $2, $3) on conflict do nothing returning true"


@dataclass(slots=True)
class _Lease:
    left: int = 0
    limit: int = 0
    """The volume by which `left` was taken."""
    exhausted: bool = False


@dataclass(slots=True)
class _Client:
    tokens: float
    filled: float
    """Moment of `tokens`, in seconds of the monotonic clock."""
    leases: OrderedDict[date, _Lease] = field(default_factory=OrderedDict)
    told: OrderedDict[tuple[date, str], None] = field(default_factory=OrderedDict)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Volumes:
    """What this worker may still let in of each application; `workers` of this server share the pace."""

    def __init__(self, database: Database, workers: int = 1, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._workers = workers
        self._monotonic = monotonic
        self._clients: dict[str, _Client] = {}
        """By URN; only of registered applications that have a volume."""

    async def exceeded(self, urn: str, volume: Volume, day: date) -> str | None:
        """Counts one request: None when it may go on, else what it exceeds. Raises StorageError."""
        client = self._clients.get(urn)
        if client is None:
            client = self._clients[urn] = _Client(self._share(volume), self._monotonic())
        if volume.burst is not None and not self._in_pace(client, volume):
            return PER_SECOND
        return None if await self._take(urn, client, volume, day) else PER_DAY

    async def first(self, urn: str, day: date, kind: str) -> bool:
        """Whether this is the first time that this is told, of this client and day, by any worker of any server."""
        told = self._clients[urn].told
        if (day, kind) in told:
            return False
        told[day, kind] = None
        if len(told) > 2 * DAYS:
            told.popitem(last=False)
        try:
            return await self._database.fetchval(_SIGNAL, urn, day, kind) is not None
        except StorageError:
            return True  # told twice is better than never

    def _share(self, volume: Volume) -> float:
        """Requests per second of this worker, and the most that it lets in at once: at least one."""
        return float(ceil((volume.burst or 0) / self._workers))

    def _in_pace(self, client: _Client, volume: Volume) -> bool:
        now, share = self._monotonic(), self._share(volume)
        client.tokens = min(share, client.tokens + max(0.0, now - client.filled) * share)
        client.filled = now
        if client.tokens < 1:
            return False
        client.tokens -= 1
        return True

    async def _take(self, urn: str, client: _Client, volume: Volume, day: date) -> bool:
        if _count_down(client, volume, day):
            return True
        async with client.asking:  # who waited looks again: the one before may have taken a block for all
            if _count_down(client, volume, day):
                return True
            lease = _lease(client, day)
            if lease.exhausted and volume.per_day <= lease.limit:
                return False
            granted: int = await self._database.fetchval(_TAKE, urn, day, BLOCK, volume.per_day, SHARES)
            lease.limit, lease.exhausted = volume.per_day, granted == 0
            lease.left = max(0, granted - 1)
            return granted > 0


def _lease(client: _Client, day: date) -> _Lease:
    lease = client.leases.get(day)
    if lease is None:
        lease = client.leases[day] = _Lease()
        if len(client.leases) > DAYS:
            client.leases.popitem(last=False)
    return lease


def _count_down(client: _Client, volume: Volume, day: date) -> bool:
    lease = _lease(client, day)
    if lease.limit > volume.per_day:  # lowered meanwhile: the row has the last word
        lease.left, lease.exhausted = 0, False
    if lease.left == 0:
        return False
    lease.left -= 1
    return True
