"""The tutorial's program, run as it stands against a running bank."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bank import Bank

from documentation import ROOT, blocks

PAGE = ROOT / "docs" / "tutorial" / "first-call.md"
ADDRESS = '"https://localhost:4520"'
DIRECTORY = 'Path.home() / ".local/share/kruispunt/demo/pki"'
PRINTED = "EC-2018-0451 2018-03-01 9999-00-00\nEC-2021-1187 2021-09-15 2023-09-14\n"


def program(bank: Bank) -> str:
    """All Python blocks of the page in their order, with this bank's address and directory."""
    text = "\n".join(block.text for block in blocks(PAGE, "python"))
    assert text.count(ADDRESS) == text.count(DIRECTORY) == 1
    return text.replace(ADDRESS, repr(bank.url)).replace(DIRECTORY, f"Path({str(bank.pki)!r})")


def run(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KRUISPUNT_")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def test_the_tutorial_does_what_it_says(bank: Bank, tmp_path: Path) -> None:
    done = run(program(bank), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(PRINTED)
    assert blocks(PAGE, "text")[0].text == PRINTED
    told = done.stdout.removeprefix(PRINTED).splitlines()
    assert [line.split()[0] for line in told] == ["ticket", "MSG00004", "2019-02-10"]
    assert len(bank.logged(told[0].split()[-1])) == 2


def test_the_tutorial_trusts_no_other_bank(bank: Bank, tmp_path: Path) -> None:
    """The plug-in of the page refuses a reply that another certificate than the pinned one signed."""
    code = program(bank).replace('trusted=pki / "signing.pem"', 'trusted=pki / "vdab.pem"')
    done = run(code, tmp_path)
    assert done.returncode != 0
    assert "ReplyNotTrusted" in done.stderr


@pytest.mark.parametrize("language", ["console", "python"])
def test_the_page_has_both(language: str) -> None:
    assert blocks(PAGE, language)
