"""Files that nobody collects, and days that nobody was told: what an operator should notice (RP-18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from kruispunt.clock import BELGIUM
from kruispunt.mutations.distributions import days_due
from kruispunt.storage.database import Database

SHOWN: Final = 10
"""Subscriptions that are named."""

_FILES: Final = """
    select count(*) waiting, count(*) filter (where published < $1) overdue
    from mutation_file where collected is null and published is not null
"""
_OVERDUE: Final = """
    select code, min(sequence) first, count(*) files, min(published) since
    from mutation_file where collected is null and published < $1
    group by code order by min(published), code limit $2
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How it stands at a moment."""

    files: int
    """That are there and were not collected."""
    overdue: int
    """Of these, for longer than the operator allows."""
    days: tuple[date, ...]
    """That are over and were not distributed, in order."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A subscription whose files stay where they are."""

    code: str
    first: int
    """Sequence number of the first of them."""
    files: int
    since: datetime


async def look(database: Database, now: datetime, notice: timedelta) -> Waiting:
    """Raises StorageError."""
    row = await database.fetchrow(_FILES, now - notice)
    assert row is not None
    days = await days_due(database, now.astimezone(BELGIUM).date())
    return Waiting(row["waiting"], row["overdue"], days)


async def overdue(database: Database, now: datetime, notice: timedelta) -> tuple[Overdue, ...]:
    """The `SHOWN` subscriptions that wait longest. Raises StorageError."""
    rows = await database.fetch(_OVERDUE, now - notice, SHOWN)
    return tuple(Overdue(r["code"], r["first"], r["files"], r["since"]) for r in rows)
