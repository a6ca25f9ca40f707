"""From the outbox into JetStream: one stream for each subscription, in order, and nothing marked before it is there.

A stream keeps a piece until the subscriber acknowledged it (work queue), and refuses new ones when it is full: nothing
is ever thrown away to make room. What it refuses stays in the outbox, and other subscriptions are not held up.

Pieces are published many at a time. Each names the one that must stand before it (Nats-Expected-Last-Msg-Id), so that
when one fails those behind it fail too, and a stream never holds them in another order, whoever else publishes. The
place of that one would not do: a piece may meet the place that it expects with another piece on it. After a failure it
is not known what arrived: pieces are then published one by one, until one is not known to JetStream as a repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from kruispunt.errors import MessagingError
from kruispunt.jetstream.pieces import ACKNOWLEDGE_SECONDS, CONSUMER, Piece, id_of, stream, subject, write_headers
from kruispunt.mutations.outbox import Outbox
from kruispunt.settings import Environment

WINDOW: Final = 256
"""Pieces on their way at a time."""
WINDOW_BYTES: Final = 8 << 20
AT_A_TIME: Final = 8
"""Subscriptions that are published at the same time."""
REPETITION_SECONDS: Final = 600.0
"""How long JetStream remembers what it was sent."""
UNACKNOWLEDGED: Final = 4096
"""Pieces that a subscriber may hold without acknowledging them."""
_PATIENCE_SECONDS: Final = 15.0
_WRONG_LAST: Final = frozenset({10070})
"""JetStream's error code when another piece was expected to be the last."""
_FULL: Final = frozenset({10023, 10047, 10077})
"""When there is no room: insufficient resources, no storage left, a stream that cannot store (full, or its disk)."""
_TOO_LARGE: Final = frozenset({10054})

logger = structlog.get_logger("push")


@dataclass(frozen=True, slots=True)
class Streams:
    """How streams are made."""

    environment: Environment
    replicas: int
    """Servers that hold each piece: 1, 3 or 5."""
    most_bytes: int
    """That a stream may hold, in bytes."""


