"""Who was told of somebody: day, file, subscriber, and what (PL-30)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.mutations.records import Profile, told_groups, told_kinds

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

# A number is told under itself, or among those that were replaced by one further on in its chain.
_TOLD: Final = """
    WITH RECURSIVE chain (ssin) AS (
        SELECT $1::bigint
        UNION
        SELECT p.replaced_by FROM person p JOIN chain c ON c.ssin = p.ssin WHERE p.replaced_by IS NOT NULL
    )
    SELECT d.day, d.at, f.code, f.sequence, s.organisation, s.legal_context, f.parts, f.groups, s.stream, p.parts,
        f.published, f.collected
    FROM (
        SELECT distribution, parts, files FROM distributed_person
        WHERE ssin IN (SELECT ssin FROM chain) AND (ssin = $1 OR $1 = ANY (replaced))
        UNION ALL
        SELECT d.distribution, 0, d.files FROM distributed_item d JOIN stream_item i ON i.sequence = d.item
        WHERE d.ssin IN (SELECT ssin FROM chain) AND $1 IN (d.ssin, i.ssin)
    ) p
    JOIN distribution d ON d.id = p.distribution
    JOIN mutation_file f ON f.id = ANY (p.files)
    JOIN subscription s ON s.id = f.subscription
    ORDER BY d.at, f.code
"""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One file in which somebody is told of."""

    day: date | None
    """Civil day in Belgium; None for what was pushed."""
    at: datetime
    """When it was fixed."""
    code: str
    sequence: int
    organisation: str
    """Code of the access files."""
    legal_context: str
    stream: str | None
    kinds: tuple[str, ...]
    groups: tuple[str, ...]
    """Of data."""
    published: datetime | None
    """None until the file is there."""
    collected: datetime | None


async def disclosures(database: Database, ssin: Ssin) -> tuple[Disclosure, ...]:
    """The files in which a number is told of, the oldest first, as long as choices are kept. Raises StorageError."""
    found = []
    for row in await database.fetch(_TOLD, to_int(ssin)):
        day, at, code, sequence, organisation, context, parts, groups, stream, changed, published, collected = row
        profile = Profile(parts, groups)
        kinds = () if stream is not None else told_kinds(changed, profile)
        names = () if stream is not None else told_groups(changed, profile)
        found.append(
            Disclosure(day, at, code, sequence, organisation, context, stream, kinds, names, published, collected)
        )
    return tuple(found)
