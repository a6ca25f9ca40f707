"""What a distribution tells, read block by block: people with their state at the cut, and items of streams.

The state of a number as of a place in `person_change` is what its last change until then says was after it; if there
was none, what the first change since then says was before it; if there is none at all, what the registers hold today.
None of these rows ever changes, so the same block is read the same at any time, whatever happened since (RP-18).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from kruispunt.errors import StorageError
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.records import Told, write_item

if TYPE_CHECKING:
    from asyncpg import Connection


PATIENCE: Final = 600.0
"""Seconds for the statement of a block, which takes a fraction of one."""
BLOCK: Final = 2_000
"""People, or items, that are read at once: few enough to stay in the caches of a processor until they are told."""

# One statement, so that a state is read in one snapshot: a first change that is committed meanwhile shows, or not. A
# line comes as bytes (`textsend`), because bytes are what is read, and an empty array costs as much as a full one.
_PEOPLE: Final = """
    SELECT d.ssin, d.parts, nullif(d.replaced, '{}'), d.files,
        CASE WHEN cardinality(d.replaced) = 0 AND c.sequence > $3 THEN c.sequence
        ELSE (
            SELECT coalesce(max(sequence), $4) FROM person_change
            WHERE ssin = ANY(d.ssin || d.replaced) AND sequence > $3 AND sequence <= $4
        ) END,
        textsend(coalesce(
            c.after,
            (SELECT before FROM person_change WHERE ssin = d.ssin AND sequence > $4 ORDER BY sequence LIMIT 1),
            (
                SELECT concat(
                    '{"ssin":"', lpad(p.ssin::text, 11, '0'),
                    '","register":"', (ARRAY['national', 'bis', 'rad'])[p.register], '"',
                    CASE WHEN p.replaced_by IS NOT NULL
                        THEN ',"replacedBy":"' || lpad(p.replaced_by::text, 11, '0') || '"'
                    WHEN p.state = 3 THEN ',"cancelled":true' END,
                    (SELECT ',"nationalRegister":' || document FROM dossier WHERE ssin = p.ssin AND origin = 1),
                    (SELECT ',"cbssRegister":' || document FROM dossier WHERE ssin = p.ssin AND origin = 2),
                    '}'
                )
                FROM person p WHERE p.ssin = d.ssin
            )
        ))
    FROM (
        SELECT ssin, parts, replaced, files FROM distributed_person
        WHERE distribution = $1 AND ssin > $2 AND ($5::bigint[] IS NULL OR files && $5)
        ORDER BY ssin LIMIT $6
    ) d
    LEFT JOIN LATERAL (
        SELECT sequence, after FROM person_change
        WHERE ssin = d.ssin AND sequence <= $4 ORDER BY sequence DESC LIMIT 1
    ) c ON true
    ORDER BY d.ssin
"""
_ITEMS: Final = """
    SELECT i.sequence, d.ssin, i.ssin, i.reference, i.told_at, i.document, d.files
    FROM (
        SELECT item, ssin, files FROM distributed_item
        WHERE distribution = $1 AND item > $2 AND ($3::bigint[] IS NULL OR files && $3)
        ORDER BY item LIMIT $4
    ) d
    JOIN stream_item i ON i.sequence = d.item
    ORDER BY i.sequence
"""


class PersonTold(NamedTuple):
    """A person, and the ids of the files that tell of it."""

    told: Told
    files: Sequence[int]


class ItemTold(NamedTuple):
    """The record of an item, and the ids of the files that hold it."""

    record: bytes
    files: Sequence[int]


async def people(
    connection: Connection, distribution: Distribution, files: Sequence[int] | None = None, block: int = BLOCK
) -> AsyncGenerator[list[PersonTold], None]:
    """The people of a distribution in order of SSIN, of some files or of all. Raises StorageError."""
    last = -1
    while found := await _people_after(connection, distribution, last, files, block):
        last = found[-1].told.ssin
        yield found


async def person(connection: Connection, distribution: Distribution, ssin: int) -> PersonTold | None:
    """One of them, by the number under which somebody is told; None for who is not. Raises StorageError."""
    found = await _people_after(connection, distribution, ssin - 1, None, 1)
    return found[0] if found and found[0].told.ssin == ssin else None


async def _people_after(
    connection: Connection, distribution: Distribution, last: int, files: Sequence[int] | None, block: int
) -> list[PersonTold]:
    cut = distribution.changes_from, distribution.changes_upto
    rows = await connection.fetch(_PEOPLE, distribution.id, last, *cut, files, block, timeout=PATIENCE)
    if any(row[5] is None for row in rows):
        raise StorageError("A person is to be told of whom no register knows the number.")
    return [
        PersonTold(Told(ssin, parts, replaced or (), number, line), told_in)
        for ssin, parts, replaced, told_in, number, line in rows
    ]


async def items(
    connection: Connection, distribution: Distribution, files: Sequence[int] | None = None, block: int = BLOCK
) -> AsyncGenerator[list[ItemTold], None]:
    """The items of streams of a distribution, in the order in which they arrived. Raises StorageError."""
    last = -1
    while rows := await connection.fetch(_ITEMS, distribution.id, last, files, block, timeout=PATIENCE):
        last = rows[-1][0]
        yield [ItemTold(write_item(*row[:6]), row[6]) for row in rows]
