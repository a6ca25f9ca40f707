"""What the connector's other two services ask and answer, as values: OCMWCPASManageAccess, ReferenceManager.consult."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from kruispunt.periods import Period
from kruispunt.repertory.identification import Identification
from kruispunt.services._common.days import Days
from kruispunt.services.identify_person.summary import Detail


class Action(Enum):
    REGISTER = "REGISTER"
    UNREGISTER = "UNREGISTER"
    LIST = "LIST"


class Network(Enum):
    """`QueryRegister`: where a list looks. PRIMARY is the repertory of CBSS; SECONDARY the organisation's own register
    (ours)."""

    PRIMARY = "PRIMARY"
    SECONDARY = "SECONDARY"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Access:
    """A ManageAccessRequest."""

    ssin: str
    purpose: int | None
    days: Days
    action: Action
    network: Network | None
    """None: all."""
    identification: Identification | None


@dataclass(frozen=True, slots=True)
class Registration:
    """A line, as ManageAccess tells it."""

    purpose: int
    period: Period
    unit: str
    network: Network


@dataclass(frozen=True, slots=True)
class Managed:
    """A ManageAccessReply."""

    asked: Access
    details: tuple[Detail, ...]
    registrations: tuple[Registration, ...] = ()
    given: bool = True


@dataclass(frozen=True, slots=True)
class OtherSectors:
    """A ReferenceManagerRequest."""

    ssin: str
    requestor: int
    """Quality code under which the person must be known to the asker."""
    integrated: Days | None
    """When; None: today."""
    requested: Days
    combinations: tuple[tuple[int, tuple[int, ...]], ...]
    """Sectors, each with its quality codes or with none for all; none at all: every sector."""
    sectors: Mapping[str, int] = field(default_factory=dict)
    """Sector by organisation key, of the organisations that are known under another key than sector and institution."""


@dataclass(frozen=True, slots=True)
class Consultation:
    """Where and in which role somebody is known, and when."""

    sector: int
    quality_code: int
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Consulted:
    """A ReferenceManagerReply."""

    details: tuple[Detail, ...]
    consultations: tuple[Consultation, ...] = ()
    given: bool = True
