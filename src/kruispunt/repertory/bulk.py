"""Lines by the thousand, as numbers: what `writing.write` does, without an object for each line (RP-03, RP-06).

Nearly all lines of a file are plain: no other one of the call tells the same key, and the number was not replaced.
They go the short way, `repertory_write_columns`, which tells of those alone that were not done. The others follow in
the same transaction by the way of all lines, as a change of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.repertory.writing import AGAIN, Author, Operation, Strictness

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection

_PLAIN: Final = """
    SELECT place, verdict FROM repertory_write_columns($1::smallint, $2::smallint, $3, $4,
        $5::text[], $6::text[], $7::bigint[], $8::int[], $9::int[], $10::int[], $11, $12)
"""
_OTHERS: Final = """
    SELECT w.place, w.verdict, w.ssin
    FROM repertory_write($1::smallint, $2::smallint, $3, false, NULL,
        array_fill($4::bigint, ARRAY[cardinality($7::bigint[])]), $7,
        ARRAY(SELECT ($5::text[])[k] FROM unnest($8::int[]) WITH ORDINALITY AS u (k, place) ORDER BY u.place),
        ARRAY(SELECT ($6::text[])[k] FROM unnest($8::int[]) WITH ORDINALITY AS u (k, place) ORDER BY u.place),
        ARRAY(
            SELECT daterange(date '0001-01-01' + (nullif(d.first, 0) - 1), date '0001-01-01' + (nullif(d.until, 0) - 1))
            FROM unnest($9::int[], $10::int[]) WITH ORDINALITY AS d (first, until, place) ORDER BY d.place
        ),
        array_fill($11::text, ARRAY[cardinality($7::bigint[])]),
        array_fill($12::text, ARRAY[cardinality($7::bigint[])])) AS w
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """Lines, column by column; the last four are of one length."""

    names: Sequence[tuple[OrganisationKey, str]]
    """Organisation and dossier type, each pair once."""
    ssins: Sequence[int]
    types: Sequence[int]
    """Places in `names`, counted from 1."""
    firsts: Sequence[int]
    """Ordinals of the first days; 0: always."""
    untils: Sequence[int]
    """Ordinals of the days after the last ones; 0: no end."""


@dataclass(frozen=True, slots=True)
class WrittenColumns:
    """What became of the lines, by their place in the columns."""

    verdicts: bytearray
    """Of each line the value of its Verdict."""
    moved: dict[int, int] = field(default_factory=dict)
    """The number in use, where it is another one than was told."""


async def write_columns(
    connection: Connection,
    owner: CbeNumber,
    operation: Operation,
    columns: Columns,
    author: Author,
    strictness: Strictness,
) -> WrittenColumns | None:
    """Write lines within the transaction of the caller, who commits.

    None when a number was replaced at this moment: roll back, and tell the same again. Raises what the driver does,
    DeadlockDetectedError among it, after which the same holds.
    """
    written = WrittenColumns(bytearray(len(columns.ssins)))
    told = (strictness.value, operation.value, operation is not Operation.DELETED, cbe.to_int(owner))
    who = (author.name, author.ticket)
    plain, others = _once(columns)
    if plain:
        for place, verdict in await connection.fetch(_PLAIN, *told, *_chosen(columns, plain), *who):
            if verdict == AGAIN:
                others.append(plain[place - 1])
            else:
                written.verdicts[plain[place - 1]] = verdict
    if others:
        for place, verdict, ssin in await connection.fetch(_OTHERS, *told, *_chosen(columns, others), *who):
            if verdict == AGAIN:
                return None
            line = others[place - 1]
            written.verdicts[line] = verdict
            if ssin != columns.ssins[line]:
                written.moved[line] = ssin
    return written


def _once(columns: Columns) -> tuple[Sequence[int], list[int]]:
    """The places of lines of which each tells another key, and of the rest."""
    keys = list(zip(columns.ssins, columns.types, strict=True))
    if len(set(keys)) == len(keys):
        return range(len(keys)), []
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    return sorted(first.values()), [place for place, key in enumerate(keys) if first[key] != place]


def _chosen(columns: Columns, places: Sequence[int]) -> tuple[Sequence[str] | Sequence[int], ...]:
    lines = (columns.ssins, columns.types, columns.firsts, columns.untils)
    if len(places) < len(columns.ssins):
        lines = tuple([column[place] for place in places] for column in lines)  # type: ignore[assignment]
    return ([name[0] for name in columns.names], [name[1] for name in columns.names], *lines)
