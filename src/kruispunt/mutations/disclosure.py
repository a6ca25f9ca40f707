"""Who was told of somebody: day, file, subscriber, and exactly what (PL-30).

What a file told of a person is made again, as the file would be, and read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.mutations.records import Profile, Record
from kruispunt.mutations.rows import distributions
from kruispunt.mutations.states import person
from kruispunt.xml.parse import parse_own

if TYPE_CHECKING:
    from kruispunt.mutations.distributions import Distribution
    from kruispunt.storage.database import Connection, Database

# Asked of what was told, and not of the chains of today, which are no longer those of the day (RP-15). That a list is
# not empty is the condition of its index.
_TOLD: Final = """
    SELECT d.day, d.at, f.code, f.sequence, s.organisation, s.legal_context, s.stream, f.published, f.collected,
        d.id, p.ssin, f.parts, f.groups
    FROM (
        SELECT distribution, ssin, files FROM distributed_person WHERE ssin = $1
        UNION ALL
        SELECT distribution, ssin, files FROM distributed_person
        WHERE replaced @> ARRAY[$1::bigint] AND replaced <> '{}' AND ssin <> $1
        UNION ALL
        SELECT distribution, ssin, files FROM distributed_item WHERE ssin = $1
        UNION ALL
        SELECT d.distribution, d.ssin, d.files FROM stream_item i JOIN distributed_item d ON d.item = i.sequence
        WHERE i.ssin = $1 AND d.ssin <> $1
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
    published: datetime | None
    """None until the file is there."""
    collected: datetime | None
    kinds: tuple[str, ...]
    groups: tuple[str, ...]
    """Of data; those that were told as empty among them."""


async def disclosures(database: Database, ssin: Ssin) -> tuple[Disclosure, ...]:
    """The files in which a number is told of, the oldest first, as long as choices are kept. Raises StorageError."""
    async with database.connection() as connection:
        rows = await connection.fetch(_TOLD, to_int(ssin))
        known = {each.id: each for each in await distributions(connection, [row[9] for row in rows])}
        found = []
        for *facts, id_, number, parts, groups in rows:
            if facts[6] is None:
                facts += await _read(connection, known[id_], number, Profile(parts, groups))
            else:
                facts += (), ()
            found.append(Disclosure(*facts))
        return tuple(found)


async def _read(
    connection: Connection, distribution: Distribution, number: int, profile: Profile
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Kinds and groups that were told."""
    found = await person(connection, distribution, number)
    if found is None:  # forgotten a moment ago
        return (), ()
    root = parse_own(Record(found.told).of(profile))
    data = root.find("person")
    groups = () if data is None else tuple((data.get("told") or "").split())
    return tuple(node.text or "" for node in root.findall("kind")), groups
