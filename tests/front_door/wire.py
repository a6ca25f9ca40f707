"""HTTP by hand, over TLS: for what no decent client would send."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator

from bank import Bank


@contextlib.contextmanager
def dial(bank: Bank, context: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
    """A TLS connection to write bytes to."""
    with (
        socket.create_connection(("localhost", bank.port), 20) as raw,
        (context or bank.tls()).wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        yield tls


def told(connection: socket.socket) -> bytes:
    """Everything until the server closes; also what came before it cut the connection."""
    received = b""
    with contextlib.suppress(OSError):
        while part := connection.recv(65536):
            received += part
    return received


def say(bank: Bank, data: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """What the server answers; nothing when it does not even let the client in."""
    with contextlib.suppress(OSError), dial(bank, context) as connection:
        connection.sendall(data)
        return told(connection)
    return b""


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    """The head of a request, after which the server closes."""
    first = f"{method} {path} HTTP/1.1"
    return "\r\n".join([first, "Host: localhost", "Connection: close", *lines, "", ""]).encode("latin-1")


def status(reply: bytes) -> int:
    assert reply.startswith(b"HTTP/1.1 "), reply[:100]
    return int(reply[9:12])
