"""Values of XML Schema's simple types, as Python has them. What is read here was validated against a schema before,
unless it is said."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final

_DATE: Final = re.compile(r"\s*(-?)0*([0-9]{4,})-([0-9]{2})-([0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?\s*")

_END_OF_DAY: Final = re.compile(r"T24:00:00(?:\.0+)?")

_UP_TO_999: Final = re.compile(r"[ \t\r\n]*(?:\+?0*([0-9]{1,3})|-0+)[ \t\r\n]*")


def read_boolean(text: str) -> bool:
    """A valid `xsd:boolean`: `true` or `1`, with white space around it or not."""
    return text.strip(" \t\r\n") in ("true", "1")


def read_date(text: str) -> date:
    """The civil day of a valid `xsd:date`, whatever its time zone.

    Years go on for ever in XML Schema, and from 1 to 9999 in Python: a day outside becomes the nearest one inside, so
    that it stays as far away as it can be told.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no xsd:date")
    sign, year, month, day = found.groups()
    if sign or int(year) == 0:
        return date.min
    if len(year) > len("9999"):
        return date.max
    return date(int(year), int(month), int(day))


def read_moment(text: str) -> datetime:
    """A valid `xsd:dateTime`; `24:00:00` is the first moment of the next day. Naive where no zone was told.

    Raises ValueError or OverflowError for one that Python has not, such as those of years outside 1 to 9999.
    """
    text = text.strip(" \t\r\n")
    first, ended = _END_OF_DAY.subn("T00:00:00", text)
    return datetime.fromisoformat(first) + timedelta(days=ended)


def read_integer(text: str) -> int:
    """A valid `xsd:integer` of any kind. The schema admits any number of zeros before it, and Python not; how many
    digits are behind them is for the type to bound.
    """
    text = text.strip(" \t\r\n")
    amount = int(text.lstrip("+-").lstrip("0") or "0")
    return -amount if text.startswith("-") else amount


def up_to_999(text: str) -> int | None:
    """A sector or an institution, in any form that `xsd:integer` and its kinds have (`018`, `+18`, `-0`); None for what
    is none, so that it can be asked before any schema was.
    """
    found = _UP_TO_999.fullmatch(text)
    return None if found is None else int(found[1] or 0)


def plain_number(text: str) -> str:
    """A sector or an institution as keys of organisations have it; what is none stays as it is, and names nobody."""
    number = up_to_999(text)
    return text.strip() if number is None else str(number)
