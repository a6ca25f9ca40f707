"""A replacement that was wrong, undone: the lines come back (RP-15).

When a number is replaced its lines move to the one in its place, in the transaction of the replacement and merged with
what stood there; a trigger on `person` sees to it, whoever replaces. Here is the way back. The history tells which days
came to a number with which replacement (`tracing.py`):

- The old number gets back the days that moved, without those that were deleted since.
- The new one loses those that only came with them, over all replacements since. It keeps what was its own before, and
  what came with numbers whose replacement stands.
- Numbers that were replaced by the old one afterwards are taken along: their lines moved past it.
- What was inscribed since stays at the new number, unless the days were there already by the move: nobody can
  tell whose they are, and they go back.
- When the registers were corrected before, to a third number, the lines go there. That is a move like the first one,
  and undone in the same way when it was wrong too.

Days are neither lost nor invented: each day that moved and still stands is at the old number again. When everything was
undone, each number has what was inscribed at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.registers.changes import Changer, changing
from kruispunt.registers.facts import Told
from kruispunt.repertory.lines import to_range
from kruispunt.repertory.tracing import Days, days_at, moves_of
from kruispunt.repertory.writing import Author, Operation

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

_LOCK: Final = """
    SELECT pg_advisory_xact_lock(l.key)
    FROM (SELECT DISTINCT $1::bigint + n % 4093 AS key FROM unnest($2::bigint[]) AS n ORDER BY key) l
"""
_LOCKS: Final = 0x4B525250 << 32
"""As in `repertory_write`."""
_REPLACED_BY: Final = """
    WITH RECURSIVE earlier AS (
        SELECT ssin FROM person WHERE replaced_by = $1
    UNION
        SELECT p.ssin FROM earlier e JOIN person p ON p.replaced_by = e.ssin
    )
    SELECT ssin FROM earlier WHERE ssin <> $1 ORDER BY ssin
"""
_NOTE: Final = """
    INSERT INTO repertory_change (id, author, ticket, operation, old, new, undoes)
    VALUES (nextval('repertory_change_id'), $1, $2, $3, $4, $5, $6) RETURNING id
"""
_WRITE: Final = """
    SELECT count(*) FROM repertory_write(0::smallint, 4::smallint, $1, false, $2, $3::bigint[], $4::bigint[],
        $5::text[], $6::text[], $7::daterange[], NULL, NULL)
"""
_MOVED_ONCE: Final = """
    WITH RECURSIVE earlier AS (
        SELECT unnest($1::bigint[]) AS ssin
    UNION
        SELECT p.ssin FROM earlier e JOIN person p ON p.replaced_by = e.ssin
    )
    SELECT p.ssin, coalesce(p.final_ssin, p.ssin) FROM earlier e JOIN person p ON p.ssin = e.ssin
    WHERE EXISTS (SELECT FROM repertory_change c WHERE c.old = e.ssin AND c.operation = 3)
    ORDER BY p.ssin
"""
_FINAL: Final = "SELECT coalesce(final_ssin, ssin) FROM person WHERE ssin = $1"


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undoing did."""

    left: Ssin
    """The number that lines left."""
    back_at: Ssin
    """Where they went: the old number, or the one that now is in its place."""
    lines: int
    """Periods that went."""


async def undo_replacement(database: Database, old: Ssin, author: Author) -> Undone:
    """The last replacement of `old` whose lines moved was wrong: it counts as active again, and its lines come back.

    When the registers have been corrected since, they are left as they are, and the lines go where they now say. All
    is one transaction. Raises DataError when no lines moved, or they came back already, StorageError.
    """
    async with changing(database, author.name) as changer:
        connection, number = changer.connection, to_int(old)
        moves = await moves_of(connection, number)
        last = moves.last(number)
        if last is None:
            raise DataError("no lines moved away from this number, or they came back already")
        change, final = last
        await _correct(changer, number, moves.destinations[change])
        target: int = await connection.fetchval(_FINAL, number)
        if target == final:
            raise DataError("the number is still replaced by the one that has its lines: nothing was undone")
        await connection.execute(_LOCK, _LOCKS, [target, final])
        earlier = await connection.fetch(_REPLACED_BY, number)
        undoing = [change, *moves.past(change, final, (row[0] for row in earlier))]
        await _tell_of(changer, {moves.homes[each] for each in undoing} - {number})
        back, leaving = await days_at(connection, final, undoing)
        told = (author.name, author.ticket, Operation.UNDONE.value, final, target)
        # The days are those of all of them together, and written down with the last one.
        note = [await connection.fetchval(_NOTE, *told, each) for each in undoing][-1]
        await _write(connection, note, final, leaving, adding=False)
        await _write(connection, note, target, back, adding=True)
    return Undone(from_int(final), from_int(target), sum(map(len, back.values())))


async def left_behind(database: Database, redirected: Iterable[Ssin]) -> tuple[Ssin, ...]:
    """Of numbers that are not replaced any more as they were, and of those that they replaced: the ones whose lines
    stand elsewhere than at the end of their chain. `undo_replacement` moves them there (RP-15). Raises StorageError.
    """
    rows = await database.fetch(_MOVED_ONCE, list(map(to_int, redirected)))
    found = []
    async with database.connection() as connection:
        for number, end in rows:
            last = (await moves_of(connection, number)).last(number)
            if last is not None and last[1] != end:
                found.append(from_int(number))
    return tuple(found)


async def _correct(changer: Changer, old: int, new: int) -> None:
    """The number is active again, when the replacement that is undone still holds.

    Else the registers were corrected before. Nobody was told, as the lines stood at the wrong number, where others know
    somebody else: with the lines comes a change that tells it (RP-15, RP-16).
    """
    facts = (await changer.known([old]))[old]
    if facts.replaced_by is not None and await changer.leads_to(from_int(old), from_int(new)):
        await changer.tell([Told(facts._replace(replaced_by=None))])
    else:
        await changer.repeat(facts, facts._replace(replaced_by=new, cancelled=False))


async def _tell_of(changer: Changer, taken_along: Iterable[int]) -> None:
    """The registers say of these what they said before. But whoever knows them was told of the number that was wrong,
    past which their lines went, and never which one came in their place (RP-15).
    """
    for facts in (await changer.known(sorted(taken_along))).values():
        await changer.repeat(facts, facts._replace(replaced_by=None))


async def _write(connection: Connection, change: int, number: int, days: Days, *, adding: bool) -> None:
    rows = [(*place, period) for place, periods in days.items() for period in periods]
    if rows:
        owners, known_to, kinds, periods = zip(*rows, strict=True)
        ranges = list(map(to_range, periods))
        await connection.execute(_WRITE, adding, change, owners, [number] * len(rows), known_to, kinds, ranges)
