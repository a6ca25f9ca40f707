"""Questions that are asked in the background, again and again while somebody needs the answer (PL-08)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from kruispunt.clock import Clock
from kruispunt.errors import DataError

logger = structlog.get_logger("revocation")

AGAIN_AT_LEAST: Final = timedelta(seconds=5)
AGAIN_AT_MOST: Final = timedelta(hours=1)
"""So late at most a revocation is learnt from a responder, or from a list that is fetched."""
AFTER_FAILURE: Final = timedelta(seconds=30)
FORGET_AFTER: Final = timedelta(days=1)
MOST_QUESTIONS: Final = 2048
AT_ONCE: Final = 16

Ask = Callable[[], Awaitable[datetime]]
"""Asks and keeps the answer; returns until when it may be relied upon. Raises DataError."""


@dataclass(slots=True)
class _Inquiry:
    ask: Ask
    due: datetime
    used: datetime
    task: asyncio.Task[None] | None = None


class Inquiries:
    """By a name of one's own choice. A failed question rests for a while, so that nobody waits for it at each turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, _Inquiry] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def need(self, name: str, ask: Ask) -> None:
        """Somebody relies on this question. What nobody needed for a day is forgotten."""
        now = self._clock.now()
        known = self._known.pop(name, None) or _Inquiry(ask, now, now)
        known.used = now
        self._known[name] = known
        if len(self._known) > MOST_QUESTIONS:
            self._forget(next(iter(self._known)))

    def start_due(self) -> None:
        """Called every few seconds."""
        now = self._clock.now()
        for name, known in list(self._known.items()):
            if now - known.used > FORGET_AFTER:
                self._forget(name)
            else:
                self._start(name, known, now)

    def started(self, names: Iterable[str]) -> set[asyncio.Task[None]]:
        """Starts those of the questions that are due; returns what runs, theirs alone."""
        now = self._clock.now()
        for name in names:
            if name in self._known:
                self._start(name, self._known[name], now)
        return {task for name in names if name in self._known and (task := self._known[name].task) is not None}

    async def close(self) -> None:
        tasks = [known.task for known in self._known.values() if known.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, name: str) -> None:
        known = self._known.pop(name)
        if known.task is not None:
            known.task.cancel()

    def _start(self, name: str, known: _Inquiry, now: datetime) -> None:
        if known.task is None and now >= known.due:
            known.task = asyncio.create_task(self._run(name, known), name="revocation inquiry")

    async def _run(self, name: str, known: _Inquiry) -> None:
        try:
            async with self._slots:
                until = await known.ask()
            now = self._clock.now()
            known.due = now + max(AGAIN_AT_LEAST, min(AGAIN_AT_MOST, (until - now) / 2))
        except DataError as error:
            known.due = self._clock.now() + AFTER_FAILURE
            logger.warning("revocation could not be asked for; trying again", where=error.where, cause=error.what)
        except Exception as error:  # a question that fails in a way nobody thought of must be asked again
            known.due = self._clock.now() + AFTER_FAILURE
            logger.error("revocation could not be asked for", question=name, error=type(error).__name__)
        finally:
            known.task = None
