"""The lines of a register: who is known to whom, in which role, and when (RP-01).

Values alone. A line does not tell its owner: whoever holds one has it from a `Register`, which knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from asyncpg import Range

from kruispunt.errors import DataError
from kruispunt.identifiers import organisation
from kruispunt.identifiers.organisation import InvalidOrganisation, OrganisationKey
from kruispunt.identifiers.ssin import Ssin, from_int
from kruispunt.periods import Period

if TYPE_CHECKING:
    from asyncpg import Record

NO_ORGANISATION: Final = OrganisationKey("")
"""The register's user itself: it names organisations only when it is an integrator."""

_DOSSIER_TYPE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_:+\- ]{0,62}[A-Za-z0-9_:+\-])?")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What one set of periods of a register belongs to."""

    ssin: Ssin
    organisation: OrganisationKey
    """To whom the person is known; NO_ORGANISATION: to the register's user."""
    dossier_type: str
    """The quality code, or another role or partner that the register defines; compared as it is written."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a register. Lines of one key never overlap or adjoin (RP-03)."""

    key: Key
    period: Period


def dossier_type(text: str) -> str:
    """A text as a dossier type. Raises DataError."""
    if _DOSSIER_TYPE.fullmatch(text) is None:
        raise DataError(
            "dossierType: at most 64 letters, digits and _ : + - are allowed, with blanks only between them"
        )
    return text


def organisation_key(text: str) -> OrganisationKey:
    """A text as an organisation. Raises DataError."""
    try:
        return organisation.parse(text)
    except InvalidOrganisation as error:
        raise DataError(f"organisation: {error}") from None


def to_range(period: Period) -> Range[date]:
    """A period as the driver writes a `daterange`."""
    return Range(period.first, period.until)


def to_period(days: Range[date]) -> Period:
    """A `daterange` as the driver reads it; PostgreSQL gives them half-open."""
    return Period(days.lower, days.upper)


def to_lines(rows: Iterable[Record]) -> tuple[Line, ...]:
    """Rows of SSIN, organisation, dossier type and period."""
    return tuple(
        Line(Key(from_int(ssin), OrganisationKey(known_to), kind), to_period(period))
        for ssin, known_to, kind, period in rows
    )
