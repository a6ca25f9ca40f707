"""What the protocol bounds that uvicorn leaves open: how long a request may take, and how large its head may be.

Clocks are counted, not waited for: a loop that only notes what it is asked to do later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from kruispunt.gateway.caller import ARRIVAL_SECONDS, HEAD_BYTES, MutualTlsProtocol

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def app(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@dataclass
class Timer:
    callback: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Loop:
    """The running loop, whose clock stands still."""

    real: asyncio.AbstractEventLoop
    timers: list[Timer] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        if delay != ARRIVAL_SECONDS:
            return Timer(callback)
        self.timers.append(Timer(callback))
        return self.timers[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @property
    def waiting(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled]


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = ""

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def converse(talk: Callable[[MutualTlsProtocol, Transport, Loop, Callable[[], Any]], Any]) -> None:
    """Runs a conversation with one connection; the last argument lets the application work."""

    async def run() -> None:
        async def work() -> None:
            for _ in range(10):
                await asyncio.sleep(0)

        loop, transport = Loop(asyncio.get_running_loop()), Transport()
        config = uvicorn.Config(app, lifespan="off", log_config=None, ws="none")
        protocol = MutualTlsProtocol(config, ServerState(), {}, loop)  # type: ignore[arg-type]
        protocol.connection_made(transport)
        await talk(protocol, transport, loop, work)

    asyncio.run(run())


def test_a_connection_that_asks_nothing_is_cut() -> None:
    async def talk(_protocol: Any, transport: Transport, loop: Loop, _work: Any) -> None:
        (timer,) = loop.waiting
        timer.callback()
        assert transport.ended == "aborted"

    converse(talk)


def test_a_request_that_comes_in_drops_has_one_clock() -> None:
    """No drop sets the clock anew; the last one ends it."""

    async def talk(protocol: Any, transport: Transport, loop: Loop, work: Any) -> None:
        for byte in HEAD + b"abc":
            protocol.data_received(bytes([byte]))
            assert len(loop.waiting) == len(loop.timers) == 1
        protocol.data_received(b"d")
        assert loop.waiting == []
        await work()
        assert b" 200 " in transport.written

    converse(talk)


def test_a_whole_request_costs_no_clock_of_its_own() -> None:
    async def talk(protocol: Any, _transport: Transport, loop: Loop, work: Any) -> None:
        for _ in range(3):
            protocol.data_received(HEAD + b"abcd")
            await work()
            assert loop.waiting == []
        assert len(loop.timers) == 1

    converse(talk)


def test_a_second_request_is_timed_too() -> None:
    """Also one that is announced by no more than a blank line."""

    async def talk(protocol: Any, _transport: Transport, loop: Loop, work: Any) -> None:
        for start in (HEAD[:10], b"\r\n"):
            protocol.data_received(HEAD + b"abcd")
            await work()
            assert loop.waiting == []
            protocol.data_received(start)
            assert len(loop.waiting) == 1
            protocol.data_received(HEAD[10:] + b"abcd" if start != b"\r\n" else HEAD + b"abcd")
            await work()

    converse(talk)


def test_a_lost_connection_leaves_no_clock() -> None:
    async def talk(protocol: Any, _transport: Transport, loop: Loop, _work: Any) -> None:
        protocol.data_received(HEAD)
        protocol.connection_lost(None)
        assert loop.waiting == []

    converse(talk)


def test_a_head_beyond_the_limit_is_refused_whatever_it_is_made_of() -> None:
    endless = {
        "url": (b"GET /", b"x" * 1_000),
        "one header": (b"GET / HTTP/1.1\r\nA: ", b"x" * 1_000),
        "headers": (b"GET / HTTP/1.1\r\n", b"A: x\r\n" * 100),
        "trailers": (CHUNKED + b"0\r\n", b"A: x\r\n" * 100),
        "chunk extensions": (CHUNKED + b"1", b";x=y" * 100),
    }
    for start, piece in endless.values():

        async def talk(
            protocol: Any, transport: Transport, _loop: Loop, work: Any, start: bytes = start, piece: bytes = piece
        ) -> None:
            protocol.data_received(start)
            sent = 0
            while not transport.ended:
                protocol.data_received(piece)
                sent += len(piece)
                assert sent < HEAD_BYTES + len(start) + 2 * len(piece)
                await work()
            assert transport.ended == "closed"

        converse(talk)


def test_a_body_does_not_count_as_head() -> None:
    async def talk(protocol: Any, transport: Transport, _loop: Loop, work: Any) -> None:
        protocol.data_received(CHUNKED)
        for _ in range(4 * HEAD_BYTES // 4096):
            protocol.data_received(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await work()
        protocol.data_received(b"0\r\n\r\n")
        await work()
        assert b" 200 " in transport.written
        assert not transport.ended

    converse(talk)
