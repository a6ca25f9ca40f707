"""CONTRIBUTING's new service, made in a copy of the repository by following the page word by word."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from documentation import ROOT, blocks

PAGE = ROOT / "CONTRIBUTING.md"
SERVICE = "src/kruispunt/services/loud_echo"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("src", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(copy: Path, *command: str) -> str:
    """A command in the copy, with the copy's package and this environment's interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_service_is_one_new_folder(copy: Path) -> None:
    contract, examples = blocks(PAGE, "sh")
    run(copy, "sh", "-eu", "-c", contract.text)
    for block in (*blocks(PAGE, "python"), *blocks(PAGE, "toml")):
        assert block.title.startswith(SERVICE)
        (copy / block.title).write_text(block.text, encoding="utf-8")
    module = (sys.executable, "-m", "kruispunt.cli.main")
    assert "The text to repeat." in run(copy, *module, "call", "loud-echo", "send-test-message", "--help")
    assert "call loud-echo send-test-message" in run(copy, *module, "persona", "list", "--json")

    assert examples.text.startswith("KRUISPUNT_WRITE_EXAMPLES=1 python -m pytest")
    assert " passed" in run(copy, "sh", "-eu", "-c", examples.text)
    reply = (copy / SERVICE / "examples" / "loud-echo.reply.xml").read_text(encoding="utf-8")
    assert "<echo>ANYBODY THERE?</echo>" in reply
    assert not (ROOT / SERVICE).exists(), "the copy alone was changed"


def test_the_files_of_the_page_are_whole() -> None:
    """What the table of files promises, the page shows."""
    titles = {Path(block.title).name for block in (*blocks(PAGE, "python"), *blocks(PAGE, "toml"))}
    assert titles == {"messages.py", "handler.py", "service.py", "personas.toml"}
