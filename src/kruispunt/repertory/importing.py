"""Import of lines into a repertory (RP-03, RP-08).

A file of JSON Lines (`registers/jsonlines.py` tells the form), one inscription a line:

    {"organisation": "0206737484", "ssin": "85673093333", "dossierType": "902", "begin": "2020-01-01"}

- `organisation`: to whom the person is known, by CBE number, or by sector and institution like `18/0`. Required in the
  repertory of CBSS; in another register absent or null stands for its user itself.
- `ssin`, required: valid, also one that was replaced; a number of the test band only where they are admitted.
- `dossierType`, required: the quality code as text, spelt as the client's legal context has it: `1` is not
  `001`.
- `begin`, required: the first day, `YYYY-MM-DD`.
- `end`, optional: the last day, not before `begin`; absent or null while there is no end.

Any other field refuses the line. Whether a register knows the number is not asked: people and lines may be
loaded in any order, and a line about an unknown number gives nobody anything.

Lines are added to those that are there, merged where periods overlap or adjoin; nothing is ever taken away. A line
about a number that was replaced goes to the one in its place. Dossier types that nobody defined are defined by being
named: the report says how many, because a misspelt one is among them.

Lines are applied in batches, each as a whole. An import that is broken off keeps the batches before; sending
the file again completes it, and a file that is sent twice changes nothing the second time.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, BinaryIO, Final

from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.periods import InvalidPeriod, Period
from kruispunt.registers import jsonlines
from kruispunt.registers.jsonlines import Fields, ImportReport
from kruispunt.repertory import tenants, writing
from kruispunt.repertory.lines import NO_ORGANISATION, Key, Line, dossier_type, organisation_key
from kruispunt.repertory.writing import Author, Operation, Strictness

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

BATCH: Final = writing.MOST_LINES
"""Lines that are held in memory and applied at a time."""

_NAMES: Final = frozenset({"organisation", "ssin", "dossierType", "begin", "end"})


async def import_lines(
    database: Database,
    source: BinaryIO,
    *,
    today: date,
    test_band: bool = False,
    owner: CbeNumber = cbe.CBSS,
    author: str = "import",
) -> ImportReport:
    """Bring a file of inscriptions into the register of `owner`; `today` is the civil day in Belgium.

    Raises StorageError; then the batches before the broken one are kept.
    """
    report = ImportReport()
    known = {(kind.organisation, kind.code) for kind in await tenants.types_of(database, owner)}
    defined = 0

    def read(fields: Fields) -> Line:
        return _read(fields, owner, today=today, test_band=test_band)

    for batch in jsonlines.batches(jsonlines.read_lines(source, read, report), BATCH):
        new = sorted({(line.key.organisation, line.key.dossier_type) for line in batch} - known)
        if new:
            defined += await tenants.meet(database, owner, new, author)
            known.update(new)
        await writing.write(database, owner, Operation.LOADED, batch, Author(author), Strictness.LOADING)
        report.accepted += len(batch)
    if defined:
        report.remarks.append(f"{defined:,} dossier types were not defined before, and now are by being named.")
    return report


def _read(fields: Fields, owner: CbeNumber, *, today: date, test_band: bool) -> Line:
    jsonlines.allow_only(fields, _NAMES)
    of_cbss = owner == cbe.CBSS
    known_to = jsonlines.text(fields, "organisation") if of_cbss else jsonlines.optional_text(fields, "organisation")
    key = Key(
        jsonlines.required_ssin(fields, "ssin", today=today, test_band=test_band),
        organisation_key(known_to) if known_to is not None else NO_ORGANISATION,
        dossier_type(jsonlines.text(fields, "dossierType")),
    )
    begin = jsonlines.optional_day(fields, "begin")
    if begin is None:
        raise DataError("begin: missing")
    try:
        return Line(key, Period.days(begin, jsonlines.optional_day(fields, "end")))
    except InvalidPeriod:
        raise DataError("end: lies before begin") from None
