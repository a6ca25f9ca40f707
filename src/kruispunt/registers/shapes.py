"""Forms of single values in the registers: what a text, a code and a date must look like.

They are annotations of the fields in `legal_data.py`. A value that is read from JSON is held against them; one that
is made in Python is trusted.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, PlainValidator, Strict, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from kruispunt.identifiers.invalid import InvalidIdentifier
from kruispunt.identifiers.partial_date import PartialDate

NIS_CODE_FORM: Final = r"^[0-9]{2,5}$"
PLAIN_FORM: Final = (
    r"^[^\p{Z}\p{Cc}\x{FFFE}\x{FFFF}]([^\p{Zl}\p{Zp}\p{Cc}\x{FFFE}\x{FFFF}]*[^\p{Z}\p{Cc}\x{FFFE}\x{FFFF}])?$"
)
"""Of one line, no blank at either end, no character that XML cannot carry."""
LONGEST_TEXT: Final = 100
"""Characters of a free-text address by the contract, and of every other text by our choice."""
LONGEST_NUMBER: Final = 20
"""Characters of a postal code, a house number or a box."""
_FIRST_YEAR: Final = 1000
"""The contract's incomplete dates have a year from 1000 to 2999: what is unknown is the day, or day and month."""


@lru_cache(maxsize=65_536)
def _day(text: str) -> PartialDate:
    try:
        day = PartialDate.parse(text)
    except InvalidIdentifier as error:
        raise PydanticCustomError("day", "{why}", {"why": str(error)}) from None
    if day.year < _FIRST_YEAR:
        raise PydanticCustomError("day", "the year of a date must be known")
    return day


def read_day(value: object) -> PartialDate:
    """A date as JSON has it, `YYYY-MM-DD` with 00 for what is unknown; the same few dates come again and again."""
    if not isinstance(value, str):
        raise PydanticCustomError("day", "must be a date between quotes")
    return _day(value)


def whole(value: object) -> object:
    """A code is a whole number: neither true nor 1.0 is 1."""
    if type(value) is not int:
        raise PydanticCustomError("whole", "must be a whole number")
    return value


Day = Annotated[PartialDate, PlainValidator(read_day), PlainSerializer(lru_cache(maxsize=65_536)(str), return_type=str)]
"""A date that may lack its day, or day and month (SS-05)."""
Text = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_TEXT, pattern=PLAIN_FORM)]
ShortText = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_NUMBER, pattern=PLAIN_FORM)]
NisCode = Annotated[str, StringConstraints(strict=True, pattern=NIS_CODE_FORM)]
"""Digits, leading zeros kept: 2 a reception centre, 3 a country, 4 a street or post, 5 a municipality (IP-17)."""

SsinForm = StringConstraints(strict=True, pattern=r"^[0-9]{11}$")
Flag = Annotated[bool, Strict()]
Whole = BeforeValidator(whole)
# The attribute itself, because `value` is looked up by code: a fifth of the time that writing takes.
Number = PlainSerializer(attrgetter("_value_"), return_type=int)
"""An enumeration of numbers, written as its value."""
Word = PlainSerializer(attrgetter("_value_"), return_type=str)
"""An enumeration of texts, written as its value."""


class Shape:
    """What the values of the registers share: camel case in JSON, and no field that is not known."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )
