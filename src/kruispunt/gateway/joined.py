"""One piece instead of two: uvicorn writes the head of a reply, then its body.

Written at once they are one TLS record, one system call and one wake-up of the client.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from typing import Any


class JoinedWrites:
    """A transport that sends what is written within one turn of the event loop together."""

    __slots__ = ("_loop", "_parts", "_transport")

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        """What was written before is sent, as with any transport."""
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def _send(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))
