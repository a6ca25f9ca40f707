import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]


@pytest.fixture
def ask(dsn: str) -> Ask:
    """Puts a question to the database of the tests and gives the answer."""

    async def open_and_ask(question: Callable[[Database], Awaitable[Any]]) -> Any:
        database = await Database.open(dsn, size=8)
        try:
            return await question(database)
        finally:
            await database.close()

    return lambda question: asyncio.run(open_and_ask(question))
