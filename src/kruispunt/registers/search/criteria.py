"""What may be searched for, and the rules that a request can break (IP-05 to IP-07, IP-12, IP-15).

A broken rule is a value, not an exception: the first one, in the order of document 001's appendix A.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from kruispunt.identifiers.invalid import InvalidIdentifier
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex
from kruispunt.registers.search.births import begins_after, earliest

MOST: Final = 80
"""Results of a search by name: the default of `maximum`, and its limit (IP-12)."""
LONGEST_TOLERANCE: Final = 30
LONGEST_TOLERANCE_IN_MONTHS: Final = 12
FIRST_YEAR: Final = 1800
LONGEST_NAME: Final = 100
"""Characters; ours. No name in a register is longer."""
_NO_LETTERS: Final = frozenset("0123456789 -'’")


class Rule(Enum):
    """A rule of the criteria; the value is the code of the message (appendix B; IP-19 for the first two)."""

    MISSING = "31000007"
    FORM = "MSG00004"
    """Characters, form or value are not among those allowed."""
    TOLERANCE_NEEDED = "31009001"
    FIRST_NAME_NEEDED = "31009002"
    PERIOD_IN_FUTURE = "31009003"
    BIRTH_IN_FUTURE = "31009004"


class Field(Enum):
    """A criterion; the value is its name in messages."""

    LAST_NAME = "Last Name"
    FIRST_NAME = "First Name"
    MIDDLE_NAME = "Middle Name"
    BIRTH_DATE = "Birth Date"
    GENDER = "Gender"
    TOLERANCE = "Tolerance"
    MAXIMUM = "Maximum"


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a request breaks, the criterion that it is about, and what stood there."""

    rule: Rule
    field: Field
    value: str


@dataclass(frozen=True, slots=True)
class NameCriteria:
    """A search by name that breaks no rule: made by `name_criteria`.

    The second first name is read, held to its rules, and ignored (IP-09).
    """

    last_name: str
    birth: PartialDate
    first_name: str | None = None
    sex: Sex | None = None
    """None filters nobody."""
    tolerance: int = 0
    """In days, months or years, after what is known of `birth`."""
    maximum: int = MOST


@dataclass(frozen=True, slots=True)
class AddressCriteria:
    """A search by address. Without a box, everybody of the house is meant."""

    postal_code: str
    street_code: str
    house_number: str
    box: str | None = None


def name_criteria(
    last_name: str,
    birth_date: str,
    first_name: str | None = None,
    middle_name: str | None = None,
    gender: int | None = None,
    tolerance: int | None = None,
    maximum: int | None = None,
    *,
    today: date,
) -> NameCriteria | Breach:
    """The criteria as they stand in a request, or the first rule that they break; an empty text is an absent one.

    `today` is the civil day in Belgium.
    """
    last, first, middle = (_trimmed(name) for name in (last_name, first_name, middle_name))
    breach = (
        _missing(last, Field.LAST_NAME)
        or _missing(_trimmed(birth_date), Field.BIRTH_DATE)
        or _name_breach(last, Field.LAST_NAME)
        or _name_breach(first, Field.FIRST_NAME)
        or _name_breach(middle, Field.MIDDLE_NAME)
        or _range_breach(gender, 0, 2, Field.GENDER)
        or _range_breach(maximum, 1, MOST, Field.MAXIMUM)
    )
    if breach:
        return breach
    birth = _birth(_trimmed(birth_date))
    if birth is None:
        return Breach(Rule.FORM, Field.BIRTH_DATE, birth_date)
    breach = _global_breach(first, middle, birth, tolerance, today)
    if breach:
        return breach
    return NameCriteria(last, birth, first or None, Sex(gender) if gender else None, tolerance or 0, maximum or MOST)


def _global_breach(first: str, middle: str, birth: PartialDate, tolerance: int | None, today: date) -> Breach | None:
    """The rules between fields, in the order of appendix A; 31009004, which it does not have, comes last."""
    if middle and not first:
        return Breach(Rule.FIRST_NAME_NEEDED, Field.FIRST_NAME, "")
    if tolerance is None and not birth.complete:
        return Breach(Rule.TOLERANCE_NEEDED, Field.BIRTH_DATE, str(birth))
    months = bool(birth.month) and not birth.complete
    longest = LONGEST_TOLERANCE_IN_MONTHS if months else LONGEST_TOLERANCE
    breach = _range_breach(tolerance, 0, longest, Field.TOLERANCE)
    if breach:
        return breach
    if begins_after(earliest(birth, tolerance or 0), today):
        return Breach(Rule.PERIOD_IN_FUTURE, Field.BIRTH_DATE, str(birth))
    if begins_after(birth, today):
        return Breach(Rule.BIRTH_IN_FUTURE, Field.BIRTH_DATE, str(birth))
    return None


def _trimmed(text: str | None) -> str:
    return (text or "").strip()


def _missing(text: str, field: Field) -> Breach | None:
    return None if text else Breach(Rule.MISSING, field, "")


def _name_breach(name: str, field: Field) -> Breach | None:
    """A letter at least, and nothing but Latin letters with their marks, digits, blanks, hyphens, apostrophes."""
    if not name:
        return None
    letters = [each for each in unicodedata.normalize("NFC", name) if each not in _NO_LETTERS]
    latin = all(_is_latin(each) or unicodedata.combining(each) for each in letters)
    if latin and any(map(_is_latin, letters)) and len(name) <= LONGEST_NAME:
        return None
    return Breach(Rule.FORM, field, name)


def _is_latin(character: str) -> bool:
    return character.isalpha() and unicodedata.name(character, "").startswith("LATIN ")


def _range_breach(value: int | None, least: int, most: int, field: Field) -> Breach | None:
    return None if value is None or least <= value <= most else Breach(Rule.FORM, field, str(value))


def _birth(text: str) -> PartialDate | None:
    try:
        birth = PartialDate.parse(text)
    except InvalidIdentifier:
        return None
    return birth if birth.year >= FIRST_YEAR else None
