"""Chains of replaced numbers: the end of each, kept in `person.final_ssin` and `person.state` (SS-07, SS-09).

Whoever changes a fact (a number that is new, replaced, or cancelled) writes the number down in a temporary
table and has the chains that pass through it resolved, in the same transaction: nobody ever sees a fact
without its consequence.

Chains are of any length, so links are not followed one by one: each round every open chain jumps to where
its target stands by then, which doubles the distance. Numbers of a circle never arrive; when as many steps
were made as there are numbers, they are known by that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asyncpg.exceptions import LockNotAvailableError

from kruispunt.errors import StorageError

if TYPE_CHECKING:
    from asyncpg import Connection

PATIENCE: Final = 3600.0
"""Seconds that one statement over a whole register may take."""

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('kruispunt.registers.people', 0))"
_BOUND: Final = "SELECT set_config('lock_timeout', $1, true)"
_CREATE: Final = "CREATE TEMPORARY TABLE changed_person (ssin bigint NOT NULL) ON COMMIT DROP"
_ANALYZE_CHANGED: Final = "ANALYZE pg_temp.changed_person"
_OPEN_CHAINS: Final = """
    CREATE TEMPORARY TABLE open_chain ON COMMIT DROP AS
    WITH RECURSIVE open_link AS (
        (
            SELECT p.ssin, p.replaced_by
            FROM pg_temp.changed_person c JOIN person p ON p.ssin = c.ssin
            WHERE p.replaced_by IS NOT NULL
        UNION
            SELECT p.ssin, p.replaced_by
            FROM pg_temp.changed_person c JOIN person p ON p.replaced_by = c.ssin
        )
    UNION
        SELECT p.ssin, p.replaced_by FROM open_link o JOIN person p ON p.replaced_by = o.ssin
    )
    SELECT ssin, replaced_by AS target FROM open_link
"""
_ALL_CHAINS: Final = """
    CREATE TEMPORARY TABLE open_chain ON COMMIT DROP AS
    SELECT ssin, replaced_by AS target FROM person WHERE replaced_by IS NOT NULL
"""
_ANALYZE_CHAINS: Final = "ANALYZE pg_temp.open_chain"
_COUNT: Final = "SELECT count(*) FROM pg_temp.open_chain"
# As sets: a join of which one row is asked for is planned as if there were one, and compares all rows with all others.
_UNDER_WAY: Final = """
    SELECT EXISTS (SELECT target FROM pg_temp.open_chain INTERSECT SELECT ssin FROM pg_temp.open_chain)
"""
# A new table each round: updates would pile up dead rows, which a transaction cannot clean up after itself.
_JUMP: Final = """
    CREATE TEMPORARY TABLE jumped_chain ON COMMIT DROP AS
    SELECT o.ssin, coalesce(further.target, o.target) AS target
    FROM pg_temp.open_chain o LEFT JOIN pg_temp.open_chain further ON further.ssin = o.target
"""
_FORGET: Final = "DROP TABLE pg_temp.open_chain"
_RENAME: Final = "ALTER TABLE pg_temp.jumped_chain RENAME TO open_chain"
_CLOSE: Final = """
    UPDATE person p
    SET final_ssin = ends.final_ssin, state = CASE WHEN ends.final_ssin IS NULL THEN 3 ELSE 2 END
    FROM (
        SELECT o.ssin, CASE t.state WHEN 1 THEN t.ssin WHEN 2 THEN t.final_ssin END AS final_ssin
        FROM pg_temp.open_chain o
        LEFT JOIN person t ON t.ssin = o.target
            AND NOT EXISTS (SELECT FROM pg_temp.open_chain circle WHERE circle.ssin = o.target)
    ) ends
    WHERE p.ssin = ends.ssin AND p.final_ssin IS DISTINCT FROM ends.final_ssin
"""
_IN_CIRCLES: Final = """
    SELECT count(*) FROM pg_temp.open_chain o
    WHERE EXISTS (SELECT FROM pg_temp.open_chain circle WHERE circle.ssin = o.target)
"""
# UNION forgets what was seen before, so the walk ends also in a circle.
_LEADS_TO: Final = """
    WITH RECURSIVE link AS (
        SELECT $1::bigint AS ssin
    UNION
        SELECT p.replaced_by FROM link l JOIN person p ON p.ssin = l.ssin WHERE p.replaced_by IS NOT NULL
    )
    SELECT EXISTS (SELECT FROM link WHERE ssin = $2)
"""


async def wait_at_most(connection: Connection, seconds: float) -> None:
    """Inside a transaction: bound every wait for a lock that follows in it."""
    await connection.execute(_BOUND, f"{max(1, round(seconds * 1000))}ms")


async def wait_for_others(connection: Connection) -> None:
    """Inside a transaction: wait until nobody else changes people, and let nobody until it ends.

    Raises StorageError when the wait was bounded and took longer.
    """
    try:
        await connection.execute(_LOCK, timeout=PATIENCE)
    except LockNotAvailableError:
        raise StorageError("People are being changed by somebody else, for longer than can be waited.") from None


async def begin(connection: Connection) -> None:
    """Inside a transaction: wait until nobody else changes people, and make `pg_temp.changed_person`.

    The caller writes there the number of every person whose facts it changes, and then calls `resolve`.
    """
    await wait_for_others(connection)
    await connection.execute(_CREATE)


async def leads_to(connection: Connection, start: int, goal: int) -> bool:
    """Whether the chain of `start` passes through `goal`, or begins there; of any length."""
    return bool(await connection.fetchval(_LEADS_TO, start, goal, timeout=PATIENCE))


async def resolve(connection: Connection, *, everybody: bool = False) -> int:
    """Derive the state and the final number of everybody whose chain passes through a changed number; or, when that is
    `everybody` there is, without a look at `pg_temp.changed_person`.

    Returns how many of those chains run in a circle, and so have no end.
    """
    await _run(connection, *((_ALL_CHAINS,) if everybody else (_ANALYZE_CHANGED, _OPEN_CHAINS)), _ANALYZE_CHAINS)
    links: int = await connection.fetchval(_COUNT, timeout=PATIENCE)
    for _ in range(links.bit_length()):
        if not await connection.fetchval(_UNDER_WAY, timeout=PATIENCE):
            break
        await _run(connection, _JUMP, _FORGET, _RENAME, _ANALYZE_CHAINS)
    circles: int = await connection.fetchval(_IN_CIRCLES, timeout=PATIENCE)
    await _run(connection, _CLOSE)
    return circles


async def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(statement, timeout=PATIENCE)
