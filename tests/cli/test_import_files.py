"""What is no file that can be read is told in a line, by every command that imports."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from kruispunt.errors import DataError
from kruispunt.registers import jsonlines


@pytest.mark.parametrize(
    "words",
    [
        ("people", "import"),
        ("repertory", "import"),
        ("repertory", "define"),
        ("data", "import", "kind"),
        ("mutations", "define"),
        ("mutations", "feed", "dimona"),
    ],
)
def test_a_directory_is_bad_input(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kruispunt.cli.main", *words, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "is a directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_breaks_off_is_told() -> None:
    """A disk that fails, or what looks like a file and is none."""

    class Broken(io.BytesIO):
        def readline(self, _size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match="the file cannot be read: Input/output error"):
        list(jsonlines.read_lines(Broken(), lambda fields: fields, jsonlines.ImportReport()))
