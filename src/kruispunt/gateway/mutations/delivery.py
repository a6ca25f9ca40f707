"""Files from the disk to the client: piece by piece, as fast as the client takes them and no faster.

A piece is read by a thread, so a slow disk holds up nobody else. The next one is read when the connection has taken the
one before. A client that takes none for a while is cut off; it can go on later where it was, by a range.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from kruispunt.gateway.http import Receive, Send
from kruispunt.gateway.mutations.problems import Declined
from kruispunt.gateway.mutations.ranges import Span

PIECE_BYTES: Final = 256 * 1024
PER_CLIENT: Final = 8
"""Files that one application may fetch at the same time, of one worker."""
TOGETHER: Final = 64
"""Files on their way at the same time, of one worker: a piece of each is in memory."""
RETRY_SECONDS: Final = 5
READERS: Final = 4
"""Threads."""

T = TypeVar("T")


class Cut(Exception):
    """The answer cannot be brought to its end: the connection must be."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was opened, and the part of it that is sent."""

    descriptor: int
    span: Span


class Places:
    """How many files are on their way, in total and for each application."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, application: str) -> Iterator[None]:
        """A place for as long as the block lasts. Raises Declined when there is none."""
        if self._taken[application] >= PER_CLIENT:
            raise Declined(
                429,
                "downloads.client",
                f"{application} fetches {PER_CLIENT} files already, and may fetch no more at the same time.",
                remedy="Fetch one after the other.",
                headers=(("retry-after", str(RETRY_SECONDS)),),
            )
        if self._taken.total() >= TOGETHER:
            raise Declined(
                503,
                "downloads.all",
                "Too many files are being fetched at this moment.",
                remedy="Try again after the seconds that Retry-After tells.",
                headers=(("retry-after", str(RETRY_SECONDS)),),
            )
        self._taken[application] += 1
        try:
            yield
        finally:
            self._taken[application] -= 1
            if not self._taken[application]:
                del self._taken[application]


class Readers:
    """Threads that touch the disk."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="files")

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def piece(self, descriptor: int, at: int, size: int) -> bytes:
        """The bytes from `at` on: `size` of them, less at the end of the file."""
        return await self.run(lambda: os.pread(descriptor, size, at))


async def send_file(opened: Opened, readers: Readers, send: Send, receive: Receive, stall_seconds: float) -> None:
    """The content of an answer whose head was sent. Raises Cut when it cannot be sent to its end.

    Returns early when the client has gone: then there is nobody to tell.
    """
    gone = asyncio.ensure_future(_gone(receive))
    at, end = opened.span.start, opened.span.start + opened.span.length
    try:
        while at < end and not gone.done():
            piece = await _read(opened, readers, at, min(PIECE_BYTES, end - at))
            at += len(piece)
            try:
                async with asyncio.timeout(stall_seconds):
                    await send({"type": "http.response.body", "body": piece, "more_body": at < end})
            except TimeoutError:
                raise Cut("the client did not take what was sent") from None
    finally:
        gone.cancel()


async def _read(opened: Opened, readers: Readers, at: int, size: int) -> bytes:
    """Some bytes. Raises Cut when there are none: the file became shorter, or the disk fails."""
    try:
        piece = await readers.piece(opened.descriptor, at, size)
    except OSError as error:
        raise Cut(f"the file cannot be read: {error.strerror}") from error
    if not piece:
        raise Cut("the file became shorter while it was read")
    return piece


async def _gone(receive: Receive) -> None:
    """Returns when the connection has ended; what still comes of the request is passed over."""
    while (await receive())["type"] != "http.disconnect":
        pass
