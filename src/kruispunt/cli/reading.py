"""How commands open the security log, to read it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from kruispunt.clock import SystemClock
from kruispunt.configured import master_key_of
from kruispunt.securitylog.keys import KeyRing
from kruispunt.securitylog.read import LogReader
from kruispunt.securitylog.write import LogWriter
from kruispunt.settings import Settings
from kruispunt.storage.database import Database


@dataclass(frozen=True, slots=True)
class OpenLog:
    reader: LogReader
    database: Database


@contextlib.asynccontextmanager
async def open_log(settings: Settings, dsn: str) -> AsyncIterator[OpenLog]:
    """The security log, for reading; every reading is logged."""
    clock = SystemClock()
    database = await Database.open(dsn, size=2)
    try:
        keys = KeyRing(database, master_key_of(settings))
        await keys.open()
        writer = LogWriter(dsn, keys, clock)
        await writer.open()
        try:
            yield OpenLog(LogReader(database, keys, writer, clock), database)
        finally:
            await writer.close()
    finally:
        await database.close()
