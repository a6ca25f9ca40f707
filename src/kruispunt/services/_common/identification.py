"""Identification that is told with an inscription (RP-02), from XML to a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kruispunt.errors import InvalidRequest
from kruispunt.identifiers.invalid import InvalidIdentifier
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex
from kruispunt.pipeline.service import Field
from kruispunt.repertory.identification import Identification
from kruispunt.xml.build import optional, wrap
from kruispunt.xml.read import child, child_text
from kruispunt.xml.values import read_integer

if TYPE_CHECKING:
    from lxml import etree

FIELDS: Final = (
    Field("lastName", default="", help="Last name, to be compared with the registers."),
    Field("firstName", default="", help="First name, to be compared."),
    Field("birthDate", default="", help="Birth date, to be compared: YYYY-MM-DD, with 00 for unknown parts."),
    Field("gender", default="", help="1 man, 2 woman, to be compared."),
)


def read_identification(parent: etree._Element) -> Identification | None:
    """None when there is none, or nothing in it. Raises InvalidRequest for a birth date that is none."""
    node = child(parent, "identification")
    if node is None or not len(node):
        return None
    birth, gender = child_text(node, "birthDate"), child_text(node, "gender")
    try:
        date = None if birth is None else PartialDate.parse(birth.strip())
    except InvalidIdentifier as error:
        raise InvalidRequest("identification.birth", str(error), element="identification/birthDate") from None
    return Identification(
        _collapsed(child_text(node, "lastName")),
        _collapsed(child_text(node, "firstName")),
        date,
        None if gender is None else Sex(read_integer(gender)),
    )


def _collapsed(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())


def compose_identification(values: Mapping[str, Any]) -> str:
    """For clients: nothing when no part is given."""
    inner = "".join(optional(field.name, str(values.get(field.name) or "") or None) for field in FIELDS)
    return wrap("identification", inner) if inner else ""
