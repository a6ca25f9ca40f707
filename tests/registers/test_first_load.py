"""The first load fills fresh tables of keys, and puts them in the place of the empty ones (`key_writing.py`)."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import asyncpg
import pytest
from breaking_off import BreaksOff, everything
from made_up import TODAY, belgian, fresh, legal

from kruispunt.errors import StorageError
from kruispunt.registers import chains, changes, importing, key_writing
from kruispunt.registers.importing import import_people
from kruispunt.storage.database import Database

SHAPE = """
    SELECT tablename || ': ' || indexdef FROM pg_indexes WHERE tablename LIKE '%\\_key%'
    UNION ALL
    SELECT conrelid::regclass || ' ' || conname || ': ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid::regclass::text LIKE '%\\_key%'
    UNION ALL
    SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, collation_name)
    FROM information_schema.columns WHERE table_name LIKE '%\\_key%'
    ORDER BY 1
"""
TABLES = "SELECT relname, oid FROM pg_class WHERE relname LIKE 'name\\_key%' AND relkind = 'r' ORDER BY 1"


@pytest.fixture
def other_dsn(server: Any, template: str) -> Iterator[str]:
    with server.database(template) as dsn:
        yield dsn


def people(count: int) -> list[dict[str, Any]]:
    return [
        {
            "ssin": ssin,
            "register": "national",
            "nationalRegister": legal(f"Peeters{'s' * n}", address=belgian(f"{n:04d}")),
        }
        for n, ssin in enumerate(fresh(count))
    ]


async def load(database: Database, *lines: Mapping[str, Any]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    report = await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
    assert report.refused == []


async def shape(database: Database) -> list[str]:
    return [row[0] for row in await database.fetch(SHAPE)]


async def tables(database: Database) -> dict[str, int]:
    return dict(await database.fetch(TABLES))


def within(dsn: str, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def open_and_work() -> Any:
        database = await Database.open(dsn, size=3)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(open_and_work())


def test_the_tables_are_exchanged_once_and_look_as_before(fresh_dsn: str) -> None:
    lines = people(20)

    async def work(database: Database) -> None:
        before, first = await shape(database), await tables(database)
        await load(database, *lines[:10])
        second = await tables(database)
        assert second.keys() == first.keys() == {"name_key"}
        assert second != first
        assert await shape(database) == before
        assert await database.fetchval("SELECT count(DISTINCT ssin) FROM name_key") == 10
        await load(database, *lines[10:])
        assert await tables(database) == second, "somebody was known"
        assert await database.fetchval("SELECT count(DISTINCT ssin) FROM name_key") == 20

    within(fresh_dsn, work)


def test_the_keys_are_those_of_a_load_in_two_parts(
    fresh_dsn: str, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of people who are told of again in the same file, differently, in a later batch."""
    monkeypatch.setattr(importing, "BATCH", 4)
    lines = people(12)
    again = {**lines[1], "nationalRegister": legal("Wouters", address=belgian("9999"))}
    file = [*lines[:6], again, *lines[6:]]

    async def at_once(database: Database) -> list[list[str]]:
        await load(database, *file)
        return await everything(database)

    async def in_parts(database: Database) -> list[list[str]]:
        await load(database, lines[0])
        await load(database, *file)
        return await everything(database)

    ours, theirs = within(fresh_dsn, at_once), within(other_dsn, in_parts)
    for table, one, other in zip(
        ("person", "dossier", "changes", "name_key", "address_key"), ours, theirs, strict=True
    ):
        if table != "changes":
            assert sorted(one) == sorted(other), table
    assert any("9999" in row for row in ours[-1])


