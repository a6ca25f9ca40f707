"""The one question that a request asks about a person: does a register know the number, what became of it,
and do the client's own repertory lines allow the consultation (PL-20, PL-22; SS-07)?

One statement answers all three, because every exchange waits for it; and it answers all exchanges that wait at the same
time.
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
    SELECT asked.position, p.state, p.register, f.ssin, f.register
    FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (ssin, position)
    JOIN person p ON p.ssin = asked.ssin
    LEFT JOIN person f ON f.ssin = CASE p.state WHEN 1 THEN p.ssin WHEN 2 THEN p.final_ssin END
"""
"""$1: SSINs. The first column tells whose row it is."""

FIND_SUBJECT: Final = f"""
    SELECT asked.position, p.state, p.register, f.ssin, f.register,
        EXISTS (
            SELECT FROM inscription i
            WHERE i.owner = {_OWNER} AND i.ssin = f.ssin AND i.organisation = asked.organisation
                AND (asked.codes IS NULL OR i.dossier_type = ANY(string_to_array(asked.codes, E'\\n')))
                AND i.period && daterange(asked.first, asked.until)
        ) OR EXISTS (
            SELECT FROM person r
            JOIN inscription i ON i.owner = {_OWNER} AND i.ssin = r.ssin AND i.organisation = asked.organisation
            WHERE r.final_ssin = f.ssin
                AND (asked.codes IS NULL OR i.dossier_type = ANY(string_to_array(asked.codes, E'\\n')))
                AND i.period && daterange(asked.first, asked.until)
        )
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::date[], $5::date[])
        WITH ORDINALITY AS asked (ssin, organisation, codes, first, until, position)
    JOIN person p ON p.ssin = asked.ssin
    LEFT JOIN person f ON f.ssin = CASE p.state WHEN 1 THEN p.ssin WHEN 2 THEN p.final_ssin END
"""  # noqa: S608  only a constant is put in
"""Arrays: $1 SSIN, $2 organisation, $3 quality codes, one per line, or null, $4 and $5 period, half-open, null where
open. The first column tells whose row it is."""


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
    codes = None if quality_codes is None else "\n".join(quality_codes)
    rows = await database.fetch_together(FIND_SUBJECT, to_int(ssin), organisation, codes, period.first, period.until)
    return _to_subject(rows[0], integrated=rows[0][5]) if rows else None


async def find_person(database: Database, ssin: Ssin) -> Subject | None:
    """Who a number stands for, where no integration control applies; None when no register knows it.

    Raises StorageError.
    """
    rows = await database.fetch_together(FIND_PERSON, to_int(ssin))
    return _to_subject(rows[0], integrated=False) if rows else None


def _to_subject(row: Record, *, integrated: bool) -> Subject:
    state, register, final, final_register = row[1], row[2], row[3], row[4]
    return Subject(
        State(state),
        Register(register),
        None if final is None else from_int(final),
        None if final_register is None else Register(final_register),
        integrated,
    )
