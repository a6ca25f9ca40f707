"""Loading a file of inscriptions: in parts, each of which is done and told in one transaction (RP-03, RP-06, RP-08).

The file is cut into blocks of BLOCK lines, a block is put in order of SSIN, and cut into parts of `writing.MOST_LINES`.
In that order the database finds neighbours on the pages that it just read: half the cost. The lines of a file all do
the same thing, so what they come to does not depend on their order; which of two that tell the same is DONE and which
UNCHANGED does.

Nothing of a load is acknowledged before its end. So its transactions need not wait for the disk, except the last, which
is on disk with all before it. Where a load is broken off, by kill -9 or a power cut, the parts that are there tell how
far it came, and the next load of the file goes on behind them: the cut into parts follows from the file alone.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from asyncpg import DeadlockDetectedError

from kruispunt.batch.files import State, Taken
from kruispunt.batch.items import Item, Kind, Read, Unreadable
from kruispunt.batch.judging import Good, NoNumber, judge
from kruispunt.errors import DataError
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.ssin import from_int
from kruispunt.registers.dossiers import look_up
from kruispunt.repertory.bulk import Columns, write_columns
from kruispunt.repertory.register import compared
from kruispunt.repertory.writing import MOST_LINES, Author, Operation, Strictness, Verdict

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection, Database

BLOCK: Final = 50_000
"""Lines that are held in memory and put in order; places in it fit two bytes."""
LINE_INVALID: Final = 20
"""Beside the values of Verdict: the line has not the form of one."""
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

    places: array[int] = field(default_factory=lambda: array("H"))
    verdicts: bytearray = field(default_factory=bytearray)
    remarks: dict[int, dict[str, Any]] = field(default_factory=dict)

    def tell(self, place: int, verdict: int, **remark: Any) -> None:
        self.places.append(place)
        self.verdicts.append(verdict)
        if remark:
            self.remarks[place] = remark


@asynccontextmanager
async def alone(connection: Connection, file: int) -> AsyncIterator[None]:
    """Nobody else loads this file meanwhile. Raises DataError when somebody does, for longer than half a minute."""
    try:
        await connection.execute("SELECT pg_advisory_lock($1, $2)", _LOCKS, file, timeout=_PATIENCE_SECONDS)
    except TimeoutError:
        raise DataError("another process loads this file") from None
    try:
        await connection.execute("SET synchronous_commit = off")
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("RESET synchronous_commit")
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", _LOCKS, file)


async def load(database: Database, connection: Connection, job: Job, lines: Iterator[Read]) -> None:
    """Write the lines of a file that was taken, behind those that were written before; call it inside `alone`.

    Raises StorageError, and DataError where the file cannot be read on.
    """
    if job.taken.state is State.FINISHED:
        return
    file = job.taken.id
    done = {(block, part) for block, part in await connection.fetch(_DONE_PARTS, file)}
    for block, read in enumerate(iter(lambda: list(islice(lines, BLOCK)), [])):
        places = sorted(range(len(read)), key=lambda place: _order(read[place]))
        for part, start in enumerate(range(0, len(places), MOST_LINES)):
            chosen = places[start : start + MOST_LINES]
            if (block, part) not in done:
                await _write(database, connection, job, (block, part), read, chosen)
            job.progress(len(chosen))
    await connection.execute("SET synchronous_commit = on")
    await connection.execute(_FINISH, file)


async def _write(
    database: Database,
    connection: Connection,
    job: Job,
    where: tuple[int, int],
    read: Sequence[Read],
    places: Sequence[int],
) -> None:
    told = _Part()
    good = _judged(job, read, places, told)
    await _identify(database, read, good, told)
    columns = Columns(*map(list, zip(*good.values(), strict=True))) if good else Columns()
    inserting = job.taken.kind is Kind.INSERT
    operation = Operation.INSCRIBED if inserting else Operation.DELETED
    strictness = Strictness.INSCRIBING if inserting else Strictness.LOADING
    while True:
        transaction = connection.transaction()
        await transaction.start()
        try:
            written = await write_columns(connection, job.owner, operation, columns, job.author, strictness)
            if written is not None:
                _tell_written(good, written, told)
                await connection.execute(_PART, job.taken.id, *where, *_row(told))
                await transaction.commit()
                return
        except DeadlockDetectedError:
            pass
        except BaseException:
            if not connection.is_closed():
                await transaction.rollback()
            raise
        await transaction.rollback()


def _judged(job: Job, read: Sequence[Read], places: Sequence[int], told: _Part) -> dict[int, Good]:
    good: dict[int, Good] = {}
    kind, day, band = job.taken.kind, job.taken.day, job.test_band
    for place in places:
        result = judge(read[place], kind, day, test_band=band)
        if isinstance(result, Good):
            good[place] = result
        elif isinstance(result, NoNumber):
            told.tell(place, Verdict.SSIN_INVALID.value, why=result.why)
        else:
            told.tell(place, LINE_INVALID, why=result.why)
    return good


async def _identify(database: Database, read: Sequence[Read], good: dict[int, Good], told: _Part) -> None:
    """Refuse the lines whose identification is not that of the registers (RP-02)."""
    wanted = {
        place: item.identification
        for place in good
        if isinstance(item := read[place], Item) and item.identification is not None
    }
    if not wanted:
        return
    found = await look_up(database, {from_int(good[place].ssin) for place in wanted})
    for place, identification in wanted.items():
        person = found.get(from_int(good[place].ssin))
        if person is None or person.person.final_ssin is None:
            continue
        refused = compared(identification, person)
        if refused is not None:
            del good[place]
            differing = {"differing": [each.value for each in refused.differing]} if refused.differing else {}
            told.tell(place, refused.verdict.value, **differing)


def _tell_written(good: dict[int, Good], written: tuple[Sequence[int], Sequence[int]], told: _Part) -> None:
    for (place, line), verdict, ssin in zip(good.items(), *written, strict=True):
        if ssin != line.ssin:
            told.tell(place, verdict, ssin=from_int(ssin))
        else:
            told.tell(place, verdict)


def _row(told: _Part) -> tuple[object, ...]:
    verdicts = bytes(told.verdicts)
    places = array("H", told.places)
    return (
        len(verdicts),
        verdicts.count(Verdict.DONE.value),
        verdicts.count(Verdict.UNCHANGED.value),
        _little(places),
        verdicts,
        json.dumps(told.remarks) if told.remarks else None,
    )


def _little(places: array[int]) -> bytes:
    """As the database keeps them, whatever the machine."""
    if sys.byteorder == "big":
        places.byteswap()
    return places.tobytes()


def _order(read: Read) -> str:
    return "" if isinstance(read, Unreadable) else read.ssin
