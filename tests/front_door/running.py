"""A demo in a process of its own: the very command that users run."""

from __future__ import annotations

import json
import os
import pwd
import re
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


def as_account(name: str) -> dict[str, Any]:
    """Arguments for `subprocess` by which root runs a command as an account."""
    account = pwd.getpwnam(name)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class Running:
    """A demo in a process of its own, for the length of a `with`; without `server` on its embedded PostgreSQL.

    What it writes to standard error is kept in `<directory>.log`. It may be killed meanwhile.
    """

    def __init__(
        self, directory: Path, server: Any = None, *more: str, account: str | None = None, python: str = sys.executable
    ) -> None:
        self._directory = directory
        self._server = server
        self._more = more
        self._account = account
        self._python = python

    def __enter__(self) -> Bank:
        given = self._server is not None and os.environ.get("KRUISPUNT_TEST_DSN")
        self._dsn = self._server.create() if given else None
        ready = self._directory / "ready.json"
        # A server that was killed leaves it behind.
        ready.unlink(missing_ok=True)
        self._process = self._start()
        until = time.monotonic() + START_SECONDS
        while not ready.exists() or not ready.read_text():
            assert self._process.poll() is None, f"the demo ended before it was ready: {self._told()}"
            assert time.monotonic() < until, f"the demo was not ready in time: {self._told()}"
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

    def _start(self) -> subprocess.Popen[bytes]:
        command = [self._python, "-m", "kruispunt.cli.main", "demo", "--quiet", "--dir", str(self._directory)]
        command += ["--port", "0", "--local-port", "0", "--workers", "2", "--people", "200"]
        command += ["--service", EXTRA_SERVICE, *self._more]
        command += ["--dsn", self._dsn] if self._dsn else []
        here = str(Path(__file__).parent)
        who = {} if self._account is None else as_account(self._account)
        with self._directory.with_suffix(".log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join((here, os.environ.get("PYTHONPATH", "")))},
                start_new_session=True,
                **who,
            )

    def _told(self) -> str:
        return self._directory.with_suffix(".log").read_text()[-2_000:]


def check_ordinary_log(text: str) -> None:
    """What a server says: one JSON object per line, and no number, message or key of anybody in it."""
    for line in text.splitlines():
        assert json.loads(line)["event"]
        assert not re.search(r"\b[0-9]{11}\b|<[a-z]|PRIVATE KEY|Traceback", line), line
