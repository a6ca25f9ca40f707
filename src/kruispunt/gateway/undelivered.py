"""Metrics about files of subscriptions: how many wait, and how many days nobody was told (RP-18, PL-40).

The supervisor follows them, as it does the ends of certificates: a worker each would tell the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kruispunt.clock import Clock, SystemClock
from kruispunt.errors import StorageError
from kruispunt.mutations.waiting import Waiting, look
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

LOOK_EVERY_SECONDS: Final = 60.0
_FIGURES: Final = (
    ("files_waiting", "Files of subscriptions that were not collected yet"),
    ("files_overdue", "Of these, for longer than mutation_notice_days"),
    ("days_due", "Days that are over and were not distributed"),
)

logger = structlog.get_logger("mutations")


class Undelivered(Collector):
    """What is known now; while the database is away, what was known before."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.known: Waiting | None = None

    def collect(self) -> Iterator[Metric]:
        known = self.known
        values = [None] * 3 if known is None else [known.files, known.overdue, len(known.days)]
        for (name, text), value in zip(_FIGURES, values, strict=True):
            family = GaugeMetricFamily(f"kruispunt_mutation_{name}", text)
            if value is not None:
                family.add_metric([], value)
            yield family

    async def follow(self, settings: Settings, dsn: str) -> None:
        """Goes on until it is cancelled; ends at once where there is no folder for files."""
        notice = timedelta(days=settings.mutation_notice_days)
        while settings.mutation_dir is not None:
            try:
                await self._look(dsn, notice)
            except Exception as error:  # whatever it is, the next look may succeed, and this task has nobody else
                if not isinstance(error, StorageError):
                    logger.error("files that wait could not be counted", cause=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _look(self, dsn: str, notice: timedelta) -> None:
        database = await Database.open(dsn, size=1)
        try:
            self.known = await look(database, self._clock.now(), notice)
        finally:
            await database.close()
