"""Files of subscriptions behind a proxy that ends TLS: the same rights, and the same end for the slow (PL-08)."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fetching import PATIENCE_SECONDS, STRANGER, Gateway, gateway, wait_until

PATH = "/mutations/v1/subscriptions/one/files"
LARGE = 64 * 1024 * 1024
"""Bytes: more than a socket holds."""


@pytest.fixture(scope="module")
def bank(server: Any, template: str) -> Iterator[Gateway]:
    """On a Unix socket; the paths of pytest are too long for one."""
    with TemporaryDirectory(prefix="kruispunt-test-") as directory, server.database(template) as dsn:
        home = Path(directory)
        settings = {"proxy_socket": str(home / "s"), "tls_certificate": None, "tls_key": None, "request_seconds": 3}
        with gateway(home, dsn, workers=1, **settings) as running:
            running.subscribe("one")
            running.publish("one", 1, b"<mutations/>")
            running.enlarge("one", 2, LARGE)
            yield running


def dial(bank: Gateway, name: str, path: str) -> socket.socket:
    """A connection of the proxy, on which a client has asked."""
    header = ""
    if name:
        der = x509.load_pem_x509_certificate((bank.home / f"{name}.pem").read_bytes()).public_bytes(Encoding.DER)
        header = f"Client-Cert: :{base64.b64encode(der).decode()}:\r\n"
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(str(bank.home / "s"))
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}X-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b""
    with connection:
        while part := connection.recv(1 << 20):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    return int(line[9:12]), dict(one.split(": ", 1) for one in lines), body


def test_the_certificate_that_the_proxy_hands_on_decides(bank: Gateway) -> None:
    status, headers, body = answer(dial(bank, "alpha", f"{PATH}/1"))
    assert (status, body) == (200, b"<mutations/>")
    _, out = bank.logged(headers["belgov-trace-id"])
    assert out.facts["peer"] == "192.0.2.7"
    assert out.facts["application"] == "urn:test:alpha"
    assert answer(dial(bank, "beta", f"{PATH}/1"))[0] == 404
    status, _, body = answer(dial(bank, STRANGER, f"{PATH}/1"))
    assert (status, json.loads(body)["status"]) == (403, 403)
    assert answer(dial(bank, "", f"{PATH}/1"))[0] == 403


def test_who_takes_nothing_is_cut_off(bank: Gateway) -> None:
    """Without TLS there is no goodbye to wait for: what was not sent is thrown away."""
    with dial(bank, "alpha", f"{PATH}/2") as slow:
        assert slow.recv(15) == b"HTTP/1.1 200 OK"
        said: Path = bank.home / "server.log"
        wait_until(lambda: "a file was not sent to its end" in said.read_text(), "the client to be cut off")
        size = 0
        try:
            while part := slow.recv(1 << 20):
                size += len(part)
        except OSError:
            pass
        assert size < LARGE
    assert answer(dial(bank, "alpha", f"{PATH}/1"))[0] == 200
