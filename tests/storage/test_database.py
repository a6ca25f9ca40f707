"""The connections of one worker, against a real server: nothing dirty is handed out, nothing is waited for
endlessly."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from kruispunt.errors import StorageError
from kruispunt.storage.database import Database
from kruispunt.storage.engine import EmbeddedPostgres

Use = Callable[[Database], Awaitable[None]]
PID = "select pg_backend_pid()"


def with_database(dsn: str, use: Use, size: int = 4, timeout: float = 5.0) -> None:
    async def run() -> None:
        database = await Database.open(dsn, size=size, timeout=timeout)
        try:
            await use(database)
        finally:
            await database.close()

    asyncio.run(run())


@contextmanager
def in_a_hurry(database: Database, seconds: float) -> Iterator[None]:
    """Connections are made with the usual patience, before and after: a busy machine takes longer than this."""
    usual, database._timeout = database._timeout, seconds
    try:
        yield
    finally:
        database._timeout = usual


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Returns when the condition holds. A condition that never holds fails after a time that no test
    depends on."""
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - the server tells nobody when it changes
            await asyncio.sleep(0.01)


async def count(dsn: str, condition: str) -> int:
    """Other sessions on this database that meet the condition."""
    observer = await asyncpg.connect(dsn, server_settings={"application_name": "observer"})
    try:
        value: int = await observer.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() "
            f"and application_name = 'kruispunt' and {condition}"
        )
        return value
    finally:
        await observer.close()


async def terminate_all(dsn: str) -> None:
    observer = await asyncpg.connect(dsn, server_settings={"application_name": "observer"})
    await observer.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
        "and application_name = 'kruispunt'"
    )
    await observer.close()


