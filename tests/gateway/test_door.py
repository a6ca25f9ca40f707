"""Connections and their limits, with real sockets and real TLS in this process, so that bytes and times can be set."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from kruispunt.client.transport import tls_context
from kruispunt.demo.pki import create_pki
from kruispunt.gateway.caller import MutualTlsProtocol
from kruispunt.gateway.door import Limits, _group
from kruispunt.gateway.http import HttpGateway
from kruispunt.gateway.identity import context_of, read_pair
from kruispunt.gateway.request import HEAD_BYTES
from kruispunt.gateway.server import EdgeServer, server
from kruispunt.pipeline.context import Answer, Incoming, TlsClient

SIZE = 128 * 1024
GET = b"GET /x?wsdl HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
WAIT = 30.0
"""Seconds for what happens soon; a test fails after them, and depends on them in no other way."""


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    create_pki(directory)
    return directory


class Edge:
    """A running edge before an application that keeps what reaches it."""

    def __init__(self, pki: Path, running: EdgeServer, port: int) -> None:
        self.port = port
        self.refused: Counter[str] = Counter()
        self.reached: list[Incoming] = []
        self.read = 0
        """Bytes that the protocol was given, of all connections."""
        self._running = running
        self._context = tls_context(pki / "ca.pem", pki / "onem.pem", pki / "onem.key")

    async def raw(self, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))

    async def tls(self, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self._context, server_hostname="localhost", local_addr=(source, 0)
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT):
            while not condition():  # noqa: ASYNC110  conditions of several kinds
                await asyncio.sleep(0.01)


@asynccontextmanager
async def edge(
    pki: Path, limits: Limits, *, plain: bool = False, sources: Collection[str] | None = None
) -> AsyncIterator[Edge]:
    listening = socket.create_server(("127.0.0.1", 0))

    async def answer(incoming: Incoming) -> Answer:
        at.reached.append(incoming)
        return Answer(200, b"<x/>")

    async def admit(_client: TlsClient) -> None:
        """Nobody is revoked here."""

    app = HttpGateway(answer, {}, SIZE, admit)
    context = None if plain else context_of(read_pair(pki / "server.pem", pki / "server.key"), pki / "ca.pem")
    running = server(app, context, 1, limits, lambda reason: at.refused.update([reason]), sources)
    assert isinstance(running, EdgeServer)
    at = Edge(pki, running, listening.getsockname()[1])

    class Counting(MutualTlsProtocol):
        def data_received(self, data: bytes) -> None:
            at.read += len(data)
            super().data_received(data)

    def make() -> MutualTlsProtocol:
        return Counting(running.config, running.server_state, running.lifespan.state)

    running._protocol = make  # type: ignore[method-assign]
    serving = asyncio.create_task(running._serve([listening]))
    try:
        await at.until(lambda: running.started)
        yield at
    finally:
        running.should_exit = True
        await serving


def run(work: Callable[[], Awaitable[Any]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(4 * WAIT):
            await work()

    uvloop.run(bounded())


async def closed(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other side closes or cuts the connection."""
    received = b""
    try:
        async with asyncio.timeout(WAIT):
            while part := await reader.read(65536):
                received += part
    except ConnectionError:
        pass
    return received


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GET)
    async with asyncio.timeout(WAIT):
        assert status(await reader.readline()) == 404


def test_connections_of_one_address(pki: Path) -> None:
    """One too many is closed before a byte of TLS; another address comes in, and a place that is left is free."""

    async def work() -> None:
        async with edge(pki, Limits(per_address=2)) as at:
            first, _second = await at.tls(), await at.tls()
            reader, _ = await at.raw()
            assert await closed(reader) == b""
            assert at.refused == {"address": 1}
            await served(*await at.tls("127.0.0.2"))
            first[1].close()
            await at.until(lambda: at._running.servers[0]._open["127.0.0.1"] == 1)  # type: ignore[attr-defined]
            await served(*await at.tls())
            assert at.refused == {"address": 1}

    run(work)


def test_connections_in_the_handshake_count(pki: Path) -> None:
    """Who connects and says nothing takes a place."""

    async def work() -> None:
        async with edge(pki, Limits(per_address=2, handshake=WAIT)) as at:
            silent = [await at.raw(), await at.raw()]
            assert await closed((await at.raw())[0]) == b""
            assert at.refused == {"address": 1}
            for _, writer in silent:
                writer.close()
            await at.until(lambda: at.refused == {"address": 1, "handshake": 2})
            await served(*await at.tls())

    run(work)


def test_a_place_is_taken_for_as_long_as_a_handshake_may_last(pki: Path) -> None:
    async def work() -> None:
        async with edge(pki, Limits(handshake=0.5)) as at:
            for reader, _ in [await at.raw(), await at.raw()]:
                assert await closed(reader) == b""
            door = at._running.servers[0]
            await at.until(lambda: at.refused == {"handshake": 2} and door._total == 0)  # type: ignore[attr-defined]

    run(work)


