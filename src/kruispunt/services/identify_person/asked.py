"""What a request asks, as values; read from XML in `payload.py`, decided upon in `handler.py`."""

from __future__ import annotations

from dataclasses import dataclass

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.services.identify_person.citizen import Version


@dataclass(frozen=True, slots=True)
class BySsin:
    """IP-01: one number, as it was written."""

    ssin: str
    version: Version


@dataclass(frozen=True, slots=True)
class ByName:
    """IP-05: texts as they were written, white space collapsed; None for what was left out."""

    last_name: str
    first_name: str | None
    middle_name: str | None
    birth_date: str
    gender: int
    """0 when it was left out."""
    tolerance: int | None
    maximum: int | None
    version: Version


@dataclass(frozen=True, slots=True)
class ByAddress:
    """IP-15; `box` None: everybody at the house number."""

    postal_code: str
    street_code: str
    house_number: str
    box: str | None
    version: Version


@dataclass(frozen=True, slots=True)
class PersonData:
    """What the asker holds of a person, to be compared with what is found; the texts as they were written."""

    last_name: str
    first_name: str | None
    middle_name: str | None
    birth_date: PartialDate


@dataclass(frozen=True, slots=True)
class Limited:
    """The variant for public centres for social welfare: a search, and what to hold against its result."""

    search: BySsin | ByName
    ignored_phonetic: bool
    """Phonetic criteria stood beside a number (21007001)."""
    verify: PersonData | None

    @property
    def ssin(self) -> str:
        """The number asked for."""
        assert isinstance(self.search, BySsin)
        return self.search.ssin
