"""Which changes are told, of whom, and to whom: fixed once for each distribution (RP-15 to RP-17, RP-19).

All of it is one transaction that sees one moment of people, lines, subscriptions and items. One at a time: who comes
second finds what the first one fixed. Statements work on sets, so that 200,000 people over 60 million lines take
seconds.

- *Changes*: those after the last distribution, up to the last one that was written before the end of the day. Those
  between count too, whatever the clock said, and what comes later is told the next day. Several changes of a number are
  one, from before the first to after the last: what was changed back is not told; what was written down once more is.
- *Under which number*: the end of the chain as it stood after the last change that is told, so that a number and its
  data fit together. A chain without a valid end is told under its last number that a register knows; a circle has
  none, and each of its numbers is told under itself. Whatever happens to a number after it was replaced is nobody's.
- *To whom*: by the lines as they are now. The lines of a chain stand at its end. Those of a chain without a valid end
  stayed at any of its numbers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg

from kruispunt.access.model import AccessTable
from kruispunt.clock import BELGIUM
from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.mutations import chosen_sql as sql
from kruispunt.mutations import subscriptions
from kruispunt.mutations.distributions import COLUMNS, Distribution, begin_of, end_of, of_row
from kruispunt.mutations.entitlement import Entitlement, entitled
from kruispunt.mutations.subscriptions import Subscription
from kruispunt.registers.parts import parts_between

if TYPE_CHECKING:
    from asyncpg import Connection

    from kruispunt.storage.database import Database

T = TypeVar("T")

_ATTEMPTS: Final = 5
_BLOCK: Final = 2_000
"""Numbers with several changes whose lines are in memory at a time."""
# Taken before the first look: the moment that is seen is that of the first statement which is none of these.
_LOCK: Final = "LOCK TABLE distribution IN SHARE ROW EXCLUSIVE MODE"
_MEMORY: Final = "SET LOCAL work_mem = '64MB'"
_FIXED: Final = f"SELECT {COLUMNS} FROM distribution WHERE day = $1"  # noqa: S608  only constants are put in
_PREVIOUS: Final = f"""
    SELECT {COLUMNS} FROM distribution WHERE (day IS NULL) = $1 ORDER BY id DESC LIMIT 1
"""  # noqa: S608
# From the end back: those of one day are near it.
_LAST_CHANGE: Final = "SELECT sequence FROM person_change WHERE at < $1 ORDER BY sequence DESC LIMIT 1"
_LAST_ITEM: Final = "SELECT sequence FROM stream_item WHERE received < $1 ORDER BY sequence DESC LIMIT 1"
_LAST_CHANGE_OF_ALL: Final = "SELECT max(sequence) FROM person_change"
_LAST_ITEM_OF_ALL: Final = "SELECT max(sequence) FROM stream_item"
_FIX: Final = f"""
    INSERT INTO distribution (day, changes_from, changes_upto, items_from, items_upto, at)
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}
"""  # noqa: S608
_CANDIDATE: Final = (
    *("file", "subscription", "code", "owner", "known_to", "dossier_types", "active_only", "parts", "groups"),
    "stream",
)


async def fix(database: Database, table: AccessTable, day: date, *, now: datetime, early: bool = False) -> Distribution:
    """What is told of a civil day in Belgium: who of whom, by the access `table` in force. The same one every time.

    Days are fixed in order, when they are over; today only when it is `early`, and then what comes later today is told
    tomorrow. Raises DataError for a day whose turn it is not, StorageError.
    """
    today = now.astimezone(BELGIUM).date()

    async def work(connection: Connection) -> Distribution:
        row = await connection.fetchrow(_FIXED, day)
        if row is not None:
            return of_row(row)
        if day > today or (day == today and not early):
            hint = "; --early distributes today before it is" if day == today else ""
            raise DataError(f"{day} is not over: its changes are not all there yet{hint}")
        previous = await _previous(connection, rounds=False)
        if previous is not None and previous.day is not None:
            _check_turn(day, previous.day)
        changes, items = await _up_to(connection, end_of(day), previous, begin_of(day))
        fixed = await _fix(connection, day, changes, items, now)
        await _choose(connection, table, fixed, day)
        return fixed

    return await alone(database, work)


async def fix_round(database: Database, table: AccessTable, *, now: datetime) -> Distribution | None:
    """What is pushed now, to the subscriptions that want that; None when nothing happened since the last round.

    The first round begins with today. Only subscriptions with something to tell get a row in `mutation_file`. Raises
    StorageError.
    """
    return await alone(database, lambda connection: fix_round_within(connection, table, now))


async def fix_round_within(connection: Connection, table: AccessTable, now: datetime) -> Distribution | None:
    """The same, inside `alone`."""
    today = now.astimezone(BELGIUM).date()
    previous = await _previous(connection, rounds=True)
    changes, items = await _up_to(connection, None, previous, begin_of(today))
    if previous is not None and changes[0] == changes[1] and items[0] == items[1]:
        return None
    fixed = await _fix(connection, None, changes, items, now)
    await _choose(connection, table, fixed, today)
    return fixed


async def alone(database: Database, work: Callable[[Connection], Awaitable[T]]) -> T:
    """In a transaction in which nobody else fixes a distribution, and which sees one moment; again when others were in
    its way. Locks that `work` takes come before its first look. Raises StorageError.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _once(database, work)
        except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
            continue
    return await _once(database, work)


