"""`kruispunt repertory` against a running bank: registers, lines, history, and a replacement undone."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kruispunt.errors import ConfigurationError, DataError
from kruispunt.identifiers.ssin import compute

OWNER = "0999990024"
FILE = f"""
[[register]]
owner = "{OWNER}"
name = "Registers of the tests"
integrator = true
[[register.type]]
code = "902"
name = "File under examination"
organisations = ["18/0"]
[[register.type]]
code = "A"
name = "Known for partner A"
"""


def test_registers_are_defined_and_shown(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "registers.toml"
    file.write_text(FILE)
    assert run("repertory", "define", str(file)) == f"{OWNER}  2 dossier types  Registers of the tests\n"
    rows = json.loads(run("repertory", "types", "--json"))
    assert {"owner": OWNER, "integrator": True, "name": "Registers of the tests"} in rows
    assert "0244640631" in {row["owner"] for row in rows}
    assert json.loads(run("repertory", "types", "--owner", OWNER, "--json")) == [
        {"organisation": "", "code": "A", "closed": False, "name": "Known for partner A"},
        {"organisation": "18/0", "code": "902", "closed": False, "name": "File under examination"},
    ]
    file.write_text(FILE.replace('code = "A"', 'code = "A"\nclosed = true'))
    run("repertory", "define", str(file))
    assert "A        closed Known for partner A" in run("repertory", "types", "--owner", OWNER)
    assert OWNER in run("repertory", "types")
    file.write_text("[[register]]\n")
    with pytest.raises(ConfigurationError, match=r"registers\.toml: owner"):
        run("repertory", "define", str(file))
    for words in (("types", "--owner", "1"), ("show", "85673093333", "--owner", "1")):
        with pytest.raises(DataError, match="--owner: a CBE number"):
            run("repertory", *words)


def test_lines_their_history_and_a_replacement_undone(run: Any, tmp_path: Path) -> None:
    """RP-06, RP-15."""
    people, lines = tmp_path / "people.jsonl", tmp_path / "lines.jsonl"
    old, new = (compute(date(1919, 5, day), 940, test_band=True) for day in (1, 2))
    people.write_text("".join(json.dumps({"ssin": ssin, "register": "national"}) + "\n" for ssin in (old, new)))
    lines.write_text(
        "".join(
            json.dumps({"ssin": ssin, "organisation": "18/0", "dossierType": "902", "begin": begin, "end": end}) + "\n"
            for ssin, begin, end in ((old, "2020-01-01", "2020-01-31"), (new, "2020-02-01", None))
        )
    )
    run("people", "import", str(people))
    assert "2 lines taken" in run("repertory", "import", str(lines), "--owner", OWNER)
    run("people", "replace", old, new)
    whole = "18/0         902    2020-01-01 - ...\n"
    assert run("repertory", "show", old, "--owner", OWNER) == run("repertory", "show", new, "--owner", OWNER) == whole
    assert run("repertory", "show", old) == "No line holds this number.\n"
    told = run("repertory", "history", old, "--owner", OWNER)
    assert [line.split()[2] for line in told.splitlines() if not line.startswith(" ")] == ["loaded", "replaced"]
    assert f"    from {old} to {new}\n    - 18/0         902    2020-01-01 - 2020-01-31\n" in told
    loaded, replaced = json.loads(run("repertory", "history", new, "--owner", OWNER, "--json"))
    assert loaded["author"].startswith("os-user:")
    assert replaced["replaced"] == [old, new]
    assert [line["begin"] for line in replaced["made"]] == ["2020-01-01"]
    past = json.loads(run("repertory", "show", new, "--owner", OWNER, "--as-of", loaded["at"], "--json"))
    assert [line["begin"] for line in past] == ["2020-02-01"]
    assert run("repertory", "show", new, "--owner", OWNER, "--as-of", "2020-01-01T12:00").startswith("No line")
    with pytest.raises(DataError, match="as-of"):
        run("repertory", "show", new, "--as-of", "yesterday")
    assert run("repertory", "undo-replacement", old) == f"1 lines went from {new} to {old}.\n"
    assert "2020-01-01 - 2020-01-31" in run("repertory", "show", old, "--owner", OWNER)
    assert "2020-02-01 - ..." in run("repertory", "show", new, "--owner", OWNER)
    assert json.loads(run("people", "show", old, "--json"))["state"] == "active"
    assert run("repertory", "history", old).startswith("No line of this register ever")
    with pytest.raises(DataError, match="came back already"):
        run("repertory", "undo-replacement", old)
    run("people", "replace", old, new)
    report = json.loads(run("people", "import", str(people), "--json"))
    assert report["remarks"] == [
        f"{old}: is not replaced any more as it was, and its lines stay where they went: "
        f"kruispunt repertory undo-replacement {old}"
    ]
    assert run("repertory", "undo-replacement", old) == f"1 lines went from {new} to {old}.\n"
    assert "remarks" not in json.loads(run("people", "import", str(people), "--json"))
