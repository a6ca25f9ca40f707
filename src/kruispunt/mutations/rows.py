"""Mutation files as the database keeps them: what was fixed of each, and what became of it (RP-18)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from kruispunt.clock import BELGIUM
from kruispunt.errors import DataError
from kruispunt.files.voucher import Content
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.mutations.distributions import COLUMNS, Distribution, of_row
from kruispunt.mutations.layout import File
from kruispunt.mutations.records import Profile

if TYPE_CHECKING:
    from asyncpg import Record

    from kruispunt.storage.database import Asked, Connection, Database

PATIENCE: Final = 60.0
"""Seconds for a statement about files."""
_LOCKS: Final = 0x4D55_5446
"""Of those who write files: the letters MUTF."""
_LOCK: Final = "SELECT pg_advisory_lock($1, 0)"
_TRY: Final = "SELECT pg_try_advisory_lock($1, 0)"
_UNLOCK: Final = "SELECT pg_advisory_unlock($1, 0)"

_SELECT: Final = """
    SELECT f.id, f.code, f.sequence, d.day, d.at, s.receiver, s.legal_context, f.parts, f.groups, s.stream,
        f.records, f.size, f.sha256, f.voucher, f.published, f.asked, f.collected, d.id
    FROM mutation_file f JOIN subscription s ON s.id = f.subscription JOIN distribution d ON d.id = f.distribution
    WHERE
"""
_OF: Final = f"{_SELECT} d.id = $1 ORDER BY f.code"
_OF_DAYS: Final = f"{_SELECT} d.day IS NOT NULL AND"
_ONE: Final = f"{_OF_DAYS} f.code = $1 AND f.sequence = $2"
_PUSHED: Final = """
    SELECT (SELECT min(o.number) FROM outgoing o WHERE o.code = f.code AND o.file = f.id)
    FROM mutation_file f JOIN distribution d ON d.id = f.distribution
    WHERE d.day IS NULL AND f.code = $1 AND f.sequence = $2
"""
_ASKED: Final = f"{_OF_DAYS} f.asked IS NOT NULL AND f.published IS NOT NULL ORDER BY d.id, f.code"
_SINCE: Final = f"{_SELECT} d.day >= $1 AND f.published IS NOT NULL ORDER BY d.id, f.code"
_UNCOLLECTED: Final = f"""
    {_OF_DAYS} f.published < $1 AND f.collected IS NULL AND f.noticed IS NULL ORDER BY f.published, f.code
"""
_LATEST: Final = f"{_SELECT} d.day >= $1 ORDER BY d.day DESC, f.code"
_UNFINISHED: Final = f"""
    SELECT {COLUMNS} FROM distribution WHERE (day IS NULL) = $1 AND finished IS NULL ORDER BY id
"""  # noqa: S608  only constants are put in
_BY_IDS: Final = f"SELECT {COLUMNS} FROM distribution WHERE id = ANY($1::bigint[]) ORDER BY id"  # noqa: S608
_KEEP: Final = """
    UPDATE mutation_file f
    SET records = t.records, size = t.size, sha256 = t.sha256, voucher = t.voucher, published = t.published
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::timestamptz[])
        AS t (id, records, size, sha256, voucher, published)
    WHERE f.id = t.id AND f.published IS NULL
"""
_KEPT: Final = "SELECT id, records, size, sha256, voucher, published FROM mutation_file WHERE id = ANY($1::bigint[])"
_ANSWERED: Final = "UPDATE mutation_file SET asked = NULL WHERE id = ANY($1::bigint[]) AND asked IS NOT NULL"
_FINISH: Final = "UPDATE distribution SET finished = $2 WHERE id = $1 AND finished IS NULL"
_ASK: Final = "UPDATE mutation_file SET asked = clock_timestamp() WHERE id = $1 AND asked IS NULL"
_COLLECT: Final = """
    UPDATE mutation_file SET collected = clock_timestamp(), collector = $2 WHERE id = $1 AND collected IS NULL
"""
_NOTICE: Final = "UPDATE mutation_file SET noticed = $2 WHERE id = ANY($1::bigint[])"


@dataclass(frozen=True, slots=True)
class Made:
    """What a file became."""

    records: int
    content: Content
    voucher: bytes
    published: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A file with its row."""

    file: File
    distribution: int
    made: Made | None
    """None until it was made."""
    asked: datetime | None
    collected: datetime | None


@asynccontextmanager
async def alone(connection: Connection, *, patient: bool = True) -> AsyncIterator[bool]:
    """Nobody else writes files meanwhile. Whether that is so: who is not `patient` does not wait for others."""
    if patient:
        await connection.execute(_LOCK, _LOCKS)
        taken = True
    else:
        taken = await connection.fetchval(_TRY, _LOCKS, timeout=PATIENCE)
    try:
        yield taken
    finally:
        if taken and not connection.is_closed():
            await connection.execute(_UNLOCK, _LOCKS, timeout=PATIENCE)


