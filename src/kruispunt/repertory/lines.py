"""The lines of a repertory: who is known to which organisation, in which role, and when (RP-01 to RP-05).

Owns the table `inscription`. A line belongs to the user of a register, told by its CBE number; the
repertory of the social security network belongs to CBSS. The lines of one key never overlap or adjoin:
every change of a key reads its lines, puts them together with `periods.merge`, and writes the difference,
all under a lock on that key.

Two kinds of writers share this: one key at a time takes a lock on the key, and a shared one on the whole; a
bulk writer takes the whole for itself. Everybody takes the whole first, so nobody waits in a circle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from asyncpg import Range

from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.periods import Period, merge

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    from kruispunt.storage.database import Database

LOCK_SPACE: Final = 0x4B52_5250
"""First half of the advisory locks of this module; the second is 0 for the whole, else the digest of a key."""

PATIENCE: Final = 600.0
"""Seconds that a bulk writer may take for one statement, or wait for the others."""

_DOSSIER_TYPE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_:+\- ]{0,62}[A-Za-z0-9_:+\-])?")
_LOCK_KEY: Final = "SELECT pg_advisory_xact_lock_shared($1, 0), pg_advisory_xact_lock($1, $2)"
_LOCK_WHOLE: Final = "SELECT pg_advisory_xact_lock($1, 0)"
_TOUCHING: Final = """
    SELECT period FROM inscription
    WHERE owner = $1 AND ssin = $2 AND organisation = $3 AND dossier_type = $4
        AND (period && $5 OR period -|- $5)
"""
_DELETE: Final = """
    DELETE FROM inscription
    WHERE owner = $1 AND ssin = $2 AND organisation = $3 AND dossier_type = $4 AND period = ANY($5::daterange[])
"""
_INSERT: Final = """
    INSERT INTO inscription (owner, ssin, organisation, dossier_type, period) VALUES ($1, $2, $3, $4, $5)
"""
_LINES_OF: Final = """
    SELECT owner, ssin, organisation, dossier_type, period FROM inscription
    WHERE owner = $1 AND ssin = ANY($2::bigint[])
    ORDER BY ssin, organisation, dossier_type, period
"""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What one set of periods belongs to."""

    owner: CbeNumber
    ssin: Ssin
    organisation: OrganisationKey
    dossier_type: str
    """The quality code, or another role that the register defines; compared as it is written."""

    def columns(self) -> tuple[int, int, str, str]:
        """As the database keeps it, in the order of the primary key."""
        return cbe.to_int(self.owner), to_int(self.ssin), self.organisation, self.dossier_type


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a repertory."""

    key: Key
    period: Period


def dossier_type(text: str) -> str:
    """A text as a dossier type. Raises DataError."""
    if _DOSSIER_TYPE.fullmatch(text) is None:
        raise DataError(
            "dossierType: at most 64 letters, digits and _ : + - are allowed, with blanks only between them"
        )
    return text


async def inscribe(database: Database, key: Key, period: Period) -> Period:
    """Add a period to a key, merged with the lines that it overlaps or adjoins (RP-03, RP-06).

    Returns the line that now holds it. What is there already is not written again. Raises StorageError;
    then nothing was changed.
    """
    columns = key.columns()
    async with database.connection() as connection, connection.transaction(isolation="read_committed"):
        await connection.execute(_LOCK_KEY, LOCK_SPACE, _digest(columns))
        rows = await connection.fetch(_TOUCHING, *columns, to_range(period))
        present = {to_period(row[0]) for row in rows}
        (merged,) = merge([*present, period])
        if merged not in present:
            if present:
                await connection.execute(_DELETE, *columns, [to_range(each) for each in present])
            await connection.execute(_INSERT, *columns, to_range(merged))
    return merged


async def lines_of(database: Database, owner: CbeNumber, ssins: Iterable[Ssin]) -> tuple[Line, ...]:
    """The lines of people in one register, in order of SSIN, organisation, dossier type and period (RP-05).

    Raises StorageError.
    """
    rows = await database.fetch(_LINES_OF, cbe.to_int(owner), [to_int(ssin) for ssin in ssins])
    return tuple(_to_line(row) for row in rows)


async def lock_whole(connection: Connection) -> None:
    """Inside a transaction: keep every other writer of lines out until it ends."""
    await connection.execute(_LOCK_WHOLE, LOCK_SPACE, timeout=PATIENCE)


def to_range(period: Period) -> Range[date]:
    """A period as the driver writes a `daterange`."""
    return Range(period.first, period.until)


def to_period(days: Range[date]) -> Period:
    """A `daterange` as the driver reads it; PostgreSQL gives them half-open."""
    return Period(days.lower, days.upper)


def _to_line(row: Record) -> Line:
    owner, ssin, organisation, kind, period = row
    key = Key(cbe.from_int(owner), from_int(ssin), OrganisationKey(organisation), kind)
    return Line(key, to_period(period))


def _digest(columns: tuple[int, int, str, str]) -> int:
    """32 bits, signed, of a key, and never 0. Two keys that share them only wait for each other."""
    digest = blake2b("\n".join(map(str, columns)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big", signed=True) | 1
