"""By which replacements lines came to a number: told from the history, change by change (RP-06, RP-15).

A day that a register holds may have been inscribed at the number itself, have come with a number that was replaced, or
both; the lines, which are merged, do not tell. The history does. Each day that was inscribed is followed from then on,
with its *path*: the changes that moved it, in order.

- A replacement moves all there is, and stands at the end of each path.
- An undoing moves what the change that it undoes had moved, and stands in the place of that one and of what came after;
  also where it left something behind, as it could in earlier versions.
- What is deleted is gone. What a change makes is new at its number; a day that was there already makes nothing, so
  nobody can tell that it was inscribed twice.

A change that moved lines is known as well when none of them are left: what can be undone does not depend on days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kruispunt.periods import Period, common, cut_all, merge
from kruispunt.repertory.lines import to_period
from kruispunt.repertory.writing import Operation

if TYPE_CHECKING:
    from asyncpg import Connection, Record

Place = tuple[int, str, str]
"""Owner, organisation, dossier type."""
Days = dict[Place, tuple[Period, ...]]
Path = tuple[int, ...]
"""Ids of changes, the first one first; empty for what was inscribed at the number itself."""

# Numbers whose lines ever went from one to another, by any way; there are a few.
_CONNECTED: Final = """
    WITH RECURSIVE connected AS (
        SELECT $1::bigint AS ssin
    UNION
        SELECT o.ssin FROM connected c CROSS JOIN LATERAL (
            SELECT new AS ssin FROM repertory_change WHERE old = c.ssin
        UNION ALL
            SELECT old FROM repertory_change WHERE new = c.ssin
        ) o
    )
"""
_MOVES: Final = f"""
    {_CONNECTED}
    SELECT r.id, r.operation, r.old, r.new, r.undoes
    FROM connected c JOIN repertory_change r ON r.old = c.ssin ORDER BY r.id
"""  # noqa: S608  only constants are put in
_LINES: Final = f"""
    {_CONNECTED}
    SELECT i.ssin, i.owner, i.organisation, i.dossier_type, i.period, i.change, NULL::bigint
    FROM connected c JOIN inscription i ON i.ssin = c.ssin
UNION ALL
    SELECT h.ssin, h.owner, h.organisation, h.dossier_type, h.period, h.begun, h.ended
    FROM connected c JOIN inscription_history h ON h.ssin = c.ssin
