"""How many requests may be on their way to one supplier, and how many may wait for that: both bounded (PL-35)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class NoSlot(Exception):
    """Too many wait already, or the wait took too long."""


class Slots:
    """`running` at once; `waiting` more wait for `seconds` at most, first come first served."""

    def __init__(self, running: int, waiting: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(running)
        self._most_waiting = waiting
        self._seconds = seconds
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """A slot for the length of a `with`; raises NoSlot."""
        await self._take()
        try:
            yield
        finally:
            self._free.release()

    async def _take(self) -> None:
        if not self._free.locked():
            await self._free.acquire()  # returns without waiting
            return
        if self._waiting >= self._most_waiting:
            raise NoSlot
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError:
            raise NoSlot from None
        finally:
            self._waiting -= 1
