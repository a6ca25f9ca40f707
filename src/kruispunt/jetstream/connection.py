"""A connection to NATS that is there or gone: whoever uses it begins again with a new one.

nats-py would reconnect by itself and hold messages meanwhile. Here nothing is held outside the database, so a
connection that breaks is given up, and everything that was not acknowledged is sent again from there.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from kruispunt.errors import ConfigurationError, MessagingError

_CONNECT_SECONDS: Final = 5
_PING_SECONDS: Final = 10
"""Two pings without an answer end a connection."""

logger = structlog.get_logger("push")


@dataclass(frozen=True, slots=True)
class Way:
    """Where NATS is, and as whom we come. Without a certificate there is no TLS."""

    servers: tuple[str, ...]
    """`tls://host:port` or `nats://host:port`."""
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext | None:
        """TLS 1.2 or later, both sides with a certificate. Raises ConfigurationError."""
        if self.ca is None or self.certificate is None or self.key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        try:
            context.load_verify_locations(self.ca)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"TLS cannot use {self.ca}, {self.certificate} or {self.key}: {error}") from error
        return context


@asynccontextmanager
async def connected(way: Way, name: str) -> AsyncIterator[Client]:
    """A connection to the first of the servers that answers. Raises MessagingError when none does, and when it is lost:
    then whatever is waited for inside is given up at once, as by a time limit.
    """
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    before, inside, lost = task.cancelling(), False, False

    async def give_up() -> None:
        nonlocal lost
        if inside:
            lost = True
            task.cancel()

    client = await _first(way.servers, way.context(), name, give_up)
    try:
        inside = True
        yield client
    except asyncio.CancelledError:
        if lost:
            task.uncancel()
        if task.cancelling() > before:
            raise  # it was not us
        raise MessagingError("the connection to NATS was lost") from None
    finally:
        inside = False
        await client.close()


async def _first(
    servers: Sequence[str], context: ssl.SSLContext | None, name: str, closed: Callable[[], Awaitable[None]]
) -> Client:
    why = "no server is named"
    for server in servers:
        client = Client()
        try:
            await client.connect(
                server,
                name=name,
                tls=context,
                allow_reconnect=False,
                connect_timeout=_CONNECT_SECONDS,
                ping_interval=_PING_SECONDS,
                error_cb=_tell,
                closed_cb=closed,
                # A server names others of its cluster; only those of the settings are connected to.
                dont_randomize=True,
            )
        except (OSError, TimeoutError, NatsError, ValueError) as error:
            why = f"{server}: {type(error).__name__} {error}".strip()
            await client.close()
            continue
        return client
    raise MessagingError(f"NATS cannot be reached: {why}")


async def _tell(error: Exception) -> None:
    """What the client would print with a traceback; whoever waits for an answer gets an error of its own."""
    logger.debug("nats", why=f"{type(error).__name__} {error}".strip())
