"""Import of people into the registers (SS-07, SS-08).

A file of JSON Lines (`jsonlines.py` tells the form), one number a line (`person_lines.py` tells the fields):

    {"ssin": "85673093333", "register": "national", "replacedBy": null, "cancelled": false}

When a number stands in several lines the last one holds. A line says all there is about its number: what was
told before is forgotten, and kept in the history of changes.

The file is applied as a whole: all good lines and the ends of all chains become visible in one moment, or,
when the import is broken off, nothing does. A file that is sent twice changes nothing the second time.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, BinaryIO, Final

from kruispunt.registers import jsonlines, person_lines
from kruispunt.registers.changes import changing
from kruispunt.registers.jsonlines import Fields, ImportReport
from kruispunt.registers.person_lines import PersonLine

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

BATCH: Final = 10_000
"""Lines that are held in memory and sent to the database at a time."""


async def import_people(
    database: Database,
    source: BinaryIO,
    *,
    today: date,
    test_band: bool = False,
    author: str = "import",
    changes: bool = False,
) -> ImportReport:
    """Bring a file of people into the registers; `today` is the civil day in Belgium.

    `changes` writes a row of the history for each new person too; who is known and changes always gets one.
    Raises StorageError; then nothing was changed.
    """
    report = ImportReport()

    def read(fields: Fields) -> PersonLine:
        return person_lines.read(fields, today=today, test_band=test_band)

    async with changing(database, author, write_new=changes) as changer:
        for batch in jsonlines.batches(jsonlines.read_lines(source, read, report), BATCH):
            await changer.tell(batch)
            report.accepted += len(batch)
    if changer.circles:
        report.remarks.append(
            f"{changer.circles:,} numbers are replaced in a circle, which has no end: they count as cancelled."
        )
    return report
