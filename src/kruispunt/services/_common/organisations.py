"""Organisations in the newer services' XML: OrganizationIdentificationType."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.xml.build import element, wrap
from kruispunt.xml.read import child, child_text
from kruispunt.xml.values import read_integer

if TYPE_CHECKING:
    from lxml import etree


def read_organisation(parent: etree._Element, name: str = "organization") -> OrganisationKey | None:
    """The key that a child stands for: CBE number, or `sector/institution`; None when there is no such child."""
    node = child(parent, name)
    if node is None:
        return None
    number = child_text(node, "cbeNumber")
    if number is not None:
        return OrganisationKey(number.strip())
    sector, institution = (read_integer(child_text(node, part) or "0") for part in ("sector", "institution"))
    return OrganisationKey(f"{sector}/{institution}")


def write_organisation(key: str, name: str = "organization") -> str:
    """The child for a key."""
    sector, slash, institution = key.partition("/")
    inner = element("sector", sector) + element("institution", institution) if slash else element("cbeNumber", key)
    return wrap(name, inner)
