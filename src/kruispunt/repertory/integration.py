"""The one question that a request asks about a person: does a register know the number, what became of it,
and do the client's own repertory lines allow the consultation (PL-20, PL-22; SS-07)?

One statement answers all three, because every exchange waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers import cbe
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.periods import Period
from kruispunt.registers.people import Register, State

if TYPE_CHECKING:
    from asyncpg import Record

    from kruispunt.storage.database import Database

_OWNER: Final = cbe.to_int(cbe.CBSS)

FIND_PERSON: Final = """
    SELECT p.state, p.register, f.ssin, f.register
    FROM person p
    LEFT JOIN person f ON f.ssin = CASE p.state WHEN 1 THEN p.ssin WHEN 2 THEN p.final_ssin END
    WHERE p.ssin = $1
"""
"""$1: SSIN."""

FIND_SUBJECT: Final = f"""
    SELECT p.state, p.register, f.ssin, f.register,
        EXISTS (
            SELECT FROM inscription i
            WHERE i.owner = {_OWNER} AND i.ssin = f.ssin AND i.organisation = $2
                AND ($3::text[] IS NULL OR i.dossier_type = ANY($3)) AND i.period && daterange($4, $5)
        ) OR EXISTS (
            SELECT FROM person r
            JOIN inscription i ON i.owner = {_OWNER} AND i.ssin = r.ssin AND i.organisation = $2
            WHERE r.final_ssin = f.ssin
                AND ($3::text[] IS NULL OR i.dossier_type = ANY($3)) AND i.period && daterange($4, $5)
        )
    FROM person p
    LEFT JOIN person f ON f.ssin = CASE p.state WHEN 1 THEN p.ssin WHEN 2 THEN p.final_ssin END
    WHERE p.ssin = $1
"""  # noqa: S608  only a constant is put in
"""$1: SSIN, $2: organisation, $3: quality codes or null, $4 and $5: period, half-open, null where open."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The person that a request is about, by the number that was asked."""

    state: State
    """Of the number asked."""
    register: Register
    """Of the number asked."""
    final_ssin: Ssin | None
    """The number itself when active, the end of its chain when replaced, None when cancelled."""
    final_register: Register | None
    """Where the final number stands; None when there is none."""
    integrated: bool
    """Whether a line of the organisation allows the consultation; False also when that was not asked."""


async def find_subject(
    database: Database, ssin: Ssin, organisation: str, quality_codes: tuple[str, ...] | None, period: Period
) -> Subject | None:
    """Who a number stands for, and whether the organisation may consult the person; None when no register
    knows it.

    A line counts when it stands in CBSS's repertory for `organisation` (an OrganisationKey), with one of
    `quality_codes` (None: any), overlaps `period` (today for an active file, `periods.ALWAYS` for any
    line), and is about the final number or one that was replaced by it (PL-22). Raises StorageError.
    """
    row = await database.fetchrow(FIND_SUBJECT, to_int(ssin), organisation, quality_codes, period.first, period.until)
    return None if row is None else _to_subject(row, integrated=row[4])


async def find_person(database: Database, ssin: Ssin) -> Subject | None:
    """Who a number stands for, where no integration control applies; None when no register knows it.

    Raises StorageError.
    """
    row = await database.fetchrow(FIND_PERSON, to_int(ssin))
    return None if row is None else _to_subject(row, integrated=False)


def _to_subject(row: Record, *, integrated: bool) -> Subject:
    state, register, final, final_register = row[0], row[1], row[2], row[3]
    return Subject(
        State(state),
        Register(register),
        None if final is None else from_int(final),
        None if final_register is None else Register(final_register),
        integrated,
    )
