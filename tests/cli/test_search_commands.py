"""`kruispunt phonetic` and `kruispunt people reindex`: what a person, and a program with --json, is told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.registers import changes
from kruispunt.registers.legal_data import Birth, LegalData, Name
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.registers.phonetics import VERSION
from kruispunt.storage.database import Database


def run(*words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "kruispunt.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_ip_09_phonetic_explains_a_match_letter_by_letter() -> None:
    code, told = run("phonetic", "De Clercq", "De Klerk")
    assert code == 0
    assert "* Dutch   DEKLERK          d e c→K l e r cq→K" in told
    assert "They match" in told


def test_ip_09_phonetic_of_a_name_without_a_letter_is_bad_input() -> None:
    """There is nothing to look for: no search finds anybody by it."""
    for names in ([""], ["'-"], ["--", "---"], ["Maes", "'"]):
        command = [sys.executable, "-m", "kruispunt.cli.main", "phonetic", *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "has neither letters nor digits" in done.stderr
        assert "Traceback" not in done.stderr


def test_ip_09_phonetic_tells_when_names_do_not_match() -> None:
    code, told = run("phonetic", "Maes", "Mees")
    assert code == 1
    assert "They do not match" in told
    assert "*" not in told.splitlines()[1]


def test_ip_09_phonetic_for_programs() -> None:
    code, told = run("phonetic", "Dupré", "DUPRE", "Dupret", "--json")
    answer = json.loads(told)
    assert (code, answer["version"], answer["match"]) == (0, VERSION, True)
    assert [shared["sounds"] for shared in answer["shared"]] == ["DVPRE"]
    assert [name["folded"] for name in answer["names"]] == ["dupre", "dupre", "dupret"]
    french = next(each for each in answer["names"][2]["readings"] if each["language"] == "French")
    assert french["rules"][-1] == {"letters": "et", "sounds": "E"}
    assert french["key"] == answer["shared"][0]["key"]


def test_ip_09_reindex_tells_how_many(fresh_dsn: str, tmp_path: Path) -> None:
    birth = date(1950, 1, 1)
    people = [ssins.compute(birth, 900 + n, test_band=True) for n in range(3)]

    async def load() -> None:
        database = await Database.open(fresh_dsn)
        async with changes.changing(database, "test") as changer:
            legal = LegalData(Name("Janssens"), Birth(PartialDate.of(birth)))
            lines = (PersonLine(ssin, Register.NATIONAL, national=legal) for ssin in people)
            await changer.tell(map(changes.Told.of, lines))
        await database.close()

    asyncio.run(load())
    config = tmp_path / "kruispunt.toml"
    unread = (
        "tls_certificate",
        "tls_key",
        "client_ca",
        "signing_certificate",
        "signing_key",
        "log_master_key_file",
    )
    settings = {"environment": "development", "dsn": fresh_dsn} | dict.fromkeys(unread, "not read by this command")
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    told = f"All 3 people have keys of version {VERSION} of the phonetic code.\n"
    assert run("people", "reindex", "--config", str(config)) == (0, told)
    code, answer = run("people", "reindex", "--again", "--json", "--config", str(config))
    assert (code, json.loads(answer)) == (0, {"version": VERSION, "done": 3, "finished": True})