def test_every_verb_answers(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        assert await database.execute("create table t (n int)") == "CREATE TABLE"
        assert await database.execute("insert into t select generate_series(1, $1::int)", 3) == "INSERT 0 3"
        assert [row["n"] for row in await database.fetch("select n from t where n > $1 order by n", 1)] == [2, 3]
        row = await database.fetchrow("select n from t where n = $1", 2)
        assert row is not None
        assert row["n"] == 2
        assert await database.fetchrow("select n from t where n = $1", 9) is None
        assert await database.fetchval("select count(*) from t") == 3
        async with database.connection() as connection, connection.transaction():
            await connection.copy_records_to_table("t", records=[(7,), (8,)])
        assert await database.fetchval("select count(*) from t") == 5

    with_database(empty_dsn, use)


def test_last_returned_is_first_out_and_as_it_was(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        await database.execute("select set_config('kruispunt.mark', 'kept', false)")
        assert {await database.fetchval(PID) for _ in range(20)} == {await database.fetchval(PID)}
        assert await database.fetchval("select current_setting('kruispunt.mark')") == "kept"

    with_database(empty_dsn, use)


def test_connections_are_bounded_and_all_callers_are_served(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        answers = await asyncio.gather(
            *(database.fetchval("select $1::int from pg_sleep(0.01)", number) for number in range(60))
        )
        assert answers == list(range(60))
        assert await count(empty_dsn, "true") == 3

    with_database(empty_dsn, use, size=3, timeout=30)


def test_wait_for_a_connection_is_bounded(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        async with database.connection():
            expected = pytest.raises(StorageError, match=r"within 0.05 s: all 1 are in use")
            with in_a_hurry(database, 0.05), expected:
                await database.fetchval("select 1")
        assert await database.fetchval("select 1") == 1

    with_database(empty_dsn, use, size=1)


def test_caller_who_waited_and_gave_up_costs_no_connection(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        async with database.connection():
            waiting = [asyncio.create_task(database.fetchval("select 1")) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        # The connection was just promised to the second, who gives up before it notices.
        waiting[1].cancel()
        assert await waiting[2] == 1
        assert await database.fetchval("select 2") == 2

    with_database(empty_dsn, use, size=1)


def test_statement_that_takes_too_long_is_a_storage_error_and_is_cancelled(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        assert await database.fetchval("select 1") == 1
        with in_a_hurry(database, 0.5), pytest.raises(StorageError, match="too slow"):
            await database.fetchval("select pg_sleep(600)")
        assert await database.fetchval("select 1") == 1
        await eventually(lambda: no_more(empty_dsn, "query like '%pg_sleep%' and state = 'active'"))

    with_database(empty_dsn, use, size=1)


async def no_more(dsn: str, condition: str) -> bool:
    return await count(dsn, condition) == 0


async def one(dsn: str, condition: str) -> bool:
    return await count(dsn, condition) == 1


def test_cancelled_task_leaves_no_statement_and_no_dirty_connection(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        before = await database.fetchval(PID)
        running = asyncio.create_task(database.fetchval("select 'stale' from pg_sleep(600)"))
        await eventually(lambda: one(empty_dsn, "wait_event = 'PgSleep'"))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await database.fetchval("select 'fresh'") == "fresh"
        assert await database.fetchval(PID) != before
        await eventually(lambda: no_more(empty_dsn, "wait_event = 'PgSleep'"))
        assert await count(empty_dsn, "true") == 1

    with_database(empty_dsn, use, size=1)


def test_cancelled_transaction_is_rolled_back(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        await database.execute("create table t (n int)")

        async def change() -> None:
            async with database.connection() as connection, connection.transaction():
                await connection.execute("insert into t values (1)")
                await connection.execute("select pg_sleep(600)")

        running = asyncio.create_task(change())
        await eventually(lambda: one(empty_dsn, "wait_event = 'PgSleep'"))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await database.fetchval("select count(*) from t") == 0
        await eventually(lambda: no_more(empty_dsn, "xact_start is not null"))

    with_database(empty_dsn, use, size=2)


def test_transaction_that_was_left_open_is_not_handed_out(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        async with database.connection() as connection:
            await connection.execute("begin")
            left = await connection.fetchval(PID)
        async with database.connection() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval(PID) != left

    with_database(empty_dsn, use, size=1)


def test_error_of_a_statement_passes_through_and_keeps_the_connection(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        before = await database.fetchval(PID)
        with pytest.raises(asyncpg.UndefinedTableError):
            await database.fetch("select * from missing")
        with pytest.raises(asyncpg.DataError):
            await database.fetchval("select $1::int", "text")
        with pytest.raises(ZeroDivisionError):
            async with database.connection() as connection, connection.transaction():
                raise ZeroDivisionError
        assert await database.fetchval(PID) == before

    with_database(empty_dsn, use, size=1)


def test_error_of_a_file_is_not_taken_for_one_of_the_database(empty_dsn: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        with pytest.raises(FileNotFoundError):
            async with database.connection():
                (tmp_path / "missing").read_text()
        assert await database.fetchval("select 1") == 1

    with_database(empty_dsn, use, size=1)


def test_connection_cut_off_during_a_statement_is_a_storage_error(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        async def in_a_transaction() -> None:
            async with database.connection() as connection, connection.transaction():
                await connection.execute("select pg_sleep(600)")

        for running in (database.fetchval("select pg_sleep(600)"), in_a_transaction()):
            task = asyncio.ensure_future(running)
            await eventually(lambda: one(empty_dsn, "wait_event = 'PgSleep'"))
            await terminate_all(empty_dsn)
            with pytest.raises(StorageError, match="away"):
                await task
        assert await database.fetchval("select 1") == 1

    with_database(empty_dsn, use, size=2, timeout=60)


def test_idle_connections_that_were_cut_off_are_replaced(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        await asyncio.gather(*(database.fetchval("select pg_sleep(0.05)") for _ in range(3)))
        await terminate_all(empty_dsn)
        await eventually(lambda: no_more(empty_dsn, "true"))
        await asyncio.sleep(0)
        refused = 0
        for _ in range(3):
            try:
                await database.fetchval("select 1")
            except StorageError:
                refused += 1
        assert refused < 3
        assert await asyncio.gather(*(database.fetchval("select 1") for _ in range(6))) == [1] * 6
        assert await count(empty_dsn, "true") <= 3

    with_database(empty_dsn, use, size=3)


def test_server_that_is_away_is_a_storage_error_until_it_is_back(server_directory: Path) -> None:
    server = EmbeddedPostgres(server_directory)

    async def use(database: Database) -> None:
        await asyncio.to_thread(server.stop)
        for _ in range(6):
            with pytest.raises(StorageError):
                await database.fetchval("select 1")
        await asyncio.to_thread(server.start)
        assert await database.fetchval("select 1") == 1

    with_database(server.start(), use, size=2)
    server.stop()


def test_database_that_does_not_exist_is_told_at_once(empty_dsn: str) -> None:
    async def run() -> None:
        with pytest.raises(StorageError, match=r"cannot be reached.*does not exist"):
            await Database.open(empty_dsn.replace("kruispunt_test_", "kruispunt_missing_"))

    asyncio.run(run())


def test_close_ends_all_and_refuses_who_waits_and_who_comes_later(empty_dsn: str) -> None:
    async def run() -> None:
        database = await Database.open(empty_dsn, size=1)
        async with database.connection() as connection:
            waiting = asyncio.create_task(database.fetchval("select 1"))
            await asyncio.sleep(0)
            await database.close()
            with pytest.raises(StorageError, match="closed"):
                await waiting
            assert await connection.fetchval("select 1") == 1
        with pytest.raises(StorageError, match="closed"):
            await database.fetchval("select 1")
        await database.close()
        await eventually(lambda: no_more(empty_dsn, "true"))

    asyncio.run(run())


def test_schema_may_change_under_statements_in_use(empty_dsn: str) -> None:
    async def use(database: Database) -> None:
        await database.execute("create table t (n int)")
        await database.execute("insert into t values (1)")
        assert dict(await database.fetchrow("select * from t") or {}) == {"n": 1}
        await database.execute("alter table t add m int default 2")
        assert dict(await database.fetchrow("select * from t") or {}) == {"n": 1, "m": 2}

    with_database(empty_dsn, use, size=1)


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_belongs_to_its_question_whatever_is_cancelled(empty_dsn: str, seed: int) -> None:
    chance = random.Random(seed)

    async def ask(database: Database, number: int) -> None:
        assert await database.fetchval("select $1::int from pg_sleep($2)", number, chance.random() / 500) == number

    async def change(database: Database, number: int) -> None:
        async with database.connection() as connection, connection.transaction():
            assert await connection.fetchval("select $1::int", number) == number
            await asyncio.sleep(chance.random() / 500)

    async def use(database: Database) -> None:
        for _ in range(10):
            tasks = [asyncio.create_task(chance.choice((ask, change))(database, number)) for number in range(20)]
            await asyncio.sleep(chance.random() / 100)
            for task in chance.sample(tasks, 8):
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert result is None or isinstance(result, asyncio.CancelledError)
        await eventually(lambda: one_idle_each(empty_dsn))
        await asyncio.gather(*(ask(database, number) for number in range(20)))

    async def one_idle_each(dsn: str) -> bool:
        return await count(dsn, "state <> 'idle'") == 0 and await count(dsn, "true") <= 3

    with_database(empty_dsn, use, size=3, timeout=60)


def test_closed_database_leaves_nothing_pending(empty_dsn: str) -> None:
    async def run() -> set[asyncio.Task[Any]]:
        database = await Database.open(empty_dsn)
        running = asyncio.create_task(database.fetchval("select pg_sleep(600)"))
        await eventually(lambda: one(empty_dsn, "wait_event = 'PgSleep'"))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(run()) == set()


def test_a_statement_is_planned_once(empty_dsn: str) -> None:
    """Also with arrays, for which the planner would rather make a plan each time."""

    async def use(database: Database) -> None:
        sql = "select p.relname from unnest($1::oid[]) a (o) join pg_class p on p.oid = a.o"
        for _ in range(20):
            await database.fetch(sql, [1259])
        plans = await database.fetchrow(
            "select generic_plans, custom_plans from pg_prepared_statements where statement = $1", sql
        )
        assert plans is not None
        assert tuple(plans) == (20, 0)

    with_database(empty_dsn, use, size=1)
