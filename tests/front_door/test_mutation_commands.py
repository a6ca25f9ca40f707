"""`kruispunt mutations` against a running bank: subscriptions by the rights in force, items (RP-16, RP-17)."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from bank import Bank

from kruispunt.errors import ConfigurationError, DataError
from kruispunt.identifiers.ssin import compute
from supplier_elsewhere import elsewhere

FILE = """
[[subscription]]
code = "tests-people"
organisation = "onem"
legal_context = "DEMO:MUTATIONS"
register = "0244640631"
dossier_types = ["902"]
lines = "active"
kinds = ["decease", "replacement"]

[[subscription]]
code = "tests-dimona"
organisation = "onem"
legal_context = "DEMO:MUTATIONS"
register = "0244640631"
stream = "dimona"
pushed = true
"""
PROGRAM = Path(__file__).parents[1] / "stream_process.py"
SSIN = compute(date(1919, 6, 1), 941, test_band=True)


def test_subscriptions_are_defined_shown_and_ended(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.toml"
    file.write_text(FILE)
    assert run("mutations", "define", str(file)).split() == ["tests-people", "begun", "tests-dimona", "begun"]
    assert "tests-people" in run("mutations", "define", str(file))
    shown = run("mutations", "subscriptions")
    assert "decease, replacement  active lines in 0244640631 of 0206737484 of type 902" in shown
    assert "stream dimona  any lines in 0244640631 of 0206737484  pushed" in shown
    rows = {row["code"]: row for row in json.loads(run("mutations", "subscriptions", "--json"))}
    assert rows["tests-people"]["kinds"] == ["decease", "replacement"]
    assert (rows["tests-dimona"]["stream"], rows["tests-dimona"]["receiver"]) == ("dimona", "0206737484")
    assert run("mutations", "end", "tests-people") == "Ended.\n"
    assert "tests-people" not in run("mutations", "subscriptions")
    assert "ended 20" in run("mutations", "subscriptions", "--ended")
    with pytest.raises(DataError, match="no subscription 'tests-people' is in force"):
        run("mutations", "end", "tests-people")
    file.write_text(FILE.replace("DEMO:MUTATIONS", "NEO:UNEMPLOYMENT"))
    with pytest.raises(ConfigurationError, match="no row of Mutations grants decease to onem under NEO:UNEMPLOYMENT"):
        run("mutations", "define", str(file))


def test_items_are_fed_and_nobody_is_asked_who_is_not_configured(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    item = {"reference": "T-1", "ssin": SSIN, "moment": "2026-11-22T09:30:00+01:00", "document": "<in></in>"}
    file.write_text(json.dumps(item) + "\n")
    assert json.loads(run("mutations", "feed", "dimona", str(file), "--json"))["accepted"] == 1
    again = json.loads(run("mutations", "feed", "dimona", str(file), "--json"))
    assert again["remarks"] == ["1 of them were there already."]
    with pytest.raises(ConfigurationError, match="no stream 'shoes'; mutation_streams has: dimona"):
        run("mutations", "feed", "shoes", str(file))
    with pytest.raises(ConfigurationError, match=r"nobody can be asked for dimona: add a table \[supplier\.dimona\]"):
        run("mutations", "poll", "dimona")


def test_rp_17_a_supplier_of_a_stream_is_tried_and_asked(run: Any, bank: Bank, tmp_path: Path, capsys: Any) -> None:
    directory = tmp_path / "supplier"
    directory.mkdir()
    (directory / "platform-ca.pem").write_bytes((bank.pki / "ca.pem").read_bytes())
    item = {"reference": "S-1", "ssin": SSIN, "moment": "2026-11-22T09:30:00+01:00", "payload": "<in></in>"}
    (directory / "items.jsonl").write_text(json.dumps(item) + "\n")
    with elsewhere(directory, PROGRAM, "dimona") as supplier:
        supplier.write(tmp_path / "suppliers.toml", reply_signers=str(supplier.pki / "signing.pem"))
        config = bank.directory / "with-a-stream.toml"
        named = f"suppliers_file = {json.dumps(str(tmp_path / 'suppliers.toml'))}\n"
        config.write_text(named + (bank.directory / "kruispunt.toml").read_text())
        try:
            steps = json.loads(run("supplier", "test", "dimona", "--config", str(config), "--json"))
            assert [step["ok"] for step in steps] == [True] * 4, steps
            taken = [json.loads(run("mutations", "poll", "dimona", "--config", str(config), "--json")) for _ in "12"]
            assert [each["accepted"] for each in taken] == [1, 0]
            with pytest.raises(ConfigurationError, match="no supplier elsewhere is named shoes; configured: dimona"):
                run("supplier", "test", "shoes", "--config", str(config))
        finally:
            config.unlink()
    assert [each["trouble"] for each in supplier.seen if each["trouble"]] == []


def test_the_rights_to_mutations_stand_in_the_matrix(run: Any) -> None:
    rows = [row for row in json.loads(run("access", "matrix", "--json")) if row["service"] == "Mutations"]
    assert {(row["organisation"], row["legal context"]) for row in rows} == {
        ("onem", "DEMO:MUTATIONS"),
        ("vdab", "DEMO:MUTATIONS"),
    }
    assert ["dimona"] in [row["operations"] for row in rows]
