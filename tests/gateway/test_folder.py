"""Directories of metrics: what a server that was killed left behind goes, what is in use stays (PL-40)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kruispunt.gateway import folder
from kruispunt.gateway.folder import PREFIX, Folder

HOLD = "import sys; from kruispunt.gateway.folder import Folder; print(Folder().path, flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def other(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(parent)},
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_server_left_is_removed_and_nothing_else(parent: Path) -> None:
    killed, left = other(parent)
    (left / "counter_1.db").write_bytes(b"1")
    running, used = other(parent)
    (parent / "kruispunt-other").mkdir()
    (parent / f"{PREFIX}link").symlink_to(parent / "kruispunt-other")
    (parent / f"{PREFIX}file").touch()
    ours = Folder()
    heir = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    killed.kill()
    killed.communicate()
    second = Folder()
    there = {left, used, ours.path, second.path, parent / "kruispunt-other", *parent.glob(f"{PREFIX}[lf]i*")}
    assert {path for path in there if path.exists()} == there - {left}
    assert used.parent == parent
    ours.remove()
    second.remove()
    assert not ours.path.exists()
    assert used.exists()
    running.communicate("")
    heir.communicate(b"\n")


def test_those_of_other_accounts_stay(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (parent / f"{PREFIX}theirs").mkdir()
    us = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    folder._remove_abandoned()
    assert (parent / f"{PREFIX}theirs").exists()
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(parent))
    folder._remove_abandoned()
    assert not (parent / f"{PREFIX}theirs").exists()


def test_one_that_is_taken_for_abandoned_while_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server looks between the making of a directory and its lock."""
    looks = [folder._remove_abandoned]
    lock = folder._lock

    def locked(path: Path) -> int | None:
        if looks:
            looks.pop()()
            assert not path.exists()
        return lock(path)

    monkeypatch.setattr(folder, "_lock", locked)
    made = Folder.__new__(Folder)
    made.path, made._lock = folder._make()
    assert made.path.exists()
    made.remove()
