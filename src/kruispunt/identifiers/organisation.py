"""Organisations as they name themselves: by CBE number, or by sector and institution inside social security
(PL-10).

One text for both: `0206737484` or `18/0`. An organisation may have both; which one its repertory lines
stand under is for the configuration to say, not for this module.
"""

from __future__ import annotations

import re
from typing import Final, NewType

from kruispunt.identifiers import cbe
from kruispunt.identifiers.invalid import InvalidIdentifier

OrganisationKey = NewType("OrganisationKey", str)
"""A validated organisation, in its one spelling: ten digits, or sector and institution without leading
zeros.
"""

_PAIR: Final = re.compile(r"([0-9]{1,3})/([0-9]{1,3})")
_LARGEST: Final = 999


class InvalidOrganisation(InvalidIdentifier):
    """A text that names no organisation."""


def parse(text: str) -> OrganisationKey:
    """The key that a text stands for; `018/000` is `18/0`. Raises InvalidOrganisation."""
    pair = _PAIR.fullmatch(text)
    if pair is not None:
        return of_institution(int(pair[1]), int(pair[2]))
    try:
        return of_cbe(cbe.validate(text))
    except cbe.InvalidCbeNumber as error:
        raise InvalidOrganisation(
            f"an organisation is written as its CBE number or as sector/institution, like 18/0: {error}"
        ) from None


def of_cbe(number: cbe.CbeNumber) -> OrganisationKey:
    """The key of an organisation that is known by its CBE number."""
    return OrganisationKey(number)


def of_institution(sector: int, institution: int) -> OrganisationKey:
    """The key of an institution of a sector, both 0 to 999. Raises InvalidOrganisation."""
    if not (0 <= sector <= _LARGEST and 0 <= institution <= _LARGEST):
        raise InvalidOrganisation(f"sector and institution lie between 0 and {_LARGEST}")
    return OrganisationKey(f"{sector}/{institution}")


def to_institution(key: OrganisationKey) -> tuple[int, int] | None:
    """Sector and institution, when the key is such a pair."""
    sector, slash, institution = key.partition("/")
    return (int(sector), int(institution)) if slash else None
