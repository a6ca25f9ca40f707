"""Distribution: the days that are due, files that were asked for again or are lost, and what is old (RP-16, RP-18).

Everything here can be broken off at any point and called again, and ends the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import structlog

from kruispunt.mutations import folder, rows
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.layout import name_of
from kruispunt.mutations.rows import Kept
from kruispunt.mutations.states import PATIENCE
from kruispunt.mutations.writing import Desk, Progress, Unrepeatable, write_files

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection, Database

Fix = Callable[[date], Awaitable[Distribution]]
"""Fixes what is told of a day: `choosing.fix` with all but its day."""

_FORGET: Final = (
    "DELETE FROM distributed_person WHERE distribution = ANY($1::bigint[])",
    "DELETE FROM distributed_item WHERE distribution = ANY($1::bigint[])",
)
_OLD: Final = """
    SELECT d.id FROM distribution d
    WHERE coalesce(d.day, (d.at AT TIME ZONE 'Europe/Brussels')::date) < $1 AND d.finished IS NOT NULL AND (
        EXISTS (SELECT FROM distributed_person p WHERE p.distribution = d.id)
        OR EXISTS (SELECT FROM distributed_item i WHERE i.distribution = d.id)
    )
"""
_LAST_OLD: Final = """
    SELECT f.code, max(f.sequence) FROM mutation_file f JOIN distribution d ON d.id = f.distribution
    WHERE d.day < $1 AND d.finished IS NOT NULL GROUP BY f.code ORDER BY f.code
"""
_NEVER_COLLECTED: Final = """
    SELECT sequence FROM mutation_file WHERE code = $1 AND sequence = ANY($2::bigint[]) AND collected IS NULL
"""

logger = structlog.get_logger("mutations")


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a day, or of files that were made again."""

    day: date
    files: int
    """That were written now; the others were there."""
    records: int
    """In those."""


async def distribute(
    database: Database, desk: Desk, fix: Fix, days: Sequence[date], progress: Progress = lambda *_: None
) -> tuple[Done, ...]:
    """Distribute some days, in order; before them those of which files are missing. A day that was told is mended.

    Raises DataError for a day whose turn it is not, and when the folder cannot be written; StorageError.
    """
    async with database.connection() as connection, rows.alone(connection):
        left = {each.id: each for each in await rows.unfinished(connection)}
        done = [await _finish(connection, desk, each, progress) for each in left.values()]
        for day in days:
            distribution = await fix(day)
            if distribution.finished is None and distribution.id not in left:
                done.append(await _finish(connection, desk, distribution, progress))
            elif distribution.id not in left:
                done.append(await _mend(connection, desk, distribution, progress))
        return tuple(done)


async def restore(
    database: Database,
    desk: Desk,
    oldest: date | None = None,
    *,
    whole: bool = False,
    progress: Progress = lambda *_: None,
) -> tuple[Done, ...]:
    """Make files again that were asked for, and those since `oldest` that are no longer in the folder as they were:
    by their size, or `whole`, by their checksum. Raises StorageError, DataError.
    """
    async with database.connection() as connection, rows.alone(connection):
        wanted = {kept.file.id: kept for kept in await rows.asked_again(connection)}
        there = [kept for kept in wanted.values() if _is_there(desk, kept, whole=True)]
        await rows.answered(connection, [kept.file for kept in there])
        missing = [kept for kept in wanted.values() if kept not in there]
        if oldest is not None:
            known = await rows.made_since(connection, oldest)
            missing += [k for k in known if k.file.id not in wanted and not _is_there(desk, k, whole=whole)]
        return await _make_again(connection, desk, missing, progress)


async def clean(database: Database, desk: Desk, oldest: date) -> int:
    """Remove files of days before `oldest`, and forget who was told in them; how many files were removed.

    Their rows stay, with checksum and voucher; they cannot be made again. Raises StorageError, DataError.
    """
    removed = 0
    async with database.connection() as connection, rows.alone(connection):
        for code, last in await connection.fetch(_LAST_OLD, oldest, timeout=rows.PATIENCE):
            old = [sequence for sequence in folder.sequences(desk.directory, code) if sequence <= last]
            never = await connection.fetch(_NEVER_COLLECTED, code, old, timeout=rows.PATIENCE)
            if never:
                logger.warning(
                    "files that nobody collected are removed: they are older than mutation_retention_days",
                    code="mutations.removed",
                    subscription=code,
                    sequences=[sequence for (sequence,) in never],
                )
            for sequence in old:
                folder.remove(desk.directory / code / name_of(code, sequence))
            removed += len(old)
        ids = [id_ for (id_,) in await connection.fetch(_OLD, oldest, timeout=rows.PATIENCE)]
        for statement in _FORGET:
            await connection.execute(statement, ids, timeout=PATIENCE)
    return removed


async def _finish(connection: Connection, desk: Desk, distribution: Distribution, progress: Progress) -> Done:
    """The files of a day that are not there yet."""
    done = await _mend(connection, desk, distribution, progress)
    await rows.finish(connection, distribution, desk.now())
    return done


async def _mend(connection: Connection, desk: Desk, distribution: Distribution, progress: Progress) -> Done:
    """Those files of a day that were not made, or are not there as they were made, each byte of them read."""
    assert distribution.day is not None, "a round of what is pushed has no files"
    missing = [k for k in await rows.files_of(connection, distribution.id) if not _is_there(desk, k, whole=True)]
    records = await write_files(desk, connection, distribution, {k.file: k.made for k in missing}, progress)
    return Done(distribution.day, len(missing), records)


async def _make_again(
    connection: Connection, desk: Desk, missing: Sequence[Kept], progress: Progress
) -> tuple[Done, ...]:
    """Files that were made before. One that cannot be made any more is told, and asked for in vain."""
    done = []
    for distribution in await rows.distributions(connection, sorted({kept.distribution for kept in missing})):
        assert distribution.day is not None, "a round of what is pushed has no files"
        files = {kept.file: kept.made for kept in missing if kept.distribution == distribution.id}
        try:
            records = await write_files(desk, connection, distribution, files, progress)
        except Unrepeatable as error:
            logger.warning("a file cannot be made again", code="mutations.unrepeatable", why=str(error))
            await rows.answered(connection, list(files))
            continue
        done.append(Done(distribution.day, len(files), records))
    return tuple(done)


def _is_there(desk: Desk, kept: Kept, *, whole: bool) -> bool:
    if kept.made is None:
        return False
    path = kept.file.within(desk.directory)
    return folder.is_there(path, kept.made.content, whole=whole) and folder.has_voucher(path, kept.made.voucher)
