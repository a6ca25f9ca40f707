"""Connections that break off, and all that a change of people writes."""

from __future__ import annotations

from typing import Any

from kruispunt.storage.database import Database


class BreaksOff:
    """A connection of which the server disappears at the nth statement from now."""

    def __init__(self, connection: Any, statements: int) -> None:
        self._connection = connection
        self.left = statements

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._connection, name)
        if name not in {"execute", "fetch", "fetchval", "copy_records_to_table", "copy_to_table"}:
            return verb

        async def counted(*args: Any, **kwargs: Any) -> Any:
            if self.left == 0:
                await self._connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            self.left -= 1
            return await verb(*args, **kwargs)

        return counted


TABLES = ("person", "dossier", "person_change", "name_key", "address_key")


async def everything(database: Database) -> list[list[str]]:
    return [[str(tuple(row)) for row in await database.fetch(f"SELECT * FROM {t} ORDER BY 1, 2")] for t in TABLES]
