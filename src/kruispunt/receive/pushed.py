"""Files that are pushed over NATS JetStream: pieces come into a spool, and whole files go from there (RP-18).

What JetStream delivers is acknowledged when it is in the spool, on disk. From there on a file is a file like any other:
held against its voucher, loaded once, in order. One whose bytes are wrong is dropped, so that it can be sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kruispunt.errors import DataError, MessagingError
from kruispunt.files.atomic import written_whole
from kruispunt.files.voucher import Content, voucher_of
from kruispunt.jetstream.connection import Way, connected
from kruispunt.jetstream.pieces import ACKNOWLEDGE_SECONDS, Piece, read_piece
from kruispunt.jetstream.reading import Reader, reading
from kruispunt.receive.checking import content, refuse_store
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.source import name_of
from kruispunt.receive.spool import Spool
from kruispunt.settings import Environment

if TYPE_CHECKING:
    from nats.aio.msg import Msg


@dataclass(frozen=True, slots=True)
class PushedSource:
    """What JetStream holds for one subscription; see `Source`."""

    way: Way
    environment: Environment
    code: str
    spool: Spool
    directory: Path
    """Where files are kept."""
    patience: float = ACKNOWLEDGE_SECONDS + 5.0
    """Seconds within which the rest of a file comes; a piece that a broken connection took along comes again."""

    def offered(self, after: int) -> Iterator[int]:
        """Fetches what is there, and tells which files are whole by it."""
        try:
            asyncio.run(self._collect(after))
        except MessagingError as error:
            raise NotReceived(Problem.UNREACHABLE, str(error)) from error
        self.spool.drop_to(after)
        yield from self.spool.whole(after)

    def voucher(self, sequence: int) -> bytes:
        found = self.spool.voucher(sequence)
        if found is None:
            raise NotReceived(Problem.MISSING, f"file {sequence} was not pushed, or not whole", self._remedy())
        return found

    def content(self, sequence: int) -> Content:
        return content(self.file(sequence, Content(0, "")))

    def file(self, sequence: int, signed: Content) -> Path:
        path = self._kept(sequence)
        if path.exists() and content(path) == signed:
            return path
        part = path.with_name(f"{path.name}.part")
        with _disk(), part.open("wb") as target:
            target.writelines(self.spool.bodies(sequence))
        return part

    def keep(self, sequence: int, file: Path, voucher: bytes) -> Path:
        kept = self._kept(sequence)
        with _disk():
            with written_whole(voucher_of(kept)) as target:
                target.write(voucher)
            return file.replace(kept)

    def discard(self, file: Path) -> None:
        """The pieces too: they can come again."""
        name = file.name.removesuffix(".part")
        for sequence in self.spool.whole(0):
            if name_of(self.code, sequence) == name:
                self.spool.drop(sequence)
        with _disk():
            file.unlink(missing_ok=True)

    def acknowledge(self, sequence: int, sha256: str) -> None:  # noqa: ARG002 - JetStream was told, piece by piece
        self.spool.drop_to(sequence)

    async def _collect(self, after: int) -> None:
        async with (
            connected(self.way, f"kruispunt receive {self.code}") as client,
            reading(client, self.environment, self.code) as reader,
        ):
            while messages := await reader.read():
                await self._take(reader, messages, after)
            while self.spool.is_waiting(after) and (messages := await reader.read(self.patience)):
                await self._take(reader, messages, after)

    async def _take(self, reader: Reader, messages: list[Msg], after: int) -> None:
        self.spool.put([_piece(message.headers, message.data) for message in messages], after)
        await reader.acknowledge(messages)

    def _kept(self, sequence: int) -> Path:
        return self.directory / name_of(self.code, sequence)

    def _remedy(self) -> str:
        gaps = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in self.spool.gaps())
        missing = f"the messages {gaps} are missing; " if gaps else ""
        return f"{missing}ask the operator of the platform to send them again"


def _piece(headers: dict[str, str] | None, body: bytes) -> Piece:
    try:
        return read_piece(headers, body)
    except DataError as error:
        raise NotReceived(Problem.ANSWER, str(error), "Tell the operator of the platform") from error


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    refuse_store(f"what comes cannot be written: {error.strerror}")
