"""The access table in force, and every one before it, in the database (PL-14).

A version is applied as a whole: one row, one transaction, one notice. Workers hear of it at once, and ask every few
seconds in case the notice was lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kruispunt.access.model import AccessTable
from kruispunt.access.snapshot import differences, from_json, to_json
from kruispunt.errors import ConfigurationError
from kruispunt.storage.database import Database

CHANNEL = "kruispunt_access"

_LOCK = "select pg_advisory_xact_lock(hashtext('kruispunt.access'))"
_CURRENT = "select id, content from access_version order by id desc limit 1"
_NEWEST = "select coalesce(max(id), 0) from access_version"
_INSERT = "insert into access_version (id, author, reason, content) values ($1, $2, $3, $4)"
_HISTORY = "select id, at, author, reason, content from access_version order by id"
EMPTY = AccessTable({}, {}, {})


@dataclass(frozen=True, slots=True)
class Version:
    """One state of the access table."""

    id: int
    """From 1 on, without gaps; 0 before anything was applied."""
    table: AccessTable


@dataclass(frozen=True, slots=True)
class Applied:
    """One entry of the history."""

    id: int
    at: datetime
    author: str
    reason: str
    changes: tuple[str, ...]
    """What it changed against the version before, a line each."""


async def current(database: Database) -> Version:
    """The table in force; an empty one, which grants nothing, before anything was applied."""
    row = await database.fetchrow(_CURRENT)
    return Version(0, EMPTY) if row is None else Version(row["id"], from_json(row["content"]))


async def newest(database: Database) -> int:
    """The number of the version in force."""
    number: int = await database.fetchval(_NEWEST)
    return number


async def apply(database: Database, table: AccessTable, author: str, reason: str, *, on: int | None = None) -> int:
    """Puts a table in force and returns its number; the number in force when nothing differs.

    `on` is the version that the change was made on: ConfigurationError when another came in between.
    """
    content = to_json(table)
    async with database.connection() as connection, connection.transaction():
        await connection.execute(_LOCK)
        row = await connection.fetchrow(_CURRENT)
        number = 0 if row is None else row["id"]
        if on is not None and on != number:
            raise ConfigurationError(
                f"version {number} was applied in between, and this change was made on version {on}. "
                "Look at the difference again: kruispunt access diff"
            )
        if row is not None and row["content"] == content:
            return number
        await connection.execute(_INSERT, number + 1, author, reason, content)
        await connection.execute(f"notify {CHANNEL}")
    return number + 1


async def history(database: Database) -> tuple[Applied, ...]:
    """Every version with what it changed, the first one first."""
    result = []
    before = EMPTY
    for row in await database.fetch(_HISTORY):
        table = from_json(row["content"])
        changes = tuple(change.told() for change in differences(before, table))
        result.append(Applied(row["id"], row["at"], row["author"], row["reason"], changes))
        before = table
    return tuple(result)
