"""What people are found by: the keys of their names and of their last Belgian address (IP-08 to IP-11, IP-15).

A person of whom a register holds three names has the keys of all three (IP-10). A key of a name consists of

- the register, because each has rules of its own for first names;
- one phonetic key of the last name; a name that is read in several ways has several rows;
- one key of the first name: in the National Register, phonetic, of its first part, up to the first blank or
  hyphen; in the CBSS register its first letter, folded; 0 when no first name is known (IP-09);
- the birth date as the number YYYYMMDD, 00 for unknown parts: every birth date and tolerance that can be asked
  for is one range of these numbers.

Pure functions; `key_tables.py` writes the rows, `search/` asks for them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import to_int
from kruispunt.registers.legal_data import Dossier, Name, Origin
from kruispunt.registers.phonetics import CODE, Code, fold

NO_FIRST_NAME: Final = 0
"""The first-name key of a name without a first name."""
SEX_UNKNOWN: Final = 0
_REMEMBERED: Final = 65_536
"""First names whose keys are kept."""
_NEW: Final = tuple.__new__
"""Rows are made by the million: without a function in Python for each."""
_PART_ENDS: Final = re.compile(r"[\s\-\u2010\u2011]+")


class NameKey(NamedTuple):
    """A row of `name_key`."""

    register: int
    """As Origin."""
    key: int
    first_key: int
    birth: int
    ssin: int
    sex: int
    """As Sex, 0 when it is not known."""


class AddressKey(NamedTuple):
    """A row of `address_key`; `box` is empty when the address has none."""

    postal_code: str
    street_code: str
    house_number: str
    box: str
    ssin: int


def name_keys(dossier: Dossier, code: Code = CODE) -> list[NameKey]:
    """All keys of all names that a register holds of a person, each once."""
    legal, origin = dossier.legal, dossier.origin
    register, birth, ssin = origin.value, birth_number(legal.birth.date), to_int(dossier.ssin)
    sex = SEX_UNKNOWN if legal.gender is None else legal.gender.code.value
    pairs = _pairs(legal.name, origin, code)
    if legal.former_names:
        pairs = list(dict.fromkeys(pair for name in legal.names for pair in _pairs(name, origin, code)))
    return [_NEW(NameKey, (register, key, first, birth, ssin, sex)) for key, first in pairs]


def address_keys(dossier: Dossier) -> list[AddressKey]:
    """The key of the last Belgian address: one, or none. The National Register alone is searched (IP-15)."""
    address = dossier.legal.last_belgian_address if dossier.origin is Origin.RR else None
    if address is None or address.street is None:
        return []
    postal, street, house = address.postal_code, address.street.code, address.house_number
    if not (postal and street and house):
        return []
    return [
        AddressKey(
            place_code(postal), place_code(street), place_number(house), place_number(address.box), to_int(dossier.ssin)
        )
    ]


def first_name_keys(first_name: str, origin: Origin, code: Code = CODE) -> tuple[int, ...]:
    """The keys of a first name in a register (IP-09); none when it has neither letters nor digits."""
    return _first_letter(first_name) if origin is Origin.KSZ else _first_part(first_name, code)


@lru_cache(_REMEMBERED)
def _first_letter(first_name: str) -> tuple[int, ...]:
    return tuple(map(ord, fold(first_name)[:1]))


@lru_cache(_REMEMBERED)
def _first_part(first_name: str, code: Code) -> tuple[int, ...]:
    return next(filter(None, map(code.keys, _PART_ENDS.split(first_name))), ())


def birth_number(birth: PartialDate) -> int:
    """YYYYMMDD, 00 for unknown parts."""
    return int(birth.replace("-", ""))


@lru_cache(_REMEMBERED)
def place_code(text: str) -> str:
    """A postal or street code, without blanks."""
    return "".join(text.split())


@lru_cache(_REMEMBERED)
def place_number(text: str | None) -> str:
    """A house number or box as it is compared: ` 012 b` is `12B`. Empty when there is none."""
    number = "".join((text or "").split()).upper()
    return number.lstrip("0") or number[:1]


def _pairs(name: Name, origin: Origin, code: Code) -> list[tuple[int, int]]:
    """A key of the last name and one of the first name, in every combination."""
    firsts = first_name_keys(name.firsts[0], origin, code) if name.firsts else ()
    return [(key, first) for key in code.keys(name.last) for first in firsts or (NO_FIRST_NAME,)]
