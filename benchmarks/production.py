"""The whole server: `kruispunt serve` as an operator starts it, and what it costs in processor time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.ground import Ground
from benchmarks.processes import cpu_seconds, own_seconds

FIRST_RATE = 1_000
"""Exchanges a second that the first stretch is prepared for."""
SPARE = 1.3
"""Messages that are prepared beyond those that the last stretch used."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One measured stretch."""

    exchanges: int
    seconds: float
    cpu: Mapping[str, float]
    """Processor time in seconds of `workers`, `supervisor`, `postgres` and, apart from what is counted, `load`."""
    p50: float
    """Of the wall-clock time between sending a request and having its reply, in ms."""
    p99: float

    @property
    def cpu_microseconds(self) -> float:
        """Of one exchange: everything but the load generator."""
        return sum(self.microseconds(part) for part in self.cpu if part != "load")

    def microseconds(self, part: str) -> float:
        return self.cpu[part] / self.exchanges * 1e6


class Production:
    """A running server of so many workers."""

    def __init__(self, ground: Ground, process: subprocess.Popen[str], url: str) -> None:
        self._ground = ground
        self._process = process
        self._url = url
        self._rates: dict[int, float] = {}
        self._postmaster = int((ground.directory.postgres / "data" / "postmaster.pid").read_text().split("\n")[0])

    def measure(self, connections: int, seconds: float) -> Cost:
        """Messages are signed and connections made before the stretch begins; each message is sent once."""
        messages = int(self._rates.get(connections, FIRST_RATE) * seconds * SPARE)
        job = {
            "url": self._url,
            "pki": str(self._ground.directory.pki),
            "people": dict(self._ground.people),
            "connections": connections,
            "messages": messages,
            "seconds": seconds,
        }
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as load:
            assert load.stdin is not None
            assert load.stdout is not None
            load.stdin.write(json.dumps(job) + "\n")
            load.stdin.flush()
            assert load.stdout.readline() == "ready\n", "the load generator could not prepare; see above"
            before = self._cpu(load.pid)
            load.stdin.write("go\n")
            load.stdin.flush()
            load.stdout.readline()
            after = self._cpu(load.pid)
            load.stdin.write("end\n")
            load.stdin.flush()
            told: dict[str, Any] = json.loads(load.stdout.readline())
        self._rates[connections] = told["exchanges"] / told["seconds"]
        return Cost(cpu={part: after[part] - before[part] for part in after}, **told)

    def _cpu(self, load: int) -> dict[str, float]:
        supervisor = own_seconds(self._process.pid)
        return {
            "workers": cpu_seconds(self._process.pid) - supervisor,
            "supervisor": supervisor,
            "postgres": cpu_seconds(self._postmaster),
            "load": cpu_seconds(load),
        }


@contextmanager
def serving(ground: Ground, workers: int) -> Iterator[Production]:
    """`kruispunt serve` with so many workers, until the end of the `with`."""
    command = [sys.executable, "-m", "kruispunt.cli.main", "serve", "--config", str(ground.settings_file(workers))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Production(ground, process, _address(process))
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    """The server tells its address in its log when it is ready."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if '"event": "ready"' in line:
            address: str = json.loads(line)["url"]
            return address
    raise RuntimeError("the server did not start: " + "".join(told))
