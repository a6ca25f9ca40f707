"""Forms of single values in the registers: what a text, a code and a date must look like.

Types and lengths are annotations of the fields in `legal_data.py`, held against whatever is decoded. That a text is
one line and a code has digits alone is looked at apart, because it is cheap for a whole document at once:
`written_plainly` tells of most documents that every text and code in it is well formed, `badly_formed` finds the one
that is not. What is made in Python is trusted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from kruispunt.identifiers.partial_date import PartialDate

LONGEST_TEXT: Final = 100
"""Characters of a free-text address by the contract, and of every other text by our choice."""
LONGEST_NUMBER: Final = 20
"""Characters of a postal code, a house number or a box."""
_FIRST_YEAR: Final = PartialDate(1000)
"""The contract's incomplete dates have a year from 1000 to 2999: what is unknown is the day, or day and month."""
_CODE: Final = re.compile(r"[0-9]{2,5}")
_BAD_CODE: Final = re.compile(rb'"code":"(?![0-9]{2,5}")')
_ASCII_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_NEW_LINES: Final = frozenset({"Cc", "Zl", "Zp"})
_BLANKS: Final = frozenset({"Zs", *_NEW_LINES})
_NO_XML: Final = frozenset("\ufffe\uffff")

Day = PartialDate
"""A date that may lack its day, or day and month (SS-05)."""
Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
"""One line, without a blank at either end."""
ShortText = Annotated[str, Meta(min_length=1, max_length=LONGEST_NUMBER)]
NisCode = str
"""Digits, leading zeros kept: 2 a reception centre, 3 a country, 4 a street or post, 5 a municipality (IP-17).
Every field of the name `code` that is a text is one."""


class Shape(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True, rename="camel"):
    """What the values of the registers share: frozen, camel case in JSON, what is absent left out, and no field that is
    not known. They cannot refer in a circle, so the garbage collector passes them over.
    """


def _read_day(kind: type, value: object) -> object:
    if kind is not PartialDate:
        raise NotImplementedError
    if not isinstance(value, str):
        raise ValueError("must be a date between quotes")
    day = PartialDate.parse(value)
    if day < _FIRST_YEAR:
        raise ValueError("the year of a date must be known")
    return day


read_day: Final[Callable[[type, Any], Any]] = lru_cache(maxsize=65_536)(_read_day)
"""A date as JSON has it; the same few dates come again and again. Raises ValueError without the value, and TypeError
for a list or an object."""


def written_plainly(document: bytes) -> bool:
    """Whether every text and code of a document, in UTF-8 without blanks between its fields, is certainly well formed.

    Without a backslash a text holds no quote and no control character but DEL; all other characters that a text may
    not have are not printable. So quotes next to a blank are those at the end of a text.
    """
    if b"\\" in document or b'" ' in document or b' "' in document or _BAD_CODE.search(document):
        return False
    if document.isascii():
        return b"\x7f" not in document
    return document.translate(None, _ASCII_PRINTABLE).decode().isprintable()


def badly_formed(value: object, place: str) -> Iterator[str]:
    """Every text and code that is not well formed, each with its place, and never the text itself."""
    if isinstance(value, Struct):
        for name, told in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from badly_formed(getattr(value, name), f"{place}.{told}")
    elif isinstance(value, tuple):
        for position, each in enumerate(value):
            yield from badly_formed(each, f"{place}.{position}")
    elif type(value) is str:
        if place.endswith(".code") and _CODE.fullmatch(value) is None:
            yield f"{place}: must be a text of two to five digits"
        elif any("\ud800" <= character <= "\udfff" for character in value):
            yield f"{place}: is a text with half a character"
        elif not _is_one_line(value):
            yield f"{place}: must be one line of text, without a blank at either end"


def _is_one_line(text: str) -> bool:
    """No blank at either end, no new line, no character that XML cannot carry."""
    kinds = [unicodedata.category(character) for character in text]
    if not kinds or _BLANKS & {kinds[0], kinds[-1]}:
        return False
    return _NEW_LINES.isdisjoint(kinds) and _NO_XML.isdisjoint(text)
