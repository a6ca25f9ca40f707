"""What is pushed in tests: rows as a distribution leaves them, pieces from them, and a subscriber that reads."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from kruispunt.files.voucher import Content
from kruispunt.identifiers import cbe
from kruispunt.jetstream.connection import Way, connected
from kruispunt.jetstream.pieces import Part, Piece, read_piece
from kruispunt.jetstream.reading import reading
from kruispunt.mutations.cutting import Frame, write_round
from kruispunt.mutations.lanes import Publisher, Streams
from kruispunt.mutations.outbox import Outbox
from kruispunt.settings import Environment
from kruispunt.storage.database import Database

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection

ENVIRONMENT = Environment.DEVELOPMENT
OWNER = cbe.compute(9_998_001)
STREAMS = Streams(ENVIRONMENT, 1, 64 << 20)
HEAD, END = b"<head>", b"</head>"
Ask = Callable[[Callable[[Database], Awaitable[None]]], None]
"""Runs work on a fresh database."""


async def subscriptions(database: Database, codes: Sequence[str]) -> None:
    """A register, and subscriptions to it that are pushed."""
    await database.execute(
        "INSERT INTO register (owner, name, integrator, author) VALUES ($1, 'a register', false, 'tests')"
        " ON CONFLICT DO NOTHING",
        int(OWNER),
    )
    for code in codes:
        await database.execute(
            """
            INSERT INTO subscription
                (code, organisation, receiver, legal_context, owner, active_only, kinds, pushed, author)
            VALUES ($1, 'sender', $2::text, 'TEST:MUTATIONS', $3, true, '{address}', true, 'tests')
            """,
            code,
            OWNER,
            int(OWNER),
        )


def voucher(records: int, content: Content) -> bytes:
    """Of the form of these tests: what a real one says of the file."""
    return f"voucher {records} {content.size} {content.sha256}".encode()


def plain_frame(code: str, _sequence: int) -> Frame:
    """Around records that are no mutations: for tests that ask no subscriber."""
    return Frame(code, HEAD, END, voucher)


async def add_round(
    database: Database, records: dict[str, Sequence[bytes]], frame: Callable[[str, int], Frame] = plain_frame
) -> int:
    """A round that tells each subscription these records, written into the outbox; the number of pieces."""
    distribution = await database.fetchval(
        """
        INSERT INTO distribution (changes_from, changes_upto, items_from, items_upto, at)
        VALUES (0, 0, 0, 0, now()) RETURNING id
        """
    )
    files: dict[str, int] = {}
    frames: dict[int, Frame] = {}
    for code in records:
        row = await database.fetchrow(
            """
            INSERT INTO mutation_file (distribution, subscription, code, sequence, parts, groups)
            SELECT $1, s.id, s.code, (SELECT count(*) + 1 FROM mutation_file f WHERE f.code = s.code), 512, 512
            FROM subscription s WHERE s.code = $2 RETURNING id, sequence
            """,
            distribution,
            code,
        )
        assert row is not None
        files[code] = row["id"]
        frames[row["id"]] = frame(code, row["sequence"])

    async def blocks(_connection: Connection) -> AsyncIterator[Iterable[tuple[int, bytes]]]:
        for code, given in records.items():
            for start in range(0, len(given), 100):
                yield [(files[code], record) for record in given[start : start + 100]]

    return await write_round(database, distribution, frames, blocks)


def publishing(
    database: Database, address: str | Sequence[str], streams: Streams = STREAMS
) -> Callable[[], AbstractAsyncContextManager[Publisher]]:
    """Opens a publisher, as often as it is called."""
    servers = (address,) if isinstance(address, str) else tuple(address)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Publisher]:
        async with connected(Way(servers), "tests") as client:
            yield Publisher(client, Outbox(database), streams)

    return opened


def some(count: int, start: int = 0) -> list[bytes]:
    """So many records, by their numbers."""
    return [f"<record>{number}</record>\n".encode() for number in range(start, start + count)]


async def publish(database: Database, address: str, streams: Streams = STREAMS) -> None:
    """One turn: what waits goes out, what was collected is learnt."""
    async with publishing(database, address, streams)() as publisher:
        await publisher.publish()
        await publisher.collect()


async def waiting(database: Database) -> int:
    """Pieces that JetStream has not acknowledged."""
    return sum(lane.waiting for lane in await Outbox(database).status())


async def read(address: str | Sequence[str], code: str, most: int = 1_000_000) -> list[Piece]:
    """What the stream of a subscription holds, in its order, as its subscriber gets it; acknowledged."""
    servers = (address,) if isinstance(address, str) else tuple(address)
    pieces: list[Piece] = []
    async with connected(Way(servers), "subscriber") as client, reading(client, ENVIRONMENT, code) as reader:
        while len(pieces) < most and (messages := await reader.read()):
            pieces += [read_piece(message.headers, message.data) for message in messages]
            await reader.acknowledge(messages)
    return pieces


def deduplicated(pieces: Iterable[Piece]) -> list[Piece]:
    """Each number once, the first time that it is seen."""
    seen: dict[int, Piece] = {}
    for piece in pieces:
        seen.setdefault(piece.number, piece)
    return list(seen.values())


def check_files(pieces: Sequence[Piece], expected: Sequence[Sequence[bytes]]) -> None:
    """The pieces, in this order, are these files: numbers without gaps, contents as their vouchers say."""
    wrong = [(place, piece.number) for place, piece in enumerate(pieces, start=1) if place != piece.number]
    assert wrong == [], f"{len(pieces)} pieces, out of order from {wrong[:5]} on"
    rest = list(pieces)
    for sequence, records in enumerate(expected, start=1):
        file, rest = rest[: len(records) + 3], rest[len(records) + 3 :]
        assert [piece.part for piece in file] == [Part.HEAD, *[Part.RECORD] * len(records), Part.END, Part.VOUCHER]
        assert {piece.file for piece in file} == {sequence}
        body = b"".join(piece.body for piece in file[:-1])
        assert body == HEAD + b"".join(records) + END
        content = Content(len(body), hashlib.sha256(body).hexdigest())
        assert file[-1].body == voucher(len(records), content)
    assert rest == []
