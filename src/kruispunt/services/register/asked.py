"""What RegisterService is asked, and what it answers, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period
from kruispunt.pipeline.service import ReturnCode
from kruispunt.repertory.history import Change
from kruispunt.repertory.identification import Identification
from kruispunt.repertory.lines import Line
from kruispunt.services._common.days import Days


@dataclass(frozen=True, slots=True)
class ToldLine:
    """A line of a request, as it was written."""

    ssin: str
    organisation: OrganisationKey
    dossier_type: str
    days: Days | None
    identification: Identification | None = None


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What became of it."""

    code: ReturnCode
    ssin: str
    final: Ssin | None
    held: Period | None
    differing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """Criteria of `consult`."""

    ssins: tuple[str, ...]
    organisation: OrganisationKey | None
    dossier_type: str | None
    days: Days | None


@dataclass(frozen=True, slots=True)
class History:
    """Criteria of `consultHistory`."""

    ssin: str
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Route:
    """Criteria of `route`; without a day, today."""

    ssin: str
    day: date | None


@dataclass(frozen=True, slots=True)
class Held:
    """What `consult` found."""

    lines: tuple[Line, ...]
    followed: Mapping[Ssin, Ssin]
    """Numbers asked that were replaced, each with the one under which its lines stand."""


@dataclass(frozen=True, slots=True)
class Past:
    """What `consultHistory` found: lines of a moment, or changes."""

    lines: tuple[Line, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Destinations:
    """To whom a person is known on a day, and as what."""

    asked: Ssin
    final: Ssin
    by_organisation: tuple[tuple[str, tuple[str, ...]], ...]
