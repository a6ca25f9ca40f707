"""uvicorn in one worker process: one event loop, a socket that was bound by somebody else, a door of our own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable, Collection
from typing import Any, cast

import uvicorn

from kruispunt.gateway.caller import MutualTlsProtocol
from kruispunt.gateway.door import Count, Door, Limits

BACKLOG = 1_024


class EdgeServer(uvicorn.Server):
    """uvicorn behind a `Door`, which accepts in its place."""

    def __init__(
        self, config: uvicorn.Config, limits: Limits, refused: Count, sources: Collection[str] | None = None
    ) -> None:
        super().__init__(config)
        self._limits = limits
        self._refused = refused
        self._sources = sources

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        self.servers = cast(
            "list[asyncio.base_events.Server]",
            [
                Door(one, self._protocol, self.config.ssl, self._limits, self._refused, self._sources)
                for one in sockets or ()
            ],
        )
        for door in cast("list[Door]", self.servers):
            door.open()
        self.started = True

    def _protocol(self) -> MutualTlsProtocol:
        return MutualTlsProtocol(self.config, self.server_state, self.lifespan.state)


def server(
    app: Any,
    context: ssl.SSLContext | None,
    grace_seconds: int,
    limits: Limits,
    refused: Count,
    sources: Collection[str] | None = None,
) -> uvicorn.Server:
    """A uvicorn server that is not started yet; without `context` it speaks plain HTTP, to a proxy."""
    config = uvicorn.Config(
        app,
        ws="none",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=cast("int", limits.idle),
        timeout_graceful_shutdown=grace_seconds,
        backlog=BACKLOG,
    )
    config.load()
    config.ssl = context
    return EdgeServer(config, limits, refused, sources)


async def serve(running: uvicorn.Server, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serves until a signal, or until standard input ends because the supervisor is gone."""
    serving = asyncio.create_task(running.serve(sockets=[listening]))
    lifeline = asyncio.create_task(_end_of_input(running))
    while not running.started and not serving.done():  # noqa: ASYNC110  uvicorn tells it by this flag only
        await asyncio.sleep(0.005)
    if running.started:
        on_ready()
    await serving
    lifeline.cancel()


async def _end_of_input(running: uvicorn.Server) -> None:
    """A worker never outlives its supervisor: the pipe to it ends with that process, however it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    running.should_exit = True