class Publisher:
    """Publishes over one connection; a new connection needs a new one."""

    def __init__(self, client: Client, outbox: Outbox, streams: Streams) -> None:
        self._client = client
        self._outbox = outbox
        self._streams = streams
        self._jetstream = client.jetstream(timeout=_PATIENCE_SECONDS)
        self._last: dict[str, Piece | None] = {}
        """For each stream that was opened its last piece; None when that is not known."""

    async def publish(self) -> None:
        """Everything that waits, of every subscription whose stream has room. Raises MessagingError, StorageError."""
        turns = asyncio.Semaphore(AT_A_TIME)

        async def one(code: str) -> None:
            async with turns:
                await self._publish(code)

        await _together([one(code) for code in await self._outbox.codes()])

    async def collect(self) -> None:
        """Learn which files their subscribers have. Raises MessagingError, StorageError."""
        for code in await self._outbox.uncollected():
            try:
                if not await self._open(code):
                    continue
                found = await self._jetstream.consumer_info(stream(self._streams.environment, code), CONSUMER)
            except (NatsError, OSError, TimeoutError) as error:
                raise _away(error) from error
            floor = 0 if found.ack_floor is None else found.ack_floor.stream_seq
            count = await self._outbox.collected(code, floor)
            if count:
                logger.info("files were collected", subscription=code, files=count)

    async def _publish(self, code: str) -> None:
        if not await self._open(code):
            return
        while pieces := await self._outbox.waiting(code, WINDOW, WINDOW_BYTES):
            places, failure = await self._send(code, pieces)
            await self._outbox.mark(code, [piece.number for piece in pieces[: len(places)]], places)
            if failure is not None:
                self._last[code] = None
                if not _is(failure, _WRONG_LAST):
                    _waits(code, failure)
                    return

    async def _send(self, code: str, pieces: Sequence[Piece]) -> tuple[list[int], Exception | None]:
        """The places of the pieces that JetStream has, from the first on, and why it has no more."""
        places: list[int] = []
        last = self._last[code]
        while last is None and len(places) < len(pieces):
            (outcome,) = await self._post(code, pieces[len(places) : len(places) + 1], None)
            if isinstance(outcome, Exception):
                return places, outcome
            if not outcome.duplicate:
                last = pieces[len(places)]
            places.append(outcome.seq)
        for outcome in await self._post(code, pieces[len(places) :], last):
            if isinstance(outcome, Exception):
                return places, outcome
            places.append(outcome.seq)
        self._last[code] = None if last is None else pieces[-1]
        return places, None

    async def _post(self, code: str, pieces: Sequence[Piece], last: Piece | None) -> list[api.PubAck | Exception]:
        """What JetStream says to each piece, in order; the first one is to stand behind `last`."""
        environment = self._streams.environment
        to, into = subject(environment, code), stream(environment, code)

        async def one(piece: Piece, before: Piece | None) -> api.PubAck:
            headers = write_headers(code, piece)
            if before is not None:
                headers[api.Header.EXPECTED_LAST_MSG_ID.value] = id_of(code, before)
            return await self._jetstream.publish(to, piece.body, _PATIENCE_SECONDS, into, headers)

        # Tasks begin in the order in which they are made, and each hands its piece to the connection at once.
        turns = (one(piece, before) for before, piece in zip((last, *pieces), pieces, strict=False))
        outcomes = await asyncio.gather(*turns, return_exceptions=True)
        return [outcome if isinstance(outcome, api.PubAck) else _expected(outcome) for outcome in outcomes]

    async def _open(self, code: str) -> bool:
        """The stream as the settings have it, and its consumer; and what it lost, if it did. False without room."""
        if code in self._last:
            return True
        try:
            info = await self._stream(code)
            await self._consumer(info.config.name or "")
        except (NatsError, OSError, TimeoutError) as error:
            _waits(code, error)
            return False
        lost = await self._outbox.compare(code, str(info.created), info.state.last_seq)
        if lost:
            logger.warning(
                "JetStream no longer has pieces that it acknowledged; they are sent again",
                code="push.lost",
                subscription=code,
                pieces=lost,
            )
        self._last[code] = None
        return True

    async def _stream(self, code: str) -> api.StreamInfo:
        streams = self._streams
        wanted = api.StreamConfig(
            name=stream(streams.environment, code),
            subjects=[subject(streams.environment, code)],
            retention=api.RetentionPolicy.WORK_QUEUE,
            discard=api.DiscardPolicy.NEW,
            storage=api.StorageType.FILE,
            max_bytes=streams.most_bytes,
            num_replicas=streams.replicas,
            duplicate_window=REPETITION_SECONDS,
            max_consumers=1,
            deny_delete=True,
            deny_purge=True,
        )
        try:
            info = await self._jetstream.stream_info(wanted.name or "")
        except NotFoundError:
            return await self._jetstream.add_stream(wanted)
        if (info.config.max_bytes, info.config.num_replicas) != (wanted.max_bytes, wanted.num_replicas):
            return await self._jetstream.update_stream(wanted)
        return info

    async def _consumer(self, name: str) -> None:
        try:
            await self._jetstream.consumer_info(name, CONSUMER)
        except NotFoundError:
            await self._jetstream.add_consumer(
                name,
                api.ConsumerConfig(
                    durable_name=CONSUMER,
                    ack_policy=api.AckPolicy.EXPLICIT,
                    ack_wait=ACKNOWLEDGE_SECONDS,
                    max_ack_pending=UNACKNOWLEDGED,
                ),
            )


def _is(failure: Exception, codes: frozenset[int]) -> bool:
    return isinstance(failure, APIError) and failure.err_code in codes


def _waits(code: str, failure: Exception) -> None:
    """Why the pieces of one subscription stay in the outbox. Raises MessagingError when it is no matter of one."""
    if _is(failure, _FULL):
        why = "its stream, or the server, is full; the subscriber should read, or give it more room"
    elif isinstance(failure, MaxPayloadError) or _is(failure, _TOO_LARGE):
        why = "a piece is larger than NATS takes; raise max_payload of the server"
    else:
        raise _away(failure) from failure
    logger.warning("pieces wait", code="push.waits", subscription=code, why=why, told=str(failure))


def _expected(outcome: BaseException) -> Exception:
    """Raises what is no answer of NATS, nor the want of one."""
    if not isinstance(outcome, (NatsError, OSError, TimeoutError)):
        raise outcome
    return outcome


def _away(error: Exception) -> MessagingError:
    return error if isinstance(error, MessagingError) else MessagingError(f"NATS: {type(error).__name__} {error}")


async def _together(turns: Iterable[Coroutine[None, None, None]]) -> None:
    """All of them to their end; the first error after that."""
    for outcome in await asyncio.gather(*turns, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
