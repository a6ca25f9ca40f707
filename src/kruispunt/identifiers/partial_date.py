"""Dates of which the day, the month, or everything may be unknown.

Written `YYYY-MM-DD`, with 00 for each unknown part: `1985-07-30`, `1985-07-00`, `1985-00-00`, `0000-00-00`.
What is unknown is unknown from some part on: a known day in an unknown month is refused (SS-05). Years end
at 2999, as they do in CommonV3's IncompleteDateType.

A date is its own text: texts of this form are in the order of the dates, compare and hash without a line of Python,
and are what JSON and XML hold.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, Self

from kruispunt.identifiers.invalid import InvalidIdentifier

_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LAST_YEAR: Final = 2999


class InvalidPartialDate(InvalidIdentifier):
    """A text or three numbers that are no date, not even an incomplete one."""


class PartialDate(str):
    """A date with 0 for each unknown part; an unknown part sorts before every known one."""

    __slots__ = ()

    def __new__(cls, year: int, month: int = 0, day: int = 0) -> Self:
        _hold_to_calendar(year, month, day)
        return str.__new__(cls, f"{year:04d}-{month:02d}-{day:02d}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM-DD`, with 00 for unknown parts. Raises InvalidPartialDate."""
        if _FORM.fullmatch(text) is None:
            raise InvalidPartialDate("a date is written YYYY-MM-DD, with 00 for what is unknown")
        if not _is_complete(text):
            _hold_to_calendar(*map(int, text.split("-")))
        return str.__new__(cls, text)

    @classmethod
    def of(cls, day: date) -> Self:
        """The complete date of a calendar day. Raises InvalidPartialDate beyond the year 2999."""
        return cls(day.year, day.month, day.day)

    @property
    def year(self) -> int:
        """0 when it is unknown, and so all else."""
        return int(self[:4])

    @property
    def month(self) -> int:
        """0 when it is unknown."""
        return int(self[5:7])

    @property
    def day(self) -> int:
        """0 when it is unknown."""
        return int(self[8:])

    @property
    def complete(self) -> bool:
        """Whether year, month and day are all known."""
        return self.day != 0

    def __repr__(self) -> str:
        return f"PartialDate({self.year}, {self.month}, {self.day})"

    def __getnewargs__(self) -> tuple[int, int, int]:  # type: ignore[override]
        # For copies: the text is made of the parts.
        return self.year, self.month, self.day


def _is_complete(text: str) -> bool:
    """Whether a text of this form is a day of the calendar, as most are; the others are looked at more closely."""
    try:
        return date.fromisoformat(text).year <= _LAST_YEAR
    except ValueError:
        return False


def _hold_to_calendar(year: int, month: int, day: int) -> None:
    """Raises InvalidPartialDate."""
    if not 0 <= year <= _LAST_YEAR:
        raise InvalidPartialDate(f"the year of a date lies between 0000 and {_LAST_YEAR}")
    if month and not year:
        raise InvalidPartialDate("a date whose year is unknown has no month: write 0000-00-00")
    if day and not month:
        raise InvalidPartialDate("a date whose month is unknown has no day: write 00 for both")
    try:
        date(year or 1, month or 1, day or 1)
    except ValueError:
        raise InvalidPartialDate("the date is not in the calendar") from None
