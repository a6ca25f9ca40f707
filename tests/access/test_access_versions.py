"""Versions of the access table: whole or not at all, kept with time and author, followed by every worker (PL-14)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kruispunt.access import store
from kruispunt.access.files import load
from kruispunt.access.live import AccessWatch
from kruispunt.access.model import AccessTable, Grant, Organisation, Registration, Volume
from kruispunt.access.snapshot import differences, from_json, to_json
from kruispunt.configured import rows_of
from kruispunt.errors import ConfigurationError
from kruispunt.services.discovery import discover
from kruispunt.storage.database import Database

SHIPPED = load(None, rows_of(discover()))
CLIENT = Registration("urn:x:app", "ab" * 32, "onem", frozenset({"onem"}), frozenset({"S"}), sha1=True)


def with_client(*clients: Registration) -> AccessTable:
    return AccessTable(SHIPPED.organisations, {c.fingerprint: c for c in clients}, SHIPPED.grants)


def run(dsn: str, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        database = await Database.open(dsn, size=4)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(whole())


TEXT = st.text("abcdefgh-:. ", min_size=1, max_size=12)
CODES = st.lists(TEXT, unique=True, min_size=1, max_size=4)


VOLUMES = st.none() | st.builds(Volume, st.integers(0, 9), st.none() | st.integers(1, 9))


@st.composite
def tables(draw: st.DrawFn) -> AccessTable:
    organisations = {
        c: Organisation(c, draw(TEXT), None, draw(st.integers(0, 999)), n, draw(TEXT), draw(TEXT))
        for n, c in enumerate(draw(CODES))
    }
    prints = draw(
        st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), unique_by=lambda p: p[:16], max_size=3)
    )
    registrations = {
        p: Registration(
            draw(TEXT),
            p,
            draw(TEXT),
            frozenset(draw(CODES)),
            frozenset(draw(CODES)),
            sha1=draw(st.booleans()),
            volume=draw(VOLUMES),
        )
        for p in prints
    }
    grants = {
        (draw(TEXT), "op", code, draw(TEXT)): Grant(draw(TEXT), frozenset(draw(CODES)), None, draw(TEXT))
        for code in organisations
    }
    return AccessTable(organisations, registrations, grants)


@given(tables())
def test_a_table_survives_its_text(table: AccessTable) -> None:
    again = from_json(to_json(table))
    assert again == table
    assert to_json(again) == to_json(table)


@given(tables(), tables())
def test_no_difference_means_equal(one: AccessTable, other: AccessTable) -> None:
    assert differences(one, one) == ()
    assert (differences(one, other) == ()) == (one == other)
    assert len(differences(one, other)) == len(differences(other, one))


def test_shipped_table_survives_its_text() -> None:
    assert from_json(to_json(with_client(CLIENT))) == with_client(CLIENT)


def test_nothing_is_granted_before_anything_is_applied(fresh_dsn: str) -> None:
    version = run(fresh_dsn, store.current)
    assert version.id == 0
    assert not version.table.grants


def test_every_change_is_kept_with_author_and_reason(fresh_dsn: str) -> None:
    async def work(database: Database) -> tuple[store.Applied, ...]:
        assert await store.apply(database, with_client(), "an", "first") == 1
        assert await store.apply(database, with_client(CLIENT), "bart", "new client") == 2
        assert await store.apply(database, with_client(CLIENT), "bart", "again") == 2
        assert await store.apply(database, with_client(replace(CLIENT, sha1=False)), "an", "no more SHA-1") == 3
        assert await store.apply(database, with_client(), "an", "revoked") == 4
        return await store.history(database)

    first, second, third, fourth = run(fresh_dsn, work)
    assert (first.author, first.reason) == ("an", "first")
    assert second.changes == (f"+ certificate urn:x:app {'ab' * 8}",)
    assert third.changes == (f"~ certificate urn:x:app {'ab' * 8}: sha1: True -> False",)
    assert fourth.changes == (f"- certificate urn:x:app {'ab' * 8}",)
    assert first.at <= second.at <= third.at <= fourth.at


def test_a_change_made_on_an_old_version_is_refused(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        await store.apply(database, with_client(), "an", "first")
        await store.apply(database, with_client(CLIENT), "bart", "second", on=1)
        with pytest.raises(ConfigurationError, match="version 2 was applied in between"):
            await store.apply(database, with_client(), "an", "third", on=1)
        assert (await store.current(database)).table == with_client(CLIENT)

    run(fresh_dsn, work)


def test_changes_at_once_come_one_after_the_other(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        clients = [replace(CLIENT, fingerprint=f"{n:064x}", urn=f"urn:x:{n}") for n in range(12)]
        numbers = await asyncio.gather(
            *(store.apply(database, with_client(client), "an", "at once") for client in clients)
        )
        assert sorted(numbers) == list(range(1, 13))
        assert [v.id for v in await store.history(database)] == list(range(1, 13))

    run(fresh_dsn, work)


@pytest.mark.parametrize("statement", ["update access_version set author = 'x'", "delete from access_version"])
def test_history_cannot_be_rewritten(fresh_dsn: str, statement: str) -> None:
    async def work(database: Database) -> None:
        await store.apply(database, with_client(), "an", "first")
        with pytest.raises(asyncpg.RaiseError, match="never changed"):
            await database.execute(statement)

    run(fresh_dsn, work)


def test_a_worker_follows_by_notice(fresh_dsn: str) -> None:
    """The notice wakes the watch: the test waits for the table, not for a time."""

    async def work(database: Database) -> None:
        seen: asyncio.Queue[AccessTable] = asyncio.Queue()
        watch = AccessWatch(fresh_dsn, database, seen.put_nowait)
        await watch.open()
        assert not (await seen.get()).grants
        for table in (with_client(CLIENT), with_client()):
            await store.apply(database, table, "an", "change")
            assert await asyncio.wait_for(seen.get(), 30) == table
        await watch.close()

    run(fresh_dsn, work)


def test_a_worker_that_missed_the_notice_asks(fresh_dsn: str) -> None:
    async def work(database: Database) -> None:
        seen: list[AccessTable] = []
        watch = AccessWatch(fresh_dsn, database, seen.append)
        await watch.refresh()
        await watch.refresh()
        await store.apply(database, with_client(CLIENT), "an", "change")
        await watch.refresh()
        assert [len(t.registrations) for t in seen] == [0, 1]

    run(fresh_dsn, work)


def test_a_volume_that_comes_changes_and_goes_is_told() -> None:
    """A table without volumes has the text that it had before there were any: nothing is applied anew for that."""
    none, some, more = (with_client(replace(CLIENT, volume=v)) for v in (None, Volume(5), Volume(5, 2)))
    assert "volume" not in to_json(none)
    told = [differences(*pair)[0].told() for pair in ((none, some), (some, more), (more, none))]
    assert told == [
        "~ certificate urn:x:app abababababababab: volume: None -> per_day 5, burst None",
        "~ certificate urn:x:app abababababababab: volume: per_day 5, burst None -> per_day 5, burst 2",
        "~ certificate urn:x:app abababababababab: volume: per_day 5, burst 2 -> None",
    ]
