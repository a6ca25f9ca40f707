"""What people are found by: the keys of their names and of their last Belgian address (IP-08 to IP-11, IP-15).

A person of whom a register holds three names has the keys of all three (IP-10). A key of a name consists of

- the register, because each has rules of its own for first names;
- one phonetic key of the last name; a name that is read in several ways has several rows;
- one key of the first name: in the National Register, phonetic, of its first part, up to the first blank or
  hyphen; in the CBSS register its first letter, folded; 0 when no first name is known (IP-09);
- the birth date as the number YYYYMMDD, 00 for unknown parts: every birth date and tolerance that can be asked
  for is one range of these numbers.

Keys are made as rows of their tables, packed as COPY reads them (`copying.py`): there are four a person, and to pack
what is known of a name together with what is known of the person costs less than to make a tuple. The bytes of rows of
`name_key` are in the order of its primary key.

Pure functions; `key_tables.py` writes the rows, `search/` asks for them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import Final

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import to_int
from kruispunt.registers.legal_data import Dossier, Name, Origin
from kruispunt.registers.phonetics import CODE, Code, fold

NO_FIRST_NAME: Final = 0
"""The first-name key of a name without a first name."""
SEX_UNKNOWN: Final = 0
_REMEMBERED: Final = 65_536
"""First names whose keys are kept."""
_PART_ENDS: Final = re.compile(r"[\s\-\u2010\u2011]+")


NAME_COLUMNS: Final = ("register", "key", "first_key", "birth", "ssin", "sex")
"""Of a row of `name_key`: `register` as Origin, `sex` as Sex or 0 when it is not known."""
ADDRESS_COLUMNS: Final = ("postal_code", "street_code", "house_number", "box", "ssin")
"""Of a row of `address_key`; `box` is empty when the address has none."""
_LAST: Final = Struct("!hihiqi").pack
"""How many fields; then the register and the key, each behind its size, and the size of what follows."""
_FIRST: Final = Struct("!q").pack
_PERSON: Final = Struct("!iiiqih").pack
"""Birth date, number and sex, each behind its size."""
_FIVE: Final = Struct("!h").pack(len(ADDRESS_COLUMNS))
_SIZE: Final = Struct("!i").pack
_NUMBER: Final = Struct("!iq").pack


def name_keys(dossier: Dossier, code: Code = CODE) -> list[bytes]:
    """All keys of all names that a register holds of a person, each once, as rows of `name_key`."""
    legal = dossier.legal
    register, gender = dossier.origin._value_, legal.gender
    sex = SEX_UNKNOWN if gender is None else gender.code._value_
    person = _PERSON(4, birth_number(legal.birth.date), 8, to_int(dossier.ssin), 2, sex)
    if not legal.former_names:
        return [pair + person for pair in _pairs(legal.name, register, code)]
    pairs = dict.fromkeys(pair for name in legal.names for pair in _pairs(name, register, code))
    return [pair + person for pair in pairs]


def register_of(key: bytes) -> int:
    """The register of a row of `name_key`, as Origin."""
    return int.from_bytes(key[6:8], "big")


def address_keys(dossier: Dossier) -> list[bytes]:
    """The key of the last Belgian address as a row of `address_key`: one, or none. The National Register alone is
    searched (IP-15).
    """
    address = dossier.legal.last_belgian_address if dossier.origin is Origin.RR else None
    if address is None or address.street is None:
        return []
    postal, street, house = address.postal_code, address.street.code, address.house_number
    if not (postal and street and house):
        return []
    place = _packed_code(postal) + _packed_code(street) + _packed_number(house) + _packed_number(address.box)
    return [_FIVE + place + _NUMBER(8, to_int(dossier.ssin))]


def first_name_keys(first_name: str, origin: Origin, code: Code = CODE) -> tuple[int, ...]:
    """The keys of a first name in a register (IP-09); none when it has neither letters nor digits."""
    return _first_letter(first_name) if origin is Origin.KSZ else _first_part(first_name, code)


@lru_cache(_REMEMBERED)
def _first_letter(first_name: str) -> tuple[int, ...]:
    return tuple(map(ord, fold(first_name)[:1]))


@lru_cache(_REMEMBERED)
def _first_part(first_name: str, code: Code) -> tuple[int, ...]:
    return next(filter(None, map(code.keys, _PART_ENDS.split(first_name))), ())


@lru_cache(_REMEMBERED)
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


def _pairs(name: Name, register: int, code: Code) -> list[bytes]:
    """A key of the last name and one of the first name, in every combination, as a row begins."""
    firsts = _packed_firsts(name.firsts[0] if name.firsts else None, register, code)
    return [last + first for last in _packed_lasts(name.last, register, code) for first in firsts]


@lru_cache(_REMEMBERED)
def _packed_lasts(last_name: str, register: int, code: Code) -> tuple[bytes, ...]:
    return tuple(_LAST(len(NAME_COLUMNS), 2, register, 8, key, 8) for key in code.keys(last_name))


@lru_cache(_REMEMBERED)
def _packed_firsts(first_name: str | None, register: int, code: Code) -> tuple[bytes, ...]:
    keys = () if first_name is None else first_name_keys(first_name, Origin(register), code)
    return tuple(map(_FIRST, keys or (NO_FIRST_NAME,)))


@lru_cache(_REMEMBERED)
def _packed_code(text: str) -> bytes:
    return _packed(place_code(text))


@lru_cache(_REMEMBERED)
def _packed_number(text: str | None) -> bytes:
    return _packed(place_number(text))


def _packed(text: str) -> bytes:
    encoded = text.encode()
    return _SIZE(len(encoded)) + encoded
