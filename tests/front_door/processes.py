"""The processes of a running server, and which of them holds which connection, as Linux tells it in /proc."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bank import Bank

    from kruispunt.client.transport import Connection

PROC = Path("/proc")
CONTRACT = "/ForeignerSituationService/v1/consult?wsdl"


def children(process: int) -> list[int]:
    """The processes that `process` started and that still run, by number."""
    return sorted(number for number, parent in _parents() if parent == process)


def family(process: int) -> list[int]:
    """A process and everything below it."""
    return [process, *(one for child in children(process) for one in family(child))]


def workers(supervisor: int) -> list[int]:
    """The gateway's worker processes."""
    return [number for number in children(supervisor) if "kruispunt.cli.worker" in command(number)]


@contextmanager
def one_connection_per_worker(bank: Bank, client: str = "onem") -> Iterator[list[Connection]]:
    """TLS connections until the kernel has given one to each of two workers."""
    waiting = workers(bank.process.pid)
    assert len(waiting) == 2
    found: list[Connection] = []
    with ExitStack() as stack:
        while waiting:
            connection = stack.enter_context(bank.connect(client))
            assert connection.get(CONTRACT)[0] == 200
            assert connection._connection.sock is not None
            worker = holder(connection._connection.sock, workers(bank.process.pid))
            if worker in waiting:
                waiting.remove(worker)
                found.append(connection)
        yield found


def command(process: int) -> str:
    """The command line; empty for a process that is gone."""
    try:
        return (PROC / str(process) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def holder(connection: socket.socket, candidates: list[int]) -> int:
    """Which of these processes has the other end of a TCP connection on this machine."""
    ours, theirs = connection.getsockname()[1], connection.getpeername()[1]
    inode = _inode(local=theirs, remote=ours)
    return next(process for process in candidates if inode in _sockets(process))


def kill(processes: list[int]) -> None:
    """Each at once and without warning, as a loss of power does; the parents first, so that nobody starts one anew."""
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds:g} s: {what}"
        time.sleep(0.05)


def _parents() -> Iterator[tuple[int, int]]:
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        state, parent = text[text.rindex(")") + 2 :].split()[:2]
        if state != "Z":
            yield int(stat.parent.name), int(parent)


def _inode(local: int, remote: int) -> str:
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if [int(end.split(":")[1], 16) for end in fields[1:3]] == [local, remote]:
            return fields[9]
    raise AssertionError(f"no connection from port {remote} to port {local}")


def _sockets(process: int) -> set[str]:
    found = set()
    for descriptor in (PROC / str(process) / "fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found
