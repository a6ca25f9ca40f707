"""Distributions: which changes and items are told together, for a civil day or as a round of what is pushed (RP-16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from kruispunt.clock import BELGIUM

if TYPE_CHECKING:
    from asyncpg import Record

    from kruispunt.storage.database import Database

COLUMNS: Final = "id, day, changes_from, changes_upto, items_from, items_upto, at, finished"
_LAST: Final = "SELECT max(day) FROM distribution"
_FIRST_SUBSCRIPTION: Final = "SELECT min(at) FROM subscription WHERE NOT pushed"


@dataclass(frozen=True, slots=True)
class Distribution:
    """What is told together; fixed once, and then the same for ever but for `finished`."""

    id: int
    day: date | None
    """Civil day in Belgium; None: a round of what is pushed."""
    changes_from: int
    """The last `person_change.sequence` that was told before."""
    changes_upto: int
    items_from: int
    """The last `stream_item.sequence` that was told before."""
    items_upto: int
    at: datetime
    """When it was fixed, in UTC; what is made of it tells this as its time."""
    finished: datetime | None


def of_row(row: Record) -> Distribution:
    """A row of COLUMNS."""
    return Distribution(*row)


def begin_of(day: date) -> datetime:
    """The first moment of a civil day in Belgium; days have 23, 24 or 25 hours."""
    return datetime.combine(day, time(), BELGIUM)


def end_of(day: date) -> datetime:
    """The first moment that no longer belongs to a civil day in Belgium."""
    return begin_of(day + timedelta(days=1))


async def last_day(database: Database) -> date | None:
    """The last day that was fixed; None before the first. Raises StorageError."""
    last: date | None = await database.fetchval(_LAST)
    return last


async def days_due(database: Database, today: date) -> tuple[date, ...]:
    """The days that are over and were not fixed, in order, from the first subscription on. Raises StorageError."""
    last = await last_day(database)
    first = None if last is not None else await database.fetchval(_FIRST_SUBSCRIPTION)
    if last is not None:
        start = last + timedelta(days=1)
    elif first is not None:
        start = first.astimezone(BELGIUM).date()
    else:
        return ()
    return tuple(start + timedelta(days=n) for n in range((today - start).days))
