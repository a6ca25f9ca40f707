"""A round of what is pushed, from records to the outbox: all of it or nothing (RP-18).

The files of a round are those that a distribution of a day would have, and are cut into pieces: head, records, end,
voucher. They are never on disk. In the transaction that writes the pieces the files get size, checksum and voucher,
and the distribution is finished; killed before that, the next attempt writes the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from kruispunt.files.voucher import Content
from kruispunt.jetstream.pieces import Part

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection, Database

_PATIENCE: Final = 3600.0
"""Seconds that one statement may take."""
_OPEN: Final = "SELECT finished IS NULL FROM distribution WHERE id = $1 FOR UPDATE"
_LANES: Final = """
    INSERT INTO outgoing_lane (code) SELECT unnest($1::text[]) ORDER BY 1 ON CONFLICT DO NOTHING
"""
_NUMBERS: Final = "SELECT code, number FROM outgoing_lane WHERE code = ANY($1::text[]) ORDER BY code FOR UPDATE"
_SET_NUMBERS: Final = """
    UPDATE outgoing_lane l SET number = t.number FROM unnest($1::text[], $2::bigint[]) AS t (code, number)
    WHERE l.code = t.code
"""
_FILE: Final = """
    UPDATE mutation_file SET records = $2, size = $3, sha256 = $4, voucher = $5, published = clock_timestamp()
    WHERE id = $1
"""
_FINISH: Final = "UPDATE distribution SET finished = clock_timestamp() WHERE id = $1"
_COLUMNS: Final = ("code", "number", "file", "part", "body")

Sign = Callable[[int, Content], bytes]
"""From the number of records, and size and checksum, to the voucher of a file."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a file stands around its records."""

    code: str
    head: bytes
    end: bytes
    sign: Sign


@dataclass(slots=True)
class _Lane:
    """A file on its way into the outbox."""

    file: int
    frame: Frame
    number: int
    """Of the last piece."""
    records: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def row(self, part: Part, body: bytes) -> tuple[object, ...]:
        self.number += 1
        if part is not Part.VOUCHER:
            self.digest.update(body)
            self.size += len(body)
            self.records += part is Part.RECORD
        return (self.frame.code, self.number, self.file, part.value, body)


async def write_round(
    database: Database,
    distribution: int,
    frames: Mapping[int, Frame],
    records: Callable[[Connection], AsyncIterator[Iterable[tuple[int, bytes]]]],
) -> int:
    """Write a round that was fixed, and finish it; the number of pieces, 0 when it was finished before.

    `frames` by the number of their row in `mutation_file`, one a subscription; `records` reads, over the connection
    that it is given, blocks of pairs of that number and the record. Only a block of them is held in memory. Raises
    StorageError, or what `records` raises; then nothing was written.
    """
    async with database.connection() as connection, connection.transaction():
        if not await connection.fetchval(_OPEN, distribution, timeout=_PATIENCE):
            return 0
        lanes = await _lanes(connection, frames)
        await _copy(connection, [lane.row(Part.HEAD, lane.frame.head) for lane in lanes.values()])
        async for block in records(connection):
            await _copy(connection, [lanes[file].row(Part.RECORD, record) for file, record in block])
        ends: list[tuple[object, ...]] = []
        for lane in lanes.values():
            ends.append(lane.row(Part.END, lane.frame.end))
            content = Content(lane.size, lane.digest.hexdigest())
            voucher = lane.frame.sign(lane.records, content)
            ends.append(lane.row(Part.VOUCHER, voucher))
            await connection.execute(
                _FILE, lane.file, lane.records, lane.size, lane.digest.digest(), voucher, timeout=_PATIENCE
            )
        await _copy(connection, ends)
        numbers = {lane.frame.code: lane.number for lane in lanes.values()}
        await connection.execute(_SET_NUMBERS, list(numbers), list(numbers.values()), timeout=_PATIENCE)
        await connection.execute(_FINISH, distribution, timeout=_PATIENCE)
        return sum(lane.records + 3 for lane in lanes.values())


async def _lanes(connection: Connection, frames: Mapping[int, Frame]) -> dict[int, _Lane]:
    codes = [frame.code for frame in frames.values()]
    await connection.execute(_LANES, codes, timeout=_PATIENCE)
    numbers = {row[0]: row[1] for row in await connection.fetch(_NUMBERS, codes, timeout=_PATIENCE)}
    return {file: _Lane(file, frame, numbers[frame.code]) for file, frame in frames.items()}


async def _copy(connection: Connection, rows: list[tuple[object, ...]]) -> None:
    if rows:
        await connection.copy_records_to_table("outgoing", records=rows, columns=_COLUMNS, timeout=_PATIENCE)
