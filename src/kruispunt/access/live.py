"""Keeps a worker's access table the one in force: by the database's notices, and by asking when one may be lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog

from kruispunt.access.model import AccessTable
from kruispunt.access.store import CHANNEL, current, newest
from kruispunt.errors import StorageError
from kruispunt.storage.database import Database

logger = structlog.get_logger("access")

ASK_EVERY_SECONDS = 5.0


class AccessWatch:
    """Calls `replace` with each new table. Between two calls the worker goes on with the one it has."""

    def __init__(self, dsn: str, database: Database, replace: Callable[[AccessTable], None]) -> None:
        self._dsn = dsn
        self._database = database
        self._replace = replace
        self._version = -1
        self._noticed = asyncio.Event()
        self._listening: asyncpg.Connection[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Loads the table in force, then watches."""
        await self.refresh()
        self._task = asyncio.create_task(self._watch(), name="access watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._listening is not None:
            self._listening.terminate()

    async def refresh(self) -> None:
        """Asks for the version in force, and takes it over when it is another."""
        if await newest(self._database) == self._version:
            return
        version = await current(self._database)
        self._replace(version.table)
        if self._version >= 0:
            logger.info("another access table is in force", version=version.id)
        self._version = version.id

    async def _watch(self) -> None:
        while True:
            await self._listen()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._noticed.wait(), ASK_EVERY_SECONDS)
            self._noticed.clear()
            try:
                await self.refresh()
            except StorageError as error:
                logger.warning("the access table could not be asked for; the one in force stays", cause=str(error))

    async def _listen(self) -> None:
        if self._listening is not None and not self._listening.is_closed():
            return
        try:
            self._listening = await asyncpg.connect(self._dsn, timeout=ASK_EVERY_SECONDS)
            await self._listening.add_listener(CHANNEL, lambda *_: self._noticed.set())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.warning("no notices of access changes; asking every few seconds", cause=type(error).__name__)
