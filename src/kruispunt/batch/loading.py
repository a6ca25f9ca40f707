"""Loading a file of inscriptions: in parts, each of which is done and told in one transaction (RP-03, RP-06, RP-08).

The file is cut into blocks of `files.BLOCK` lines, a block is put in order of SSIN, and cut into parts of `files.PART`
lines. In that order the database finds neighbours on the pages that it just read, and passes each page of its indexes
once a block. The lines of a file all do the same thing, so what they come to does not depend on their order; which of
two that tell the same is DONE and which UNCHANGED does.

Nothing of a load is acknowledged before its end. So its transactions need not wait for the disk, except the last, which
is on disk with all before it. Where a load is broken off, by kill -9 or a power cut, the parts that are there tell how
far it came, and the next load of the file goes on behind them: the cut into parts follows from the file, and from the
sizes that are kept with it.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from asyncpg import DeadlockDetectedError

from kruispunt.batch.blocks import Block, Blocks
from kruispunt.batch.files import NotYet, State, Taken
from kruispunt.batch.items import Kind, Plain, Read
from kruispunt.batch.judging import NoNumber
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.ssin import from_int
from kruispunt.registers.dossiers import look_up
from kruispunt.repertory.bulk import Columns, WrittenColumns, write_columns
from kruispunt.repertory.register import compared
from kruispunt.repertory.writing import Author, Operation, Strictness, Verdict

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection, Database

LINE_INVALID: Final = 20
"""Beside the values of Verdict: the line has not the form of one."""
NOT_LOADED: Final = 21
"""The load was broken off before this line, and the file was abandoned. Kept nowhere: it is a line without verdict."""
_LOCKS: Final = 0x4B424154
"""Advisory locks of two numbers: this and the file."""
_PATIENCE_SECONDS: Final = 30.0
"""For a load that was killed, whose last statement the database may still be at."""
_PART: Final = """
    INSERT INTO batch_part (file, block, part, lines, done, unchanged, places, verdicts, remarks)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)