"""  # noqa: S608


@dataclass(slots=True)
class Moves:
    """Which changes that moved lines still stand, and where they left them."""

    homes: dict[int, int] = field(default_factory=dict)
    """By change: the number whose lines it moved, wherever they stood by then."""
    destinations: dict[int, int] = field(default_factory=dict)
    """By change: the number to which it moved them; of one that found nothing to move, where they were moved before."""
    standing: dict[int, list[Path]] = field(default_factory=lambda: defaultdict(list))
    """By number: each change that left lines there, with those that moved them on before they came there."""

    def last(self, home: int) -> tuple[int, int] | None:
        """The last change that moved the lines of a number away and stands, and where they are now."""
        found = [
            (path[0], number)
            for number, paths in self.standing.items()
            for path in paths
            if number != home and self.homes[path[0]] == home
        ]
        return max(found, default=None)

    def past(self, change: int, number: int, earlier: Iterable[int]) -> list[int]:
        """The changes that brought to `number` the lines of `earlier` ones without the help of `change`."""
        wanted = frozenset(earlier)
        found = {p[0]: p for p in self.standing[number] if change not in p and self.homes[p[0]] in wanted}
        return sorted(first for first, path in found.items() if found.keys().isdisjoint(path[1:]))

    def add(self, row: Record) -> None:
        """The next change."""
        change, operation, old, new, undoes = row
        replaced = Operation(operation) is Operation.REPLACED
        self.homes[change] = home = old if replaced else self.homes.get(undoes, old)
        if replaced:
            self.standing[old].append(())
        found = replaced or any(undoes in path for path in self.standing[old])
        self.destinations[change] = new if found else self.destinations.get(undoes, new)
        for number in [old] if replaced else list(self.standing):
            moved = [path for path in self.standing[number] if replaced or undoes in path]
            self.standing[number] = [path for path in self.standing[number] if not (replaced or undoes in path)]
            there = new if number == old else number
            paths = [_onward(path, change, undoes) for path in moved]
            self.standing[there] += [path for path in paths if path[0] != change or there != home]


async def moves_of(connection: Connection, ssin: int) -> Moves:
    """What became of the lines of a number, and of those that they went with."""
    moves = Moves()
    for row in await connection.fetch(_MOVES, ssin):
        moves.add(row)
    return moves


async def days_at(connection: Connection, ssin: int, changes: Sequence[int]) -> tuple[Days, Days]:
    """The days at a number that these changes brought; and of those the ones that nothing else did."""
    traced = _Traced()
    moves = {row[0]: row for row in await connection.fetch(_MOVES, ssin)}
    lines: defaultdict[int, list[tuple[Record, bool]]] = defaultdict(list)
    for line in await connection.fetch(_LINES, ssin):
        lines[line[5]].append((line, True))
        if line[6] is not None:
            lines[line[6]].append((line, False))
    for change in sorted(moves.keys() | lines.keys()):
        if change in moves:
            traced.move(moves[change])
        traced.write(lines[change])
    return traced.brought(ssin, frozenset(changes))


class _Traced:
    """The days of some numbers, by their paths, as of some change."""

    def __init__(self) -> None:
        self._paths: defaultdict[tuple[int, Place], dict[Path, tuple[Period, ...]]] = defaultdict(dict)
        self._held: defaultdict[tuple[int, Place], tuple[Period, ...]] = defaultdict(tuple)

    def move(self, row: Record) -> None:
        change, operation, old, new, undoes = row
        replaced = Operation(operation) is Operation.REPLACED
        for number, place in [key for key in self._paths if key[0] == old or not replaced]:
            paths = self._paths[number, place]
            there = self._paths[new if number == old else number, place]
            for path in [path for path in paths if replaced or undoes in path]:
                onward, days = _onward(path, change, undoes), paths.pop(path)
                there[onward] = merge((*there.get(onward, ()), *days))

    def write(self, lines: Iterable[tuple[Record, bool]]) -> None:
        """What a change made and ended. What no path explains is new; what no line holds any more is gone."""
        ended: defaultdict[tuple[int, Place], list[Period]] = defaultdict(list)
        begun: defaultdict[tuple[int, Place], list[Period]] = defaultdict(list)
        for (number, owner, known_to, kind, period, *_), made in lines:
            (begun if made else ended)[number, (owner, known_to, kind)].append(to_period(period))
        for key in ended | begun:
            held = self._held[key] = merge((*cut_all(self._held[key], ended[key]), *begun[key]))
            paths = {path: left for path, days in self._paths[key].items() if (left := common(days, held))}
            new = cut_all(held, (day for days in paths.values() for day in days))
            paths[()] = merge((*paths.get((), ()), *new))
            self._paths[key] = paths

    def brought(self, ssin: int, changes: frozenset[int]) -> tuple[Days, Days]:
        all_of: Days = {}
        alone: Days = {}
        for (number, place), paths in self._paths.items():
            if number == ssin:
                brought = [day for path, days in paths.items() if not changes.isdisjoint(path) for day in days]
                others = [day for path, days in paths.items() if changes.isdisjoint(path) for day in days]
                all_of[place], alone[place] = merge(brought), cut_all(brought, others)
        return all_of, alone


def _onward(path: Path, change: int, undoes: int | None) -> Path:
    """The path of what a change moved."""
    return (*(path if undoes is None else path[: path.index(undoes)]), change)
