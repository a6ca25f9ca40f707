"""Reasons of stay: the list of document 004, annex (FS-05).

The document ends within the last row, which has no French text. Slips of the document that are mended here:

    01000200    French: "hercheur"                           -> "Chercheur"
    01010601    French: "Epoux/Partenaire"                   -> "Epoux/partenaire", as in every other row
    01010602    Dutch: "Ascendent"                           -> "Ascendant"
    01010603    Dutch: "Descendent"                          -> "Descendant"

A code that is not in the list is passed on without a description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """Descriptions of one code, at most 100 characters each; None where the source has none."""

    dutch: str
    french: str | None


_WITH_EUROPEAN: Final = (
    "Gezinshereniging met een Europeaan (behalve een Belg) of met een Zwitser",
    "Regroupement familial avec un européen (sauf un Belge) ou avec un Suisse",
)
_WITH_OTHER: Final = (
    "Gezinshereniging met een niet Europeaan",
    "Regroupement familial avec un non européen",
)
_WITH_BELGIAN: Final = ("Gezinshereniging met een Belg", "Regroupement familial avec un Belge")
_WITH_REFUGEE: Final = ("Gezinshereniging met een vluchteling", "Regroupement familial avec un réfugié")


def _family(code: str, kind: tuple[str, str]) -> dict[str, Reason]:
    """A kind of family reunification and its three relations, which the source repeats word by word."""
    dutch, french = kind
    return {
        code: Reason(dutch, french),
        f"{code[:-1]}1": Reason(f"{dutch} - Echtgenoot/partner", f"{french} - Epoux/partenaire"),
        f"{code[:-1]}2": Reason(f"{dutch} - Ascendant", f"{french} - Ascendant"),
        f"{code[:-1]}3": Reason(f"{dutch} - Descendant", f"{french} - Descendant"),
    }


REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "01000000": Reason("Mobiliteit", "Mobilité"),
        "01000100": Reason("Mobiliteit - Gedetacheerde werknemer", "Mobilité - Travailleur détaché"),
        "01000101": Reason("Mobiliteit - Gedetacheerde werknemer - Kaderlid", "Mobilité - Travailleur détaché - Cadre"),
        "01000102": Reason("Mobiliteit - Gedetacheerde werknemer - Expert", "Mobilité - Travailleur détaché - Expert"),
        "01000103": Reason(
            "Mobiliteit - Gedetacheerde werknemer - Stagiair", "Mobilité - Travailleur détaché - Stagiaire"
        ),
        "01000200": Reason("Mobiliteit - Onderzoeker", "Mobilité - Chercheur"),
        "01000300": Reason("Mobiliteit - Student", "Mobilité - Etudiant"),
        "01010000": Reason(
            "Gezinshereniging, samenwoonst en adoptie", "Regroupement familial, cohabitation et adoption"
        ),
        **_family("01010100", _WITH_OTHER),
        **_family("01010200", _WITH_EUROPEAN),
        **_family("01010300", _WITH_BELGIAN),
        "01010400": Reason("Samenwoonst (omzendbrief van 1997)", "Cohabitation (circulaire de 1997)"),
        "01010500": Reason("Adoptie", "Adoption"),
        **_family("01010600", _WITH_REFUGEE),
        "01010700": Reason("Gezinshereniging met een begunstigde van de subsidiaire bescherming", None),
    }
)
"""Code to descriptions, in the order of the source: 27 codes."""
