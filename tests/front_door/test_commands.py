"""The commands against a running bank: what a person at a terminal, or a program with --json, is told."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from bank import Bank

from kruispunt.cli import main
from kruispunt.cli.calls import arguments
from kruispunt.cli.terminal import out
from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.errors import ConfigurationError, DataError, KruispuntError, ReplyNotTrusted
from kruispunt.identifiers.ssin import compute
from kruispunt.services.discovery import discover

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}
ONE_A_CODE = {p.code: p for p in PERSONAS.values()}
KNOWN = PERSONAS["two-cards-and-a-permit"]


@pytest.fixture
def run(bank: Bank, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in this process; returns its exit code and what it printed."""
    monkeypatch.setenv("KRUISPUNT_CONFIG", str(bank.directory / "kruispunt.toml"))
    monkeypatch.setenv("KRUISPUNT_DEMO_DIR", str(bank.directory))
    monkeypatch.setattr(out, "_width", 200)

    def command(*words: str) -> tuple[int, str]:
        code = 0
        try:
            result = main.app(list(words), standalone_mode=False)
            code = result if isinstance(result, int) else 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        return code, capsys.readouterr().out

    return command


@pytest.mark.parametrize("persona", ONE_A_CODE.values(), ids=lambda p: p.code or "OK")
def test_the_call_that_the_persona_list_prints_provokes_the_code(run: Any, persona: Persona) -> None:
    """PL-27, as `kruispunt persona list` promises."""
    _, listed = run("persona", "list", "--json")
    row = next(row for row in json.loads(listed) if row["id"] == persona.id)
    assert row["call"].startswith("kruispunt call ")
    code, printed = run("call", *arguments(persona), "--json")
    answer = json.loads(printed)
    assert (answer["code"] or "OK") == row["code"]
    assert code == (1 if answer["kind"] == "fault" else 0)
    assert "covered" in answer["verified"]


def test_why_names_rule_element_and_remedy(run: Any) -> None:
    persona = PERSONAS["not-inscribed"]
    _, printed = run("call", *arguments(persona), "--json")
    _, told = run("why", json.loads(printed)["ticket"], "--json")
    why = json.loads(told)
    assert why["outcome"] == "MSG00012"
    assert [s["step"] for s in why["steps"]][-1] == "control_ssin"
    assert why["stopped"]["rule"] == "integration.lines"
    assert why["stopped"]["element"] == "ssin"
    assert "Inscribe" in why["stopped"]["remedy"]


def test_why_explains_a_stranger_too(run: Any) -> None:
    persona = next(p for p in PERSONAS.values() if p.reason == "signature")
    _, printed = run("call", *arguments(persona), "--json")
    _, told = run("why", json.loads(printed)["ticket"])
    assert "signature.missing" in told
    assert "MSG00015" in told


def test_reply_can_be_seen_as_it_came(run: Any) -> None:
    code, printed = run("call", *arguments(KNOWN), "--xml")
    assert code == 0
    assert printed.startswith("<soapenv:Envelope")
    assert "<ds:SignatureValue>" in printed


def test_log_shows_both_entries_and_the_messages(run: Any) -> None:
    _, printed = run("call", *arguments(KNOWN), "--json")
    ticket = json.loads(printed)["ticket"]
    _, shown = run("log", "show", ticket, "--json", "--messages")
    incoming, outgoing = json.loads(shown)
    assert (incoming["kind"], outgoing["kind"]) == ("incoming", "outgoing")
    assert incoming["client_reference"]
    assert len(incoming["subjects"]) == 1
    assert "<soapenv:Envelope" in outgoing["message"]
    _, text = run("log", "show", ticket)
    assert "MSG00000" in text
    assert KNOWN.ssin not in text


def test_the_matrix_is_told_whole_in_a_pipe(run: Any) -> None:
    """PL-14: readable by a person; what is cut for want of room cannot be read."""
    _, printed = run("access", "matrix")
    rows = json.loads(run("access", "matrix", "--json")[1])
    for row in rows:
        lists = (row["applications"], row["operations"], row["data groups"], row["volume"])
        for told in (
            row["service"],
            row["organisation"],
            row["legal context"],
            *(text for all_ in lists for text in all_),
        ):
            assert told in printed
    assert "…" not in printed


@pytest.mark.parametrize("words", [("log", "show"), ("why",)])
def test_a_ticket_may_be_typed_in_capitals(run: Any, words: tuple[str, ...]) -> None:
    """CommonV3's UUIDType takes both, so a client's own log may have either."""
    _, printed = run("call", *arguments(KNOWN), "--json")
    ticket = json.loads(printed)["ticket"]
    assert run(*words, ticket.upper()) == run(*words, ticket)


def test_a_short_ticket_may_be_typed_small(run: Any) -> None:
    persona = next(p for p in PERSONAS.values() if p.service.name == "IdentifyPerson")
    _, printed = run("call", *arguments(persona), "--json")
    ticket = json.loads(printed)["ticket"]
    assert len(ticket) == 15
    assert run("why", ticket.lower()) == run("why", ticket)


