"""The schedule: what `kruispunt mutations schedule` does turn after turn, and `distribute` once (RP-16, RP-18).

A turn distributes the days that are due, makes again what was asked for and what is lost, takes the notes of those
who collect by SFTP, tells the operator what nobody collects, and removes what is old. It can be broken off anywhere.
Several schedules may run: one of them works, the others pass. Nothing ends it but its operator; the database,
the folder and what the settings name may go away and come back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from kruispunt.clock import BELGIUM
from kruispunt.errors import ConfigurationError, DataError, StorageError
from kruispunt.mutations import rows
from kruispunt.mutations.acknowledged import take
from kruispunt.mutations.distributing import Done, Fix, clean, distribute, restore
from kruispunt.mutations.distributions import days_due
from kruispunt.mutations.writing import Desk, Progress

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

EVERY_SECONDS: Final = 30.0
"""Between two turns."""
_PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds after a turn that failed, the last one again and again."""

logger = structlog.get_logger("mutations")


@dataclass(frozen=True, slots=True)
class Times:
    """When and for how long; the settings of these names."""

    distribution_time: time
    retention_days: int
    notice_days: int

    def told_before(self, now: datetime) -> date:
        """Days before this one are due: a day waits for `distribution_time` of the next one."""
        local = now.astimezone(BELGIUM)
        return local.date() if local.time() >= self.distribution_time else local.date() - timedelta(days=1)

    def oldest(self, now: datetime) -> date:
        """Files of earlier days are removed."""
        return now.astimezone(BELGIUM).date() - timedelta(days=self.retention_days)


@dataclass(slots=True)
class Schedule:
    """One that runs, or waits for another one that does."""

    database: Database
    prepare: Callable[[], Awaitable[tuple[Desk, Fix]]]
    """The desk and the rights of now: keys and access may change from turn to turn. Raises ConfigurationError,
    StorageError.
    """
    times: Times
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    swept: date | None = None
    """The day on which the folder was last looked through."""

    async def run(self) -> None:
        """Turn after turn, until it is cancelled."""
        failed = 0
        while True:
            try:
                await self.turn()
                failed = 0
            except (StorageError, DataError, ConfigurationError) as error:
                logger.warning(
                    "a turn of the schedule failed; it is tried again", code="mutations.turn", why=str(error)
                )
                failed += 1
            await self.sleep(EVERY_SECONDS if not failed else _PAUSES[min(failed, len(_PAUSES)) - 1])

    async def turn(self) -> bool:
        """Everything that is due now; False when another one is at it.

        Raises StorageError, DataError, and what `prepare` raises.
        """
        async with self.database.connection() as connection, rows.alone(connection, patient=False) as taken:
            if not taken:
                return False
        desk, fix = await self.prepare()
        now = desk.now()
        days = await days_due(self.database, self.times.told_before(now))
        sweep = self.swept != now.date()
        written = await turn(self.database, desk, fix, self.times, days, sweep=sweep)
        for done in written.distributed:
            logger.info("a day was distributed", day=str(done.day), files=done.files, records=done.records)
        for done in written.again:
            logger.info("files were made again", day=str(done.day), files=done.files)
        if sweep:
            self.swept = now.date()
        return True


@dataclass(frozen=True, slots=True)
class Written:
    """What became of files in one turn."""

    distributed: tuple[Done, ...]
    again: tuple[Done, ...]
    """Of days that were told before."""


async def turn(
    database: Database,
    desk: Desk,
    fix: Fix,
    times: Times,
    days: Sequence[date],
    *,
    sweep: bool,
    whole: bool = False,
    progress: Progress = lambda *_: None,
) -> Written:
    """Everything that is to be done at a moment; `days` are those that are due.

    `sweep`: look through the folder, `whole`: by the checksum of each file; and remove what is old. The log tells what
    is not returned. Raises StorageError, DataError.
    """
    now = desk.now()
    oldest = times.oldest(now)
    distributed = await distribute(database, desk, fix, days, progress)
    again = await restore(database, desk, oldest if sweep else None, whole=whole, progress=progress)
    noted = await take(database, desk.directory)
    if noted:
        logger.info("files count as collected by their notes", files=noted)
    await tell_uncollected(database, now, times.notice_days)
    removed = await clean(database, desk, oldest) if sweep else 0
    if removed:
        logger.info("old files were removed", files=removed, before=str(oldest))
    return Written(distributed, again)


async def tell_uncollected(database: Database, now: datetime, days: int) -> int:
    """Tell the operator of files that were there so many days and that nobody collected; each once. How many.

    Raises StorageError.
    """
    waiting = await rows.uncollected(database, now - timedelta(days=days))
    for kept in waiting:
        assert kept.made is not None, "what was published was made"
        logger.warning(
            f"a file was not collected in {days} days",
            code="mutations.uncollected",
            subscription=kept.file.code,
            sequence=kept.file.sequence,
            day=str(kept.file.day),
            published=kept.made.published.isoformat(),
        )
    await rows.notice(database, [kept.file for kept in waiting], now)
    return len(waiting)
