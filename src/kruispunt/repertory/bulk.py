"""Lines by the thousand: the same function in the database as `writing.write`, with columns in the place of values.

`writing` makes some ten objects a line, which costs more than the merge. Here a line is five numbers and texts in five
lists, and what became of it two numbers. Rule, locks and history are those of `repertory_write` (RP-03, RP-06).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.repertory.writing import Author, Operation, Strictness

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection

_AGAIN: Final = 9
_CALL: Final = """
    SELECT array_agg(w.verdict ORDER BY w.place), array_agg(w.ssin ORDER BY w.place)
    FROM repertory_write($1::smallint, $2::smallint, $3, false, NULL,
        array_fill($4::bigint, ARRAY[cardinality($5::bigint[])]), $5::bigint[], $6::text[], $7::text[],
        (
            SELECT array_agg(daterange(date '0001-01-01' + (d.first - 1), date '0001-01-01' + (d.until - 1))
                ORDER BY d.place)
            FROM unnest($8::int[], $9::int[]) WITH ORDINALITY AS d (first, until, place)
        ),
        array_fill($10::text, ARRAY[cardinality($5::bigint[])]),
        array_fill($11::text, ARRAY[cardinality($5::bigint[])])) AS w
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """Lines, column by column; all lists are of one length, at most `writing.MOST_LINES`."""

    ssins: list[int] = field(default_factory=list)
    organisations: list[str] = field(default_factory=list)
    dossier_types: list[str] = field(default_factory=list)
    firsts: list[int | None] = field(default_factory=list)
    """Ordinals of the first days; None: always."""
    untils: list[int | None] = field(default_factory=list)
    """Ordinals of the days after the last ones; None: no end."""


async def write_columns(
    connection: Connection,
    owner: CbeNumber,
    operation: Operation,
    columns: Columns,
    author: Author,
    strictness: Strictness,
) -> tuple[Sequence[int], Sequence[int]] | None:
    """For each line the value of its Verdict and the number in use; it is for the caller to commit.

    None when a number was replaced at this moment: roll back, and tell the same again. Raises what the driver does,
    DeadlockDetectedError among it, after which the same holds.
    """
    if not columns.ssins:
        return (), ()
    row = await connection.fetchrow(
        _CALL,
        strictness.value,
        operation.value,
        operation is not Operation.DELETED,
        cbe.to_int(owner),
        columns.ssins,
        columns.organisations,
        columns.dossier_types,
        columns.firsts,
        columns.untils,
        author.name,
        author.ticket,
    )
    assert row is not None
    verdicts, ssins = row
    return None if _AGAIN in verdicts else (verdicts, ssins)
