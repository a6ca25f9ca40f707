"""SSIN: the social security identification number of a person (INSZ, NISS).

Eleven digits `YYMMDD CCC KK`, kept as text because leading zeros count (SS-01, SS-02):

- `YYMMDD`, the birth date. A month of 00, with any day, says that month and day are unknown or that the
  counter of the date ran out; a day of 00 in a real month says that the day is unknown (SS-05). Every other
  day must exist in that year, and the date must not lie in the future. `000001` stands for a birth date
  that is wholly unknown.
- The month tells who issued the number (SS-06). As it is: a national number. Raised by 40: a BIS number,
  sex known. Raised by 20: a BIS number, sex unknown. Raised by 60: the *test band*, which CommonV3 admits
  since revision 3.3-215 and which can never be a person's. It counts as a national number and is refused
  unless the caller admits it.
- `CCC`, the counter of the day: odd for a man, even for a woman (SS-03). The National Register never issues
  000 and 999; both occur in BIS numbers. What a BIS number says of birth date and sex is an indication
  only.
- `KK`, the check number: 97 - (first nine digits mod 97), never 00. For people born from 2000 on a 2 is put
  before the nine digits (SS-04). Adding two thousand million always changes the remainder, because 97 is a
  prime that does not divide it: a number is valid under one century at most, and the century follows from
  the check.

Form and structure are told apart (SS-10): what `is_well_formed` refuses, the schema refuses too and the
request is invalid (MSG00004); what only `validate` refuses is an invalid number (MSG00011).

Sources: document 001; the patterns of CommonV3's SsinType; the instructions of the National Register; the
royal decree on BIS numbers. Treating the band as national numbers is a choice of this project.
"""

from __future__ import annotations

import re
from calendar import isleap
from datetime import date
from enum import Enum
from typing import Final, NewType

from kruispunt.identifiers.invalid import InvalidIdentifier
from kruispunt.identifiers.partial_date import PartialDate

Ssin = NewType("Ssin", str)
"""A SSIN that was validated."""

