"""New search keys for everybody, while the registers are searched and changed (IP-09).

Needed when the phonetic code has a new version, and nothing else. Servers that know the new version search under it
and under the one before: `phonetics.SEARCHABLE`. Every person is indexed under exactly one of both at any moment,
because the keys of a person are exchanged in one transaction, in which nobody else changes people.

People are taken in the order of their numbers, a batch a transaction, and the table `reindexing` holds how far that
came: an interrupted run goes on from there. People whom a server of the release before changed meanwhile, and so
indexed under the old version again, are found in a sweep at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.ssin import from_int
from kruispunt.registers import key_tables, legal_json
from kruispunt.registers.chains import PATIENCE, wait_for_others
from kruispunt.registers.legal_data import Dossier, Origin
from kruispunt.registers.phonetics import CODE, Code

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

BATCH: Final = 500
"""People whose keys are exchanged at a time; changes of people wait that long."""

_BEGIN: Final = """
    INSERT INTO reindexing (version, position, done) VALUES ($1, -1, 0)
    ON CONFLICT (version) DO UPDATE SET version = EXCLUDED.version
    RETURNING position, done, finished IS NOT NULL
"""
_NEXT: Final = "SELECT DISTINCT ssin FROM dossier WHERE ssin > $1 ORDER BY ssin LIMIT $2"
_STALE: Final = """
    SELECT DISTINCT ssin FROM (
        (SELECT ssin FROM name_key WHERE register = 1 AND key < $1 LIMIT $3)
        UNION ALL (SELECT ssin FROM name_key WHERE register = 1 AND key >= $2 LIMIT $3)
        UNION ALL (SELECT ssin FROM name_key WHERE register = 2 AND key < $1 LIMIT $3)
        UNION ALL (SELECT ssin FROM name_key WHERE register = 2 AND key >= $2 LIMIT $3)
    ) AS stale
"""
_DOSSIERS: Final = "SELECT ssin, origin, document FROM dossier WHERE ssin = ANY($1::bigint[])"
_ADVANCE: Final = "UPDATE reindexing SET position = greatest(position, $2), done = done + $3 WHERE version = $1"
_FINISH: Final = "UPDATE reindexing SET finished = now() WHERE version = $1"
_AGAIN: Final = "DELETE FROM reindexing WHERE version = $1"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it came."""

    version: int
    done: int
    """People, those of interrupted runs included."""
    finished: bool


async def reindex(
    database: Database,
    tell: Callable[[Progress], None],
    code: Code = CODE,
    *,
    again: bool = False,
    batch: int = BATCH,
) -> Progress:
    """Exchange the keys of everybody for those of `code`, from where an earlier run stopped; `tell` hears of each
    batch. With `again`, from the beginning. Raises StorageError; what was done until then stays.
    """
    if again:
        await database.execute(_AGAIN, code.version)
    row = await database.fetchrow(_BEGIN, code.version)
    assert row is not None, "an upsert returns its row"
    position, done, finished = row
    while not finished:
        async with database.connection() as connection, connection.transaction():
            await wait_for_others(connection)
            people = [row[0] for row in await connection.fetch(_NEXT, position, batch, timeout=PATIENCE)]
            if not people:
                finished = True
                await connection.execute(_FINISH, code.version, timeout=PATIENCE)
            else:
                await _exchange(connection, people, code)
                position, done = people[-1], done + len(people)
                await connection.execute(_ADVANCE, code.version, position, len(people), timeout=PATIENCE)
        tell(Progress(code.version, done, finished=False))
    while await _sweep(database, code, batch):
        pass
    return Progress(code.version, done, finished=True)


async def _sweep(database: Database, code: Code, batch: int) -> bool:
    """Exchange the keys of some who are indexed under another version; False when nobody is."""
    async with database.connection() as connection, connection.transaction():
        await wait_for_others(connection)
        rows = await connection.fetch(_STALE, code.lowest, code.above, batch, timeout=PATIENCE)
        await _exchange(connection, [row[0] for row in rows], code)
    return bool(rows)


async def _exchange(connection: Connection, people: list[int], code: Code) -> None:
    rows = await connection.fetch(_DOSSIERS, people, timeout=PATIENCE)
    await key_tables.forget(connection, [(ssin, origin.value) for ssin in people for origin in Origin], PATIENCE)
    dossiers = (Dossier(from_int(ssin), Origin(origin), legal_json.parse(document)) for ssin, origin, document in rows)
    await key_tables.write(connection, dossiers, PATIENCE, code)
