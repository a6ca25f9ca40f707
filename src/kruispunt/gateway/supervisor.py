"""One process per core on one port; the supervisor starts, watches, restarts and stops them.

A worker that cannot start when the server does ends the server: its settings are wrong. One that could once is tried
again for as long as it takes, while the others serve: a file that was replaced badly must not end what runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog

from kruispunt.errors import ConfigurationError
from kruispunt.gateway.behind import check_listening, listen_unix, prove_closed_behind
from kruispunt.gateway.endings import Endings
from kruispunt.gateway.folder import Folder
from kruispunt.gateway.listen import listen
from kruispunt.gateway.local import LocalApp, local_server, local_socket
from kruispunt.gateway.metrics import DIRECTORY, exposition, forget_worker
from kruispunt.gateway.server import BACKLOG
from kruispunt.gateway.tls import prove_closed
from kruispunt.gateway.undelivered import Undelivered
from kruispunt.settings import Settings

logger = structlog.get_logger("supervisor")

START_SECONDS = 30.0
RESTART_SECONDS = 1.0
READY = b"ready\n"


@dataclass(slots=True)
class _Worker:
    number: int
    socket: socket.socket
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    served: bool = False
    """Whether it was ever ready."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running server listens."""

    url: str
    local_url: str


class Supervisor:
    """Runs the workers of one server until a signal arrives.

    `command` starts a worker: it reads one JSON line from its standard input and answers `ready`.
    """

    def __init__(
        self, settings: Settings, dsn: str, command: Sequence[str], extra: dict[str, Any] | None = None
    ) -> None:
        self._settings = settings
        self._dsn = dsn
        self._command = tuple(command)
        self._extra = extra or {}
        self._workers: list[_Worker] = []
        self._stopping = asyncio.Event()
        self._folder = Folder()
        self._metrics = self._folder.path
        self._failure: Exception | None = None

    def stop(self) -> None:
        """As a signal would: `run` returns when the workers are done."""
        self._stopping.set()

    async def run(self, on_ready: Callable[[Addresses], None]) -> None:
        """Returns after a clean stop. Raises ConfigurationError when the server cannot start."""
        with _signals(self._stopping.set):
            await self._run(on_ready)
        if self._failure is not None:
            raise self._failure

    async def _run(self, on_ready: Callable[[Addresses], None]) -> None:
        settings = self._settings
        try:
            sockets = _sockets(settings)
            local = local_socket(settings.local_port)
            local_port = local.getsockname()[1]
            self._workers = [_Worker(i, s) for i, s in enumerate(sockets)]
            watching = [asyncio.create_task(self._keep_running(w)) for w in self._workers]
            endings = Endings()
            following = asyncio.create_task(endings.follow(settings, self._dsn), name="ends of certificates")
            undelivered = Undelivered()
            counting = asyncio.create_task(undelivered.follow(settings, self._dsn), name="files that wait")
            health = local_server(LocalApp(self._trouble, lambda: exposition(self._metrics, endings, undelivered)))
            serving_health = asyncio.create_task(health.serve(sockets=[local]))
            try:
                await self._until_ready()
                if not self._stopping.is_set():
                    url = await asyncio.to_thread(_prove, settings, sockets[0])
                    on_ready(Addresses(url, f"http://127.0.0.1:{local_port}"))
                await self._stopping.wait()
            finally:
                self._stopping.set()
                following.cancel()
                counting.cancel()
                for worker in self._workers:
                    # Who connects from now on is refused at once, instead of waiting for a server that ends.
                    worker.socket.close()
                await asyncio.gather(*watching, return_exceptions=True)
                health.should_exit = True
                await serving_health
        finally:
            self._folder.remove()
            if settings.proxy_socket is not None and self._workers:
                settings.proxy_socket.unlink(missing_ok=True)

    async def _until_ready(self) -> None:
        ready = asyncio.gather(*(w.ready.wait() for w in self._workers))
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait((ready, stopping), timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ready not in done:
            ready.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ready
            if not self._stopping.is_set():
                self._failure = ConfigurationError(f"the workers were not ready within {START_SECONDS:.0f} seconds")
                self._stopping.set()

    async def _keep_running(self, worker: _Worker) -> None:
        """Starts a worker anew when it dies; its socket stays open here, so waiting connections are not lost."""
        while not self._stopping.is_set():
            process = await self._start(worker)
            reading = asyncio.create_task(self._read_ready(worker, process))
            exited = asyncio.create_task(process.wait())
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait((exited, stopping), return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not exited.done():
                await self._stop(process)
                await exited
            reading.cancel()
            forget_worker(self._metrics, process.pid)
            if self._stopping.is_set():
                return
            worker.served = worker.served or worker.ready.is_set()
            if not worker.served:
                self._failure = ConfigurationError("a worker could not start; its message stands above")
                self._stopping.set()
                return
            worker.ready.clear()
            logger.error("a worker died and is started again", worker=worker.number, code=process.returncode)
            await asyncio.sleep(RESTART_SECONDS)

    async def _start(self, worker: _Worker) -> asyncio.subprocess.Process:
        descriptor = worker.socket.fileno()
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(descriptor,),
            env={**os.environ, DIRECTORY: str(self._metrics)},
            start_new_session=True,
        )
        job = {"settings": self._settings.to_json(), "dsn": self._dsn, "socket": descriptor, **self._extra}
        assert process.stdin is not None
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            process.stdin.write(json.dumps(job).encode() + b"\n")
            await process.stdin.drain()
        worker.process = process
        return process

    async def _read_ready(self, worker: _Worker, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            if line == READY:
                worker.ready.set()
            else:
                sys.stdout.buffer.write(line)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self._settings.grace_seconds + 5):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _trouble(self) -> str:
        """What keeps the server from being ready; empty when nothing does."""
        waiting = [w.number for w in self._workers if not w.ready.is_set()]
        if waiting:
            return f"{len(waiting)} of {len(self._workers)} workers are not ready"
        try:
            connection = await asyncpg.connect(self._dsn, timeout=2, command_timeout=2)
            try:
                await connection.fetchval("select 1")
            finally:
                await connection.close(timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"the database is away: {type(error).__name__}"
        return ""


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `stop`; afterwards they do what they did before, which also ends cleanly."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _sockets(settings: Settings) -> list[socket.socket]:
    """One listening socket for each worker. Raises ConfigurationError."""
    if settings.proxy_socket is not None:
        return listen_unix(settings.proxy_socket, settings.workers, BACKLOG)
    if settings.behind_proxy:
        check_listening(settings.host, settings.proxy_addresses)
    return listen(settings.host, settings.port, settings.workers, BACKLOG)


def _prove(settings: Settings, listening: socket.socket) -> str:
    """Where the server listens, after the proof that a stranger gets nothing there. Raises ConfigurationError."""
    path = settings.proxy_socket
    if path is not None:
        prove_closed_behind(lambda: _connect_unix(str(path)), settings.proxy_header)
        return f"unix:{path}"
    host, port = _reachable(settings.host), listening.getsockname()[1]
    if settings.behind_proxy:
        prove_closed_behind(lambda: socket.create_connection((host, port), 5), settings.proxy_header)
        return f"http://{_named(settings.host)}:{port}"
    prove_closed(host, port)
    return f"https://{_named(settings.host)}:{port}"


def _connect_unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(path)
    return connection


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _named(host: str) -> str:
    """The name that the demo certificate and most clients use for the loopback interface."""
    host = _reachable(host)
    if host in {"127.0.0.1", "::1"}:
        return "localhost"
    return f"[{host}]" if ":" in host else host
