"""Import of what the National Register tells of foreigners: JSON Lines, in the form that `lines.py` tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.registers.jsonlines import ImportReport, batches, read_lines
from kruispunt.services.foreigner_situation.lines import Situation, read
from kruispunt.services.foreigner_situation.situation import (
    EmploymentCard,
    FictionalNumber,
    SpecialInfo,
    WorkPermit,
)
from kruispunt.services.foreigner_situation.supplier import CARD, PERMIT

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

T = TypeVar("T")
Row = tuple[object, ...]

BATCH: Final = 1_000
"""Lines a transaction."""

_EMPLOYMENT_COLUMNS: Final = (
    "ssin",
    "kind",
    "position",
    "inception_date",
    "expiry_date",
    "duplicate",
    "number",
    "expiration_date",
    "comment",
)
_INFO_COLUMNS: Final = (
    "ssin",
    "position",
    "inception_date",
    "expiry_date",
    "comment1",
    "comment2",
    "reason1",
    "reason2",
    "base_ssin",
    "base_fictional",
)


async def import_situations(
    database: Database, source: BinaryIO, *, today: date, test_band: bool = False
) -> ImportReport:
    """Take a file, a thousand lines a transaction; a line is applied whole or not at all.

    `today` is the civil day in Belgium; `test_band` admits numbers that are no person's. Raises StorageError:
    the transactions before it stay, and the file can be sent again.
    """
    report = ImportReport()
    situations = read_lines(source, lambda fields: read(fields, today=today, test_band=test_band), report)
    for batch in batches(situations, BATCH):
        async with database.connection() as connection, connection.transaction():
            await _apply(connection, batch)
        report.accepted += len(batch)
    return report


async def _apply(connection: Connection[Any], batch: list[Situation]) -> None:
    cards = {s.ssin: s.cards for s in batch if s.cards is not None}
    permits = {s.ssin: s.permits for s in batch if s.permits is not None}
    infos = {s.ssin: s.infos for s in batch if s.infos is not None}
    # Two imports at once would otherwise both delete, and then both insert, the same person's rows. Readers
    # go on.
    await connection.execute("LOCK TABLE foreigner_employment, foreigner_special_info IN SHARE ROW EXCLUSIVE MODE")
    for document, people in ((CARD, cards.keys()), (PERMIT, permits.keys())):
        await connection.execute(
            "DELETE FROM foreigner_employment WHERE ssin = ANY($1::bigint[]) AND kind = $2",
            [to_int(ssin) for ssin in people],
            document,
        )
    await connection.execute(
        "DELETE FROM foreigner_special_info WHERE ssin = ANY($1::bigint[])", [to_int(ssin) for ssin in infos]
    )
    employment = [*_rows(cards, _card_row), *_rows(permits, _permit_row)]
    await connection.copy_records_to_table("foreigner_employment", records=employment, columns=_EMPLOYMENT_COLUMNS)
    await connection.copy_records_to_table(
        "foreigner_special_info", records=_rows(infos, _info_row), columns=_INFO_COLUMNS
    )


def _rows(people: dict[Ssin, tuple[T, ...]], row: Callable[[int, int, T], Row]) -> Iterator[Row]:
    """Rows in the order of the column names above."""
    for ssin, entries in people.items():
        number = to_int(ssin)
        for position, entry in enumerate(entries):
            yield row(number, position, entry)


def _card_row(ssin: int, position: int, card: EmploymentCard) -> Row:
    details = card.expiration
    number = (card.inception_date, card.expiry_date, card.duplicate, card.card_number)
    return (ssin, CARD, position, *number, details.expiry_date, details.comment)


def _permit_row(ssin: int, position: int, permit: WorkPermit) -> Row:
    details = permit.expiration
    number = (permit.inception_date, permit.expiry_date, None, permit.permit_number)
    return (ssin, PERMIT, position, *number, details.expiry_date, details.comment)


def _info_row(ssin: int, position: int, info: SpecialInfo) -> Row:
    start = (ssin, position, info.inception_date, info.expiry_date, info.comment1, info.comment2)
    limosa = info.limosa
    if limosa is None:
        return (*start, None, None, None, None)
    base = limosa.base
    if isinstance(base, FictionalNumber):
        return (*start, limosa.reason1, limosa.reason2, None, base.number)
    return (*start, limosa.reason1, limosa.reason2, None if base is None else to_int(base), None)
