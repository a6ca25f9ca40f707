"""What runs until it is stopped starts an embedded PostgreSQL again that dies under it (PL-41, RP-08, RP-15, RP-16)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from installation import command, install
from kruispunt.access.model import AccessTable
from kruispunt.services.discovery import discover
from kruispunt.storage.database import Database
from kruispunt.storage.embedded import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

GENEROUS_SECONDS = 120.0
SETTINGS = """environment = "development"
data_dir = "postgres"
mutation_dir = "mutations"
push_servers = ["nats://127.0.0.1:9"]
"""
USED = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'kruispunt'"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """An installation on an embedded PostgreSQL, which does not run."""

    async def rights(dsn: str) -> None:
        database = await Database.open(dsn)
        try:
            settings = await install(directory, dsn, database, AccessTable({}, {}, {}), SETTINGS)
        finally:
            await database.close()
        written = settings.read_text(encoding="utf-8")
        settings.write_text(written.replace(f'dsn = "{dsn}"', ""), encoding="utf-8")

    with tempfile.TemporaryDirectory(prefix="kruispunt-test-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # the account of the server passes through, where root tests
        for folder in ("mutations", "inbox"):
            (directory / folder).mkdir()
        with EmbeddedPostgres(directory / "postgres") as server:
            migrate(server.dsn, [one.folder for one in discover() if (one.folder / "migrations").is_dir()])
            asyncio.run(rights(server.dsn))
        yield directory


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + GENEROUS_SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def answers(server: EmbeddedPostgres, question: str = "SELECT true") -> bool:
    try:
        with psycopg.connect(server.administrator_dsn) as connection:
            row = connection.execute(question.encode()).fetchone()
    except psycopg.OperationalError:
        return False
    return row == (True,)


@pytest.mark.parametrize("words", [("mutations", "schedule"), ("mutations", "push"), ("batch", "watch", "inbox")])
def test_pl_41_it_is_started_again(home: Path, words: tuple[str, ...]) -> None:
    words = tuple(str(home / word) if word == "inbox" else word for word in words)
    server = EmbeddedPostgres(home / "postgres")
    process = subprocess.Popen(
        command(*words, "--config", str(home / "kruispunt.toml")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: answers(server, USED), process)
        os.kill(int((home / "postgres/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        until(lambda: not answers(server), process)
        until(lambda: answers(server), process)
    finally:
        process.terminate()
        told, _ = process.communicate()
    assert "the embedded database was gone and was started again" in told
    assert not answers(server), "who used it alone has stopped it"
