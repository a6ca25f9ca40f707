"""Health and metrics, in plain HTTP, on the local port only (PL-01)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn

Check = Callable[[], Awaitable[str]]
"""Empty when all is well, or what is wrong."""

METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class LocalApp:
    """`/health/live`, `/health/ready` and `/metrics`."""

    def __init__(self, ready: Check, metrics: Callable[[], bytes]) -> None:
        self._ready = ready
        self._metrics = metrics

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        kind = b"text/plain; charset=utf-8"
        if scope["method"] not in {"GET", "HEAD"}:
            status, body = 405, b"use GET\n"
        elif scope["path"] == "/health/live":
            status, body = 200, b"live\n"
        elif scope["path"] == "/health/ready":
            trouble = await self._ready()
            status, body = (503, f"{trouble}\n".encode()) if trouble else (200, b"ready\n")
        elif scope["path"] == "/metrics":
            status, body, kind = 200, self._metrics(), METRICS_TYPE
        else:
            status, body = 404, b"/health/live, /health/ready or /metrics\n"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class LocalServer(uvicorn.Server):
    """uvicorn beside the supervisor, which handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def local_server(app: LocalApp) -> LocalServer:
    return LocalServer(uvicorn.Config(app, lifespan="off", access_log=False, log_config=None, ws="none"))


def local_socket(port: int) -> socket.socket:
    """Bound to 127.0.0.1, whatever the services listen on."""
    from kruispunt.gateway.listen import listen

    return listen("127.0.0.1", port, 1, 16)[0]
