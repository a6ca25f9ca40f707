"""A change to people that breaks off anywhere leaves nothing behind (SS-07)."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Mapping
from typing import Any

import asyncpg
import pytest
from breaking_off import BreaksOff, everything
from made_up import TODAY, belgian, fresh, legal

from kruispunt.errors import StorageError
from kruispunt.registers import changes
from kruispunt.registers.importing import import_people
from kruispunt.storage.database import Database


def test_a_crash_between_any_two_statements_leaves_nothing_half_done(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, other, new = fresh(3)
    begin = changes.chains.begin
    broken: list[BreaksOff] = []
    make = changes.Changer.__init__

    async def lines(database: Database, *told: Mapping[str, Any]) -> None:
        text = "".join(json.dumps({"register": "national", **line}) + "\n" for line in told)
        await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True, changes=True)

    def change(database: Database) -> Awaitable[None]:
        return lines(
            database,
            {"ssin": known, "replacedBy": new, "nationalRegister": legal("Maes", address=belgian("1111"))},
            {"ssin": new, "nationalRegister": legal("Maes", address=belgian("2222"))},
        )

    async def attempt(statements: int) -> bool:
        """Whether the change was made; else the server disappeared at that statement."""

        def breaking(self: changes.Changer, connection: Any, author: str, *, write_new: bool) -> None:
            broken.append(BreaksOff(connection, statements))
            make(self, broken[-1], author, write_new=write_new)  # type: ignore[arg-type]

        async def resolve(_connection: Any, **options: Any) -> int:
            return await resolving(broken[-1], **options)

        monkeypatch.setattr(changes.Changer, "__init__", breaking)
        monkeypatch.setattr(changes.chains, "resolve", resolve)
        database = await Database.open(fresh_dsn, size=2)
        try:
            await change(database)
        except (StorageError, asyncpg.PostgresError):
            return False
        finally:
            await database.close()
            monkeypatch.setattr(changes.Changer, "__init__", make)
            monkeypatch.setattr(changes.chains, "resolve", resolving)
        return True

    resolving = changes.chains.resolve

    async def work() -> int:
        database = await Database.open(fresh_dsn, size=2)
        try:
            await lines(database, {"ssin": known, "nationalRegister": legal()}, {"ssin": other, "replacedBy": known})
            before = await everything(database)
            crashes = 0
            while not await attempt(crashes):
                assert await everything(database) == before, f"after statement {crashes}"
                crashes += 1
            after = await everything(database)
            assert all(old != now for old, now in zip(before, after, strict=True))
            return crashes
        finally:
            await database.close()

    assert asyncio.run(work()) > 12
    assert changes.chains.begin is begin
