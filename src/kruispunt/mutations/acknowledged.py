"""Files that were collected otherwise than over HTTPS: by SFTP, or as an operator says (RP-18).

A subscriber whose account sees its own folder says which files it has by a note of the same name:

    DIR/<code>/acknowledged/<code>-<sequence, 10 digits>.xml.ack

The note is empty, or holds the checksum of the file that was fetched, which then must be right. It counts once, and is
removed. Nothing else in that folder is looked at: whoever may write there can leave anything.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

import structlog

from kruispunt.errors import DataError
from kruispunt.mutations import rows
from kruispunt.mutations.layout import name_of
from kruispunt.storage.database import Database

FOLDER: Final = "acknowledged"
SUFFIX: Final = ".ack"
MOST: Final = 1_000
"""Notes of one subscription that are taken at a time."""
LOOKED: Final = 100_000
"""Names that are looked at for them: whoever fills the folder delays nobody else."""
COLLECTOR: Final = "folder"
"""In the place of an application's URN."""

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOTE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BYTES: Final = 64
"""Of a checksum in hexadecimal digits; a note may end with a line."""
_CODES: Final = (
    "select distinct code from mutation_file where collected is null and published is not null order by code"
)
_FILE: Final = "select id, sha256 from mutation_file where code = $1 and sequence = $2 and published is not null"

logger = structlog.get_logger("mutations")


@dataclass(frozen=True, slots=True)
class Note:
    """What a subscriber left: that it has a file."""

    code: str
    sequence: int
    sha256: str
    """As it stands in the note; empty in one that is empty."""

    @property
    def name(self) -> str:
        return name_of(self.code, self.sequence) + SUFFIX


async def take(database: Database, directory: Path) -> int:
    """Counts the files of which there is a right note as collected; how many were not yet. Raises StorageError.

    A note about no file, or with another checksum, is told to the operator. All are removed, as far as that is allowed.
    """
    counted = 0
    for (code,) in await database.fetch(_CODES):
        for note in await asyncio.to_thread(_notes, directory, code):
            try:
                counted += await collect(database, note.code, note.sequence, COLLECTOR, note.sha256)
            except DataError as error:
                logger.warning(
                    "a note that a file was collected does not count",
                    code="mutations.note",
                    subscription=note.code,
                    sequence=note.sequence,
                    cause=str(error),
                )
            await asyncio.to_thread(_remove, directory, note)
    return counted


async def collect(database: Database, code: str, sequence: int, collector: str, sha256: str = "") -> bool:
    """Keeps that a file was collected; False when that is known already, and stays as it is.

    Raises DataError for no file, and for another checksum where one is given; StorageError.
    """
    row = await database.fetchrow(_FILE, code, sequence)
    if row is None:
        raise DataError(f"the subscription {code!r} has no file {sequence}; kruispunt mutations status lists them")
    if sha256 and sha256 != row["sha256"].hex():
        raise DataError("the checksum is not that of the file: what was fetched is not what was written")
    return await rows.collect(database, row["id"], collector)


def _notes(directory: Path, code: str) -> list[Note]:
    """The notes of a subscription, in order of sequence; none where it has no folder for them."""
    form = re.compile(re.escape(code) + r"-([0-9]{10,15})\.xml" + re.escape(SUFFIX)).fullmatch
    found = []
    with suppress(OSError), _opened(directory, code) as folder:
        with os.scandir(folder) as entries:
            # A folder cannot be removed as a note is, so it would be told again with every turn.
            names = (entry.name for entry in islice(entries, LOOKED) if not entry.is_dir(follow_symlinks=False))
            sequences = {int(match[1]) for name in names if (match := form(name)) is not None}
        for sequence in heapq.nsmallest(MOST, sequences):
            note = Note(code, sequence, "")
            with suppress(FileNotFoundError):
                found.append(replace(note, sha256=_content(folder, note.name)))
    return found


@contextmanager
def _opened(directory: Path, code: str) -> Iterator[int]:
    """A descriptor of the folder of notes. Raises OSError, also where a link stands in its place."""
    home = os.open(directory / code, _DIRECTORY)
    try:
        folder = os.open(FOLDER, _DIRECTORY, dir_fd=home)
    finally:
        os.close(home)
    try:
        yield folder
    finally:
        os.close(folder)


def _content(folder: int, name: str) -> str:
    """What stands in a note; of what is no file, or cannot be read, something that is no checksum."""
    try:
        note = os.open(name, _NOTE, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError:
        return "unreadable"
    try:
        if not stat.S_ISREG(os.fstat(note).st_mode):
            return "no file"
        return os.read(note, _BYTES + 2).decode("ascii", "replace").strip()
    finally:
        os.close(note)


def _remove(directory: Path, note: Note) -> None:
    """A note that stays is no harm: it is taken again, and counts once."""
    with suppress(OSError), _opened(directory, note.code) as folder:
        os.unlink(note.name, dir_fd=folder)
