"""`kruispunt people register` and `update`: what a person, and a program with --json, is told (RP-11, RP-12)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind
from kruispunt.registers import changes
from kruispunt.registers.facts import Told
from kruispunt.registers.legal_data import Birth, LegalData, Name
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.storage.database import Database

UNREAD = ("tls_certificate", "tls_key", "client_ca", "signing_certificate", "signing_key", "log_master_key_file")
BIRTH = date(1950, 2, 3)
NATIONAL = ssins.compute(BIRTH, 950, test_band=True)
BLOCKED = ssins.compute(BIRTH, 952, test_band=True)
PERSON = {"name": {"lastName": "Janssens", "firstNames": ["Bo"]}, "birth": {"date": str(BIRTH)}, "gender": {"code": 2}}


@pytest.fixture
def config(fresh_dsn: str, tmp_path: Path) -> Path:
    """A database with one person, and one whose data are blocked."""

    async def load() -> None:
        database = await Database.open(fresh_dsn)
        async with changes.changing(database, "test") as changer:
            for ssin, last, blocked in ((NATIONAL, "Jansens", False), (BLOCKED, "Gesloten", True)):
                legal = LegalData(Name(last, ("Bob",)), Birth(PartialDate.of(BIRTH)), blocked=blocked)
                await changer.tell([Told.of(PersonLine(ssin, Register.NATIONAL, national=legal))])
        await database.close()

    asyncio.run(load())
    settings = {"environment": "development", "dsn": fresh_dsn} | dict.fromkeys(UNREAD, "not read by this command")
    file = tmp_path / "kruispunt.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return file


def run(config: Path, *words: str, told: Any = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kruispunt.cli.main", "people", *words, "--config", str(config)]
    written = told if isinstance(told, str) else json.dumps(told)
    return subprocess.run(command, input=written, capture_output=True, text=True, check=False)


def test_somebody_is_registered_once_those_who_resemble_are_set_aside(config: Path) -> None:
    shown = run(config, "register", "-", told=PERSON)
    assert shown.returncode == 1
    assert f"{NATIONAL}  1950-02-03  Bob Jansens" in shown.stdout
    for_programs = run(config, "register", "-", "--json", told=PERSON)
    assert [row["ssin"] for row in json.loads(for_programs.stdout)["resembling"]] == [NATIONAL]
    done = run(config, "register", "-", "--json", "--set-aside", NATIONAL, told=PERSON)
    given = ssins.compute(BIRTH, 900, kind=Kind.BIS)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"ssin": given})
    history = json.loads(run(config, "history", given, "--json").stdout)
    assert [(row["kind"], row["author"].partition(":")[0]) for row in history] == [("new", "os-user")]


def test_an_operator_sees_and_sets_aside_people_whose_data_are_blocked(config: Path) -> None:
    person = {**PERSON, "name": {"lastName": "Gesloten"}}
    shown = run(config, "register", "-", told=person)
    assert shown.returncode == 1
    assert f"{BLOCKED}  data that are blocked or cannot be read" in shown.stdout
    assert run(config, "register", "-", "--set-aside", BLOCKED, told=person).returncode == 0


def test_data_of_the_cbss_register_are_changed_and_removed(config: Path) -> None:
    person = {**PERSON, "name": {"lastName": "Veranderlijk"}, "decease": {"date": "2020-01-01"}}
    ssin = json.loads(run(config, "register", "-", "--json", told=person).stdout)["ssin"]
    done = run(config, "update", ssin, "-", "--remove", "decease", told={"civilState": {"code": 20}})
    assert done.returncode == 0, done.stderr
    shown = json.loads(run(config, "show", ssin, "--json").stdout)["cbssRegister"]
    assert shown["civilState"] == {"code": 20}
    assert "decease" not in shown


@pytest.mark.parametrize(
    ("words", "told", "why"),
    [
        (("update", NATIONAL, "-"), {"civilState": {"code": 20}}, "the National Register changes its own data"),
        (("update", "12345678901", "-"), {}, "not a SSIN"),
        (("register", "-"), {"name": {"lastName": "Nooit"}}, "person.birth: missing"),
        (("register", "-"), [], "must be an object"),
        (("register", "-"), "{", "is no JSON"),
        (("register", "/nowhere/person.json"), {}, "cannot be read"),
    ],
)
def test_what_is_refused_says_why(config: Path, words: tuple[str, ...], told: Any, why: str) -> None:
    done = run(config, *words, told=told)
    assert done.returncode not in (0, 1) or done.stderr
    assert why in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert "Nooit" not in done.stderr
