"""What commands say reaches a terminal of any character set, as ISO-8859-1 of older Belgian locales."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PERSONAS = ("persona", "list")
NAMES = ("phonetic", "Łucja")


def said(encoding: str, *words: str) -> str:
    """What a command printed with that encoding of standard output, which must be all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", "kruispunt.cli.main", *words],
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "200"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done.stdout.decode(encoding if encoding != "ascii" else "utf-8")


@pytest.mark.parametrize("encoding", ["iso-8859-1", "ascii"])
@pytest.mark.parametrize("words", [("--help",), PERSONAS, NAMES], ids=" ".join)
def test_what_a_terminal_cannot_show_is_escaped(encoding: str, words: tuple[str, ...]) -> None:
    shown = said(encoding, *words)
    assert len(shown) > 100
    assert "Traceback" not in shown


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "ascii"])
@pytest.mark.parametrize("words", [PERSONAS, NAMES], ids=" ".join)
def test_json_is_json_and_says_the_same(encoding: str, words: tuple[str, ...]) -> None:
    found = said(encoding, *words, "--json")
    assert json.loads(found) == json.loads(said("utf-8", *words, "--json"))
    assert found.isascii() == (encoding != "utf-8")
