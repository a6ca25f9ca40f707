"""The files that were taken: in order, each once (RP-08, RP-18).

A sender's files are numbered from 1 on without gaps, inscriptions and deletions together, because their order matters.
So the next file is taken when the one before is done, and no file twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from kruispunt.batch.items import Kind
from kruispunt.errors import DataError
from kruispunt.files.voucher import Voucher
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber

if TYPE_CHECKING:
    from asyncpg import Record

    from kruispunt.storage.database import Connection, Database

BLOCK: Final = 1 << 20
"""Lines of a file that are held in memory and put in order together."""
PART: Final = 4_000
"""Lines of one transaction. It takes some 60 ms, in which who writes about the same numbers waits."""

_KNOWN: Final = "SELECT 1 FROM register WHERE owner = $1"
_LOCK: Final = "SELECT 1 FROM register WHERE owner = $1 FOR UPDATE"
_HELD: Final = """
    SELECT id, kind, records, sha256, day, finished, block, part, voucher FROM batch_file
    WHERE owner = $1 AND sequence = $2
"""
_LAST: Final = "SELECT sequence, finished FROM batch_file WHERE owner = $1 ORDER BY sequence DESC LIMIT 1"
_TAKE: Final = """
    INSERT INTO batch_file (owner, sequence, kind, records, size, sha256, voucher, author, day, block, part)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id
"""
_STATUS: Final = """
    SELECT f.owner, f.sequence, f.kind, f.records, f.received, f.finished, f.author,
        coalesce(sum(p.lines), 0)::bigint, coalesce(sum(p.done), 0)::bigint, coalesce(sum(p.unchanged), 0)::bigint
    FROM batch_file f LEFT JOIN batch_part p ON p.file = f.id
    WHERE ($1::bigint IS NULL OR f.owner = $1) AND ($2::bigint IS NULL OR f.sequence = $2)
    GROUP BY f.id ORDER BY f.received DESC, f.id DESC LIMIT $3
"""


class NotYet(DataError):
    """A file whose turn comes when those before it are loaded."""


class State(Enum):
    """Where a file stands before it is loaded."""

    NEW = "new"
    BROKEN_OFF = "broken off"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken."""

    id: int
    kind: Kind
    records: int
    """Lines, by its voucher."""
    state: State
    day: date
    """The civil day in Belgium by which its lines are judged, also when it is gone on with on another day."""
    finished: datetime | None
    block: int
    """Most lines that are put in order together, also when another size is usual by now."""
    part: int
    """Lines of one transaction."""


@dataclass(frozen=True, slots=True)
class Status:
    """How far a file came."""

    owner: CbeNumber
    sequence: int
    kind: Kind
    records: int
    received: datetime
    finished: datetime | None
    author: str
    """URN of the application that signed its voucher."""
    lines: int
    """Lines that are done with, refused ones among them."""
    done: int
    unchanged: int

    @property
    def refused(self) -> int:
        return self.lines - self.done - self.unchanged

    @property
    def not_loaded(self) -> int:
        """Lines that will never be loaded: the file was abandoned."""
        return 0 if self.finished is None else self.records - self.lines


async def ask_turn(database: Database, owner: CbeNumber, voucher: Voucher) -> None:
    """Whether this file may be taken now, as `take` would say, which has the last word. Raises as `take`.

    As of one moment: somebody else may be taking the same file.
    """
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        if await connection.fetchval(_KNOWN, cbe.to_int(owner)) is None:
            raise _without_register(owner)
        await _standing(connection, owner, voucher)


async def take(
    connection: Connection, owner: CbeNumber, voucher: Voucher, signed: bytes, author: str, today: date
) -> Taken:
    """Take a file, or find that it was taken; `signed` are the bytes of its voucher.

    Raises DataError when the sender has no register, or another file has this number; NotYet when another is next.
    """
    number, sequence = cbe.to_int(owner), voucher.header.sequence
    async with connection.transaction():
        if await connection.fetchval(_LOCK, number) is None:
            raise _without_register(owner)
        standing = await _standing(connection, owner, voucher)
        if standing is not None:
            return standing
        content = voucher.content
        values = (voucher.kind, voucher.records, content.size, bytes.fromhex(content.sha256), signed, author, today)
        id_ = await connection.fetchval(_TAKE, number, sequence, *values, BLOCK, PART)
        return Taken(id_, Kind(voucher.kind), voucher.records, State.NEW, today, None, BLOCK, PART)


async def taken_before(connection: Connection, owner: CbeNumber, sequence: int) -> tuple[Taken, bytes]:
    """A file that was taken, whatever has become of its sender's rights, and its voucher. Raises DataError."""
    row = await connection.fetchrow(_HELD, cbe.to_int(owner), sequence)
    if row is None:
        raise DataError(f"no file {sequence} of {owner} was taken; kruispunt batch status shows those that were")
    return _taken(row), row["voucher"]


async def status(
    database: Database, owner: CbeNumber | None = None, sequence: int | None = None, most: int = 50
) -> tuple[Status, ...]:
    """The files that were taken last, the newest first. Raises StorageError."""
    rows = await database.fetch(_STATUS, None if owner is None else cbe.to_int(owner), sequence, most)
    return tuple(Status(cbe.from_int(row[0]), row[1], Kind(row[2]), *row[3:]) for row in rows)


async def _standing(connection: Connection, owner: CbeNumber, voucher: Voucher) -> Taken | None:
    """The file as it was taken, or None when it is the next one."""
    number, sequence = cbe.to_int(owner), voucher.header.sequence
    held = await connection.fetchrow(_HELD, number, sequence)
    if held is not None:
        return _held(held, sequence, voucher)
    last = await connection.fetchrow(_LAST, number)
    following = 1 if last is None else last[0] + 1
    if last is not None and last[1] is None:
        raise NotYet(f"file {last[0]} of {owner} was not loaded to its end; load it first")
    if sequence > following:
        raise NotYet(f"sequence number {sequence}, but {following} is the next one of {owner}")
    return None


def _without_register(owner: CbeNumber) -> DataError:
    return DataError(f"{owner} has no register; define one: kruispunt repertory define")


def _held(row: Record, sequence: int, voucher: Voucher) -> Taken:
    if (row["kind"], row["records"], row["sha256"].hex()) != (voucher.kind, voucher.records, voucher.content.sha256):
        raise DataError(f"another file was taken under sequence number {sequence}; give this one the next number")
    return _taken(row)


def _taken(row: Record) -> Taken:
    id_, kind, records, _, day, finished, block, part, _ = row
    state = State.BROKEN_OFF if finished is None else State.FINISHED
    return Taken(id_, Kind(kind), records, state, day, finished, block, part)
