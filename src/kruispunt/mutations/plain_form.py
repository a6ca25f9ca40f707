"""Records of people in the form in which nearly all are written, as one regular expression (RP-18, RP-19).

A parser and the schema cost ten times what it takes to write a record. Whatever this expression matches follows the
schema, which a test holds against libxml2; what it does not match, such as a text with an ampersand, is held against
the schema itself. A text is counted in bytes here and in characters there: so this is the stricter one.
"""

from __future__ import annotations

import re
from typing import Final

from kruispunt.mutations.kinds import Kind
from kruispunt.registers.parts import GROUPS


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _perhaps(*parts: str) -> str:
    return "".join(f"(?:{part})?" for part in parts)


def _text(most: int, least: int = 1) -> str:
    # Without markup, controls, and the first byte of the two characters that are none in XML.
    return rf"[^<>&\x00-\x1f\xef]{{{least},{most}}}"


def _place(code: str, name: str) -> str:
    description = rf"<{name}(?: language=\"(?:NL|FR|DE)\")?>{_text(100, 0)}</{name}>"
    return _perhaps(_element(code, "[0-9]{2,5}")) + f"(?:{description}){{0,5}}"


_DAY: Final = "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]"
_SINCE: Final = _perhaps(_element("inceptionDate", _DAY))
_SSIN: Final = (
    "[0-9]{2}(?:[0246][0-9]|[1357][0-2])(?:[0-2][0-9]|3[01])"
    "(?:[0-9]{2}[1-9]|[0-9][1-9][0-9]|[1-9][0-9]{2})(?:[0-8][0-9]|9[0-7])"
)
_GIVEN: Final = rf"<givenName sequence=\"[0-9]{{1,2}}\">{_text(100)}</givenName>"
_NAME: Final = _element("name", _element("lastName", _text(100)) + f"(?:{_GIVEN}){{0,20}}" + _SINCE)
_NATIONALITY: Final = _element("nationality", _place("nationalityCode", "nationalityDescription") + _SINCE)
_SHORT: Final = _text(20)
_RESIDENTIAL: Final = _element(
    "residentialAddress",
    _place("countryCode", "countryName")
    + _place("cityCode", "cityName")
    + _perhaps(_element("postalCode", _SHORT))
    + _place("streetCode", "streetName")
    + _perhaps(_element("houseNumber", _SHORT), _element("boxNumber", _SHORT))
    + _SINCE,
)
_DIPLOMATIC: Final = _element(
    "diplomaticAddress", _place("countryCode", "countryName") + _element("address", _text(100)) + _SINCE
)


def _event(name: str) -> str:
    place = _perhaps(_element(f"{name}Place", _place("locationCode", "locationName")))
    return _element(name, _element(f"{name}Date", _DAY) + place)


_GROUPS: Final = _perhaps(
    _NAME,
    _NATIONALITY,
    _event("birth"),
    _event("decease"),
    _element("gender", _element("genderCode", "[12]") + _SINCE),
    _element("civilState", _element("civilStateCode", "[0-9]{1,4}")),
    _element("address", f"(?:{_RESIDENTIAL}|{_DIPLOMATIC})"),
    _element("inscription", _element("subregister", "[1-9][0-9]?") + _SINCE),
)
_ONE_GROUP: Final = f"(?:{'|'.join(GROUPS)})"
_PERSON: Final = (
    rf"<person(?: blocked=\"true\")?(?: register=\"(?:NR|BIS|RAD)\")? told=\"(?:{_ONE_GROUP}(?: {_ONE_GROUP})*)?\">"
    + _GROUPS
    + "</person>"
)
_KIND: Final = _element("kind", f"(?:{'|'.join(kind.value for kind in Kind)})")
_RECORD: Final = (
    rf"<mutation number=\"[1-9][0-9]{{0,17}}\"><ssin(?: canceled=\"true\")?>{_SSIN}</ssin>"
    rf"(?:<replacedSsin>{_SSIN}</replacedSsin>)*(?:{_KIND}){{1,6}}{_perhaps(_PERSON)}</mutation>\n"
)

is_plain: Final = re.compile(_RECORD.encode()).fullmatch
"""A match for a record that follows the schema; None for one of which only the schema can tell."""
