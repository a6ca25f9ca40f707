"""Import of people into the registers (SS-07, SS-08).

A file of JSON Lines (`jsonlines.py` tells the form), one number a line (`person_lines.py` tells the fields):

    {"ssin": "85673093333", "register": "national", "replacedBy": null, "cancelled": false}

When a number stands in several lines the last one holds. A line says all there is about its number: what was
told before is forgotten, and kept in the history of changes.

The file is applied as a whole: all good lines and the ends of all chains become visible in one moment, or,
when the import is broken off, nothing does. A file that is sent twice changes nothing the second time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from kruispunt.ahead import ahead, in_turns
from kruispunt.registers import jsonlines, person_lines
from kruispunt.registers.changes import changing
from kruispunt.registers.facts import Facts, Told
from kruispunt.registers.jsonlines import Fields, ImportReport
from kruispunt.registers.people import Register

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

BATCH: Final = 2_500
"""Lines that are held in memory and sent to the database at a time. More of them would leave the caches of the
processor, and the memory in which PostgreSQL keeps the rows of a statement for its triggers.
"""
_COPIED: Final = b'"cbssRegister"'
"""Of somebody in `rad`, what is copied when it does not stand in the line."""


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

    def read(fields: Fields) -> Told:
        return Told.of(person_lines.read(fields, today=today, test_band=test_band))

    quick = partial(read_plain, today=today, test_band=test_band)
    with _collector_paused():
        async with changing(database, author, write_new=changes, many=True) as changer:
            batches = ahead(in_turns(jsonlines.read_lines(source, read, report, quick), BATCH))
            async with aclosing(batches):
                async for batch in batches:
                    await changer.tell(batch)
                    report.accepted += len(batch)
    report.redirected += changer.redirected
    if changer.circles:
        report.remarks.append(
            f"{changer.circles:,} numbers are replaced in a circle, which has no end: they count as cancelled."
        )
    return report


@contextmanager
def _collector_paused() -> Iterator[None]:
    """What an import makes is gone or kept without circles of references: to look for some among it, again and again,
    takes half as long as the reading itself.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def read_plain(line: bytes, *, today: date, test_band: bool) -> Told | None:
    """What is told by a line that is sound and says nothing twice, without the costly look at every pair of its fields
    and at every text; None when that cannot be known.

    What was read is written again: no more quotes stand in the line than in that when no field stands there twice,
    because what a second one hides has quotes of its own. Quotes that are escaped would spoil the count, and a copy
    that is made here (SS-08) does not count. Such lines, and bad ones, are left to the thorough reading.
    """
    if b"\\" in line:
        return None
    told = person_lines.decode(line, today=today, test_band=test_band)
    if told is None:
        return None
    facts = Facts.of(told)
    copied = told.register is Register.RAD and _COPIED not in line
    if not facts.written_plainly or not facts.says_all_of(line, copied=copied):
        return None
    return Told.of(told, facts)
