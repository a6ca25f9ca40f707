"""The proof at the start that nobody is served without a certificate can fail (PL-01)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kruispunt.demo.pki import Pki, create_pki
from kruispunt.errors import ConfigurationError
from kruispunt.gateway.tls import context_for_clients_of, prove_closed


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return create_pki(tmp_path_factory.mktemp("pki"), ())


def asks_nobody(pki: Pki) -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def asks_but_takes_none(pki: Pki) -> ssl.SSLContext:
    context = context_for_clients_of(pki.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def asks(pki: Pki) -> ssl.SSLContext:
    return context_for_clients_of(pki.ca)


@contextmanager
def serving(context: ssl.SSLContext, pki: Pki, answer: bytes) -> Iterator[int]:
    """The port of a server that says one thing to one client; without an `answer` it keeps silent."""
    context.load_cert_chain(pki.server, Pki.key_of(pki.server))
    over = threading.Event()

    def work() -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(65536)
                    if answer:
                        tls.sendall(answer)
                    else:
                        over.wait()
            except ssl.SSLError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("made", [asks_nobody, asks_but_takes_none])
@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 403 Forbidden\r\n\r\n"])
def test_a_server_that_serves_strangers_does_not_start(
    pki: Pki, made: Callable[[Pki], ssl.SSLContext], answer: bytes
) -> None:
    with serving(made(pki), pki, answer) as port, pytest.raises(ConfigurationError, match="refusing to start"):
        prove_closed("127.0.0.1", port)


def test_a_server_that_lets_strangers_wait_does_not_start(pki: Pki) -> None:
    """A handshake that ended and no refusal after it: nothing is proved."""
    with serving(asks_nobody(pki), pki, b"") as port, pytest.raises(ConfigurationError, match="not refused at once"):
        prove_closed("127.0.0.1", port, seconds=0.5)


def test_a_server_that_refuses_strangers_starts(pki: Pki) -> None:
    with serving(asks(pki), pki, b"HTTP/1.1 200 OK\r\n\r\n") as port:
        prove_closed("127.0.0.1", port)


def test_nobody_who_listens_is_no_proof() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ConfigurationError, match="not refused at once"):
        prove_closed("127.0.0.1", port)
