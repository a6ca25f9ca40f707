"""CBE number: the enterprise number of an organisation in the Crossroads Bank for Enterprises (KBO, BCE).

Ten digits, kept as text because leading zeros count: eight digits of which the first is 0 or 1, then a
check number of two digits, 97 - (first eight digits mod 97). Numbers that begin with 2 to 8 are those of
business units, and stand for no organisation. Written without dots. Sources: CommonV3's CbeNumberType and
EnterpriseNumberType; the Crossroads Bank for Enterprises.
"""

from __future__ import annotations

import re
from typing import Final, NewType

from kruispunt.identifiers.invalid import InvalidIdentifier

CbeNumber = NewType("CbeNumber", str)
"""A CBE number that was validated."""

CBSS: Final = CbeNumber("0244640631")
"""The Crossroads Bank for Social Security itself."""

_FORM: Final = re.compile(r"[01][0-9]{9}")


class InvalidCbeNumber(InvalidIdentifier):
    """A text that is no CBE number."""


def validate(text: str) -> CbeNumber:
    """The text as a CBE number. Raises InvalidCbeNumber."""
    if _FORM.fullmatch(text) is None:
        raise InvalidCbeNumber("a CBE number is ten digits, without dots, of which the first is 0 or 1")
    if int(text[8:]) != check_number(text[:8]):
        raise InvalidCbeNumber("the check number of the CBE number is wrong")
    return CbeNumber(text)


def check_number(first_eight: int | str) -> int:
    """The check number, 1 to 97, of the first eight digits."""
    return 97 - int(first_eight) % 97


def compute(first_eight: int) -> CbeNumber:
    """The CBE number that begins with these eight digits, for demo organisations. Raises InvalidCbeNumber."""
    return validate(f"{first_eight:08d}{check_number(first_eight):02d}")


def to_int(number: CbeNumber) -> int:
    """The number as the database keeps it, in a bigint."""
    return int(number)


def from_int(number: int) -> CbeNumber:
    """The number as text again, with its leading zero. Raises InvalidCbeNumber when it is none."""
    return validate(f"{number:010d}")
