"""Fields of a line of an import file, by what they may hold. Every function raises DataError, which names the field and
holds no value of the line (`jsonlines.py` reads the lines themselves).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from kruispunt.errors import DataError
from kruispunt.registers.jsonlines import Fields, optional_day, optional_text
from kruispunt.xml.build import is_carriable

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

# Written out, never as a number of JSON: that one is a floating-point number to most programs. No minus before
# nought: a database does not keep it.
_DECIMAL: Final = re.compile(r"(?!-0(?:\.0*)?\Z)-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,6})?")


def within(place: str, value: object, read: Callable[[Fields], T]) -> T:
    """What `read` makes of an object; its complaints are told with the place."""
    if not isinstance(value, dict):
        raise DataError(f"{place}: must be an object between {{ and }}")
    try:
        return read(value)
    except DataError as error:
        raise DataError(f"{place}: {error.what}") from None


def optional_object(fields: Fields, name: str, read: Callable[[Fields], T]) -> T | None:
    """What `read` makes of a field that is an object; None when it is null or absent."""
    value = fields.get(name)
    return None if value is None else within(name, value, read)


def required_object(fields: Fields, name: str, read: Callable[[Fields], T]) -> T:
    """The same of a field that must be there."""
    return _there(name, optional_object(fields, name, read))


def optional_entries(fields: Fields, name: str, read: Callable[[Fields], T], *, most: int) -> tuple[T, ...] | None:
    """What `read` makes of each object of a list, in their order; None when the field is null or absent."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise DataError(f"{name}: must be a list between [ and ]")
    if len(value) > most:
        raise DataError(f"{name}: holds more than {most} entries")
    return tuple(within(f"{name} {number}", item, read) for number, item in enumerate(value, 1))


def bounded(fields: Fields, name: str, longest: int, *, shortest: int = 0) -> str | None:
    """A text of so many characters, all of which XML can carry; None when it is null or absent."""
    value = optional_text(fields, name)
    if value is None:
        return None
    if len(value) < shortest:
        raise DataError(f"{name}: shorter than {shortest} character{'s' if shortest > 1 else ''}")
    if len(value) > longest:
        raise DataError(f"{name}: longer than {longest} characters")
    if not is_carriable(value):
        raise DataError(f"{name}: holds a character that XML cannot carry, such as a control character")
    return value


def required_bounded(fields: Fields, name: str, longest: int) -> str:
    """The same of a text that must be there and not be empty."""
    return _there(name, bounded(fields, name, longest, shortest=1))


def optional_digits(fields: Fields, name: str, count: int) -> str | None:
    """A text of exactly so many digits."""
    value = optional_text(fields, name)
    if value is None or (len(value) == count and value.isascii() and value.isdigit()):
        return value
    raise DataError(f"{name}: must be {count} digits between quotes")


def required_digits(fields: Fields, name: str, count: int) -> str:
    """The same of a text that must be there."""
    return _there(name, optional_digits(fields, name, count))


def required_day(fields: Fields, name: str) -> date:
    """A calendar day, `YYYY-MM-DD`, that must be there."""
    return _there(name, optional_day(fields, name))


def optional_flag(fields: Fields, name: str) -> bool | None:
    """True or false; None when it is null or absent."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise DataError(f"{name}: must be true or false")


def required_flag(fields: Fields, name: str) -> bool:
    """True or false, and there."""
    return _there(name, optional_flag(fields, name))


def optional_whole(fields: Fields, name: str, lowest: int, highest: int) -> int | None:
    """A whole number within bounds, both of which belong to them; None when it is null or absent."""
    value = fields.get(name)
    if value is None:
        return None
    # To Python true is 1: a flag in the place of a number is a mistake.
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return value
    raise DataError(f"{name}: must be a whole number from {lowest} to {highest}")


def required_whole(fields: Fields, name: str, lowest: int, highest: int) -> int:
    """The same of a number that must be there."""
    return _there(name, optional_whole(fields, name, lowest, highest))


def optional_decimal(
    fields: Fields, name: str, *, digits: int, fraction: int, lowest: int | None = None, highest: int | None = None
) -> Decimal | None:
    """A decimal number, written as text such as `"812.5"`; None when it is null or absent.

    `digits` bounds all digits that count, `fraction` those after the point. What was written is kept: `"1.50"` stays
    that.
    """
    value = optional_text(fields, name)
    if value is None:
        return None
    if _DECIMAL.fullmatch(value) is None or len(value.partition(".")[2]) > fraction:
        raise DataError(f'{name}: must be a number between quotes such as "12.5", with {fraction} decimals at most')
    number = Decimal(value)
    if len(value.replace("-", "").replace(".", "").lstrip("0")) > digits:
        raise DataError(f"{name}: has more than {digits} digits")
    if (lowest is not None and number < lowest) or (highest is not None and number > highest):
        raise DataError(f"{name}: must lie between {lowest} and {highest}")
    return number


def optional_choice(fields: Fields, name: str, choices: type[E]) -> E | None:
    """One of the texts of an enumeration; None when it is null or absent."""
    value = optional_text(fields, name)
    try:
        return None if value is None else choices(value)
    except ValueError:
        raise DataError(f"{name}: must be one of {', '.join(choices)}") from None


def required_choice(fields: Fields, name: str, choices: type[E]) -> E:
    """The same of a text that must be there."""
    return _there(name, optional_choice(fields, name, choices))


def _there(name: str, value: T | None) -> T:
    if value is None:
        raise DataError(f"{name}: missing")
    return value
