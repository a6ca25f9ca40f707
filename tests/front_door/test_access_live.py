"""What an operator applies is in force on every worker within seconds, without a restart (PL-08, PL-14)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bank import Bank, Got
from lxml import html
from running import Running, open_directory

from kruispunt.cli import main
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.errors import ConfigurationError
from kruispunt.services.discovery import discover

KNOWN = next(p for p in load_personas(discover(), Numbers.BAND) if p.id == "two-cards-and-a-permit")
TRIES = 100


@pytest.fixture(scope="module")
def own_bank(server: Any) -> Iterator[Bank]:
    """A bank whose access files this module may change."""
    with open_directory() as directory, Running(directory / "demo", server) as bank:
        yield bank


def access(bank: Bank, *words: str) -> int:
    result = main.app(["access", *words, "--config", str(bank.directory / "kruispunt.toml")], standalone_mode=False)
    return result if isinstance(result, int) else 0


def on_all_workers(bank: Bank, expected: Callable[[Got], bool]) -> None:
    """Waits until twenty new connections in a row, spread over both workers, are all answered as expected."""
    for _ in range(TRIES):
        if all(expected(bank.call(KNOWN)) for _ in range(20)):
            return
        time.sleep(0.1)
    pytest.fail("the change did not reach every worker")


def test_revoked_certificate_is_refused_on_all_workers(own_bank: Bank) -> None:
    file = own_bank.directory / "access" / "certificates.toml"
    before = file.read_text()
    on_all_workers(own_bank, lambda got: got.code == "MSG00000")
    file.write_text(
        before.replace('"urn:kruispunt:demo:onem"', '"urn:kruispunt:demo:onem-new"').replace(
            'certificate = "../pki/onem.pem"', f'sha256 = "{"0" * 64}"'
        )
    )
    assert access(own_bank, "diff") == 1
    assert access(own_bank, "apply", "--reason", "key lost") == 0
    on_all_workers(own_bank, lambda got: (got.code, got.information.get("reason")) == ("MSG00015", "registration"))
    file.write_text(before)
    assert access(own_bank, "apply", "--reason", "found again") == 0
    on_all_workers(own_bank, lambda got: got.code == "MSG00000")


def test_withdrawn_legal_context_is_refused_on_all_workers(own_bank: Bank) -> None:
    file = own_bank.directory / "access" / "grants" / "foreigner_situation.toml"
    before = file.read_text()
    file.write_text(before.replace("NEO:UNEMPLOYMENT", "NEO:OTHER"))
    assert access(own_bank, "apply", "--reason", "withdrawn") == 0
    on_all_workers(own_bank, lambda got: got.code == "MSG00013")
    file.write_text(before)
    assert access(own_bank, "apply", "--reason", "given back") == 0
    on_all_workers(own_bank, lambda got: got.code == "MSG00000")


def test_wrong_file_leaves_what_is_in_force(own_bank: Bank) -> None:
    file = own_bank.directory / "access" / "organisations.toml"
    before = file.read_text()
    file.write_text(before + "\n[[organisation]]\n")
    try:
        with pytest.raises(ConfigurationError, match=r"organisations\.toml"):
            access(own_bank, "apply", "--reason", "does not work")
    finally:
        file.write_text(before)
    on_all_workers(own_bank, lambda got: got.code == "MSG00000")


def test_matrix_and_history_are_shown(own_bank: Bank, capsys: pytest.CaptureFixture[str]) -> None:
    assert access(own_bank, "check") == 0
    assert access(own_bank, "matrix", "--json") == 0
    assert access(own_bank, "history") == 0
    shown = capsys.readouterr().out
    assert access(own_bank, "matrix", "--html") == 0
    page = html.fromstring(capsys.readouterr().out)
    cells = [[cell.text_content() for cell in row] for row in page.find(".//tbody")]
    assert ["demo-ocmw", "PCSA:DEBT_RECOVERY", "HandiService"] in [row[:3] for row in cells]
    assert "NEO:SOCIAL_INSPECTION" in shown
    assert "urn:kruispunt:demo:bounded: 0 a day" in shown
    assert "demo" in shown
