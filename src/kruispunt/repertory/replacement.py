"""A replacement that was wrong, undone: the lines come back (RP-15).

When a number is replaced its lines move to the one in its place, in the transaction of the replacement and merged with
what stood there; a trigger on `person` sees to it, whoever replaces. Here is the way back. The change that moved them
tells which days the old number had, and which of them the new one had not:

- The old number gets back the days that moved, without those that were deleted since.
- The new one loses those that only came with them, over all replacements since. It keeps what was its own before, and
  what came with numbers whose replacement stands.
- Numbers that were replaced by the old one afterwards are taken along: their lines moved past it.
- What was inscribed since stays at the new number, unless the days were there already by the move: nobody can
  tell whose they are, and they go back.

Days are neither lost nor invented: each day that moved and still stands is at the old number again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.periods import Period, common, cut_all, merge
from kruispunt.registers.changes import Changer, changing
from kruispunt.registers.facts import Told
from kruispunt.repertory.lines import to_period, to_range
from kruispunt.repertory.writing import Author, Operation

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    from kruispunt.storage.database import Database

Place = tuple[int, str, str]
"""Owner, organisation, dossier type."""
Days = dict[Place, tuple[Period, ...]]

_LOCK: Final = """
    SELECT pg_advisory_xact_lock(l.key)
    FROM (SELECT DISTINCT $1::bigint + n % 4093 AS key FROM unnest($2::bigint[]) AS n ORDER BY key) l
"""
_LOCKS: Final = 0x4B525250 << 32
"""As in `repertory_write`."""
_MOVES: Final = """
    WITH RECURSIVE move AS (
        (SELECT c.id, c.old, c.new FROM repertory_change c
        WHERE c.old = $1 AND c.operation = 3 AND NOT EXISTS (SELECT FROM repertory_change u WHERE u.undoes = c.id)
        ORDER BY c.id DESC LIMIT 1)
    UNION ALL
        SELECT further.id, further.old, further.new
        FROM move m CROSS JOIN LATERAL (
            SELECT c.id, c.old, c.new FROM repertory_change c
            WHERE c.old = m.new AND c.id > m.id AND c.operation = 3
                AND NOT EXISTS (SELECT FROM repertory_change u WHERE u.undoes = c.id)
            ORDER BY c.id LIMIT 1
        ) further
    )
    SELECT id, old, new FROM move ORDER BY id
"""
_MOVED: Final = """
    SELECT owner, organisation, dossier_type, period FROM inscription_history WHERE ended = $1 AND ssin = $2
"""
_JUST_BEFORE: Final = """
    SELECT owner, organisation, dossier_type, period FROM inscription WHERE ssin = $2 AND change < $1
UNION ALL
    SELECT owner, organisation, dossier_type, period FROM inscription_history
    WHERE ssin = $2 AND begun < $1 AND ended >= $1
UNION ALL
    SELECT h.owner, h.organisation, h.dossier_type, h.period
    FROM repertory_change c JOIN inscription_history h ON h.ended = c.id AND h.ssin = c.old
    WHERE c.new = $2 AND c.operation = 3 AND c.id > $1 AND c.id <> ALL ($3::bigint[])
        AND NOT EXISTS (SELECT FROM repertory_change u WHERE u.undoes = c.id)
"""
"""What a number had before a change brought it lines, and what other changes brought since that stand."""
_REPLACED_BY: Final = """
    WITH RECURSIVE earlier AS (
        SELECT ssin FROM person WHERE replaced_by = $1
    UNION
        SELECT p.ssin FROM earlier e JOIN person p ON p.replaced_by = e.ssin
    )
    SELECT ssin FROM earlier WHERE ssin <> $1 ORDER BY ssin
"""
_NOW: Final = "SELECT owner, organisation, dossier_type, period FROM inscription WHERE ssin = $1"
_NOTE: Final = """
    INSERT INTO repertory_change (id, author, ticket, operation, old, new, undoes)
    VALUES (nextval('repertory_change_id'), $1, $2, $3, $4, $5, $6) RETURNING id
"""
_WRITE: Final = """
    SELECT count(*) FROM repertory_write(0::smallint, 4::smallint, $1, false, $2, $3::bigint[], $4::bigint[],
        $5::text[], $6::text[], $7::daterange[], NULL, NULL)
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
        moves = await connection.fetch(_MOVES, number)
        if not moves:
            raise DataError("no lines moved away from this number, or they came back already")
        await _correct(changer, number, moves[0]["new"])
        target: int = await connection.fetchval(_FINAL, number)
        final: int = moves[-1]["new"]
        if target == final:
            raise DataError("the number is still replaced by the one that has its lines: nothing was undone")
        await connection.execute(_LOCK, _LOCKS, [target, final])
        paths = [moves, *await _past(connection, number, final)]
        undoing = [path[0]["id"] for path in paths]
        days = [await _traced(connection, path, undoing) for path in paths]
        for change, (back, leaving) in zip(undoing, days, strict=True):
            note: int = await connection.fetchval(
                _NOTE, author.name, author.ticket, Operation.UNDONE.value, final, target, change
            )
            await _write(connection, note, final, leaving, adding=False)
            await _write(connection, note, target, back, adding=True)
    periods = sum(len(periods) for back, _ in days for periods in back.values())
    return Undone(from_int(final), from_int(target), periods)


async def _past(connection: Connection, old: int, final: int) -> list[list[Record]]:
    """The moves of numbers that `old` replaced, whose lines went past it to `final`."""
    paths = []
    for row in await connection.fetch(_REPLACED_BY, old):
        moves = await connection.fetch(_MOVES, row[0])
        if moves and moves[-1]["new"] == final and all(move["new"] != old for move in moves):
            paths.append(moves)
    return paths


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


async def _traced(connection: Connection, moves: Sequence[Record], undoing: Sequence[int]) -> tuple[Days, Days]:
    """The days that go back, and those that leave the last number, which had them from nowhere else."""
    back: Days = {}
    leaving: Days = {}
    for position, (change, old, new) in enumerate(moves):
        moved = _days(await connection.fetch(_MOVED, change, old))
        own = _days(await connection.fetch(_JUST_BEFORE, change, new, undoing))
        back = moved if position == 0 else _both(back, moved)
        leaving = _without(back if position == 0 else _both(leaving, moved), own)
        final = new
    now = _days(await connection.fetch(_NOW, final))
    return _both(back, now), _both(leaving, now)


async def _write(connection: Connection, change: int, number: int, days: Days, *, adding: bool) -> None:
    rows = [(*place, period) for place, periods in days.items() for period in periods]
    if rows:
        owners, known_to, kinds, periods = zip(*rows, strict=True)
        ranges = list(map(to_range, periods))
        await connection.execute(_WRITE, adding, change, owners, [number] * len(rows), known_to, kinds, ranges)


def _days(rows: Iterable[Record]) -> Days:
    found: defaultdict[Place, list[Period]] = defaultdict(list)
    for owner, known_to, kind, period in rows:
        found[owner, known_to, kind].append(to_period(period))
    return {place: merge(periods) for place, periods in found.items()}


def _both(one: Days, other: Days) -> Days:
    return {place: days for place in one if (days := common(one[place], other.get(place, ())))}


def _without(one: Days, other: Days) -> Days:
    return {place: days for place in one if (days := cut_all(one[place], other.get(place, ())))}
