"""A start that SIGTERM ends, as a service manager or a container does it, leaves nothing running (PL-41)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bank import Bank
from processes import PROC, command, wait_until
from running import open_directory
from serving import COMMAND, Serving, environment

DEMO = [sys.executable, "-m", "kruispunt.cli.main", "demo", "--quiet", "--port", "0", "--local-port", "0", "--dir"]


def demo(_bank: Bank, folder: Path) -> list[str]:
    return [*DEMO, str(folder)]


def serve(bank: Bank, folder: Path) -> list[str]:
    return [*COMMAND, str(Serving(bank, folder, dsn=None, data_dir=folder / "postgres")._file)]


def being_made(database: Path) -> bool:
    return (database / "data.part" / "PG_VERSION").exists()


def running(database: Path) -> bool:
    """It lets us in: what comes next are its tables."""
    file = database / "data" / "postmaster.pid"
    return file.exists() and "ready" in file.read_text()


def left(folder: Path) -> list[int]:
    """Processes that name the folder in their command."""
    numbers = [int(path.name) for path in PROC.glob("[0-9]*")]
    return [number for number in numbers if str(folder) in command(number)]


@pytest.mark.parametrize("moment", [being_made, running])
@pytest.mark.parametrize("what", [demo, serve])
def test_nothing_is_left(bank: Bank, what: Callable[[Bank, Path], list[str]], moment: Callable[[Path], bool]) -> None:
    with open_directory() as parent:
        folder = parent / "bank"
        starting = subprocess.Popen(
            what(bank, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
        )
        wait_until(lambda: moment(folder / "postgres") or starting.poll() is not None, "the start to begin")
        try:
            starting.terminate()
            _, said = starting.communicate(timeout=60)
            assert starting.returncode == 143, said
            assert b"Traceback" not in said
            wait_until(lambda: not left(parent), "all of it to end")
        finally:
            for one in left(parent):
                os.kill(one, signal.SIGQUIT)
