"""How lines are written: by functions in the database, the same for everybody (RP-03, RP-04, RP-06).

`repertory_write` (in the migrations) takes lines by the array and does all within one statement, so that a group of any
size costs one round trip and one flush to disk, and is there as a whole or not at all:

1. It locks the numbers, and those that came in their place, in order; who writes about a number waits for who did
   before. Some four thousand locks serve all numbers, so that few others wait too, and PostgreSQL's table of locks has
   room for them however many write.
2. It looks, under the locks, at what the registers know of each number, and at the dossier types.
3. It puts the days told and those held together, or takes them out: `range_agg` and set difference of
   multiranges give the same as `periods.merge` and `periods.cut`, which the tests hold it against.
4. It writes the lines that differ, those that hold no more into the history, and who did it.

Each request of a group has a change of its own. Of two that touch one key in one group, the later one is told to come
again: it counts as having come after the other.

Most lines go a shorter way, `repertory_write_plain`, to the same end: a line of each number, none of them replaced.
What is no such line is told to come again, and comes to `repertory_write`. A line that nobody else's comes with goes
the shortest way, `repertory_write_line`.

Other days in the place of some are one statement too, `repertory_change_days`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

from asyncpg import DeadlockDetectedError, Record

from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.periods import Period
from kruispunt.repertory.lines import Line, to_period, to_range

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

MOST_LINES: Final = 1_000
"""Lines of one statement."""
_PATIENCE_WITH_OTHERS: Final = 5
"""Times that a statement is given again when PostgreSQL ended it to free two that waited for each other."""


class Operation(Enum):
    """What was done; the value is what the database keeps."""

    LOADED = 0
    """By an import of the operator."""
    INSCRIBED = 1
    DELETED = 2
    REPLACED = 3
    """The lines of a number went to the one that came in its place (RP-15)."""
    UNDONE = 4
    """They came back."""


class Verdict(Enum):
    """What became of a line that was told. The values up to 9 are those of `repertory_write`."""

    DONE = 0
    UNCHANGED = 1
    """All days were there already; of a deletion, none were."""
    SSIN_UNKNOWN = 3
    """No register knows the number."""
    SSIN_CANCELLED = 4
    TYPE_UNKNOWN = 5
    """The register has no such dossier type, or not for this organisation."""
    TYPE_CLOSED = 6
    """Nothing new is inscribed under it; days that are held already are not new."""
    NO_LINE = 7
    """Of a change of days: none of those that no longer count are held, nor those that count instead."""
    SSIN_INVALID = 10
    """No number at all, or of the test band where that is refused."""
    IDENTIFICATION_DIFFERS = 11
    IDENTIFICATION_UNKNOWN = 12
    """The registers know the number alone, or tell nothing of the person: there is nothing to compare with."""

    @property
    def accepted(self) -> bool:
        """Whether the days now are as they were told."""
        return self in (Verdict.DONE, Verdict.UNCHANGED)


class Strictness(Enum):
    """What a line must satisfy; the value is what `repertory_write` takes."""

    LOADING = 1
    """A number may be unknown or cancelled: people and lines are loaded in any order. A closed type is no matter."""
    INSCRIBING = 2
    """The number is known and has an end (RP-02)."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who has lines changed, and in which exchange."""

    name: str
    """URN of an application, or a person as the security log names one."""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one line."""

    verdict: Verdict
    ssin: Ssin
    """The number in use: the end of the chain when the number told was replaced."""
    held: Period | None
    """Of an inscription that was accepted: the line that holds it now."""


AGAIN: Final = 9
"""In the place of a verdict: the line is told again, to the long way."""
_CALL: Final = """
    SELECT * FROM {way}
        $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::daterange[], $6::text[], $7::text[])
"""
_ALONE: Final = """
    SELECT * FROM repertory_write_line({mode}::smallint, {operation}::smallint, {adding},
        $1::bigint, $2::bigint, $3::text, $4::text, $5::daterange, $6::text, $7::text)
"""
_CHANGE_DAYS: Final = """
    SELECT * FROM repertory_change_days($1::bigint, $2::bigint, $3::text, $4::text, $5::daterange, $6::daterange,
        $7::text, $8::text)
