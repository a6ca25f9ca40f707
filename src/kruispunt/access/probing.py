"""Who asks for number upon number to learn which exist is noticed, and slowed (PL-13, PL-16).

Refused numbers are counted per application, in this worker, over a window. Beyond the threshold each request of that
application waits before it is served, the longer the more was refused. A few may wait at a time; more are refused, so
that asking in parallel gains nothing. When the refusals have left the window it is all forgotten.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil

SLOTS = 10
"""The window moves on in as many steps."""
WAITING = 4
"""Requests of one application that a worker holds up at the same time."""
STEPS = 100
"""Refusals beyond the threshold after which the delay is the longest."""


@dataclass(slots=True)
class _Client:
    slots: deque[tuple[int, int]] = field(default_factory=deque)
    """Number of the slot, and refusals in it; the oldest first."""
    count: int = 0
    noticed: bool = False
    waiting: int = 0


class Probing:
    """Counts and holds up; `refusals` is the threshold of a server, shared by its `workers`.

    `window` and `longest` are in seconds. Time is asked of `monotonic` and spent by `sleep`.
    """

    def __init__(
        self,
        refusals: int,
        window: float,
        longest: float,
        workers: int = 1,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._threshold = ceil(refusals / workers)
        self._slot = window / SLOTS
        self._longest = longest
        self._monotonic = monotonic
        self._sleep = sleep
        self._clients: dict[str, _Client] = {}
        """By URN; only of applications of which something counts, or waits."""

    def refused(self, urn: str) -> int | None:
        """A number that `urn` asked for was refused. The refusals in the window when it is noticed by this, else None.

        It is noticed once, and again only after it fell below the threshold.
        """
        client = self._clients.setdefault(urn, _Client())
        now = self._forget(client)
        if client.slots and client.slots[-1][0] == now:
            client.slots[-1] = (now, client.slots[-1][1] + 1)
        else:
            client.slots.append((now, 1))
        client.count += 1
        if client.noticed or client.count < self._threshold:
            return None
        client.noticed = True
        return client.count

    def delay(self, urn: str) -> float:
        """Seconds that a request of `urn` has to wait now."""
        client = self._clients.get(urn)
        if client is None:
            return 0.0
        self._forget(client)
        if client.count == 0 and client.waiting == 0:
            del self._clients[urn]
        beyond = client.count - self._threshold + 1
        return self._longest * min(1.0, max(0, beyond) / STEPS)

    async def hold(self, urn: str, seconds: float) -> bool:
        """Waits; False, at once, when enough requests of `urn` wait already."""
        client = self._clients.setdefault(urn, _Client())
        if client.waiting >= WAITING:
            return False
        client.waiting += 1
        try:
            await self._sleep(seconds)
        finally:
            client.waiting -= 1
        return True

    @property
    def remembered(self) -> int:
        """Applications that something is known of."""
        return len(self._clients)

    def _forget(self, client: _Client) -> int:
        """Drops what has left the window; the number of the present slot."""
        now = int(self._monotonic() // self._slot)
        while client.slots and client.slots[0][0] <= now - SLOTS:
            client.count -= client.slots.popleft()[1]
        if client.count < self._threshold:
            client.noticed = False
        return now
