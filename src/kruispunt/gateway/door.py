"""Who gets a connection at all: counted from the moment it is accepted, before a handshake costs anything.

uvicorn's own listener would count a connection only after its handshake, and know no peer address. This one accepts,
closes at once what is too many or comes from where nobody may come, and hands the rest to uvicorn's protocol.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import ip_network

from kruispunt.gateway.caller import MutualTlsProtocol

BATCH = 64
"""Connections that are accepted in one turn of the event loop."""
REST_SECONDS = 1.0
"""After the process ran out of descriptors."""
CLOSING_SECONDS = 5.0
"""That a client gets to take part in the end of TLS, before the connection is cut."""

Count = Callable[[str], None]
"""Told why a connection was refused: `total`, `address`, `stranger` or `handshake`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one worker; times in seconds."""

    connections: int = 1_000
    per_address: int = 200
    handshake: float = 10.0
    request: float = 30.0
    """From the first byte of a request, or the handshake, to its last byte."""
    idle: float = 75.0
    """Between an answer and the next request."""


class Door:
    """Accepts on one listening socket. `sources` are the only addresses let in; None lets in all."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], MutualTlsProtocol],
        context: ssl.SSLContext | None,
        limits: Limits,
        refused: Count,
        sources: Collection[str] | None = None,
    ) -> None:
        self._listening = listening
        self._make = make
        self._context = context
        self._limits = limits
        self._refused = refused
        self._sources = sources
        self._open: Counter[str] = Counter()
        self._total = 0
        self._coming: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._resting: asyncio.TimerHandle | None = None

    def open(self) -> None:
        self._resting = None
        self._listening.setblocking(False)
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def close(self) -> None:
        """Nobody comes in any more; who is inside stays."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._listening.fileno())
        for task in self._coming:
            task.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._coming, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(BATCH):
            try:
                connection, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._listening.fileno())
                self._resting = self._loop.call_later(REST_SECONDS, self.open)
                return
            self._judge(connection, address[0] if isinstance(address, tuple) else "")

    def _judge(self, connection: socket.socket, source: str) -> None:
        """`source` is empty on a Unix socket, where only the total counts."""
        reason = self._objection(source)
        if reason:
            self._refused(reason)
            connection.close()
            return
        connection.setblocking(False)
        if source:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        group = _group(source)
        self._total += 1
        self._open[group] += 1
        task = self._loop.create_task(self._admit(connection, group))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    def _objection(self, source: str) -> str:
        if self._sources is not None and source not in self._sources:
            return "stranger"
        if self._total >= self._limits.connections:
            return "total"
        # Behind a proxy all come from one address, and the proxy counts for itself.
        if self._sources is None and source and self._open[_group(source)] >= self._limits.per_address:
            return "address"
        return ""

    async def _admit(self, connection: socket.socket, group: str) -> None:
        protocol = self._make()
        protocol.arrival_seconds = self._limits.request
        protocol.on_lost = lambda: self._leave(group)
        tls = self._context is not None
        try:
            await self._loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.handshake if tls else None,
                ssl_shutdown_timeout=CLOSING_SECONDS if tls else None,
            )
        except BaseException as error:
            connection.close()
            if protocol.on_lost is not None:
                protocol.on_lost = None
                self._leave(group)
            if not isinstance(error, OSError):
                raise
            self._refused("handshake")

    def _leave(self, group: str) -> None:
        self._total -= 1
        self._open[group] -= 1
        if not self._open[group]:
            del self._open[group]


def _group(source: str) -> str:
    """What is counted as one address: of IPv6 the first 64 bits, because one host has all the rest."""
    if ":" not in source:
        return source
    return str(ip_network((source.partition("%")[0], 64), strict=False).network_address)
