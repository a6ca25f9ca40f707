"""Rounds of what is pushed: fixed when something changed, and written into the outbox (RP-15 to RP-18).

A round that was fixed and not written, because the process ended in between, is written by the next turn: what it tells
follows from rows that do not change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from kruispunt.files.voucher import Signs
from kruispunt.mutations import rows
from kruispunt.mutations.checking import Checker
from kruispunt.mutations.choosing import fix_round
from kruispunt.mutations.cutting import Frame, write_round
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.layout import File, signed
from kruispunt.mutations.outbox import Outbox
from kruispunt.mutations.records import Record
from kruispunt.mutations.states import items, people
from kruispunt.settings import Environment

if TYPE_CHECKING:
    from kruispunt.access.model import AccessTable
    from kruispunt.storage.database import Connection, Database

# Looked at without a lock: the lock is taken, and the same looked at again, when there is something.
_CHANGED: Final = """
    SELECT EXISTS (SELECT FROM subscription WHERE pushed AND ended IS NULL) AND coalesce((
        SELECT (changes_upto, items_upto) IS DISTINCT FROM (
            coalesce((SELECT max(sequence) FROM person_change), 0), coalesce((SELECT max(sequence) FROM stream_item), 0)
        )
        FROM distribution WHERE day IS NULL ORDER BY id DESC LIMIT 1
    ), true)
"""

logger = structlog.get_logger("push")


@dataclass(frozen=True, slots=True)
class Rounds:
    """What rounds are written with."""

    database: Database
    rights: Callable[[], Awaitable[AccessTable]]
    """Those in force."""
    environment: Environment
    signer: Signs
    now: Callable[[], datetime]
    notice: timedelta
    """After which a file that nobody collected is told to the operator."""
    retention: timedelta
    """For which pieces of a file that was collected are kept, to be sent again."""

    async def write(self) -> int:
        """Everything that is to be written now; the number of pieces. Raises StorageError."""
        outbox = Outbox(self.database)
        pieces = await self._unfinished() + await outbox.asked()
        if await self.database.fetchval(_CHANGED):
            await fix_round(self.database, await self.rights(), now=self.now())
            pieces += await self._unfinished()
        for code, sequence in await outbox.notice(self.now() - self.notice):
            logger.warning(
                "a file was pushed and nobody collects it",
                code="push.uncollected",
                subscription=code,
                sequence=sequence,
            )
        await outbox.clean(self.now() - self.retention)
        return pieces

    async def _unfinished(self) -> int:
        written = 0
        for distribution in await rows.unfinished(self.database, rounds=True):
            files = {kept.file.id: kept.file for kept in await rows.files_of(self.database, distribution.id)}
            frames = {
                id_: Frame(file.code, file.head, file.end, partial(signed, self.environment, self.signer, file))
                for id_, file in files.items()
            }
            written += await write_round(self.database, distribution.id, frames, _records(distribution, files))
        return written


def _records(
    distribution: Distribution, files: dict[int, File]
) -> Callable[[Connection], AsyncIterator[Iterable[tuple[int, bytes]]]]:
    """The records of a round, block by block, each held against the schema."""
    of_people = {id_: file for id_, file in files.items() if file.stream is None}
    of_streams = {id_: file for id_, file in files.items() if file.stream is not None}

    async def read(connection: Connection) -> AsyncIterator[Iterable[tuple[int, bytes]]]:
        checker = Checker()
        if of_people:
            some = next(iter(of_people.values()))
            async for block in people(connection, distribution):
                doubtful: list[bytes] = []
                pairs: list[tuple[int, bytes]] = []
                for told, ids in block:
                    record = Record(told)
                    pairs += [(id_, record.of(of_people[id_].profile)) for id_ in ids]
                    doubtful += [made for form, made in record.written.items() if checker.doubts(record, form)]
                checker.check_records(some, doubtful)
                yield pairs
        if of_streams:
            some = next(iter(of_streams.values()))
            async for items_told in items(connection, distribution):
                checker.check_records(some, [record for record, _ in items_told])
                yield [(id_, record) for record, ids in items_told for id_ in ids]

    return read
