"""What an operator applies is in force on every worker within seconds, without a restart (PL-08, PL-14)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
from bank import Bank, Got
from lxml import html
from processes import one_connection_per_worker
from running import Running, open_directory

from kruispunt.cli import main
from kruispunt.cli.opening import dsn_of
from kruispunt.demo.directory import DemoDirectory
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.services.discovery import discover
from kruispunt.settings_read import load
from kruispunt.xml.namespaces import SOAP_ACTION

KNOWN = next(p for p in load_personas(discover(), Numbers.BAND) if p.id == "two-cards-and-a-permit")
TRIES = 100
ACTION = f"{SOAP_ACTION}{KNOWN.service.name}/{KNOWN.operation.name}"


@pytest.fixture(scope="module")
def own_bank(server: Any) -> Iterator[Bank]:
    """A bank whose access files this module may change."""
    with open_directory() as directory, Running(directory / "demo", server) as bank:
        yield bank


def access(bank: Bank, *words: str) -> int:
    result = main.app(["access", *words, "--config", str(bank.directory / "kruispunt.toml")], standalone_mode=False)
    return result if isinstance(result, int) else 0


def on_all_workers(bank: Bank, expected: Callable[[Got], bool]) -> None:
    """Waits until a request to each of both workers is answered as expected."""
    for _ in range(TRIES):
        with one_connection_per_worker(bank) as connections:
            answers = [Got(*c.post(KNOWN.service.path, ACTION, bank.message(KNOWN))) for c in connections]
        if all(map(expected, answers)):
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


def test_withdrawn_repertory_line_is_refused_on_all_workers(own_bank: Bank) -> None:
    """MSG00012 (PL-20): no worker remembers lines. No command takes one away, so the table itself is changed."""
    on_all_workers(own_bank, lambda got: got.code == "MSG00000")
    lines = in_database(own_bank, "delete from inscription where ssin = $1 returning *", to_int(Ssin(KNOWN.ssin or "")))
    assert lines
    on_all_workers(own_bank, lambda got: got.code == "MSG00012")
    for line in lines:
        places = ", ".join(f"${number}" for number in range(1, len(line) + 1))
        in_database(own_bank, f"insert into inscription values ({places})", *line)
    on_all_workers(own_bank, lambda got: got.code == "MSG00000")


def in_database(bank: Bank, statement: str, *values: object) -> list[Any]:
    """What an operator does with psql."""

    async def work(dsn: str) -> list[Any]:
        connection = await asyncpg.connect(dsn)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    with dsn_of(load(DemoDirectory(bank.directory).settings)) as dsn:
        return asyncio.run(work(dsn))


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
