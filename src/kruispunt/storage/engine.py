"""Which PostgreSQL is used: the one whose DSN the operator gave, or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psycopg

from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.storage.embedded import EmbeddedPostgres
from kruispunt.storage.keeping import looked_after

__all__ = ["OLDEST", "EmbeddedPostgres", "check_server", "postgres"]

OLDEST = 15
"""The oldest major version of PostgreSQL that serves."""
PATIENCE_TO_CONNECT = 10
"""Seconds."""


@contextmanager
def postgres(dsn: str | None, directory: Path | None, *, kept: bool = False) -> Iterator[str]:
    """The DSN of a server that can be used: the given one, or that of the embedded server in `directory`.

    An embedded server is started when it does not run, and stopped at the end unless somebody else uses it. With
    `kept` it is started again whenever it is gone meanwhile. Raises ConfigurationError when neither can be used,
    StorageError when the given server cannot be reached.
    """
    if dsn:
        check_server(dsn)
        yield dsn
        return
    if directory is None:
        raise ConfigurationError(
            "No database: name a PostgreSQL server by its DSN, or a directory for an embedded one."
        )
    with EmbeddedPostgres(directory) as server:
        check_server(server.dsn)
        with looked_after(server) if kept else nullcontext():
            yield server.dsn


def check_server(dsn: str) -> str:
    """The version of the server, such as `15.13`.

    Raises ConfigurationError when it is too old or does not speak UTF-8, StorageError when it cannot be
    reached. No message repeats the DSN, which may hold a password.
    """
    if not dsn.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError("The DSN of the database must be of the form postgresql://role@host:port/database.")
    try:
        with psycopg.connect(dsn, connect_timeout=PATIENCE_TO_CONNECT) as connection:
            number = connection.info.server_version
            encoding = connection.info.parameter_status("server_encoding")
    except psycopg.ProgrammingError:
        raise ConfigurationError(
            "The DSN of the database cannot be read: it must be of the form postgresql://role@host:port/database."
        ) from None
    except psycopg.OperationalError as error:
        raise StorageError(f"The database cannot be reached: {error}") from error
    version = f"{number // 10_000}.{number % 10_000}"
    if number // 10_000 < OLDEST:
        raise ConfigurationError(f"The database runs PostgreSQL {version}: Kruispunt needs {OLDEST} or later.")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database is encoded in {encoding}: make one with `create database … encoding 'UTF8' "
            "template template0`."
        )
    return version
