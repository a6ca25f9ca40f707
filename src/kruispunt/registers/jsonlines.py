"""JSON Lines, the form in which data are imported: one JSON object a line, in UTF-8.

Lines are read one at a time and judged one at a time: a line that is refused does not stop the file, and is
reported with its number and the reason. Reasons never hold a value of the line, because a report may be
shown to people who may not see the data. Memory does not grow with the file: lines are bounded in length,
reasons in number. Empty lines are passed over; a byte order mark at the beginning too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import BinaryIO, Final, NamedTuple, TypeVar

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin
from kruispunt.identifiers.ssin import InvalidSsin, Ssin

Fields = dict[str, object]
T = TypeVar("T")

LONGEST_LINE: Final = 65_536
"""In bytes, the end of the line included."""
MOST_REASONS: Final = 100
"""Of a report; lines refused beyond them are only counted."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_NAME: Final = 40


class RefusedLine(NamedTuple):
    """A line that was not taken, counted from 1, and why."""

    line: int
    why: str


@dataclass(slots=True)
class ImportReport:
    """What became of a file: the lines taken, and those refused, the first of them with the reason."""

    accepted: int = 0
    refused_count: int = 0
    refused: list[RefusedLine] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What was taken as it was told, and should be looked at."""
    redirected: list[Ssin] = field(default_factory=list)
    """Of people: numbers that were replaced, and now are not any more, or by another number."""

    def refuse(self, line: int, why: str) -> None:
        """Count a refused line, and keep the reason while there is room."""
        self.refused_count += 1
        if len(self.refused) < MOST_REASONS:
            self.refused.append(RefusedLine(line, why))


def read_lines(
    source: BinaryIO,
    read: Callable[[Fields], T],
    report: ImportReport,
    quick: Callable[[bytes], T | None] | None = None,
) -> Iterator[T]:
    """What `read` makes of each line; those that are no JSON object, or for which it raises DataError, are
    reported instead.

    `quick` is asked first: it makes the same of a line as `read` would, or None when it cannot tell.
    """
    for number, line in _numbered(source):
        try:
            item = quick(line) if quick is not None and line is not None else None
            yield read(_to_object(line)) if item is None else item
        except DataError as error:
            report.refuse(number, error.what)


def read_numbered(source: BinaryIO, read: Callable[[Fields], T], report: ImportReport) -> Iterator[tuple[int, T]]:
    """The same with the number of each line, for those who find out later that a line contradicts another one."""
    for number, line in _numbered(source):
        try:
            item = read(_to_object(line))
        except DataError as error:
            report.refuse(number, error.what)
        else:
            yield number, item


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """The same items in lists of `size`, the last one shorter."""
    while batch := list(islice(items, size)):
        yield batch


def allow_only(fields: Fields, names: Set[str]) -> None:
    """Raises DataError for a field that is not among `names`."""
    for name in fields:
        if name not in names:
            raise DataError(f"unknown field {name[:_LONGEST_NAME]!a}; known are {', '.join(sorted(names))}")


def text(fields: Fields, name: str) -> str:
    """A field that must be there and be a text. Raises DataError."""
    value = optional_text(fields, name)
    if value is None:
        raise DataError(f"{name}: missing")
    return value


def optional_text(fields: Fields, name: str) -> str | None:
    """A field that is a text, or null or absent. Raises DataError."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise DataError(f"{name}: must be a text between quotes")


def flag(fields: Fields, name: str) -> bool:
    """A field that is true or false; absent or null is false. Raises DataError."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise DataError(f"{name}: must be true or false")


def optional_day(fields: Fields, name: str) -> date | None:
    """A field that is a calendar day, `YYYY-MM-DD`, or null or absent. Raises DataError."""
    value = optional_text(fields, name)
    if value is None:
        return None
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise DataError(f"{name}: must be a day of the calendar, written YYYY-MM-DD")


def optional_ssin(fields: Fields, name: str, *, today: date, test_band: bool) -> Ssin | None:
    """A field that is a valid SSIN, or null or absent. Raises DataError."""
    value = optional_text(fields, name)
    if value is None:
        return None
    try:
        return ssin.validate(value, today=today, test_band=test_band)
    except InvalidSsin as error:
        raise DataError(f"{name}: {error}") from None


def required_ssin(fields: Fields, name: str, *, today: date, test_band: bool) -> Ssin:
    """A field that must be there and be a valid SSIN. Raises DataError."""
    value = optional_ssin(fields, name, today=today, test_band=test_band)
    if value is None:
        raise DataError(f"{name}: missing")
    return value


def _line(source: BinaryIO) -> bytes:
    try:
        return source.readline(LONGEST_LINE)
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror or error}") from error


def _numbered(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Every line that is not empty with its number; None for a line that is too long, which is read past."""
    number = 0
    while line := _line(source):
        number += 1
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = _line(source)
            yield number, None
        elif line and not line.isspace():
            yield number, line


def _to_object(line: bytes | None) -> Fields:
    if line is None:
        raise DataError(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except UnicodeDecodeError:
        raise DataError("the line is not in UTF-8") from None
    except (ValueError, RecursionError):
        raise DataError("the line is not well-formed JSON") from None
    if not isinstance(value, dict):
        raise DataError("the line is not a JSON object: it must stand between { and }")
    return value


def _without_duplicates(pairs: list[tuple[str, object]]) -> Fields:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise DataError("a field stands in the line twice")
    return fields
