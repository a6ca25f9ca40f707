"""Import of what DGPH holds: JSON Lines, in the form that `lines.py` tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.registers.jsonlines import ImportReport, batches, read_lines
from kruispunt.services.handi import rows
from kruispunt.services.handi.lines import Line, read
from kruispunt.services.handi.tables import (
    CARD_COLUMNS,
    PAYMENT_COLUMNS,
    RECOGNITION_COLUMNS,
    REQUEST_COLUMNS,
    RIGHT_COLUMNS,
)

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

BATCH: Final = 1_000
"""Lines a transaction."""


class Group(NamedTuple):
    """Where one group of a line is kept."""

    name: str
    """Of the field of `Line`."""
    table: str
    columns: tuple[str, ...]
    row: Callable[[Any], rows.Row]
    """The columns of one entry."""


GROUPS: Final = (
    Group("requests", "handi_request", REQUEST_COLUMNS, rows.request_row),
    Group("recognitions", "handi_recognition", RECOGNITION_COLUMNS, rows.recognition_row),
    Group("rights", "handi_right", RIGHT_COLUMNS, rows.right_row),
    Group("cards", "handi_social_card", CARD_COLUMNS, rows.card_row),
    Group("payments", "handi_payment", PAYMENT_COLUMNS, rows.payment_row),
)
_TABLES: Final = ("handi_file", "handi_address_name", *(group.table for group in GROUPS))


async def import_files(database: Database, source: BinaryIO, *, today: date, test_band: bool = False) -> ImportReport:
    """Take a file, a thousand lines a transaction; a line is applied whole or not at all.

    `today` is the civil day in Belgium; `test_band` admits numbers that are no person's. Raises StorageError:
    the transactions before it stay, and the file can be sent again.
    """
    report = ImportReport()
    lines = read_lines(source, lambda line: read(line, today=today, test_band=test_band), report)
    for batch in batches(lines, BATCH):
        async with database.connection() as connection, connection.transaction():
            await _apply(connection, batch)
        report.accepted += len(batch)
    return report


async def _apply(connection: Connection[Any], batch: Iterable[Line]) -> None:
    removed, latest = merge(batch)
    # Two imports at once would otherwise both delete, and then both insert, the same person's rows. Readers go on.
    await connection.execute(f"LOCK TABLE {', '.join(_TABLES)} IN SHARE ROW EXCLUSIVE MODE")
    for table in _TABLES:
        await _delete(connection, table, removed)
    await _write_people(connection, latest)
    for group in GROUPS:
        named = {ssin: entries for ssin, line in latest.items() if (entries := getattr(line, group.name)) is not None}
        await _delete(connection, group.table, named)
        await connection.copy_records_to_table(
            group.table, records=_numbered(named, group.row), columns=("ssin", "position", *group.columns)
        )


def merge(batch: Iterable[Line]) -> tuple[frozenset[Ssin], Mapping[Ssin, Line]]:
    """Whose file goes away first, and then one line for each person: of two that name a group, the later."""
    removed: set[Ssin] = set()
    latest: dict[Ssin, Line] = {}
    for line in batch:
        before = latest.pop(line.ssin, None)
        if line.removed:
            removed.add(line.ssin)
        else:
            latest[line.ssin] = line if before is None else _over(before, line)
    return frozenset(removed), latest


def _over(before: Line, after: Line) -> Line:
    named = {f.name: value for f in fields(Line) if (value := getattr(after, f.name)) is not None}
    return replace(before, **named)


async def _delete(connection: Connection[Any], table: str, people: Iterable[Ssin]) -> None:
    numbers = [to_int(ssin) for ssin in people]
    if numbers:
        await connection.execute(f"DELETE FROM {table} WHERE ssin = ANY($1::bigint[])", numbers)  # noqa: S608


async def _write_people(connection: Connection[Any], latest: Mapping[Ssin, Line]) -> None:
    """Every person of the lines has a row then; identity and address change where a line names them."""
    named = {ssin: line.person for ssin, line in latest.items() if line.person is not None}
    await _delete(connection, "handi_file", named)
    await _delete(connection, "handi_address_name", named)
    await connection.copy_records_to_table(
        "handi_file",
        records=[(to_int(ssin), *rows.person_row(person)) for ssin, person in named.items()],
        columns=("ssin", *rows.PERSON_COLUMNS),
    )
    await connection.copy_records_to_table(
        "handi_address_name",
        records=[(to_int(ssin), *row) for ssin, person in named.items() for row in rows.name_rows(person.address)],
        columns=("ssin", *rows.NAME_COLUMNS),
    )
    others = [to_int(ssin) for ssin in latest if ssin not in named]
    await connection.execute("INSERT INTO handi_file (ssin) SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING", others)


def _numbered(named: Mapping[Ssin, Iterable[object]], row: Callable[[Any], rows.Row]) -> Iterator[rows.Row]:
    for ssin, entries in named.items():
        number = to_int(ssin)
        for position, entry in enumerate(entries):
            yield (number, position, *row(entry))