def test_all_connections(pki: Path) -> None:
    async def work() -> None:
        async with edge(pki, Limits(connections=3)) as at:
            kept = [await at.tls(f"127.0.0.{n}") for n in (1, 2, 3)]
            assert await closed((await at.raw("127.0.0.4"))[0]) == b""
            assert at.refused == {"total": 1}
            for one in kept:
                await served(*one)

    run(work)


def test_many_at_once(pki: Path) -> None:
    """The count comes back to nothing, however the connections end."""

    async def work() -> None:
        async with edge(pki, Limits(per_address=50)) as at:
            coming = await asyncio.gather(*(at.raw() for _ in range(120)))
            await at.until(lambda: at.refused["address"] == 70)
            for number, (_, writer) in enumerate(coming):
                if number % 2:
                    writer.write(b"no TLS at all")
                writer.close()
            door = at._running.servers[0]
            await at.until(lambda: door._total == 0 and not door._open)  # type: ignore[attr-defined]
            assert at.refused == {"address": 70, "handshake": 50}
            await served(*await at.tls())

    run(work)


def test_an_address_that_is_no_proxy(pki: Path) -> None:
    """Closed at once; a proxy's own connections are not counted per address."""

    async def work() -> None:
        async with edge(pki, Limits(per_address=1), plain=True, sources=("127.0.0.9",)) as at:
            reader, writer = await at.raw("127.0.0.1")
            writer.write(GET)
            assert await closed(reader) == b""
            assert at.refused == {"stranger": 1}
            for _ in range(3):
                reader, writer = await at.raw("127.0.0.9")
                writer.write(GET)
                assert status(await reader.readline()) == 403
            assert at.reached == []

    run(work)


@pytest.mark.parametrize(
    ("source", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(source: str, group: str) -> None:
    assert _group(source) == group


@pytest.mark.parametrize(
    "part",
    [b"", b"\r\n", b"PO", b"POST /x HTTP/1.1\r\n", POST, POST + b"Content-Length: 9\r\n\r\n<half"],
    ids=["nothing", "blank-line", "half-line", "line", "headers", "half-body"],
)
def test_a_request_that_does_not_arrive(pki: Path, part: bytes) -> None:
    async def work() -> None:
        async with edge(pki, Limits(request=0.5)) as at:
            reader, writer = await at.tls()
            writer.write(part)
            assert await closed(reader) == b""
            assert at.reached == []

    run(work)


def test_one_byte_after_the_other_makes_no_difference(pki: Path) -> None:
    """The clock runs from the first byte on, and no later byte sets it back."""

    async def work() -> None:
        async with edge(pki, Limits(request=0.5)) as at:
            reader, writer = await at.tls()

            async def drip() -> None:
                writer.write(POST)
                while True:
                    writer.write(b"X: y\r\n")
                    await asyncio.sleep(0.05)

            dripping = asyncio.create_task(drip())
            assert await closed(reader) == b""
            dripping.cancel()
            assert at.read < HEAD_BYTES

    run(work)


def test_an_idle_connection_is_closed(pki: Path) -> None:
    async def work() -> None:
        async with edge(pki, Limits(request=WAIT, idle=1)) as at:
            reader, writer = await at.tls()
            writer.write(POST + b"Content-Length: 1\r\n\r\na")
            assert status(await closed(reader)) == 200
            assert len(at.reached) == 1

    run(work)


def test_a_length_beyond_the_limit_is_refused_without_reading_the_body(pki: Path) -> None:
    """By count of the bytes that were read: the head alone."""

    async def work() -> None:
        async with edge(pki, Limits()) as at:
            reader, writer = await at.tls()
            asked = POST + b"Content-Length: %d\r\n\r\n" % (SIZE + 1)
            writer.write(asked)
            assert status(await closed(reader)) == 413
            assert (at.read, at.reached) == (len(asked), [])

    run(work)


def test_a_body_beyond_the_limit_is_not_read_to_its_end(pki: Path) -> None:
    """By count: of 50 MB in chunks, no more than the limit, and what lay in the buffers when it was passed."""

    async def work() -> None:
        async with edge(pki, Limits()) as at:
            reader, writer = await at.tls()
            writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            answer = asyncio.create_task(closed(reader))
            chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
            try:
                for _ in range(50_000_000 // len(chunk)):
                    writer.write(chunk)
                    await writer.drain()
            except (ConnectionError, ssl.SSLError):
                pass
            assert status(await answer) == 413
            assert at.read < 4 * SIZE
            assert at.reached == []

    run(work)
