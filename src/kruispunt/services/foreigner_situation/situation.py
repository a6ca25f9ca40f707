"""What the National Register tells of a foreigner, as values, and the port through which it is asked.

Dates are texts `YYYY-MM-DD` with zeros for unknown parts, exactly as they were delivered: nothing is
interpreted, merged or repaired (FS-03). Order is the register's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kruispunt.identifiers.ssin import Ssin


class DataGroup(StrEnum):
    """The parts of a reply that are authorised as a whole, by the name of their element."""

    EMPLOYMENT_CARDS = "employmentCards"
    WORK_PERMITS = "workPermits"
    SPECIAL_INFOS = "specialInfos"


@dataclass(frozen=True, slots=True)
class EmploymentCriteria:
    """What `consultEmploymentInfos` asks (FS-01); the number as it was written."""

    ssin: str
    employment_cards: bool
    work_permits: bool


@dataclass(frozen=True, slots=True)
class SpecialCriteria:
    """What `consultSpecialInfos` asks (FS-04); the number as it was written."""

    ssin: str


@dataclass(frozen=True, slots=True)
class Expiration:
    """`expirationDetails`: when a card or permit expires; `9999-00-00` is a card of unlimited term."""

    expiry_date: str | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class EmploymentCard:
    """Information type 197. `expiry_date` ends the entry; `expiration` is about the card itself (FS-02)."""

    inception_date: str
    expiry_date: str | None
    duplicate: str | None
    card_number: str
    expiration: Expiration


@dataclass(frozen=True, slots=True)
class WorkPermit:
    """Information type 198; dates as in EmploymentCard."""

    inception_date: str
    expiry_date: str | None
    permit_number: str
    expiration: Expiration


@dataclass(frozen=True, slots=True)
class Employment:
    """The cards and permits that were asked for; a group that was not asked for is empty."""

    cards: tuple[EmploymentCard, ...] = ()
    permits: tuple[WorkPermit, ...] = ()


@dataclass(frozen=True, slots=True)
class FictionalNumber:
    """An identification number that is no SSIN."""

    number: str


@dataclass(frozen=True, slots=True)
class Limosa:
    """The reason of stay. `reason1` and `reason2` are codes, in the list of FS-05 or not."""

    reason1: str
    reason2: str | None
    base: Ssin | FictionalNumber | None
    """`nrBase`: who opens the right to family reunification (FS-04)."""


@dataclass(frozen=True, slots=True)
class SpecialInfo:
    """Information type 202."""

    inception_date: str
    expiry_date: str | None
    comment1: str | None
    comment2: str | None
    limosa: Limosa | None


class ForeignerRegister(Protocol):
    """Who holds the data: the platform's own tables, or the National Register itself (PL-35)."""

    async def employment(self, ssin: Ssin, cards: bool, permits: bool) -> Employment:
        """The cards and the permits of a person, each only when asked for."""
        ...

    async def special_infos(self, ssin: Ssin) -> tuple[SpecialInfo, ...]:
        """The special information about a person; empty when there is none."""
        ...
