"""Pieces that were pushed, until the file that they make is loaded (RP-18).

SQLite, so that what was acknowledged to JetStream is on disk. A piece that comes twice takes the place of the first:
whether it is the right one shows when the file is held against its voucher, and a right one that is sent again must be
able to come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn

from kruispunt.jetstream.pieces import Piece
from kruispunt.receive.checking import refuse_store

SPOOL: Final = "pushed.sqlite"
"""Its name in the directory of a copy; of one to which files are pushed."""
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS piece (
        number INTEGER PRIMARY KEY, file INTEGER NOT NULL, part TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS piece_file ON piece (file, number);
"""
# A file is whole when it has one head, one end and one voucher, in this order, and no number between is missing.
_WHOLE: Final = """
    SELECT file FROM piece WHERE file > ? GROUP BY file
    HAVING sum(part = 'head') = 1 AND sum(part = 'end') = 1 AND sum(part = 'voucher') = 1
        AND max(number) - min(number) + 1 = count(*)
        AND min(CASE part WHEN 'head' THEN number END) = min(number)
        AND max(CASE part WHEN 'end' THEN number END) = max(number) - 1
        AND max(CASE part WHEN 'voucher' THEN number END) = max(number)
    ORDER BY file
"""
_FILES: Final = "SELECT count(DISTINCT file) FROM piece WHERE file > ?"
_GAPS: Final = """
    SELECT before + 1, number - 1
    FROM (SELECT number, lag(number) OVER (ORDER BY number) AS before FROM piece) WHERE number - before > 1
    ORDER BY 1
"""
_BODIES: Final = "SELECT body FROM piece WHERE file = ? AND part <> 'voucher' ORDER BY number"
_VOUCHER: Final = "SELECT body FROM piece WHERE file = ? AND part = 'voucher'"


class Spool:
    """The pieces of one subscription. Everything raises NotReceived (`store`)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._refusing():
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_TABLES)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def put(self, pieces: Iterable[Piece], after: int) -> None:
        """Keep pieces, on disk, but those of files up to `after`, which were loaded."""
        rows = [(each.number, each.file, each.part.value, each.body) for each in pieces if each.file > after]
        with self._refusing(), self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?)", rows)

    def whole(self, after: int) -> list[int]:
        """Sequence numbers of the files of which all pieces are there, from `after` + 1 on."""
        with self._refusing():
            return [row[0] for row in self._connection.execute(_WHOLE, (after,))]

    def is_waiting(self, after: int) -> bool:
        """Whether there are pieces of a file that is not whole."""
        with self._refusing():
            (files,) = self._connection.execute(_FILES, (after,)).fetchone()
        return int(files) > len(self.whole(after))

    def gaps(self) -> list[tuple[int, int]]:
        """First and last number of each row of pieces that are missing between others."""
        with self._refusing():
            return self._connection.execute(_GAPS).fetchall()

    def bodies(self, file: int) -> Iterator[bytes]:
        """One after the other they are the file."""
        with self._refusing():
            for (body,) in self._connection.execute(_BODIES, (file,)):
                yield body

    def voucher(self, file: int) -> bytes | None:
        with self._refusing():
            row = self._connection.execute(_VOUCHER, (file,)).fetchone()
        return None if row is None else bytes(row[0])

    def drop(self, file: int) -> None:
        """Forget the pieces of one file, so that it can come again."""
        with self._refusing():
            self._connection.execute("DELETE FROM piece WHERE file = ?", (file,))

    def drop_to(self, file: int) -> None:
        """Forget the pieces of all files up to this one: they are loaded."""
        with self._refusing():
            self._connection.execute("DELETE FROM piece WHERE file <= ?", (file,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._refuse(error)

    def _refuse(self, error: sqlite3.Error) -> NoReturn:
        refuse_store(f"{self._path}: {error}")