def test_rows_are_not_looked_for_without_an_index(fresh_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file in which each number stands twice, each batch would read all rows there are."""
    monkeypatch.setattr(importing, "BATCH", 1)
    (line,), found, forget = people(1), [], key_writing.key_tables.forget

    async def looking(connection: Any, *args: Any) -> None:
        found.append(await connection.fetchval("SELECT count(*) FROM pg_indexes WHERE tablename = 'name_key_fresh'"))
        await forget(connection, *args)

    monkeypatch.setattr(key_writing.key_tables, "forget", looking)
    within(fresh_dsn, lambda database: load(database, line, {**line, "nationalRegister": legal("Wouters")}))
    assert found == [3]


def test_who_searches_is_not_kept_waiting_and_sees_nobody_before_the_end(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        async with changes.changing(database, "tester", many=True) as changer:
            await changer.tell(
                [changes.Told.of(importing.person_lines.read(people(1)[0], today=TODAY, test_band=True))]
            )
            assert await database.fetchval("SELECT count(*) FROM name_key") == 0
        assert await database.fetchval("SELECT count(*) FROM name_key") > 0

    within(fresh_dsn, work)


@pytest.mark.parametrize("hindrance", ["reader", "view"])
def test_tables_that_cannot_be_exchanged_are_filled(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch, hindrance: str
) -> None:
    monkeypatch.setattr(key_writing, "_WAIT", "SELECT set_config('lock_timeout', '10ms', true)")

    async def work(database: Database) -> None:
        before, first = await shape(database), await tables(database)
        async with database.connection() as other, other.transaction():
            if hindrance == "reader":
                await other.fetch("SELECT FROM name_key")
            else:
                await database.execute("CREATE VIEW of_an_operator AS SELECT ssin FROM name_key")
            await load(database, *people(3))
        assert await tables(database) == first
        assert await shape(database) == before
        assert await database.fetchval("SELECT count(DISTINCT ssin) FROM name_key") == 3
        assert await database.fetchval("SELECT count(*) FROM address_key") == 3

    within(fresh_dsn, work)


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT SELECT ON name_key TO PUBLIC",
        "GRANT SELECT (key) ON name_key TO PUBLIC",
        "ALTER TABLE address_key SET (fillfactor = 90)",
        "ALTER TABLE name_key ENABLE ROW LEVEL SECURITY",
        "CREATE PUBLICATION of_an_operator FOR TABLE address_key",
        "INSERT INTO address_key VALUES (1, '1', '1', '1', '1')",
    ],
)
def test_tables_with_something_of_their_own_are_not_exchanged(fresh_dsn: str, statement: str) -> None:
    async def work(database: Database) -> None:
        first = await tables(database)
        await database.execute(statement)
        await load(database, *people(1))
        assert await tables(database) == first

    within(fresh_dsn, work)


def test_a_crash_between_any_two_statements_leaves_the_empty_tables(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = people(2)
    make, resolve = changes.Changer.__init__, changes.chains.resolve

    async def attempt(statements: int) -> bool:
        def breaking(self: changes.Changer, connection: Any, author: str, *, write_new: bool) -> None:
            make(self, BreaksOff(connection, statements), author, write_new=write_new)  # type: ignore[arg-type]

        monkeypatch.setattr(changes.Changer, "__init__", breaking)
        database = await Database.open(fresh_dsn, size=1)
        try:
            await load(database, *lines)
        except (StorageError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        finally:
            await database.close()
            monkeypatch.setattr(changes.Changer, "__init__", make)
        return True

    async def work(database: Database) -> int:
        before, first, held = await shape(database), await tables(database), await everything(database)
        crashes = 0
        while not await attempt(crashes):
            assert await tables(database) == first, f"after statement {crashes}"
            assert await everything(database) == held
            crashes += 1
        assert await shape(database) == before
        assert await tables(database) != first
        return crashes

    assert within(fresh_dsn, work) > 25
    assert changes.chains.resolve is resolve


def test_ss_07_chains_of_a_first_load_are_those_of_a_load_in_two_parts(
    fresh_dsn: str, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long ones, one that is cut, one without an end and circles, in any order and over batches."""
    monkeypatch.setattr(importing, "BATCH", 4)
    numbers = [line["ssin"] for line in people(16)]
    links = {0: 1, 1: 2, 2: 3, 3: 4, 5: 6, 6: 7, 8: 9, 9: 10, 10: 8, 11: 8, 12: 13}
    lines = [
        {"ssin": numbers[n], "register": "national"}
        | ({"replacedBy": numbers[links[n]]} if n in links else {})
        | ({"cancelled": True} if n == 7 else {})
        for n in (3, 12, 0, 7, 9, 4, 2, 11, 5, 8, 1, 10, 6)
    ]
    found = "SELECT ssin, state, final_ssin FROM person ORDER BY ssin"

    async def at_once(database: Database) -> list[Any]:
        await load(database, *lines)
        return list(map(tuple, await database.fetch(found)))

    async def in_parts(database: Database) -> list[Any]:
        await load(database, lines[0])
        await load(database, *lines[1:])
        return list(map(tuple, await database.fetch(found)))

    resolved = within(fresh_dsn, at_once)
    assert resolved == within(other_dsn, in_parts)
    ends = {row[0]: row[1:] for row in resolved}
    assert ends[int(numbers[0])] == (2, int(numbers[4]))
    assert {ends[int(numbers[n])] for n in (5, 6, 7, 8, 9, 10, 11, 12)} == {(3, None)}


def test_links_are_never_compared_with_all_others(fresh_dsn: str) -> None:
    """Thirty thousand replaced numbers would be nine hundred million comparisons."""

    async def work(database: Database) -> None:
        async with database.connection() as connection, connection.transaction():
            await connection.execute(
                "CREATE TEMPORARY TABLE open_chain ON COMMIT DROP AS "
                "SELECT n::bigint AS ssin, -n::bigint AS target FROM generate_series(1, 5000) n"
            )
            await connection.execute("ANALYZE pg_temp.open_chain")
            plan = await connection.fetch(f"EXPLAIN {chains._UNDER_WAY}")
            assert not any("Nested Loop" in row[0] for row in plan)

    within(fresh_dsn, work)
