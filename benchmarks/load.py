"""The load generator: `python -m benchmarks.load`, a process of its own, told its job on standard input.

It signs its messages, opens its connections over mutual TLS, sends a few messages on each, and says `ready`. After
`go` every connection sends one message after another, each once, until the time or the messages are up; then it says
`done`, waits for a line, and tells what it saw. An answer that is not a consultation's ends it with an error.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.asked import ACTION, CLIENTS, FOUND, Client, Messages
from kruispunt.client.transport import tls_context
from kruispunt.services.foreigner_situation.service import SERVICE

WARM_UP = 8
"""Messages on each connection before the measured stretch."""
_LENGTH = b"content-length: "


class Wrong(Exception):
    """An answer that is not what the benchmark counts."""


class Connection(asyncio.Protocol):
    """One kept connection; sends a request when the answer to the one before is there."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._waiting: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Wrong(f"the server closed a connection: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = self._received.index(_LENGTH, 0, head) + len(_LENGTH)
        end = head + 4 + int(self._received[length : self._received.find(b"\r", length)])
        if len(self._received) >= end:
            assert self._waiting is not None
            self._waiting.set_result(bytes(self._received[:end]))
            self._received.clear()

    async def ask(self, request: bytes) -> bytes:
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        self._transport.close()


class Lane:
    """A connection with the messages that it will send."""

    def __init__(self, connection: Connection, requests: Iterator[bytes]) -> None:
        self._connection = connection
        self._requests = deque(requests)
        self.taken: list[float] = []
        """Seconds of each exchange."""

    async def send(self, count: int) -> None:
        for _ in range(count):
            _check(await self._connection.ask(self._requests.popleft()))

    async def run(self, until: float) -> None:
        now = perf_counter()
        while now < until and self._requests:
            answer = await self._connection.ask(self._requests.popleft())
            began, now = now, perf_counter()
            self.taken.append(now - began)
            _check(answer)
            now = perf_counter()

    def close(self) -> None:
        self._connection.close()


def _check(answer: bytes) -> None:
    if FOUND not in answer:
        raise Wrong(f"an answer without data: {answer[:2000]!r}")


async def work(job: dict[str, Any]) -> None:
    pki, parts = Path(job["pki"]), urlsplit(job["url"])
    messages = Messages(pki, job["people"])
    lanes = []
    for number in range(job["connections"]):
        client = CLIENTS[number % len(CLIENTS)]
        count = WARM_UP + -(-job["messages"] // job["connections"])
        requests = (_request(parts.netloc, messages.sign(client)) for _ in range(count))
        lanes.append(Lane(await _connect(parts.hostname or "", parts.port or 443, _context(pki, client)), requests))
    await asyncio.gather(*(lane.send(WARM_UP) for lane in lanes))
    _tell("ready")
    _wait()
    began = perf_counter()
    await asyncio.gather(*(lane.run(began + job["seconds"]) for lane in lanes))
    seconds = perf_counter() - began
    _tell("done")
    _wait()
    taken = sorted(one for lane in lanes for one in lane.taken)
    told = {
        "exchanges": len(taken),
        "seconds": seconds,
        "p50": taken[len(taken) // 2] * 1e3,
        "p99": taken[int(len(taken) * 0.99)] * 1e3,
    }
    _tell(json.dumps(told))
    for lane in lanes:
        lane.close()


def _context(pki: Path, client: Client) -> ssl.SSLContext:
    return tls_context(pki / "ca.pem", pki / f"{client.name}.pem", pki / f"{client.name}.key")


async def _connect(host: str, port: int, context: ssl.SSLContext) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port, ssl=context)
    return connection


def _request(host: str, message: bytes) -> bytes:
    head = (
        f"POST {SERVICE.path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml; charset=utf-8\r\n"
        f'SOAPAction: "{ACTION}"\r\nContent-Length: {len(message)}\r\n\r\n'
    )
    return head.encode() + message


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _wait() -> None:
    """Until the other side says go on. Nothing else runs here then, so that it may block."""
    sys.stdin.readline()


if __name__ == "__main__":
    uvloop.run(work(json.loads(sys.stdin.readline())))
