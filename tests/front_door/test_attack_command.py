"""`kruispunt attack` against the demo: the report of the documentation is what it writes, word for word."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bank import Bank

from documentation import ROOT

PAGE = ROOT / "docs" / "reference" / "attack-report.md"
WRITE = bool(os.environ.get("KRUISPUNT_WRITE_EXAMPLES"))
"""Set it to renew the page from the running server; then read what changed, as any other change."""


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kruispunt.cli.main", "attack", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_zero_pass_and_the_page_is_what_the_command_writes(bank: Bank, tmp_path: Path) -> None:
    """Without ticket, time or address in it: everybody's demo gives the same page."""
    file = tmp_path / "report.md"
    done = command("--dir", bank.directory, "--target", bank.url, "--report", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 passed" in done.stdout
    assert "wrapping" in done.stderr
    if WRITE:
        shutil.copy(file, PAGE)
    assert file.read_text() == PAGE.read_text()


def test_one_family_as_json_and_as_html(bank: Bank, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = command("--dir", bank.directory, "--family", "key-info", "--family", "clock", "--json", "--report", file)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["passed"] == 0
    assert told["attacks"] == told["held"] == len(told["results"]) > 50
    assert {result["family"] for result in told["results"]} == {"key-info", "clock"}
    assert "<h2>clock</h2>" in file.read_text()


def test_certificates_of_ones_own(bank: Bank, tmp_path: Path) -> None:
    """As the how-to page says: a directory of files, and a question. What needs a file that is absent is left out."""
    for ours, theirs in (("client", "onem"), ("platform", "signing"), ("other", "tester"), ("issuer", "ca")):
        for kind in (".pem", ".key"):
            shutil.copy(bank.pki / f"{theirs}{kind}", tmp_path / f"{ours}{kind}")
    shutil.copy(bank.pki / "ca.pem", tmp_path / "ca.pem")
    asked = {"--organisation": "0206737484", "--legal-context": "NEO:UNEMPLOYMENT"}
    numbers = {"--ssin": persona("two-cards-and-a-permit"), "--other-ssin": persona("incomplete-dates")}
    words = [word for pair in (asked | numbers).items() for word in pair]
    # The other families need nothing that these do not.
    done = command("--pki", tmp_path, "--target", bank.url, "--family", "tls", "--family", "signer", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out  tls/stranger: needs a trusted certificate that nobody registered" in done.stdout
    assert " 0 passed; " in done.stdout
    wrong = command("--pki", tmp_path, "--target", bank.url, *words[:-1], "00000000000")
    assert wrong.returncode == 1
    assert "proves nothing" in wrong.stderr


def persona(name: str) -> str:
    from attacker import PERSONAS

    return PERSONAS[name].ssin or ""


def test_what_cannot_be_done_is_said(bank: Bank, tmp_path: Path) -> None:
    for words, said in (
        (("--target", "https://192.0.2.1:4520"), "not on the loopback interface"),
        (("--target", "http://localhost:4520"), "is no https address"),
        (("--report", tmp_path / "report.pdf"), "must end in .md or .html"),
        (("--report", tmp_path / "absent" / "report.md"), "a directory that is there"),
        (("--pki", tmp_path), "--organisation"),
    ):
        done = command("--dir", bank.directory, *words)
        assert done.returncode == 2, done.stdout
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert command("--dir", tmp_path).returncode == 2


def test_the_list_needs_no_server() -> None:
    listed = command("--list")
    assert listed.returncode == 0
    assert "wrapping/body-to-header-before-same-id" in listed.stdout
    assert "injection/" in listed.stdout