"""
_FINISH: Final = "UPDATE batch_file SET finished = clock_timestamp() WHERE id = $1"
_DONE_PARTS: Final = "SELECT block, part FROM batch_part WHERE file = $1"


@dataclass(frozen=True, slots=True)
class Job:
    """What a load needs beside the file."""

    owner: CbeNumber
    taken: Taken
    author: Author
    test_band: bool
    progress: Callable[[int], None]
    """Told the number of lines after each part."""


@dataclass(slots=True)
class _Part:
    """What becomes of the lines of one part, by their place in the block."""

    places: list[int] = field(default_factory=list)
    verdicts: bytearray = field(default_factory=bytearray)
    remarks: dict[int, dict[str, Any]] = field(default_factory=dict)

    def refuse(self, place: int, verdict: int, **remark: Any) -> None:
        self.places.append(place)
        self.verdicts.append(verdict)
        if remark:
            self.remarks[place] = remark


@asynccontextmanager
async def alone(connection: Connection, file: int) -> AsyncIterator[None]:
    """Nobody else loads this file meanwhile. Raises NotYet when somebody does, for longer than half a minute."""
    try:
        await connection.execute("SELECT pg_advisory_lock($1, $2)", _LOCKS, file, timeout=_PATIENCE_SECONDS)
    except TimeoutError:
        raise NotYet("another process loads this file") from None
    try:
        await connection.execute("SET synchronous_commit = off")
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("RESET synchronous_commit")
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", _LOCKS, file)


async def load(database: Database, connection: Connection, job: Job, batches: Iterator[Sequence[Plain | Read]]) -> None:
    """Write the lines of a file that was taken, behind those that were written before; call it inside `alone`.

    Raises StorageError, and DataError where the file cannot be read on.
    """
    taken = job.taken
    if taken.state is State.FINISHED:
        return
    done = {(block, part) for block, part in await connection.fetch(_DONE_PARTS, taken.id)}
    blocks = Blocks(batches, taken.kind, taken.day, taken.block, test_band=job.test_band)
    for number, block in enumerate(blocks):
        places = block.in_order()
        for part, start in enumerate(range(0, len(places), taken.part)):
            chosen = places[start : start + taken.part]
            if (number, part) not in done:
                await _write(database, connection, job, (number, part), block, chosen)
            job.progress(len(chosen))
    await finish(connection, taken)


async def finish(connection: Connection, taken: Taken) -> None:
    """No more of the file is loaded; on disk, with all before it. Call it inside `alone`."""
    await connection.execute("SET synchronous_commit = on")
    await connection.execute(_FINISH, taken.id)


async def _write(
    database: Database, connection: Connection, job: Job, where: tuple[int, int], block: Block, places: list[int]
) -> None:
    told = _Part()
    good = await _identified(database, block, _judged(block, places, told), told)
    columns = _columns(block, good)
    inserting = job.taken.kind is Kind.INSERT
    operation = Operation.INSCRIBED if inserting else Operation.DELETED
    strictness = Strictness.INSCRIBING if inserting else Strictness.LOADING
    while True:
        transaction = connection.transaction()
        await transaction.start()
        try:
            written = await write_columns(connection, job.owner, operation, columns, job.author, strictness)
            if written is not None:
                await connection.execute(_PART, job.taken.id, *where, *_row(good, written, told, job.taken.block))
                await transaction.commit()
                return
        except DeadlockDetectedError:
            pass
        except BaseException:
            if not connection.is_closed():
                await transaction.rollback()
            raise
        await transaction.rollback()


def _judged(block: Block, places: list[int], told: _Part) -> list[int]:
    """The places of lines that are sound in themselves."""
    if not block.refused:
        return places
    good = []
    for place in places:
        refused = block.refused.get(place)
        if refused is None:
            good.append(place)
        elif isinstance(refused, NoNumber):
            told.refuse(place, Verdict.SSIN_INVALID.value, why=refused.why)
        else:
            told.refuse(place, LINE_INVALID, why=refused.why)
    return good


async def _identified(database: Database, block: Block, places: list[int], told: _Part) -> list[int]:
    """The places without those whose identification is not that of the registers (RP-02)."""
    wanted = (
        {place: block.identified[place] for place in places if place in block.identified} if block.identified else {}
    )
    if not wanted:
        return places
    found = await look_up(database, {from_int(block.ssins[place]) for place in wanted})
    refusals = set()
    for place, identification in wanted.items():
        person = found.get(from_int(block.ssins[place]))
        if person is None or person.person.final_ssin is None:
            continue
        refused = compared(identification, person)
        if refused is not None:
            refusals.add(place)
            differing = {"differing": [each.value for each in refused.differing]} if refused.differing else {}
            told.refuse(place, refused.verdict.value, **differing)
    return [place for place in places if place not in refusals]


def _columns(block: Block, places: Sequence[int]) -> Columns:
    """With the dossier types that occur among these lines alone."""
    numbers: dict[int, int] = {}
    types = [numbers.setdefault(block.types[place], len(numbers) + 1) for place in places]
    ssins, firsts, untils = (
        [column[place] for place in places] for column in (block.ssins, block.firsts, block.untils)
    )
    return Columns([block.names[number] for number in numbers], ssins, types, firsts, untils)


def _row(good: Sequence[int], written: WrittenColumns, told: _Part, block: int) -> tuple[object, ...]:
    places, verdicts = [*good, *told.places], bytes(written.verdicts + told.verdicts)
    remarks = told.remarks | {good[line]: {"ssin": from_int(ssin)} for line, ssin in written.moved.items()}
    return (
        len(verdicts),
        verdicts.count(Verdict.DONE.value),
        verdicts.count(Verdict.UNCHANGED.value),
        packed(places, block),
        verdicts,
        json.dumps(remarks) if remarks else None,
    )


def packed(places: Sequence[int], block: int) -> bytes:
    """Places in a block of such a size as the database keeps them, whatever the machine."""
    numbers = array(_code(block), places)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def unpacked(data: bytes, block: int) -> array[int]:
    """The reverse."""
    numbers = array(_code(block), data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _code(block: int) -> str:
    """Two bytes where they suffice, otherwise four."""
    return "H" if block <= 1 << 16 else "I"
