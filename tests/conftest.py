"""Real PostgreSQL for every test that needs one.

With KRUISPUNT_TEST_DSN the tests run on that server, whose role must be allowed to make databases; else on
an embedded one, one per test process. Every database made here is gone when the tests end, however they
end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg import sql

import kruispunt.services
from kruispunt.clock import BELGIUM
from kruispunt.storage import configuration
from kruispunt.storage.configuration import ROLE
from kruispunt.storage.engine import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

# No test depends on measured time.
settings.register_profile("kruispunt", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kruispunt")

SERVICE_FOLDERS = sorted(
    path.parent for home in kruispunt.services.__path__ for path in Path(home).glob("*/migrations")
)


IN_A_HURRY = "fsync = off\nshared_buffers = 128MB\n"
"""What holds for the server of a test process. Tests kill processes, of which the system keeps what they wrote, and cut
no power; and each of hundreds of databases that are dropped is looked for in all of these buffers."""


class Server:
    """A PostgreSQL server on which tests make databases of their own."""

    def __init__(self, administrator_dsn: str, dsn: str, owner: str | None) -> None:
        self._administrator_dsn = administrator_dsn
        self._dsn = dsn
        self._owner = owner

    def create(self, template: str = "template1") -> str:
        """Make a database and return its DSN."""
        name = f"kruispunt_test_{uuid.uuid4().hex}"
        statement = sql.SQL("create database {} template {}").format(*map(sql.Identifier, (name, template)))
        if self._owner:
            statement += sql.SQL(" owner {}").format(sql.Identifier(self._owner))
        self._run(statement)
        return urlunsplit(urlsplit(self._dsn)._replace(path=f"/{name}"))

    def drop(self, dsn: str) -> None:
        self._run(sql.SQL("drop database {} with (force)").format(sql.Identifier(name_of(dsn))))

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        dsn = self.create(template)
        try:
            yield dsn
        finally:
            self.drop(dsn)

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._administrator_dsn, autocommit=True) as connection:
            connection.execute(statement)


def name_of(dsn: str) -> str:
    """The name of the database that a DSN points at."""
    return urlsplit(dsn).path.removeprefix("/")


@contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that the account of an embedded server can reach, which pytest's own is not for
    root."""
    directory = Path(tempfile.mkdtemp(prefix="kruispunt-test-"))
    try:
        if os.geteuid() == 0:
            directory.chmod(0o711)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


ABOUT_NO_DATABASE = frozenset(
    f"test_{name}.py"
    for name in (
        *("attack_command", "attack_http", "attack_identity", "attack_parser", "attack_suite", "attack_tls"),
        *("client_messages", "edge_http", "handi_clients", "key_rotation", "proxy", "relay", "revocation_live"),
        *("remote_supplier_gateway", "push_cluster", "push_streams", "push_turns", "receive_https"),
        *("mutations_http_attacks", "mutations_http_load", "mutations_http_page", "mutations_http_proxy"),
        *("clients", "cost_of_strangers", "documented_calls", "interrupted_starts", "server", "tutorial"),
        *("batch_crashes", "distribution_crashes", "lines_after_crashes", "writers_killed"),
        *("batch_commands", "inbox", "push_end_to_end", "push_spool", "receive_command", "register_commands"),
        *("distribution_schedule", "exchange_counts", "master_key_rotation", "quota"),
    )
)
"""They need a running bank or tables for what is about HTTP, TLS, keys, suppliers, NATS, files or processes that are
killed, whichever database it has. What they ask it others ask as well."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", action="store_true", help="only the tests that use the database server of the tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with a database, which take longest, come first: a short one at the end keeps no process waiting alone.

    On a second server nothing is learnt from tests that ask it nothing.
    """
    files = {item.path for item in items if _needs_server(item)}
    items.sort(key=lambda item: item.path not in files)
    if not config.getoption("--database"):
        return
    kept = [item for item in items if _needs_server(item) and item.path.name not in ABOUT_NO_DATABASE]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _needs_server(item: pytest.Item) -> bool:
    return "server" in getattr(item, "fixturenames", ())


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A command that a test calls in this process says how logs are written; the next test begins without."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def within_a_day() -> None:
    """A test that asks programs about today begins well before the day ends in Belgium, or after it."""
    while (now := datetime.now(BELGIUM)).date() != (now + timedelta(minutes=3)).date():
        time.sleep(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server of this test process."""
    given = os.environ.get("KRUISPUNT_TEST_DSN")
    if given:
        yield Server(given, given, None)
        return
    usual = configuration.settings
    with open_directory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(configuration, "settings", lambda *paths: usual(*paths) + IN_A_HURRY)
        with EmbeddedPostgres(directory / "database") as embedded:
            patch.undo()
            yield Server(embedded.administrator_dsn, embedded.dsn, ROLE)


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """Name of a database with all tables and no rows. Nobody connects to it, so that it can be copied."""
    with server.database() as dsn:
        migrate(dsn, SERVICE_FOLDERS)
        yield name_of(dsn)


@pytest.fixture(scope="session")
def dsn(server: Server, template: str) -> Iterator[str]:
    """A database with all tables, shared by all tests of this process."""
    with server.database(template) as dsn:
        yield dsn


@pytest.fixture
def fresh_dsn(server: Server, template: str) -> Iterator[str]:
    """A database with all tables and no rows, for one test."""
    with server.database(template) as dsn:
        yield dsn


@pytest.fixture
def empty_dsn(server: Server) -> Iterator[str]:
    """A database without tables, for one test."""
    with server.database() as dsn:
        yield dsn


@pytest.fixture
def server_directory() -> Iterator[Path]:
    """A directory, not made yet, for an embedded server of one test, which is stopped at the end."""
    with open_directory() as parent:
        directory = parent / "database"
        try:
            yield directory
        finally:
            if directory.exists():
                EmbeddedPostgres(directory).stop()
