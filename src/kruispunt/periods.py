"""Periods of whole days: overlap, merge, set difference.

Closed at the border, as the services write them (begin and end both belong to the period), half-open
inside, as `daterange` keeps them. A missing border is open; nothing is ever counted from 9999-12-31.
Source: RP-01, RP-03, RP-04.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from kruispunt.errors import KruispuntError

_DAY: Final = timedelta(days=1)
_BEFORE_ALL: Final = 0
_AFTER_ALL: Final = date.max.toordinal() + 1


class InvalidPeriod(KruispuntError, ValueError):
    """A period that ends before it begins."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` up to, but without, `until`; None is open. Never empty: raises InvalidPeriod."""

    first: date | None
    until: date | None

    def __post_init__(self) -> None:
        if self.first is not None and self.until is not None and self.until <= self.first:
            raise InvalidPeriod("a period ends on the day of its begin or later")

    @classmethod
    def days(cls, begin: date | None, end: date | None) -> Self:
        """From closed days: both belong to the period, None is open. An end on 9999-12-31, after which no
        day can be written, is an open end. Raises InvalidPeriod.
        """
        return cls(begin, None if end is None or end == date.max else end + _DAY)

    @classmethod
    def day(cls, day: date) -> Self:
        """One day."""
        return cls.days(day, day)

    @property
    def begin(self) -> date | None:
        """The first day; None when the period has always been."""
        return self.first

    @property
    def end(self) -> date | None:
        """The last day; None when the period is open."""
        return None if self.until is None else self.until - _DAY

    def contains(self, day: date) -> bool:
        """Whether the day belongs to the period."""
        return (self.first is None or self.first <= day) and (self.until is None or day < self.until)

    def overlaps(self, other: Period) -> bool:
        """Whether a day belongs to both."""
        return _low(self) < _high(other) and _low(other) < _high(self)

    def touches(self, other: Period) -> bool:
        """Whether both overlap, or adjoin without a day between."""
        return _low(self) <= _high(other) and _low(other) <= _high(self)


ALWAYS: Final = Period(None, None)
"""Every day."""


def merge(periods: Iterable[Period]) -> tuple[Period, ...]:
    """The same days in the fewest periods, in order; none overlap or adjoin (RP-03)."""
    merged: list[Period] = []
    for period in sorted(periods, key=_low):
        if merged and _low(period) <= _high(merged[-1]):
            if _high(period) > _high(merged[-1]):
                merged[-1] = Period(merged[-1].first, period.until)
        else:
            merged.append(period)
    return tuple(merged)


def cut(periods: Iterable[Period], period: Period) -> tuple[Period, ...]:
    """The days of `periods` without those of `period`, in the fewest periods, in order (RP-04)."""
    left: list[Period] = []
    for each in merge(periods):
        if not each.overlaps(period):
            left.append(each)
            continue
        if _low(each) < _low(period):
            left.append(Period(each.first, period.first))
        if _high(period) < _high(each):
            left.append(Period(period.until, each.until))
    return tuple(left)


def cut_all(periods: Iterable[Period], others: Iterable[Period]) -> tuple[Period, ...]:
    """The days of `periods` that are in none of `others`, in the fewest periods, in order."""
    left = merge(periods)
    for each in merge(others):
        left = cut(left, each)
    return left


def common(periods: Iterable[Period], others: Iterable[Period]) -> tuple[Period, ...]:
    """The days that are in `periods` and in `others` both, in the fewest periods, in order."""
    mine = merge(periods)
    return cut_all(mine, cut_all(mine, others))


def _low(period: Period) -> int:
    return _BEFORE_ALL if period.first is None else period.first.toordinal()


def _high(period: Period) -> int:
    return _AFTER_ALL if period.until is None else period.until.toordinal()
