"""Birth dates under a tolerance (IP-07, IP-08), as ranges of the numbers YYYYMMDD that `keys.py` makes.

A date of which the day is asked for has a tolerance in days, a month in months, a year in years. Of the asked date
only the significant part is compared, so a month takes in everybody of that month, also without a known day.

A birth date that the register does not know in full sorts before its first day: somebody of 1985-07-00 is born
between 30 June and 1 July 1985 for every comparison in days. That is a choice of this project; the source is silent.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.registers.keys import birth_number


class Births(NamedTuple):
    """Both ends belong to it."""

    low: int
    high: int


def births(asked: PartialDate, tolerance: int) -> Births:
    """Who is born on the asked date, give or take `tolerance` days, months or years."""
    if asked.day:
        low, high = earliest(asked, tolerance), earliest(asked, -tolerance)
        return Births(birth_number(low), birth_number(high))
    if asked.month:
        low, high = earliest(asked, tolerance), earliest(asked, -tolerance)
        return Births(birth_number(low), birth_number(high) + 99)
    return Births((asked.year - tolerance) * 10_000, (asked.year + tolerance) * 10_000 + 9_999)


def earliest(asked: PartialDate, tolerance: int) -> PartialDate:
    """The asked date, less `tolerance` of its own unit; as exact as the asked one."""
    if asked.day:
        return PartialDate.of(date(asked.year, asked.month, asked.day) - timedelta(days=tolerance))
    if asked.month:
        year, month = divmod(asked.year * 12 + asked.month - 1 - tolerance, 12)
        return PartialDate(year, month + 1)
    return PartialDate(asked.year - tolerance)


def begins_after(asked: PartialDate, today: date) -> bool:
    """Whether the whole of the asked day, month or year lies in the future."""
    known = (asked.year, asked.month, asked.day)
    return known > (today.year, today.month * bool(asked.month), today.day * bool(asked.day))
