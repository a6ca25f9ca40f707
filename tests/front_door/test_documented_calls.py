"""What pages show for the demo, done in a running one: calls of services, and a file of inscriptions (RP-08, PL-27)."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from bank import Bank

from documentation import ROOT, blocks, name_of

PAGES = sorted(ROOT.glob("src/kruispunt/services/*/README.md"))
HOW_TO = ROOT / "docs" / "how-to" / "load-a-file-of-inscriptions.md"
PKI = "~/.local/share/kruispunt/demo/pki  # for root /var/lib/kruispunt/demo/pki"
DEMO_CALLS = [
    pytest.param(line[2:], id=f"{page.parent.name}-{line.split()[4]}")
    for page in PAGES
    for block in blocks(page, "console")
    for line in block.text.splitlines()
    if line.startswith("$ kruispunt call ")
]


def surroundings(bank: Bank) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KRUISPUNT_")}
    return kept | {
        "KRUISPUNT_CONFIG": str(bank.directory / "kruispunt.toml"),
        "KRUISPUNT_DEMO_DIR": str(bank.directory),
    }


@pytest.mark.parametrize("line", DEMO_CALLS)
def test_the_calls_of_the_services_pages_have_an_answer(bank: Bank, line: str) -> None:
    words = [sys.executable, "-m", "kruispunt.cli.main", *shlex.split(line)[1:], "--json"]
    done = subprocess.run(words, env=surroundings(bank), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["code"] in ("MSG00000", "", None), answer


def test_rp_08_the_file_of_the_how_to_is_loaded(bank: Bank, tmp_path: Path) -> None:
    (file,) = blocks(HOW_TO, "csv")
    (tmp_path / file.title).write_text(file.text, encoding="utf-8")
    (block,) = blocks(HOW_TO, "sh")
    assert PKI in block.text, name_of(HOW_TO)
    program = tmp_path / "kruispunt"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m kruispunt.cli.main "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-e", "-c", block.text.replace(PKI, str(bank.pki))],
        cwd=tmp_path,
        env=surroundings(bank) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2 lines done, 0 unchanged, 0 refused." in done.stdout
    assert "GUIDANCE" in done.stdout.splitlines()[-1]
