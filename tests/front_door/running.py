"""A demo in a process of its own: the very command that users run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bank import Bank

EXTRA_SERVICE = "unbuilt_service"
"""A service of the tests alone, whose contract has an operation that nobody built (PL-15)."""
START_SECONDS = 90


@contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that PostgreSQL's account can reach, which pytest's own is not for root."""
    directory = Path(tempfile.mkdtemp(prefix="kruispunt-test-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Running:
    """A demo in a process of its own, for the length of a `with`."""

    def __init__(self, directory: Path, server: Any, *more: str) -> None:
        self._directory = directory
        self._server = server
        self._more = more

    def __enter__(self) -> Bank:
        self._dsn = self._server.create() if os.environ.get("KRUISPUNT_TEST_DSN") else None
        command = [sys.executable, "-m", "kruispunt.cli.main", "demo", "--quiet", "--dir", str(self._directory)]
        command += ["--port", "0", "--local-port", "0", "--workers", "2", "--people", "200"]
        command += ["--service", EXTRA_SERVICE, *self._more]
        command += ["--dsn", self._dsn] if self._dsn else []
        here = str(Path(__file__).parent)
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((here, os.environ.get("PYTHONPATH", "")))},
            start_new_session=True,
        )
        ready = self._directory / "ready.json"
        until = time.monotonic() + START_SECONDS
        while not ready.exists() or not ready.read_text():
            assert self._process.poll() is None, "the demo ended before it was ready; its message stands above"
            assert time.monotonic() < until, "the demo was not ready in time"
            time.sleep(0.05)
        facts = json.loads(ready.read_text())
        return Bank(self._directory, facts["url"], facts["local"], self._process, self._dsn)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        if self._dsn:
            self._server.drop(self._dsn)
