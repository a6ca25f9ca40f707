"""Import of lines into a repertory (RP-03, RP-08).

A file of JSON Lines (`registers/jsonlines.py` tells the form), one inscription a line:

    {"organisation": "0206737484", "ssin": "85673093333", "dossierType": "902", "begin": "2020-01-01"}

- `organisation`, required: to whom the person is known, by CBE number, or by sector and institution like
  `18/0`.
- `ssin`, required: valid, also one that was replaced; a number of the test band only where they are admitted.
- `dossierType`, required: the quality code as text, spelt as the client's legal context has it: `1` is not
  `001`.
- `begin`, required: the first day, `YYYY-MM-DD`.
- `end`, optional: the last day, not before `begin`; absent or null while there is no end.

Any other field refuses the line. Whether a register knows the number is not asked: people and lines may be
loaded in any order, and a line about an unknown number gives nobody anything.

Lines are added to those that are there, merged where periods overlap or adjoin; nothing is ever taken away.
They are applied in batches, each as a whole. An import that is broken off keeps the batches before; sending
the file again completes it, and a file that is sent twice changes nothing the second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, BinaryIO, Final

from kruispunt.errors import DataError
from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import InvalidOrganisation, OrganisationKey
from kruispunt.periods import InvalidPeriod, Period, merge
from kruispunt.registers import jsonlines
from kruispunt.registers.jsonlines import Fields, ImportReport
from kruispunt.repertory.lines import PATIENCE, Key, Line, dossier_type, lock_whole, to_period, to_range

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

BATCH: Final = 10_000
"""Lines that are held in memory and applied at a time."""

_NAMES: Final = frozenset({"organisation", "ssin", "dossierType", "begin", "end"})
_COLUMNS: Final = ("owner", "ssin", "organisation", "dossier_type", "period")
_PRESENT: Final = """
    SELECT i.owner, i.ssin, i.organisation, i.dossier_type, i.period
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
        AS told (owner, ssin, organisation, dossier_type)
    JOIN inscription i USING (owner, ssin, organisation, dossier_type)
"""
_DELETE: Final = """
    DELETE FROM inscription i
    USING unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::daterange[])
        AS gone (owner, ssin, organisation, dossier_type, period)
    WHERE (i.owner, i.ssin, i.organisation, i.dossier_type, i.period)
        = (gone.owner, gone.ssin, gone.organisation, gone.dossier_type, gone.period)
"""

_Columns = tuple[int, int, str, str]


async def import_lines(
    database: Database,
    source: BinaryIO,
    *,
    today: date,
    test_band: bool = False,
    owner: CbeNumber = cbe.CBSS,
) -> ImportReport:
    """Bring a file of inscriptions into the repertory of `owner`; `today` is the civil day in Belgium.

    Raises StorageError; then the batches before the broken one are kept.
    """
    report = ImportReport()

    def read(fields: Fields) -> Line:
        return _read(fields, owner, today=today, test_band=test_band)

    for batch in jsonlines.batches(jsonlines.read_lines(source, read, report), BATCH):
        async with database.connection() as connection:
            await _apply(connection, batch)
        report.accepted += len(batch)
    return report


async def _apply(connection: Connection, batch: Iterable[Line]) -> None:
    told: defaultdict[_Columns, list[Period]] = defaultdict(list)
    for line in batch:
        told[line.key.columns()].append(line.period)
    async with connection.transaction(isolation="read_committed"):
        await lock_whole(connection)
        present: defaultdict[_Columns, list[Period]] = defaultdict(list)
        for row in await connection.fetch(_PRESENT, *_transposed(told), timeout=PATIENCE):
            user, ssin, known_to, kind, period = row
            present[user, ssin, known_to, kind].append(to_period(period))
        await _write(connection, told, present)


async def _write(
    connection: Connection, told: dict[_Columns, list[Period]], present: dict[_Columns, list[Period]]
) -> None:
    """Bring the database from the lines that are present to these and the told ones together."""
    gone, new = [], []
    for columns, periods in told.items():
        before = present.get(columns, ())
        after = merge([*before, *periods])
        gone += [(*columns, to_range(p)) for p in set(before).difference(after)]
        new += [(*columns, to_range(p)) for p in set(after).difference(before)]
    if gone:
        await connection.execute(_DELETE, *_transposed(gone), timeout=PATIENCE)
    if new:
        await connection.copy_records_to_table("inscription", records=new, columns=_COLUMNS, timeout=PATIENCE)


def _transposed(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _read(fields: Fields, owner: CbeNumber, *, today: date, test_band: bool) -> Line:
    jsonlines.allow_only(fields, _NAMES)
    key = Key(
        owner,
        jsonlines.required_ssin(fields, "ssin", today=today, test_band=test_band),
        _organisation(jsonlines.text(fields, "organisation")),
        dossier_type(jsonlines.text(fields, "dossierType")),
    )
    begin = jsonlines.optional_day(fields, "begin")
    if begin is None:
        raise DataError("begin: missing")
    try:
        return Line(key, Period.days(begin, jsonlines.optional_day(fields, "end")))
    except InvalidPeriod:
        raise DataError("end: lies before begin") from None


def _organisation(text: str) -> OrganisationKey:
    try:
        return organisation.parse(text)
    except InvalidOrganisation as error:
        raise DataError(f"organisation: {error}") from None