async def _once(database: Database, work: Callable[[Connection], Awaitable[T]]) -> T:
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.execute(_LOCK)
        await connection.execute(_MEMORY)
        return await work(connection)


def _check_turn(day: date, last: date) -> None:
    turn = last + timedelta(days=1)
    if day < turn:
        raise DataError(f"{day} cannot be distributed any more: {last} was, and days are told in order")
    if day > turn:
        raise DataError(f"{turn} was not distributed yet, and days are told in order: distribute that day first")


async def _previous(connection: Connection, *, rounds: bool) -> Distribution | None:
    row = await connection.fetchrow(_PREVIOUS, rounds)
    return None if row is None else of_row(row)


async def _up_to(
    connection: Connection, end: datetime | None, previous: Distribution | None, begin: datetime
) -> tuple[tuple[int, int], tuple[int, int]]:
    """From where up to where changes are told, and items; `end` is None for all there are, `begin` is for the first."""

    async def last(sql: str, *moment: datetime) -> int:
        return await connection.fetchval(sql, *moment) or 0

    if previous is None:
        start = await last(_LAST_CHANGE, begin), await last(_LAST_ITEM, begin)
    else:
        start = previous.changes_upto, previous.items_upto
    if end is None:
        stop = await last(_LAST_CHANGE_OF_ALL), await last(_LAST_ITEM_OF_ALL)
    else:
        stop = await last(_LAST_CHANGE, end), await last(_LAST_ITEM, end)
    # A clock that went back tells of an earlier end: never less than before.
    return (start[0], max(start[0], stop[0])), (start[1], max(start[1], stop[1]))


async def _fix(
    connection: Connection, day: date | None, changes: tuple[int, int], items: tuple[int, int], now: datetime
) -> Distribution:
    row = await connection.fetchrow(_FIX, day, *changes, *items, now)
    assert row is not None, "a row that was written comes back"
    return of_row(row)


async def _choose(connection: Connection, table: AccessTable, fixed: Distribution, day: date) -> None:
    """Who is told of whom; `day` is the one on which lines must be active, where they must."""
    subscribed = await subscriptions.in_force(connection, pushed=fixed.day is None)
    if not subscribed:
        return
    rights = [entitled(table, each.organisation, each.legal_context, each.kinds, each.stream) for each in subscribed]
    for statement in sql.CREATE:
        await connection.execute(statement)
    await _offer(connection, subscribed, rights)
    if any(right.parts for right in rights):
        await _find_changed(connection, fixed)
    if any(right.stream for right in rights):
        await connection.execute(sql.NUMBERS_OF_ITEMS, fixed.items_from, fixed.items_upto)
    await _follow_chains(connection, fixed)
    few: bool = await connection.fetchval(sql.HOLDERS_ARE_FEW)
    await connection.execute(sql.DISTRIBUTE_PEOPLE[few], fixed.id, day)
    if any(right.stream for right in rights):
        await connection.execute(sql.DISTRIBUTE_ITEMS[few], fixed.id, day, fixed.items_from, fixed.items_upto)
    await connection.execute(sql.FILES, fixed.id, fixed.day is not None)


async def _offer(connection: Connection, subscribed: Sequence[Subscription], rights: Sequence[Entitlement]) -> None:
    """A file for each subscription; which of them are written shows at the end."""
    reserved = await connection.fetch(sql.RESERVE, len(subscribed))
    rows = [
        (
            *(row[0], each.id, each.code, cbe.to_int(each.owner), each.known_to, right.types_of(each.dossier_types)),
            *(each.active_only or right.active_only, right.parts.value, right.groups.value, right.stream),
        )
        for row, each, right in zip(reserved, subscribed, rights, strict=True)
    ]
    await connection.copy_records_to_table("candidate", records=rows, columns=_CANDIDATE)
    await _analyze(connection, "candidate")


async def _find_changed(connection: Connection, fixed: Distribution) -> None:
    await connection.execute(sql.MUTATED, fixed.changes_from, fixed.changes_upto)
    await _analyze(connection, "mutated")
    several = await connection.cursor(sql.SEVERAL)
    while block := await several.fetch(_BLOCK):
        numbers = [row[0] for row in block]
        net = [parts_between(before, after).value | repeated for _, before, after, repeated in block]
        await connection.execute(sql.NET, numbers, net)
    await connection.execute(sql.UNCHANGED)
    await connection.execute(sql.NUMBERS_OF_PEOPLE)


async def _follow_chains(connection: Connection, fixed: Distribution) -> None:
    """From every number to the one under which it is told, and from there to the lines."""
    await connection.execute(sql.PAST, fixed.changes_upto)
    await _analyze(connection, "number", "past")
    await connection.execute(sql.LINKS)
    await connection.execute("CREATE INDEX ON pg_temp.link (next)")
    await _analyze(connection, "link")
    for statement, table in (
        (sql.ENDINGS, "ending"),
        (sql.TOLD, "told"),
        (sql.TOLD_WHOLE, None),
        (sql.TOLD_DECEASED, None),
        (sql.HOLDERS, "holder"),
    ):
        cut = [fixed.changes_upto] if statement is sql.TOLD_DECEASED else []
        await connection.execute(statement, *cut)
        if table is not None:
            await _analyze(connection, table)


async def _analyze(connection: Connection, *tables: str) -> None:
    for table in tables:
        await connection.execute(f"ANALYZE pg_temp.{table}")
