"""A reply leaves in one piece, in its order, and whole before the connection is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from kruispunt.gateway.joined import JoinedWrites


class Recorder(asyncio.Transport):
    """What reached the transport: a piece for each write, and how it ended."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 4711)})
        self.seen: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.seen.append(bytes(data))

    def close(self) -> None:
        self.seen.append("closed")

    def abort(self) -> None:
        self.seen.append("aborted")

    def is_closing(self) -> bool:
        return "closed" in self.seen


def joined(work: Callable[[JoinedWrites, Recorder], Awaitable[None]]) -> list[bytes | str]:
    async def run() -> list[bytes | str]:
        recorder = Recorder()
        await work(JoinedWrites(recorder, asyncio.get_running_loop()), recorder)
        await asyncio.sleep(0)
        return recorder.seen

    return asyncio.run(run())


def test_head_and_body_are_one_write() -> None:
    async def work(writes: JoinedWrites, recorder: Recorder) -> None:
        writes.write(b"head ")
        writes.write(b"body")
        assert recorder.seen == []

    assert joined(work) == [b"head body"]


def test_replies_of_different_turns_keep_their_order() -> None:
    async def work(writes: JoinedWrites, _recorder: Recorder) -> None:
        for number in range(3):
            writes.write(b"head %d " % number)
            writes.write(b"body %d" % number)
            await asyncio.sleep(0)

    assert joined(work) == [b"head %d body %d" % (number, number) for number in range(3)]


def test_what_was_written_is_sent_before_the_connection_is_closed_and_once() -> None:
    async def work(writes: JoinedWrites, _recorder: Recorder) -> None:
        writes.write(b"head ")
        writes.write(b"body")
        writes.close()

    assert joined(work) == [b"head body", "closed"]


def test_everything_else_is_the_transports_own() -> None:
    async def work(writes: JoinedWrites, recorder: Recorder) -> None:
        transport = cast("asyncio.Transport", writes)
        assert transport.get_extra_info("peername") == ("192.0.2.1", 4711)
        assert not transport.is_closing()
        transport.abort()
        assert recorder.seen == ["aborted"]

    assert joined(work) == ["aborted"]
