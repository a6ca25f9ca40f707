"""Files that are being written, many at once, in bounded memory (RP-19)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kruispunt.files.voucher import Content
from kruispunt.mutations.folder import append, told
from kruispunt.mutations.layout import File

WAITING_BYTES: Final = 32 * 1024 * 1024
"""Of records that wait to be written, each counted once however many files hold it."""
WAITING_RECORDS: Final = 500_000
"""That wait to be written, counted in each file."""


class Sheet:
    """A file that is being written; it is open only while something is put into it."""

    __slots__ = ("_digest", "_size", "_waiting", "_written", "add", "file", "path")

    def __init__(self, file: File, path: Path) -> None:
        self.file = file
        self.path = path
        self._written = 0
        self._digest = hashlib.sha256()
        self._size = 0
        self._waiting: list[bytes] = [file.head]
        self.add = self._waiting.append
        """Puts a record behind the others; it may wait."""

    @property
    def records(self) -> int:
        """That were written, once it has ended."""
        return self._written - 2  # head and end are written as records are

    def flush(self) -> None:
        """Write what waits. Raises DataError."""
        if self._waiting:
            self._write(durable=False)

    def end(self) -> Content:
        """Write what is left, and see it on disk. Raises DataError."""
        self.add(self.file.end)
        self._write(durable=True)
        return Content(self._size, self._digest.hexdigest())

    def _write(self, *, durable: bool) -> None:
        data = b"".join(self._waiting)
        with told(self.path):
            append(self.path, data, durable=durable)
        self._digest.update(data)
        self._size += len(data)
        self._written += len(self._waiting)
        self._waiting.clear()


class Waiting:
    """Counts what waits to be written into some files, and has it written when it is much."""

    def __init__(self, sheets: Iterable[Sheet], most_bytes: int, most_records: int = WAITING_RECORDS) -> None:
        self._sheets = sheets
        self._most = (most_bytes, most_records)
        self._bytes = self._records = 0

    def count(self, size: int, records: int) -> None:
        """So many bytes, which are held so many times, wait too. Raises DataError."""
        self._bytes += size
        self._records += records
        if self._bytes > self._most[0] or self._records > self._most[1]:
            self.flush()

    def flush(self) -> None:
        """Write all that waits. Raises DataError."""
        for sheet in self._sheets:
            sheet.flush()
        self._bytes = self._records = 0
