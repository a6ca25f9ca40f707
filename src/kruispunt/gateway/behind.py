"""Listening for a proxy that ends TLS: where that may be, and the proof that strangers get nothing."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from kruispunt.errors import ConfigurationError
from kruispunt.wss.trust import token_of

LONGEST_PATH = 100
"""Of a Unix socket, in bytes; Linux allows 107."""


def check_listening(host: str, sources: tuple[str, ...]) -> None:
    """Plain HTTP may be spoken on loopback, or on one address that a named proxy reaches.

    Raises ConfigurationError for a wildcard or a name, and for a network address when only proxies of this machine
    are named: messages about people would lie open on a network where nobody needs them.
    """
    try:
        address = ip_address(host)
    except ValueError:
        raise ConfigurationError(f"host: behind a proxy this must be an address, not {host!r}") from None
    if address.is_loopback:
        return
    remote = any(not ip_address(one).is_loopback for one in sources)
    if address.is_unspecified or not remote:
        raise ConfigurationError(
            f"host: with proxy_addresses the server speaks plain HTTP, which may not be offered on {host}. Use "
            "127.0.0.1, or better proxy_socket; for a proxy on another machine, the one address that it reaches."
        )


def listen_unix(path: Path, count: int, backlog: int) -> list[socket.socket]:
    """A Unix socket, `count` times for as many workers; owner and group may connect. Raises ConfigurationError.

    A socket that a server left behind is replaced; one on which a server listens is not.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ConfigurationError(f"proxy_socket: {path} is longer than {LONGEST_PATH} bytes")
    try:
        _clear(path)
        first = _bind(path, backlog)
    except OSError as error:
        raise ConfigurationError(f"proxy_socket: cannot listen on {path}: {error.strerror or error}") from error
    sockets = [first, *(first.dup() for _ in range(count - 1))]
    for one in sockets:
        one.set_inheritable(True)
    return sockets


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(f"proxy_socket: {path} is there, and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigurationError(f"proxy_socket: another server listens on {path}")


def _bind(path: Path, backlog: int) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listening.bind(str(path))
        listening.listen(backlog)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


def prove_closed_behind(connect: Callable[[], socket.socket], header: str, seconds: float = 5.0) -> None:
    """Asks without a certificate, and with one of an issuer that nobody knows; raises ConfigurationError unless both
    are refused.

    A connection that is closed at once, because this machine is no named proxy, is a refusal as well.
    """
    for what, line in (("no client certificate", ""), ("a forged one", f"{header}: {_forged()}\r\n")):
        request = f"GET /?wsdl HTTP/1.1\r\nHost: localhost\r\n{line}Connection: close\r\n\r\n"
        try:
            with connect() as connection:
                connection.settimeout(seconds)
                connection.sendall(request.encode())
                answer = connection.recv(64)
        except (ConnectionResetError, BrokenPipeError):
            continue
        except OSError as error:
            raise ConfigurationError(f"a request with {what} was not refused at once: {error}") from error
        if answer and not answer.startswith(b"HTTP/1.1 403 "):
            raise ConfigurationError(f"a request with {what} was served: refusing to start")


def _forged() -> str:
    """A certificate that nobody issued, made now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, SHA256())
    )
    return f":{token_of(certificate)}:"
