from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]


@pytest.fixture
def ask(fresh_dsn: str) -> Ask:
    """Puts a question to a database of this test alone."""

    async def open_and_ask(question: Callable[[Database], Awaitable[Any]]) -> Any:
        database = await Database.open(fresh_dsn, size=4)
        try:
            return await question(database)
        finally:
            await database.close()

    return lambda question: asyncio.run(open_and_ask(question))


@pytest.fixture(scope="session")
def ask_shared(server: object, template: str) -> object:
    """As `ask`, on one database for all examples of a property."""

    async def open_and_ask(dsn: str, question: Callable[[Database], Awaitable[Any]]) -> Any:
        database = await Database.open(dsn, size=4)
        try:
            return await question(database)
        finally:
            await database.close()

    with server.database(template) as dsn:  # type: ignore[attr-defined]
        yield lambda question: asyncio.run(open_and_ask(dsn, question))