"""
_SHORT: Final = "repertory_write_plain({mode}::smallint, {operation}::smallint, {adding}, {apart},"
_LONG: Final = "repertory_write({mode}::smallint, {operation}::smallint, {adding}, {apart}, NULL,"


async def write(
    database: Database,
    owner: CbeNumber,
    operation: Operation,
    lines: Sequence[Line],
    author: Author,
    strictness: Strictness = Strictness.INSCRIBING,
) -> tuple[Written, ...]:
    """Bring lines into the register of `owner`, or take their days out of it; what became of each, in order.

    Up to MOST_LINES lines are one transaction and one change; more are several. A single line shares its transaction
    with others that come at the same time. Raises StorageError: then lines of the last transaction may have been
    written or not, and telling them again does no harm.
    """
    if len(lines) == 1:
        return (await _write_one(database, owner, operation, lines[0], author, strictness),)
    written: list[Written] = []
    for start in range(0, len(lines), MOST_LINES):
        written += await _write_many(database, owner, operation, lines[start : start + MOST_LINES], author, strictness)
    return tuple(written)


async def change_days(database: Database, owner: CbeNumber, line: Line, instead: Period, author: Author) -> Written:
    """Put the days of `instead` in the place of those of `line`, in one transaction (RP-06, RP-07).

    Raises StorageError: then all was written or nothing, and telling it again does no harm.
    """
    key = line.key
    told = (cbe.to_int(owner), to_int(key.ssin), key.organisation, key.dossier_type)
    days = (to_range(line.period), to_range(instead))
    while True:
        (row,) = await _patiently(partial(database.fetch, _CHANGE_DAYS, *told, *days, author.name, author.ticket))
        if row[1] != AGAIN:
            return _written(row)


async def _write_one(
    database: Database,
    owner: CbeNumber,
    operation: Operation,
    line: Line,
    author: Author,
    strictness: Strictness,
) -> Written:
    key = line.key
    told = (
        cbe.to_int(owner),
        to_int(key.ssin),
        key.organisation,
        key.dossier_type,
        to_range(line.period),
        author.name,
        author.ticket,
    )
    alone: str | None = _LINES_ALONE[operation, strictness]
    plain = True
    while True:
        sql = _STATEMENTS[operation, strictness, True, plain]
        (row,) = await _patiently(partial(database.fetch_together, sql, *told, alone=alone))
        if row[1] != AGAIN:
            return _written(row)
        alone, plain = None, False


async def _write_many(
    database: Database,
    owner: CbeNumber,
    operation: Operation,
    lines: Sequence[Line],
    author: Author,
    strictness: Strictness,
) -> list[Written]:
    written: dict[int, Written] = {}
    places = list(range(len(lines)))
    plain = True
    while places:
        sql, again = _STATEMENTS[operation, strictness, False, plain], []
        columns = _columns(owner, [lines[place] for place in places], author)
        for row in await _patiently(partial(database.fetch, sql, *columns)):
            place = places[row[0] - 1]
            if row[1] == AGAIN:
                again.append(place)
            else:
                written[place] = _written(row)
        places, plain = again, False
    return [written[place] for place in range(len(lines))]


async def _patiently(ask: Callable[[], Awaitable[list[Record]]]) -> list[Record]:
    for _ in range(_PATIENCE_WITH_OTHERS):
        try:
            return await ask()
        except DeadlockDetectedError:
            continue
    return await ask()


def _columns(owner: CbeNumber, lines: Sequence[Line], author: Author) -> tuple[list[object], ...]:
    count, keys = len(lines), [line.key for line in lines]
    return (
        [cbe.to_int(owner)] * count,
        [to_int(key.ssin) for key in keys],
        [key.organisation for key in keys],
        [key.dossier_type for key in keys],
        [to_range(line.period) for line in lines],
        [author.name] * count,
        [author.ticket] * count,
    )


def _written(row: Record) -> Written:
    held = row[3]
    return Written(Verdict(row[1]), from_int(row[2]), None if held is None else to_period(held))


def _told(operation: Operation, strictness: Strictness) -> dict[str, object]:
    return {"mode": strictness.value, "operation": operation.value, "adding": operation is not Operation.DELETED}


_OF_LINES: Final = (Operation.LOADED, Operation.INSCRIBED, Operation.DELETED)
_STATEMENTS: Final = {
    (operation, strictness, apart, plain): _CALL.format(
        way=(_SHORT if plain else _LONG).format(**_told(operation, strictness), apart=apart)
    )
    for operation in _OF_LINES
    for strictness in Strictness
    for apart in (False, True)
    for plain in (False, True)
}
_LINES_ALONE: Final = {
    (operation, strictness): _ALONE.format(**_told(operation, strictness))
    for operation in _OF_LINES
    for strictness in Strictness
}
