"""The same search by a Double Metaphone index in PostgreSQL, where the server has the extension."""

from __future__ import annotations

import asyncpg

from benchmarks.search.population import COMMONEST
from benchmarks.search.questions import Answered, timed
from kruispunt.storage.database import Database

_AVAILABLE = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'fuzzystrmatch')"
_MAKE = (
    "CREATE EXTENSION IF NOT EXISTS fuzzystrmatch",
    # One row a name, as the extension is commonly used; today's name only, and no first name.
    """
    CREATE TABLE by_metaphone AS
    SELECT ssin, (document::json #>> '{name,lastName}') AS last,
        replace(document::json #>> '{birth,date}', '-', '')::integer AS birth
    FROM dossier
    """,
    "CREATE INDEX by_metaphone_code ON by_metaphone (dmetaphone(last), birth)",
    "CREATE INDEX by_metaphone_second ON by_metaphone (dmetaphone_alt(last), birth)",
    "VACUUM ANALYZE by_metaphone",
)
_SEARCH = """
    SELECT ssin FROM by_metaphone WHERE dmetaphone(last) = dmetaphone($1) AND birth BETWEEN $2 AND $3
    UNION SELECT ssin FROM by_metaphone WHERE dmetaphone_alt(last) = dmetaphone_alt($1) AND birth BETWEEN $2 AND $3
    LIMIT 81
"""
_LAST_NAMES = "SELECT last, birth FROM by_metaphone WHERE mod(ssin / 97, 101) = 5 LIMIT $1"


async def ask_metaphone(database: Database, dsn: str, count: int) -> list[Answered]:
    """Answers of the index; none where the extension is not to be had."""
    if not await database.fetchval(_AVAILABLE):
        return []
    connection = await asyncpg.connect(dsn)
    try:
        for statement in _MAKE:
            await connection.execute(statement, timeout=3_600)
    finally:
        await connection.close()
    rows = await database.fetch(_LAST_NAMES, count)
    typical = [lambda r=r: database.fetch(_SEARCH, r[0], r[1], r[1]) for r in rows]
    worst = [lambda y=y: database.fetch(_SEARCH, COMMONEST, y, y + 609_999) for y in range(19300000, 19600000, 10000)]
    return [
        await timed("dmetaphone index: last name, birth date", typical),
        await timed("dmetaphone index: commonest surname, a year ±30", worst * max(1, count // 100)),
    ]
