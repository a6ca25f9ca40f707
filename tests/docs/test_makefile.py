"""What `make` says before it runs anything: which Python there is, and whose virtual environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from documentation import ROOT


def make(folder: Path, *words: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    done = subprocess.run(
        ["make", "--no-print-directory", f"PYTHON={sys.executable}", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_folder_that_was_moved_or_copied_does_not_run_what_stands_elsewhere(tmp_path: Path) -> None:
    before, after = tmp_path / "before it moved", tmp_path / "after"
    before.mkdir()
    shutil.copy(ROOT / "Makefile", before)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=before, check=True)
    assert make(before, "python") == (0, "")
    shutil.copytree(before, after, symlinks=True)
    code, said = make(after, "python")
    assert code == 2
    assert f".venv was made as {before}/.venv and would run what stands there" in said
    assert "make clean" in said
    assert make(after, "clean") == (0, "")
    assert make(after, "python") == (0, "")
    assert make(before, "python") == (0, "")


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    code, said = make(tmp_path, "python", "PYTHON=python3.99")
    assert code == 2
    assert "There is no python3.99 here." in said
