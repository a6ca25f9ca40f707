"""What a line tells of somebody, read no further than a record tells it, and written as XML (RP-15, RP-16, RP-19).

To decode a whole document takes five times what it takes to pass over what is not told. So there is a decoder for each
choice of groups. And places come again and again in the same bytes: they are not decoded each time but looked up. What
is decoded is held against the types of `legal_data.py`: lengths, enumerations, dates; a code is held against its form
when its place is first met. So whatever is written here follows the schema, by the templates of `legal_xml.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

from msgspec import MsgspecError, Raw, Struct, defstruct
from msgspec.json import Decoder

from kruispunt.errors import StorageError
from kruispunt.registers import legal_xml
from kruispunt.registers.legal_data import (
    CivilStateCode,
    Gender,
    Inscription,
    Location,
    Name,
    Unreadable,
)
from kruispunt.registers.parts import Part
from kruispunt.registers.shapes import Day, ShortText, Text, read_day

_PLACES: Final = 65_536
"""That are remembered: a few thousand municipalities, many more streets."""
_NOWHERE: Final = Raw()

_is_code: Final = re.compile(r"[0-9]{2,5}").fullmatch
_read_place: Final = Decoder(Location).decode


class _Standard(Struct, gc=False, rename="camel"):
    """As StandardAddress; places as they stand there."""

    country: Raw
    municipality: Raw = _NOWHERE
    postal_code: ShortText | None = None
    street: Raw = _NOWHERE
    house_number: ShortText | None = None
    box: ShortText | None = None
    modified: Day | None = None


class _Diplomatic(Struct, gc=False):
    address: Text
    country: Raw = _NOWHERE
    modified: Day | None = None


class _Legal(Struct, gc=False):
    standard: _Standard | None = None
    diplomatic: _Diplomatic | None = None


class _Address(Struct, gc=False):
    legal: _Legal | None = None


class _Event(Struct, gc=False):
    """Birth or decease."""

    date: Day
    location: Raw = _NOWHERE


class _Nationality(Struct, gc=False):
    location: Raw
    modified: Day | None = None


class _CivilState(Struct, gc=False):
    code: CivilStateCode


class Document(Protocol):
    """What one register holds of a person: the groups that were asked for, and what is said of all of them."""

    name: Name | None
    birth: _Event | None
    decease: _Event | None
    gender: Gender | None
    nationality: _Nationality | None
    civil_state: _CivilState | None
    address: _Address | None
    inscription: Inscription | None
    blocked: bool
    unreadable: tuple[Unreadable, ...]


class Line(Protocol):
    """The state of a number."""

    replaced_by: str | None
    cancelled: bool
    national_register: Document | None
    cbss_register: Document | None


_TYPES: Final[Mapping[int, tuple[str, Any]]] = {
    Part.NAME.value: ("name", Name),
    Part.NATIONALITY.value: ("nationality", _Nationality),
    Part.BIRTH.value: ("birth", _Event),
    Part.DECEASE.value: ("decease", _Event),
    Part.GENDER.value: ("gender", Gender),
    Part.CIVIL_STATE.value: ("civil_state", _CivilState),
    Part.ADDRESS.value: ("address", _Address),
    Part.INSCRIPTION.value: ("inscription", Inscription),
}


def read(line: bytes, groups: int) -> Line:
    """What a line tells of these groups; see `Part`. Raises StorageError when the line is none of ours."""
    try:
        return _decoder(groups)(line)
    except (MsgspecError, UnicodeError):
        raise StorageError("A dossier in the database cannot be read: it is no document of this software.") from None


@lru_cache(maxsize=1024)
def _decoder(groups: int) -> Callable[[bytes], Line]:
    fields = [(name, kind | None, None) for group, (name, kind) in _TYPES.items() if group & groups]
    said = [("blocked", bool, False), ("unreadable", tuple[Unreadable, ...], ())]
    document = defstruct("Document", [*fields, *said], rename="camel", gc=False)
    line: Any = defstruct(
        "Line",
        [
            ("replaced_by", str | None, None),
            ("cancelled", bool, False),
            ("national_register", document | None, None),
            ("cbss_register", document | None, None),
        ],
        rename="camel",
        gc=False,
    )
    decoder: Decoder[Line] = Decoder(line, dec_hook=read_day)
    return decoder.decode


@lru_cache(maxsize=_PLACES)
def _place(place: bytes, code: str, name: str) -> str:
    """From JSON to XML; nothing for no place. Raises StorageError, MsgspecError, UnicodeError, ValueError."""
    return _written(place, code, name, described=True)


def _bare_place(place: bytes, code: str, name: str) -> str:
    """Of an address whose descriptions cannot be had (IP-18)."""
    return _written(place, code, name, described=False)


def _written(place: bytes, code: str, name: str, *, described: bool) -> str:
    if not place:
        return ""
    location = _read_place(place)
    if location.code is not None and _is_code(location.code) is None:
        raise StorageError("A code of a place in the database is not two to five digits.")
    return legal_xml.write_place(location, code, name, described=described)


def _name(document: Document) -> str:
    return "" if document.name is None else legal_xml.write_name(document.name)


def _nationality(document: Document) -> str:
    held = document.nationality
    if held is None:
        return ""
    place = _place(bytes(held.location), "nationalityCode", "nationalityDescription")
    return legal_xml.nationality_in(place, held.modified)


def _birth(document: Document) -> str:
    return _event("birth", document.birth)


def _decease(document: Document) -> str:
    return _event("decease", document.decease)


def _event(name: str, held: _Event | None) -> str:
    if held is None:
        return ""
    place = _place(bytes(held.location), "locationCode", "locationName") if held.location else None
    return legal_xml.event(name, held.date, place)


def _gender(document: Document) -> str:
    return "" if document.gender is None else legal_xml.write_gender(document.gender)


def _civil_state(document: Document) -> str:
    return "" if document.civil_state is None else legal_xml.write_civil_state(document.civil_state.code)


def _address(document: Document) -> str:
    if document.address is None or document.address.legal is None:
        return ""
    legal = document.address.legal
    standard = legal.standard
    if standard is None:
        plain = legal.diplomatic
        if plain is None:
            raise StorageError("A legal address in the database is neither a standard one nor at a diplomatic post.")
        country = _place(bytes(plain.country), "countryCode", "countryName")
        return legal_xml.diplomatic_address(country, plain.address, plain.modified)
    hidden = document.unreadable and Unreadable.LEGAL_ADDRESS_DETAILS in document.unreadable
    place = _bare_place if hidden else _place
    return legal_xml.residential_address(
        place(bytes(standard.country), "countryCode", "countryName"),
        place(bytes(standard.municipality), "cityCode", "cityName"),
        standard.postal_code,
        place(bytes(standard.street), "streetCode", "streetName"),
        standard.house_number,
        standard.box,
        standard.modified,
    )


def _inscription(document: Document) -> str:
    held = document.inscription
    if held is None:
        return ""
    since = "" if held.modified is None else f"<inceptionDate>{held.modified}</inceptionDate>"
    return f"<inscription><subregister>{held.register._value_}</subregister>{since}</inscription>"


Write = Callable[[Document], str]
"""A group as XML; nothing when the register holds nothing of it. Raises StorageError; MsgspecError for a place that is
none, ValueError for a text that XML cannot carry.
"""

WRITE: Final[Mapping[int, Write]] = {
    Part.NAME.value: _name,
    Part.NATIONALITY.value: _nationality,
    Part.BIRTH.value: _birth,
    Part.DECEASE.value: _decease,
    Part.GENDER.value: _gender,
    Part.CIVIL_STATE.value: _civil_state,
    Part.ADDRESS.value: _address,
    Part.INSCRIPTION.value: _inscription,
}