_FORM: Final = re.compile(
    r"[0-9]{2}"
    r"(?:(?:0[0-9]|1[0-2])(?=[0-9]{2}(?!000))|[246][0-9]|[357][0-2])"
    r"(?:[0-2][0-9]|3[01])"
    r"[0-9]{3}"
    r"(?:[0-8][0-9]|9[0-7])"
)
_DAYS: Final = (31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month of an ordinary year; month 00 admits every day that the form admits."""
_FEBRUARY: Final = 2
_BIS_SEX_UNKNOWN, _BIS_SEX_KNOWN, _TEST_BAND = 20, 40, 60
_FIRST_YEAR, _TURN, _LAST_YEAR = 1900, 2000, 2099
_LARGEST: Final = 99_999_999_999
_RARE_COUNTERS: Final = (0, 999)
_WHOLLY_UNKNOWN: Final = "01"
"""The day that, with year and month 00, stands for a birth date of which nothing is known."""


class SsinRule(Enum):
    """The rule that a number breaks."""

    FORM = "form"
    TEST_BAND = "test-band"
    CHECK = "check"
    DATE = "date"
    FUTURE = "future"
    COUNTER = "counter"


_WHY: Final = {
    SsinRule.FORM: "not eleven digits that follow the pattern of a SSIN",
    SsinRule.TEST_BAND: "a number of the test band (month raised by 60), which is not admitted here",
    SsinRule.CHECK: "the check number is wrong",
    SsinRule.DATE: "the birth date does not exist",
    SsinRule.FUTURE: "the birth date lies in the future",
    SsinRule.COUNTER: "counters 000 and 999 are not issued to national numbers",
}


class InvalidSsin(InvalidIdentifier):
    """A text that is no SSIN; `rule` says which rule it breaks. The message does not hold the number."""

    def __init__(self, rule: SsinRule) -> None:
        super().__init__(_WHY[rule])
        self.rule = rule


class Kind(Enum):
    """Who issued a number; those of the test band count as national (SS-06)."""

    NATIONAL = "national"
    BIS = "bis"


class Sex(Enum):
    """Sex, by the code that the services use."""

    MALE = 1
    FEMALE = 2


def is_well_formed(text: str) -> bool:
    """Whether CommonV3's SsinType (revision 3.3-215) admits the text: no more than its form (SS-10)."""
    return _FORM.fullmatch(text) is not None


def validate(text: str, *, today: date, test_band: bool = False) -> Ssin:
    """The text as a SSIN, if it follows every rule (SS-01 to SS-06).

    `today` is the civil day in Belgium; `test_band` admits numbers that are no person's, never so in
    production. Raises InvalidSsin.
    """
    if _FORM.fullmatch(text) is None:
        raise InvalidSsin(SsinRule.FORM)
    raised = int(text[2:4])
    if raised >= _TEST_BAND and not test_band:
        raise InvalidSsin(SsinRule.TEST_BAND)
    year = _birth_year(text)
    if year is None:
        raise InvalidSsin(SsinRule.CHECK)
    month, day = raised % 20, int(text[4:6])
    if day > _DAYS[month] and not (month == _FEBRUARY and day == 29 and isleap(year)):
        raise InvalidSsin(SsinRule.DATE)
    if (year, month, day) > (today.year, today.month, today.day):
        raise InvalidSsin(SsinRule.FUTURE)
    if text[6:9] in ("000", "999") and not _BIS_SEX_UNKNOWN <= raised < _TEST_BAND:
        raise InvalidSsin(SsinRule.COUNTER)
    return Ssin(text)


class Sieve:
    """`validate` for very many numbers of one day: what it says of a birth date is kept (a third of the cost)."""

    def __init__(self, today: date, *, test_band: bool) -> None:
        self._today = today
        self._test_band = test_band
        self._births: dict[str, tuple[bool, bool]] = {}
        """By the first six digits: whether they are admitted as born before 2000, and from 2000 on."""

    def admits(self, text: str) -> bool:
        """Whether `validate` returns; `text` is eleven ASCII digits."""
        nine, control = divmod(int(text), 100)
        before, after = self._births.get(text[:6]) or self._learn(text[:6])
        if nine % 1000 in _RARE_COUNTERS:
            return self._valid(text)
        if control == 97 - nine % 97:
            return before
        return after and control == 97 - (nine + 2_000_000_000) % 97

    def _learn(self, birth: str) -> tuple[bool, bool]:
        nine = f"{birth}001"
        before, after = (f"{nine}{check_number(nine, from_2000=late):02d}" for late in (False, True))
        found = self._valid(before), self._valid(after)
        if any(found):  # a hundred thousand or so; of what is wrong there may be a million
            self._births[birth] = found
        return found

    def _valid(self, text: str) -> bool:
        try:
            validate(text, today=self._today, test_band=self._test_band)
        except InvalidSsin:
            return False
        return True


def check_number(first_nine: int | str, *, from_2000: bool) -> int:
    """The check number, 1 to 97, of the first nine digits (SS-04)."""
    nine = int(first_nine)
    return 97 - (nine + 2_000_000_000 if from_2000 else nine) % 97


def kind(ssin: Ssin) -> Kind:
    """Who issued the number."""
    return Kind.BIS if _BIS_SEX_UNKNOWN <= int(ssin[2:4]) < _TEST_BAND else Kind.NATIONAL


def is_test_band(ssin: Ssin) -> bool:
    """Whether the number lies in the band that no person can have."""
    return int(ssin[2:4]) >= _TEST_BAND


def sex(ssin: Ssin) -> Sex | None:
    """The sex that the counter tells; None for a BIS number given out before it was known (SS-03, SS-06)."""
    if _BIS_SEX_UNKNOWN <= int(ssin[2:4]) < _BIS_SEX_KNOWN:
        return None
    return Sex.MALE if int(ssin[8]) % 2 else Sex.FEMALE


def birth_date(ssin: Ssin) -> PartialDate:
    """The birth date as far as the number tells it; an indication for a BIS number (SS-05, SS-06)."""
    year = _birth_year(ssin)
    if year is None:
        raise InvalidSsin(SsinRule.CHECK)
    month = int(ssin[2:4]) % 20
    if month:
        return PartialDate(year, month, int(ssin[4:6]))
    if ssin[:2] == "00" and ssin[4:6] == _WHOLLY_UNKNOWN:
        return PartialDate(0)
    return PartialDate(year)


def compute(
    birth: PartialDate | date,
    counter: int,
    *,
    kind: Kind = Kind.NATIONAL,
    sex_known: bool = True,
    test_band: bool = False,
) -> Ssin:
    """The number for a birth date and a counter: for the issue of BIS numbers, for demo people and for tests.

    `sex_known` matters for BIS numbers alone; `test_band` makes a national number that can be no person's.
    Raises ValueError when no number can hold what is asked. Whether the date lies in the future is left to
    `validate`.
    """
    if test_band and kind is Kind.BIS:
        raise ValueError("numbers of the test band are national numbers")
    lowest, highest = (0, 999) if kind is Kind.BIS else (1, 998)
    if not lowest <= counter <= highest:
        raise ValueError(f"the counter of a {kind.value} number lies between {lowest} and {highest}")
    known = PartialDate.of(birth) if isinstance(birth, date) else birth
    if known.year and not _FIRST_YEAR <= known.year <= _LAST_YEAR:
        raise ValueError(f"a number holds birth years from {_FIRST_YEAR} to {_LAST_YEAR}")
    raised = known.month + _raise(kind, sex_known=sex_known, test_band=test_band)
    day = f"{known.day:02d}" if known.year else _WHOLLY_UNKNOWN
    nine = f"{known.year % 100:02d}{raised:02d}{day}{counter:03d}"
    return Ssin(f"{nine}{check_number(nine, from_2000=known.year >= _TURN):02d}")


def to_int(ssin: Ssin) -> int:
    """The number as the database keeps it, in a bigint."""
    return int(ssin)


def from_int(number: int) -> Ssin:
    """The number as text again, with its leading zeros (SS-01). Raises ValueError beyond eleven digits."""
    if not 0 <= number <= _LARGEST:
        raise ValueError("a SSIN has eleven digits")
    return Ssin(f"{number:011d}")


def _birth_year(text: str) -> int | None:
    """The year of birth by the century under which the check holds; None when it holds under none."""
    nine, control = int(text[:9]), int(text[9:])
    if control == 97 - nine % 97:
        return _FIRST_YEAR + int(text[:2])
    if control == 97 - (nine + 2_000_000_000) % 97:
        return _TURN + int(text[:2])
    return None


def _raise(kind: Kind, *, sex_known: bool, test_band: bool) -> int:
    """What is added to the month (SS-06)."""
    if kind is Kind.BIS:
        return _BIS_SEX_KNOWN if sex_known else _BIS_SEX_UNKNOWN
    return _TEST_BAND if test_band else 0
