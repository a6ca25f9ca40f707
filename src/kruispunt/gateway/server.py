"""uvicorn in one worker process: mutual TLS, one event loop, a socket that was bound by somebody else."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

from kruispunt.gateway.caller import MutualTlsProtocol

KEEP_ALIVE_SECONDS = 75
CONCURRENCY_LIMIT = 1_000
"""Requests and connections of one worker; beyond it uvicorn answers 503."""
BACKLOG = 1_024


def server(app: Any, context: ssl.SSLContext, grace_seconds: int) -> uvicorn.Server:
    """A uvicorn server that is not started yet."""
    config = uvicorn.Config(
        app,
        http=MutualTlsProtocol,
        ws="none",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
        limit_concurrency=CONCURRENCY_LIMIT,
        backlog=BACKLOG,
    )
    config.load()
    config.ssl = context
    return uvicorn.Server(config)


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
