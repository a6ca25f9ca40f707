"""Pushing, turn by turn: fix a round when something changed, publish what waits, learn what was collected (RP-15).

One process does it at a time; others wait, and take over when it ends. That spares work and is not needed to be right:
two would write each piece once (the distribution is locked) and publish in order (`lanes.py`).

The database, NATS or a certificate going away ends a turn. Everything that is known stands in the database, so the next
turn, with new connections, goes on there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from kruispunt.errors import ConfigurationError, MessagingError, StorageError

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection, Database

SHORTEST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds between two attempts while the database or NATS is away."""
_TRY: Final = "SELECT pg_try_advisory_lock(hashtextextended('kruispunt.mutations.push', 0))"
_LEAVE: Final = "SELECT pg_advisory_unlock(hashtextextended('kruispunt.mutations.push', 0))"
_ALIVE: Final = "SELECT 1"
_PATIENCE_SECONDS: Final = 10.0

logger = structlog.get_logger("push")

Wait = Callable[[float], Awaitable[bool]]
"""Waits so many seconds; True, at once, when it is time to end."""


class Publishes(Protocol):
    async def publish(self) -> None: ...
    async def collect(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Pusher:
    """What is needed to push."""

    database: Database
    publisher: Callable[[], AbstractAsyncContextManager[Publishes]]
    """Over a connection of its own. Raises MessagingError, and ConfigurationError while a certificate is away."""
    write_rounds: Callable[[], Awaitable[int]]
    """Fixes what changed and writes it into the outbox; how many pieces."""
    wait: Wait
    every: float
    """Seconds between two turns."""

    async def run(self) -> None:
        """Until it is time to end. What goes away is waited for."""
        pause = SHORTEST_PAUSE
        while True:
            try:
                async with aclosing(self._turns()) as turns:
                    async for _ in turns:
                        pause = SHORTEST_PAUSE
            except (StorageError, MessagingError, ConfigurationError, TimeoutError) as error:
                logger.warning("nothing is pushed for now", code="push.away", why=str(error), again_in=pause)
            else:
                return
            if await self.wait(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE)

    async def once(self) -> None:
        """One turn. Raises StorageError, MessagingError, ConfigurationError."""
        async with aclosing(self._turns()) as turns:
            async for _ in turns:
                return

    async def _turns(self) -> AsyncGenerator[None, None]:
        async with self._alone() as connection:
            if connection is None:
                return
            async with self.publisher() as publisher:
                while True:
                    await connection.execute(_ALIVE, timeout=_PATIENCE_SECONDS)
                    # What waits goes out, whatever becomes of the next round.
                    await publisher.publish()
                    if await self.write_rounds():
                        await publisher.publish()
                    await publisher.collect()
                    yield
                    if await self.wait(self.every):
                        return

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Connection | None]:
        """A connection that holds the lock of pushing; None when it is time to end before that."""
        async with self.database.connection() as connection:
            waits = False
            while not await connection.fetchval(_TRY, timeout=_PATIENCE_SECONDS):
                if not waits:
                    logger.info("another process pushes; this one waits")
                waits = True
                if await self.wait(self.every):
                    yield None
                    return
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    await connection.execute(_LEAVE, timeout=_PATIENCE_SECONDS)
