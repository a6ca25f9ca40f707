"""Sending, to one address of this machine: whatever a name resolves to later, nothing else is ever attacked."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import select
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from kruispunt.attack.answer import NOTHING, Answer
from kruispunt.attack.bench import Bench
from kruispunt.attack.model import Shot
from kruispunt.errors import ConfigurationError, KruispuntError

SECONDS: Final = 30.0
IDLE_SECONDS: Final = 1.0
"""After which a connection is not trusted to be kept by the other side."""
HANGS: Final = Answer(-1, {}, b"")
"""Neither an answer nor an end within that time."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server is: the name that its certificate must have, and the address that was found for it once."""

    host: str
    port: int
    address: str


def find(url: str) -> Target:
    """The target that `https://localhost:4520` names.

    Raises ConfigurationError unless everything that the name resolves to is on the loopback interface: an attack on
    another machine is not for this program. Raises KruispuntError when nobody listens there.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError as error:
        raise ConfigurationError(f"{url!r} is no address: {error}") from error
    if parts.scheme != "https" or not host:
        raise ConfigurationError(f"{url!r} is no https address such as https://localhost:4520")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{host} cannot be resolved: {error}") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    check_loopback(host, addresses)
    for address in addresses:
        with contextlib.suppress(OSError), socket.create_connection((address, port), SECONDS):
            return Target(host, port, address)
    raise KruispuntError(f"nobody listens at {url}. Is the platform running there? Start it with: kruispunt demo")


def check_loopback(host: str, addresses: Sequence[str]) -> None:
    """Raises ConfigurationError unless every address is one of this machine's loopback interface."""
    for address in addresses:
        found = ipaddress.ip_address(address.partition("%")[0])
        plain = getattr(found, "ipv4_mapped", None) or found
        if not plain.is_loopback:
            raise ConfigurationError(
                f"{host} is {address}, which is not on the loopback interface. The suite attacks servers on this very "
                "machine only: run it there, with --target https://localhost:PORT"
            )


class Wire:
    """Sends shots to a target. The victim's connection is kept, and that of the last other client."""

    def __init__(self, target: Target, bench: Bench) -> None:
        self._target = target
        self._bench = bench
        self._own = bench.tls(bench.victim)
        self._kept: dict[ssl.SSLContext, _Pinned] = {}

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._kept.values():
            connection.close()

    def send(self, shot: Shot) -> Answer:
        """What came back; `NOTHING` when TLS or the connection ended, `HANGS` after half a minute."""
        try:
            return self._raw(shot) if shot.raw else self._posted(shot)
        except TimeoutError:
            return HANGS
        except (OSError, http.client.HTTPException):
            return NOTHING

    def _posted(self, shot: Shot) -> Answer:
        question = self._bench.question
        action = question.soap_action if shot.soap_action is None else shot.soap_action
        headers = [
            ("Content-Type", shot.content_type),
            ("SOAPAction", f'"{action}"'),
            ("Content-Length", str(len(shot.data))),
            *shot.headers,
        ]
        connection = self._connection(shot.over or self._own, anew=shot.anew)
        try:
            connection.putrequest("POST", shot.path or question.path)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(shot.data)
            response = connection.getresponse()
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def _connection(self, context: ssl.SSLContext, *, anew: bool) -> _Pinned:
        for other in [c for c in self._kept if c is not self._own and c is not context]:
            self._kept.pop(other).close()
        connection = self._kept.get(context)
        if connection is None:
            connection = self._kept[context] = _Pinned(self._target, context)
        # An idle connection has nothing to read, unless the other side ended it; one that was idle for a while may be
        # about to end. A message that gets lost then is not sent again: the server would call it a replay.
        idle = time.monotonic() - connection.used > IDLE_SECONDS
        if connection.sock is not None and (anew or idle or select.select([connection.sock], [], [], 0)[0]):
            connection.close()
        connection.used = time.monotonic()
        return connection

    def _raw(self, shot: Shot) -> Answer:
        received = bytearray()
        with self._dial(shot) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(shot.data)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while part := connection.recv(65536):
                    received += part
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 ") or not head[9:12].isdigit():
            return NOTHING
        return Answer(int(head[9:12]), {}, body)

    @contextlib.contextmanager
    def _dial(self, shot: Shot) -> Iterator[socket.socket]:
        with socket.create_connection((self._target.address, self._target.port), SECONDS) as plain:
            if shot.plain:
                yield plain
                return
            with (shot.over or self._own).wrap_socket(plain, server_hostname=self._target.host) as tls:
                yield tls


class _Pinned(http.client.HTTPSConnection):
    """HTTPS to the address that was found once; the name is the one that the certificate must have."""

    def __init__(self, target: Target, context: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=SECONDS, context=context)
        self._target = target
        self._tls = context
        self.sock: Any = None
        self.used = 0.0
        """When something was last sent."""

    def connect(self) -> None:
        plain = socket.create_connection((self._target.address, self._target.port), SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._target.host)
        except BaseException:
            plain.close()
            raise


class Trap:
    """A port on the loopback interface where nobody may ever knock: messages name it, and servers must not fetch it."""

    def __enter__(self) -> Trap:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def knocked(self) -> bool:
        """Whether somebody came since the last time."""
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True
