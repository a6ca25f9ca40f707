"""Reading the pieces of one subscription, as its subscriber.

Needs no more rights than to ask for the next messages of the one consumer, to acknowledge them, and to hear the answers
(docs/how-to/push-mutations.md): nothing is looked up or made.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from nats.errors import Error as NatsError

from kruispunt.errors import MessagingError
from kruispunt.jetstream.pieces import CONSUMER, stream

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from kruispunt.settings import Environment

MOST: Final = 256
"""Messages that are asked for at a time."""
_PATIENCE_SECONDS: Final = 15.0
"""For an answer, beyond what the server was told to wait."""
_STATUS: Final = "Status"
_NOTHING: Final = frozenset({"404", "408"})


class Reader:
    """The messages of one subscription, over one connection."""

    def __init__(self, client: Client, subscription: Subscription, inbox: str, name: str) -> None:
        self._client = client
        self._subscription = subscription
        self._inbox = inbox
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{name}.{CONSUMER}"

    async def read(self, seconds: float = 0.0) -> list[Msg]:
        """What is there; if nothing is, the first that comes within so many seconds. Raises MessagingError.

        Messages that are not acknowledged within the consumer's time come again, in any order.
        """
        found = await self._ask({"batch": MOST, "no_wait": True}, 0.0, MOST)
        if found or seconds <= 0:
            return found
        return await self._ask({"batch": 1, "expires": int(seconds * 1e9)}, seconds, 1)

    async def acknowledge(self, messages: list[Msg]) -> None:
        """The subscriber has these for good. Raises MessagingError."""
        try:
            for message in messages:
                await message.ack()
            await self._client.flush(int(_PATIENCE_SECONDS))
        except (NatsError, OSError, TimeoutError) as error:
            raise _away(error) from error

    async def _ask(self, request: dict[str, object], seconds: float, most: int) -> list[Msg]:
        found: list[Msg] = []
        try:
            await self._client.publish(self._next, json.dumps(request).encode(), reply=self._inbox)
            while len(found) < most:
                message = await self._subscription.next_msg(seconds + _PATIENCE_SECONDS)
                status = (message.headers or {}).get(_STATUS)
                if status is None:
                    found.append(message)
                elif status in _NOTHING:
                    break
                else:
                    raise MessagingError(f"NATS refuses to deliver: {status} {message.headers}")
        except (NatsError, OSError, TimeoutError) as error:
            raise _away(error) from error
        return found


@asynccontextmanager
async def reading(client: Client, environment: Environment, code: str) -> AsyncIterator[Reader]:
    """A reader of one subscription."""
    inbox = client.new_inbox()
    try:
        subscription = await client.subscribe(inbox)
    except (NatsError, OSError) as error:
        raise _away(error) from error
    yield Reader(client, subscription, inbox, stream(environment, code))


def _away(error: Exception) -> MessagingError:
    return MessagingError(f"NATS: {type(error).__name__} {error}")
