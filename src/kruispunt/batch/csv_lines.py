"""A file of inscriptions as CSV, a convenience (RP-08).

UTF-8, semicolons between, a first line with the names of the columns, in any order:

    ssin;organization;dossierType;beginDate;endDate;lastName;firstName;birthDate;gender

`ssin` and `dossierType` must be there, and `beginDate` in a file that inscribes. An empty field is an absent one. CSV
has no header of its own: the voucher tells what the header of an XML file would.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Final

from kruispunt.batch.items import Item, Kind, Plain, Read, Unreadable
from kruispunt.errors import DataError
from kruispunt.identifiers.partial_date import InvalidPartialDate, PartialDate
from kruispunt.identifiers.ssin import Sex
from kruispunt.repertory.identification import Identification
from kruispunt.repertory.lines import dossier_type

COLUMNS: Final = (
    "ssin",
    "organization",
    "dossierType",
    "beginDate",
    "endDate",
    "lastName",
    "firstName",
    "birthDate",
    "gender",
)
LONGEST_LINE: Final = 16_384
"""Characters."""
_LONGEST_NAME: Final = 100
_BATCH: Final = 1_000
_NUMBER: Final = re.compile(r"[0-9]{11}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class CsvFile:
    """An open file whose first line was read. Raises DataError when it does not name the columns."""

    def __init__(self, source: BinaryIO, kind: Kind) -> None:
        self._kind = kind
        text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
        self._room = LONGEST_LINE
        self._rows = csv.reader(self._bounded(text), delimiter=";", strict=True)
        self._names = self._next() or []
        required = ["ssin", "dossierType", *(["beginDate"] if kind is Kind.INSERT else [])]
        if len(set(self._names)) != len(self._names) or not set(required) <= set(self._names) <= set(COLUMNS):
            raise DataError(f"the first line names the columns, with {', '.join(required)} among {', '.join(COLUMNS)}")
        if self._kind is Kind.DELETE and not set(COLUMNS[5:]).isdisjoint(self._names):
            raise DataError("a deletion tells no names, birth date or gender")

    def lines(self) -> Iterator[Read]:
        """Every line in its order; empty ones are passed over. Raises DataError where the file is no CSV."""
        while (row := self._next()) is not None:
            if not row:
                continue
            if len(row) != len(self._names):
                yield Unreadable(f"the line has {len(row)} fields, the first line names {len(self._names)}")
                continue
            try:
                yield self._item(dict(zip(self._names, row, strict=True)))
            except (DataError, InvalidPartialDate) as error:
                yield Unreadable(str(error))

    def batches(self) -> Iterator[Sequence[Plain | Read]]:
        """The same, some at a time."""
        lines = self.lines()
        return iter(lambda: list(islice(lines, _BATCH)), [])

    def _next(self) -> list[str] | None:
        self._room = LONGEST_LINE
        try:
            return next(self._rows, None)
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"line {self._rows.line_num}: no CSV in UTF-8: {type(error).__name__}") from None

    def _bounded(self, text: io.TextIOWrapper) -> Iterator[str]:
        """What is between quotes may go on in the next line of the text, and with it the fields without end."""
        while line := text.readline(self._room):
            if len(line) == self._room:
                raise DataError(f"a line has {LONGEST_LINE:,} characters or more")
            self._room -= len(line)
            yield line

    def _item(self, fields: dict[str, str]) -> Item:
        begin, end = _day(fields, "beginDate"), _day(fields, "endDate")
        if begin is None and (end is not None or self._kind is Kind.INSERT):
            raise DataError("beginDate: missing")
        if _NUMBER.fullmatch(fields["ssin"]) is None:
            raise DataError("ssin: not eleven digits")
        return Item(
            fields["ssin"],
            fields.get("organization", ""),
            dossier_type(fields["dossierType"]),
            begin,
            end,
            _identification(fields),
        )


def _day(fields: dict[str, str], name: str) -> str | None:
    text = fields.get(name) or None
    if text is not None and _DAY.fullmatch(text) is None:
        raise DataError(f"{name}: a day is written YYYY-MM-DD")
    return text


def _identification(fields: dict[str, str]) -> Identification | None:
    last, first, birth, sex = (fields.get(name) or None for name in COLUMNS[5:])
    if (last, first, birth, sex) == (None, None, None, None):
        return None
    if sex not in (None, "1", "2"):
        raise DataError("gender: 1 or 2")
    if max(len(last or ""), len(first or "")) > _LONGEST_NAME:
        raise DataError(f"a name has more than {_LONGEST_NAME} characters")
    return Identification(
        last,
        first,
        None if birth is None else PartialDate.parse(birth),
        None if sex is None else Sex(int(sex)),
    )