def test_a_code_that_no_persona_has_is_said_so(run: Any) -> None:
    assert run("persona", "list", "--code", "FOO") == (0, "No persona has code FOO.\n")
    assert run("persona", "list", "--code", "FOO", "--json") == (0, "[]\n")


@pytest.mark.parametrize("words", [("log", "show"), ("why",)])
def test_a_ticket_that_is_none_is_said_so(run: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="is no ticket"):
        run(*words, "abc")
    with pytest.raises(DataError, match="ticket"):
        run(*words, "00000000-0000-7000-8000-000000000000")


def test_people_show_tells_the_chain(run: Any) -> None:
    persona = next(p for p in PERSONAS.values() if len(p.people) == 2 and p.code == "MSG00000")
    code, printed = run("people", "show", persona.ssin, "--json")
    facts = json.loads(printed)
    assert code == 0
    assert (facts["state"], facts["finalSsin"], facts["replacedBy"]) == ("replaced", persona.final, [persona.final])
    code, printed = run("people", "show", ONE_A_CODE["MSG00005"].ssin)
    assert code == 1
    assert "No register knows" in printed


def test_people_are_changed_by_commands_and_the_history_tells_who(run: Any, tmp_path: Path) -> None:
    file, everybody = tmp_path / "people.jsonl", tmp_path / "everybody.jsonl"
    old, new = (compute(date(1919, 4, day), 940, test_band=True) for day in (1, 2))
    legal = {"name": {"lastName": "Çelik"}, "birth": {"date": "1919-04-00"}}
    lines = [{"ssin": ssin, "register": "national", "nationalRegister": legal} for ssin in (old, new)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("people", "import", str(file), "--changes")[0] == 0
    assert run("people", "replace", old, new) == (0, "Replaced.\n")
    with pytest.raises(DataError, match="a circle cannot be made"):
        run("people", "replace", new, old)
    assert run("people", "cancel", new) == (0, "Cancelled.\n")
    _, printed = run("people", "history", old, "--json")
    assert [(each["kind"], each["fields"]) for each in json.loads(printed)][1] == ("replaced", ["replacedBy"])
    assert json.loads(printed)[0]["author"].startswith("os-user:")
    _, printed = run("people", "history", new)
    assert [line.split()[2] for line in printed.splitlines()] == ["new", "cancelled"]
    _, printed = run("people", "show", old)
    assert "Çelik" in printed
    assert json.loads(run("people", "show", old, "--json")[1])["nationalRegister"] == legal
    code, printed = run("people", "export", str(everybody))
    assert code == 0
    exported = everybody.read_text().splitlines()
    assert printed == f"{len(exported):,} lines written.\n"
    assert everybody.stat().st_mode & 0o777 == 0o600
    assert any(json.loads(line) == {**lines[0], "replacedBy": new} for line in exported)
    with pytest.raises(DataError, match="cannot be made"):
        run("people", "export", str(everybody))
    with pytest.raises(DataError, match="not a SSIN"):
        run("people", "cancel", "123")


def test_repertory_show_tells_the_lines(run: Any) -> None:
    code, printed = run("repertory", "show", KNOWN.ssin, "--json")
    assert code == 0
    assert json.loads(printed)[0]["organisation"] == "0206737484"


def test_import_reports_every_bad_line_and_takes_the_others(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text(
        json.dumps({"ssin": KNOWN.ssin, "register": "national"})
        + '\nnot json\n{"ssin": "123", "register": "national"}\n'
    )
    code, printed = run("people", "import", str(file), "--json")
    report = json.loads(printed)
    assert code == 1
    assert (report["accepted"], report["refusedCount"]) == (1, 2)
    assert [r["line"] for r in report["refused"]] == [2, 3]


def test_same_file_twice_changes_nothing(run: Any, bank: Bank) -> None:
    for words in (("people", "import"), ("repertory", "import"), ("data", "import", "situations")):
        name = {"people": "people", "repertory": "inscriptions", "data": "situations"}[words[0]]
        code, printed = run(*words, str(bank.directory / "data" / f"{name}.jsonl"), "--json")
        assert code == 0
        assert json.loads(printed)["refusedCount"] == 0
    assert bank.call(KNOWN).code == "MSG00000"


def test_data_of_a_kind_that_does_not_exist(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.touch()
    with pytest.raises(ConfigurationError, match="situations"):
        run("data", "import", "cards", str(file))
    assert "situations" in run("data", "kinds")[1]


def test_call_says_that_nobody_serves_there(run: Any) -> None:
    with pytest.raises(KruispuntError, match="kruispunt demo"):
        run("call", *arguments(KNOWN), "--url", "https://localhost:1")


def test_call_does_not_trust_a_reply_of_somebody_else(run: Any, bank: Bank) -> None:
    with pytest.raises(ReplyNotTrusted):
        run("call", *arguments(KNOWN), "--platform-certificate", str(bank.pki / "vdab.pem"))


def test_second_demo_in_one_directory_is_refused(run: Any, bank: Bank) -> None:
    with pytest.raises(ConfigurationError, match="already"):
        run("demo", "--dir", str(bank.directory))
