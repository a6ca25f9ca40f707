"""Time is passed in: the same clock gives the same bytes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

BELGIUM = ZoneInfo("Europe/Brussels")


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is set: for tests, examples and reproducible files."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def today(clock: Clock) -> date:
    """The civil day in Belgium, by which periods of the repertory are read."""
    return clock.now().astimezone(BELGIUM).date()


def to_text(moment: datetime) -> str:
    """`2015-10-20T14:09:24.653Z`: UTC with milliseconds, the form that CBSS uses."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat("T", "milliseconds")[:-6] + "Z"