async def unfinished(database: Asked, *, rounds: bool = False) -> tuple[Distribution, ...]:
    """Distributions of days, or rounds of what is pushed, whose files are not all there, in order."""
    return tuple(map(of_row, await database.fetch(_UNFINISHED, rounds)))


async def distributions(database: Asked, ids: Sequence[int]) -> tuple[Distribution, ...]:
    """Some of them, in order."""
    return tuple(map(of_row, await database.fetch(_BY_IDS, ids)))


async def files_of(database: Asked, distribution: int) -> tuple[Kept, ...]:
    """The files of a distribution, of a day or a round, by code."""
    return tuple(map(_kept, await database.fetch(_OF, distribution)))


async def file_of(database: Asked, code: str, sequence: int) -> Kept:
    """One file of a day. Raises DataError when there is none, and for one that was pushed."""
    rows = await database.fetch(_ONE, code, sequence)
    if not rows:
        for (number,) in await database.fetch(_PUSHED, code, sequence):
            again = "its messages are not kept any more"
            if number is not None:
                again = f"kruispunt mutations resend {code} {number} sends its messages, and those behind it, again"
            raise DataError(f"file {sequence} of {code} was pushed, and is in no folder: {again}")
        raise DataError(f"the subscription {code!r} has no file {sequence}; kruispunt mutations status lists them")
    return _kept(rows[0])


async def asked_again(database: Asked) -> tuple[Kept, ...]:
    """Files that a subscriber asked for again."""
    return tuple(map(_kept, await database.fetch(_ASKED)))


async def made_since(database: Asked, day: date) -> tuple[Kept, ...]:
    """The files that were made of a day and of those after it."""
    return tuple(map(_kept, await database.fetch(_SINCE, day)))


async def latest(database: Asked, day: date) -> tuple[Kept, ...]:
    """All files of a day and of those after it, made or not, the newest day first."""
    return tuple(map(_kept, await database.fetch(_LATEST, day)))


async def uncollected(database: Asked, before: datetime) -> tuple[Kept, ...]:
    """Files that were there before a moment, that nobody has collected, and that were not told to the operator."""
    return tuple(map(_kept, await database.fetch(_UNCOLLECTED, before)))


async def keep_made(connection: Connection, made: Mapping[File, Made]) -> dict[File, Made]:
    """Write down what files became; what their rows tell from now on, by whoever wrote it first."""
    if not made:
        return {}
    ids = [file.id for file in made]
    rows = list(made.values())
    async with connection.transaction():
        await connection.execute(
            _KEEP,
            ids,
            [each.records for each in rows],
            [each.content.size for each in rows],
            [bytes.fromhex(each.content.sha256) for each in rows],
            [each.voucher for each in rows],
            [each.published for each in rows],
            timeout=PATIENCE,
        )
        kept = {row[0]: _made(row, 1) for row in await connection.fetch(_KEPT, ids, timeout=PATIENCE)}
    return {file: found for file in made if (found := kept[file.id]) is not None}


async def answered(connection: Connection, files: Sequence[File]) -> None:
    """Files that were asked for are there."""
    await connection.execute(_ANSWERED, [file.id for file in files], timeout=PATIENCE)


async def finish(connection: Connection, distribution: Distribution, now: datetime) -> None:
    """All files of a distribution are there."""
    await connection.execute(_FINISH, distribution.id, now, timeout=PATIENCE)


async def ask(database: Database, file_id: int) -> None:
    """Have a file made again, or pushed again, by the next turn; also when the process that should is killed."""
    await database.execute(_ASK, file_id)


async def collect(database: Database, file_id: int, collector: str) -> bool:
    """Keeps when and by whom a file was collected; False when that is known already, and stays as it is."""
    return await database.execute(_COLLECT, file_id, collector) == "UPDATE 1"


async def notice(database: Database, files: Sequence[File], now: datetime) -> None:
    """The operator was told that nobody collects these files."""
    await database.execute(_NOTICE, [file.id for file in files], now)


def _kept(row: Record) -> Kept:
    id_, code, sequence, day, at, receiver, legal_context, parts, groups, stream = row[:10]
    day = day or at.astimezone(BELGIUM).date()
    file = File(id_, code, sequence, day, at, OrganisationKey(receiver), legal_context, Profile(parts, groups), stream)
    return Kept(file, row[17], _made(row, 10), row[15], row[16])


def _made(row: Record, first: int) -> Made | None:
    records, size, sha256, voucher, published = row[first : first + 5]
    return None if published is None else Made(records, Content(size, sha256.hex()), voucher, published)
