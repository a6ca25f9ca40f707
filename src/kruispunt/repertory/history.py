"""What became of lines: who, when, what, and the lines of any past moment (RP-06).

A line has two times. Its period says when the person is known; `inscription.change`, and `begun` and `ended` in
`inscription_history`, say since when and until when the register said so. Changes of one number are in the order of
their ids, because they are given under the lock of the number.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.repertory.lines import Key, Line, to_lines, to_period
from kruispunt.repertory.writing import Operation

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

_CHANGES: Final = """
    WITH told AS (
        SELECT change AS id, true AS made, organisation, dossier_type, period FROM inscription
        WHERE owner = $1 AND ssin = $2
    UNION ALL
        SELECT begun, true, organisation, dossier_type, period FROM inscription_history WHERE owner = $1 AND ssin = $2
    UNION ALL
        SELECT ended, false, organisation, dossier_type, period FROM inscription_history WHERE owner = $1 AND ssin = $2
    )
    SELECT c.id, c.at, c.author, c.ticket, c.operation, c.old, c.new,
        t.made, t.organisation, t.dossier_type, t.period
    FROM told t JOIN repertory_change c ON c.id = t.id
    ORDER BY c.id, t.organisation, t.dossier_type, t.period
"""
_AS_OF: Final = """
    SELECT l.ssin, l.organisation, l.dossier_type, l.period
    FROM (
        SELECT ssin, organisation, dossier_type, period, change AS begun, NULL::bigint AS ended FROM inscription
        WHERE owner = $1 AND ssin = $2
    UNION ALL
        SELECT ssin, organisation, dossier_type, period, begun, ended FROM inscription_history
        WHERE owner = $1 AND ssin = $2
    ) l
    JOIN repertory_change b ON b.id = l.begun
    LEFT JOIN repertory_change e ON e.id = l.ended
    WHERE b.at <= $3 AND (e.at IS NULL OR e.at > $3)
    ORDER BY l.organisation, l.dossier_type, l.period
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change to the lines of a register about one number."""

    id: int
    """Grows in the order in which changes to the number were made."""
    at: datetime
    """UTC. A change of id 0 was made before there was a history, which begins at that moment."""
    author: str
    ticket: str | None
    operation: Operation
    replaced: tuple[Ssin, Ssin] | None
    """Of REPLACED: the old number and the new one; of UNDONE: the number that lines left, and where they went."""
    ended: tuple[Line, ...]
    """Lines that it took away, among them those that others were merged with."""
    made: tuple[Line, ...]
    """Lines that it put there."""


async def history(database: Database, owner: CbeNumber, ssin: Ssin) -> tuple[Change, ...]:
    """All changes to the lines about a number, the first one first; those of other registers are not among them.

    Lines that moved to another number have the rest of their history there. Raises StorageError.
    """
    heads: dict[int, tuple[object, ...]] = {}
    lines: defaultdict[tuple[int, bool], list[Line]] = defaultdict(list)
    for row in await database.fetch(_CHANGES, cbe.to_int(owner), to_int(ssin)):
        heads[row[0]] = row[:7]
        key = Key(ssin, OrganisationKey(row[8]), row[9])
        lines[row[0], row[7]].append(Line(key, to_period(row[10])))
    return tuple(_change(head, lines[id_, False], lines[id_, True]) for id_, head in heads.items())


async def as_of(database: Database, owner: CbeNumber, ssin: Ssin, moment: datetime) -> tuple[Line, ...]:
    """The lines about a number as the register had them at `moment` (aware). Raises StorageError."""
    return to_lines(await database.fetch(_AS_OF, cbe.to_int(owner), to_int(ssin), moment))


def _change(head: tuple[object, ...], ended: list[Line], made: list[Line]) -> Change:
    id_, at, author, ticket, operation, old, new = head
    assert isinstance(id_, int)
    assert isinstance(at, datetime)
    assert isinstance(author, str)
    assert ticket is None or isinstance(ticket, str)
    replaced = (from_int(old), from_int(new)) if isinstance(old, int) and isinstance(new, int) else None
    return Change(id_, at, author, ticket, Operation(operation), replaced, tuple(ended), tuple(made))
