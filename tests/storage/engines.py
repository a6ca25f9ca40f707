"""What tests of the embedded server do with one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from kruispunt.errors import StorageError
from kruispunt.storage.engine import check_server

START = (
    "import sys, pathlib; from kruispunt.storage.engine import EmbeddedPostgres as E; e = E(pathlib.Path(sys.argv[1]))"
)


def ask(dsn: str, statement: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def tell(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def postmaster(directory: Path) -> int:
    return int((directory / "data" / "postmaster.pid").read_text().split("\n")[0])


def accepts(dsn: str) -> bool:
    try:
        check_server(dsn)
    except StorageError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
