"""NATS for tests: the real server, alone or as a cluster of three, stopped, killed and started again."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

GENEROUS_SECONDS = 120.0
PROGRAM = Path(sys.executable).with_name("nats-server")


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all of them open together, so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Nats:
    """One server; what it holds stays in `directory` when it ends."""

    def __init__(self, directory: Path, port: int, more: str = "", name: str = "one", maximum: str = "1GB") -> None:
        self.port = port
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._file = directory / "nats.conf"
        self._file.write_text(
            f'listen: "127.0.0.1:{port}"\nserver_name: "{name}"\n'
            f'jetstream {{ store_dir: "{directory}", max_file_store: {maximum} }}\n{more}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.directory / "nats.log").open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", str(self._file)], stderr=log, stdout=log)
        end = time.monotonic() + GENEROUS_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, (self.directory / "nats.log").read_text()
                assert time.monotonic() < end
                time.sleep(0.02)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(GENEROUS_SECONDS)
            self._process = None


@contextmanager
def alone(directory: Path, more: str = "", maximum: str = "1GB") -> Iterator[Nats]:
    """A server that is running."""
    nats = Nats(directory, free_ports(1)[0], more, maximum=maximum)
    nats.start()
    try:
        yield nats
    finally:
        nats.kill()


@contextmanager
def cluster(directory: Path) -> Iterator[list[Nats]]:
    """Three servers that hold the same; one may fail."""
    ports = free_ports(6)
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports[3:])
    servers = [
        Nats(
            directory / f"{place}",
            ports[place],
            f'cluster {{ name: "test", listen: "127.0.0.1:{ports[3 + place]}", routes: [{routes}] }}',
            name=f"server-{place}",
        )
        for place in range(3)
    ]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


async def until(condition: object) -> None:
    """Wait until an awaitable of a truth, asked again and again, says yes."""
    end = time.monotonic() + GENEROUS_SECONDS
    while not await condition():  # type: ignore[operator]
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
