"""The services that write lines, through the running gateway: what a persona alone cannot show (RP-02 to RP-07, RP-21,
RP-23).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bank import Bank, Got, operation_of
from identify import ask_document, document

from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.pipeline.service import Service
from kruispunt.services.cbss_inscription.service import SERVICE as FACADE
from kruispunt.services.discovery import discover
from kruispunt.services.identify_person import client as ssdn
from kruispunt.services.identify_person.namespaces import COMMON, MANAGE_ACCESS, REFERENCE_MANAGER
from kruispunt.services.inscription.service import SERVICE as INSCRIPTION
from kruispunt.services.register.service import LIMITS
from kruispunt.services.register.service import SERVICE as REGISTER

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}
RAAS = "RAAS:REGISTER_MANAGEMENT"


def ask(
    bank: Bank, service: Service, name: str, as_: str = "onem", context: str = "NEO:UNEMPLOYMENT", **asked: Any
) -> Got:
    operation = operation_of(service, name)
    body = bank.body(service, operation, organisation=as_, legal_context=context, **asked)
    return bank.send(service, operation, bank.signer(as_).envelope(body, datetime.now(UTC)), client=as_)


def many(bank: Bank, name: str, lines: list[str], as_: str = "vdab", service: Service = REGISTER) -> Got:
    """Several lines in one request, as a program sends them."""
    operation = operation_of(service, name)
    body = bank.body(service, operation, organisation=as_, legal_context=RAAS, ssin="", dossierType="", begin="")
    start, end = body.index("<lines>"), body.index("</lines>")
    body = body[:start] + "<lines>" + "".join(lines) + body[end:]
    message = bank.signer(as_).envelope(body, datetime.now(UTC))
    return bank.send(service, operation, message, client=as_)


def line(ssin: str, kind: str, begin: str = "2026-01-01", end: str = "") -> str:
    last = f"<endDate>{end}</endDate>" if end else ""
    return (
        f"<line><ssin>{ssin}</ssin><dossierType>{kind}</dossierType>"
        f"<period><beginDate>{begin}</beginDate>{last}</period></line>"
    )


def outcomes(got: Got) -> list[tuple[str, str]]:
    found = got.payload.iterfind("outcomes/outcome")
    return [(one.findtext("status/value") or "", one.findtext("status/code") or "") for one in found]


def found(bank: Bank, ssin: str, as_: str = "vdab") -> list[tuple[str, str, str | None]]:
    got = ask(bank, REGISTER, "consult", as_, RAAS, ssin=ssin)
    return [
        (
            one.findtext("dossierType") or "",
            one.findtext("period/beginDate") or "",
            one.findtext("period/endDate"),
        )
        for one in got.payload.iterfind("result/line")
    ]


# ---- RegisterService -------------------------------------------------------------------------------------------------


def test_rp02_each_line_has_its_outcome_whatever_becomes_of_the_others(bank: Bank, ssins: list[str]) -> None:
    unknown = PERSONAS["register-unknown-number"].ssin or ""
    got = many(
        bank,
        "inscribe",
        [
            line(ssins[0], "GUIDANCE"),
            line(unknown, "GUIDANCE"),
            line(ssins[1], "NONE"),
            line(ssins[2], "GUIDANCE", "2026-02-02", "2026-02-01"),
            line(ssins[3], "OLD-SCHEME"),
            line(ssins[0], "GUIDANCE", "2025-01-01", "2025-12-31"),
        ],
    )
    assert outcomes(got) == [
        ("OK", "MSG00000"),
        ("NOK", "MSG00005"),
        ("NOK", "REG00201"),
        ("NOK", "REG00205"),
        ("NOK", "REG00202"),
        ("OK", "MSG00000"),
    ]
    assert (got.payload.findtext("status/value"), got.code) == ("NOK", "MSG00005")
    assert found(bank, ssins[0]) == [("GUIDANCE", "2025-01-01", None)]
    assert found(bank, ssins[2]) == []


def test_rp03_a_thousand_lines_in_one_request_and_again(bank: Bank, ssins: list[str]) -> None:
    """More bytes and elements than a message of another service may have; sent again it is answered as before."""
    months = [(year, month) for year in range(2000, 2010) for month in range(1, 11)]
    lines = [line(ssin, "INTAKE", f"{y}-{m:02d}-01", f"{y}-{m:02d}-15") for ssin in ssins for y, m in months]
    assert len(lines) == 1_000
    assert sum(map(len, lines)) > 128 * 1024
    first, again = many(bank, "inscribe", lines), many(bank, "inscribe", lines)
    assert outcomes(first) == outcomes(again) == [("OK", "MSG00000")] * 1_000
    assert len(found(bank, ssins[4])) == 100
    history = ask(bank, REGISTER, "consultHistory", "vdab", RAAS, ssin=ssins[4])
    assert len(list(history.payload.iter("change"))) == 1, "sending it again changed nothing"
    assert [len(entry.facts["subjects"]) for entry in bank.logged(first.ticket)] == [10, 10], "PL-30: every number"


def test_pl09_one_line_more_is_refused_as_a_whole(bank: Bank, ssins: list[str]) -> None:
    got = many(bank, "inscribe", [line(ssins[0], "INTAKE")] * 1_001)
    assert got.code == "MSG00004"
    assert found(bank, ssins[0]) == []


def test_pl09_the_larger_message_is_for_this_service_alone(bank: Bank) -> None:
    padding = b"<!--" + b"x" * (LIMITS.size - 1_000) + b"-->"
    register, inscription = operation_of(REGISTER, "consult"), operation_of(INSCRIPTION, "consultInscriptions")
    assert bank.send(REGISTER, register, padding).code == "MSG00004"
    assert bank.send(INSCRIPTION, inscription, padding).status == 413
    assert bank.send(REGISTER, register, padding + b" " * 2_000).status == 413


def test_rp05_nobody_sees_or_touches_anothers_register(bank: Bank, ssins: list[str]) -> None:
    """What is asked is the register of the organisation that asks, under whatever certificate may speak for it."""
    many(bank, "inscribe", [line(ssins[0], "GUIDANCE")])
    ask(bank, REGISTER, "inscribe", "onem", RAAS, ssin=ssins[0], dossierType="JOBSEEKER", begin="2020-01-01")
    assert [kind for kind, _, _ in found(bank, ssins[0], "onem")] == ["JOBSEEKER"]
    assert [kind for kind, _, _ in found(bank, ssins[0], "vdab")] == ["GUIDANCE"]
    got = ask(bank, REGISTER, "delete", "onem", RAAS, ssin=ssins[0], dossierType="GUIDANCE")
    assert got.code == "REG00201", "in one's own register there is no such type"
    for name in ("consultHistory", "route"):
        told = ask(bank, REGISTER, name, "onem", RAAS, ssin=ssins[0]).raw
        assert b"GUIDANCE" not in told
    assert found(bank, ssins[0], "vdab") == [("GUIDANCE", "2026-01-01", None)]
    assert ask(bank, INSCRIPTION, "consultInscriptions", ssin=ssins[0]).code == "MSG00100", "nor in CBSS's repertory"


def test_rp05_of_many_numbers_the_reply_tells_which_were_replaced_and_by_which(bank: Bank, ssins: list[str]) -> None:
    """Of those with lines alone: whether others were replaced is not for who does not know them."""
    mine, others = PERSONAS["register-lines-of-replaced"], PERSONAS["facade-lines-of-replaced"]
    many(bank, "inscribe", [line(ssins[0], "INTAKE")])
    operation = operation_of(REGISTER, "consult")
    body = bank.body(REGISTER, operation, organisation="vdab", legal_context=RAAS, ssin=ssins[0])
    asked = [ssins[0], ssins[1], others.ssin or "", mine.ssin or "", mine.final or ""]
    body = body.replace(f"<ssin>{ssins[0]}</ssin>", "".join(f"<ssin>{each}</ssin>" for each in asked))
    got = bank.send(REGISTER, operation, bank.signer("vdab").envelope(body, datetime.now(UTC)), client="vdab")
    told = [(node.text, dict(node.attrib)) for node in got.payload.iterfind("ssin")]
    assert told == [(mine.ssin, {"replacedBy": mine.final})]
    assert [one.findtext("ssin") for one in got.payload.iterfind("result/line")] == sorted([ssins[0], mine.final or ""])
    assert len(bank.logged(got.ticket)[1].facts["subjects"]) == 3, "PL-30: every number that is told"


def test_rp06_the_history_names_application_and_exchange(bank: Bank, ssins: list[str]) -> None:
    before = datetime.now(UTC).isoformat()
    inscribed = many(bank, "inscribe", [line(ssins[0], "GUIDANCE")])
    between = datetime.now(UTC).isoformat()
    deleted = many(bank, "delete", [line(ssins[0], "GUIDANCE", "2026-06-01")])
    changes = list(ask(bank, REGISTER, "consultHistory", "vdab", RAAS, ssin=ssins[0]).payload.iter("change"))
    assert [c.findtext("operation") for c in changes] == ["INSCRIBED", "DELETED"]
    assert [c.findtext("ticketCBSS") for c in changes] == [inscribed.ticket, deleted.ticket]
    assert {c.findtext("author") for c in changes} == {"urn:kruispunt:demo:vdab"}
    at = {
        moment: ask(bank, REGISTER, "consultHistory", "vdab", RAAS, ssin=ssins[0], asOf=moment).payload
        for moment in (before, between)
    }
    assert at[before].findtext("status/code") == "MSG00100"
    (held,) = at[between].iterfind("result/line")
    assert (held.findtext("period/beginDate"), held.findtext("period/endDate")) == ("2026-01-01", None)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_no_calendar_has_is_a_fault_of_the_client(bank: Bank, ssins: list[str], moment: str) -> None:
    assert ask(bank, REGISTER, "consultHistory", "vdab", RAAS, ssin=ssins[0], asOf=moment).code == "MSG00004"


def test_an_organisation_without_a_cbe_number_has_no_register(bank: Bank, ssins: list[str]) -> None:
    """RP-01: a user is identified by its CBE number."""
    got = ask(bank, REGISTER, "consult", "onem-secondary", RAAS, ssin=ssins[0])
    assert got.code == "MSG00013", "no row grants it either"


# ---- InscriptionService and CBSSInscription --------------------------------------------------------------------------


@pytest.mark.parametrize("service", [INSCRIPTION, FACADE], ids=lambda s: s.name)
def test_pl20_who_is_inscribed_may_be_consulted(bank: Bank, ssins: list[str], service: Service) -> None:
    """The integration control reads the lines that these services write: nothing is kept twice."""
    foreigner = PERSONAS["two-cards-and-a-permit"]

    def consulted() -> str:
        return ask(bank, foreigner.service, foreigner.operation.name, ssin=ssins[0]).code

    assert consulted() == "MSG00012"
    assert ask(bank, service, "insertInscription", ssin=ssins[0], role="902", begin="2020-01-01").code == "MSG00000"
    assert consulted() == "MSG00100"
    assert ask(bank, service, "deleteInscription", ssin=ssins[0], role="902").code == "MSG00000"
    assert consulted() == "MSG00012"


def test_rp04_days_in_the_middle_are_taken_out(bank: Bank, ssins: list[str]) -> None:
    ask(bank, INSCRIPTION, "insertInscription", ssin=ssins[0], role="902", begin="2020-01-01")
    ask(bank, INSCRIPTION, "deleteInscription", ssin=ssins[0], role="902", begin="2021-01-01", end="2021-12-31")
    got = ask(bank, INSCRIPTION, "consultInscriptions", ssin=ssins[0])
    held = [(p.findtext("beginDate"), p.findtext("endDate")) for p in got.payload.iterfind("result/inscription/period")]
    assert held == [("2020-01-01", "2020-12-31"), ("2022-01-01", None)]


def test_rp07_a_change_keeps_the_days_that_are_in_both(bank: Bank, ssins: list[str]) -> None:
    ask(bank, FACADE, "insertInscription", ssin=ssins[0], role="902", begin="2010-01-01", end="2014-12-31")
    changed = {"begin": "2012-01-01", "end": "2014-12-31", "newBegin": "2013-01-01", "newEnd": "2015-12-31"}
    for _ in range(2):
        got = ask(bank, FACADE, "updateInscription", ssin=ssins[0], role="902", **changed)
        assert (got.code, got.payload.findtext("period/beginDate")) == ("MSG00000", "2013-01-01")
        told = ask(bank, FACADE, "consultInscriptions", ssin=ssins[0]).payload
        held = [(p.findtext("beginDate"), p.findtext("endDate")) for p in told.iterfind("result/inscription/period")]
        assert held == [("2010-01-01", "2011-12-31"), ("2013-01-01", "2015-12-31")]


def test_pl08_a_line_may_name_no_other_organisation(bank: Bank, ssins: list[str]) -> None:
    operation = operation_of(INSCRIPTION, "insertInscription")
    body = bank.body(INSCRIPTION, operation, ssin=ssins[0], role="902", begin="2020-01-01")
    for key, code in (("0887010362", "MSG00014"), ("0206737484", "MSG00000")):
        named = body.replace("<qualityCode>", f"<organization><cbeNumber>{key}</cbeNumber></organization><qualityCode>")
        got = bank.send(INSCRIPTION, operation, bank.signer().envelope(named, datetime.now(UTC)))
        assert got.code == code


def test_a_context_that_is_a_number_is_the_quality_code(bank: Bank, ssins: list[str]) -> None:
    operation = operation_of(INSCRIPTION, "insertInscription")
    body = bank.body(INSCRIPTION, operation, ssin=ssins[0], role="902", begin="2020-01-01")
    zoned = body.replace("<beginDate>2020-01-01<", "<beginDate>\n2020-01-01+02:00 <").replace(
        "<qualityCode>902</qualityCode>", "<inscriptionContext>902</inscriptionContext>"
    )
    got = bank.send(INSCRIPTION, operation, bank.signer().envelope(zoned, datetime.now(UTC)))
    assert got.code == "MSG00000"
    told = ask(bank, INSCRIPTION, "consultInscriptions", ssin=ssins[0]).payload
    assert told.findtext("result/inscription/qualityCode") == "902"
    assert told.findtext("result/inscription/period/beginDate") == "2020-01-01", "the day that is written"


# ---- OCMWCPASManageAccess and ReferenceManager.consult ---------------------------------------------------------------


def access(bank: Bank, operation: str, ssin: str, as_: str = "limited", **values: str) -> Any:
    persona = PERSONAS["access-registered"]
    payload = operation_of(persona.service, operation).compose({"ssin": ssin, **values})
    request = ssdn.service_request(*ssdn.SERVICES[operation], payload)
    (answer,) = ask_document(bank, document(request, organisation=as_), as_).answers
    return answer


def registrations(answer: Any) -> list[tuple[str, str, str | None, str]]:
    ma, common = f"{{{MANAGE_ACCESS}}}", f"{{{COMMON}}}"
    return [
        (
            one.findtext(f"{ma}Purpose"),
            one.findtext(f"{ma}Period/{common}StartDate"),
            one.findtext(f"{ma}Period/{common}EndDate"),
            one.findtext(f"{ma}Register"),
        )
        for one in answer.payload.iter(f"{ma}Registrations")
    ]


def test_rp03_what_the_old_service_writes_the_new_ones_read(bank: Bank, ssins: list[str]) -> None:
    told = access(bank, "cpasRegister", ssins[0], purpose="902", begin="2024-01-01", end="2024-06-30")
    assert registrations(told) == [("902", "2024-01-01", "2024-06-30", "PRIMARY")]
    told = access(bank, "cpasRegister", ssins[0], purpose="0902", begin="2024-07-01")
    assert registrations(told) == [("902", "2024-01-01", None, "PRIMARY")]
    told = access(bank, "cpasUnregister", ssins[0], purpose="902", begin="2025-01-01")
    assert registrations(told) == [("902", "2024-01-01", "2024-12-31", "PRIMARY")]
    assert registrations(access(bank, "cpasList", ssins[0], begin="2025-01-01")) == []
    listed = access(bank, "cpasList", ssins[0], begin="2020-01-01", queryRegister="SECONDARY")
    assert (listed.ok, registrations(listed)) == (("YES", 0), [])


@pytest.mark.parametrize("operation", ["cpasRegister", "cpasUnregister"])
def test_the_old_service_writes_to_no_other_register_than_it_was_asked_to(
    bank: Bank, ssins: list[str], operation: str
) -> None:
    asked = {"purpose": "902", "begin": "2024-01-01"}
    for register in ("ALL", "PRIMARY"):
        told = access(bank, "cpasRegister", ssins[0], queryRegister=register, **asked)
        assert registrations(told) == [("902", "2024-01-01", None, "PRIMARY")]
    assert access(bank, operation, ssins[0], queryRegister="SECONDARY", **asked).codes == ["MSG00004"]
    assert access(bank, operation, ssins[1], queryRegister="SECONDARY", **asked).codes == ["MSG00004"]
    held = [registrations(access(bank, "cpasList", ssin, begin="2020-01-01")) for ssin in ssins[:2]]
    assert held == [[("902", "2024-01-01", None, "PRIMARY")], []]


def test_rp02_a_name_that_differs_opens_nothing(bank: Bank) -> None:
    """The reply names the fields, and what the registers hold stays where it is."""
    persona = PERSONAS["access-differs"]
    told = access(
        bank, "cpasList", persona.ssin or "", begin="2018-01-01", verifyLastName="Elders", verifyBirthDate="1900-01-01"
    )
    assert told.codes == ["REG00203"]
    assert [name for name, _ in told.information] == ["Person Data: Last Name", "Person Data: Birth Date"]
    assert told.payload is None


@pytest.mark.parametrize("name", ["Slotvoorbeeld", "Elders"])
def test_ip18_of_a_person_who_is_blocked_no_answer_tells_a_right_name(bank: Bank, name: str) -> None:
    """Whichever service is asked: with nothing to compare there is nothing to guess at."""
    ssin = PERSONAS["identify-blocked"].ssin or ""
    for service in (INSCRIPTION, FACADE):
        got = ask(bank, service, "insertInscription", ssin=ssin, role="902", begin="2026-01-01", lastName=name)
        assert (got.code, dict(got.information)) == ("REG00204", {})
    told = line(ssin, "INTAKE").replace(
        "</line>", f"<identification><lastName>{name}</lastName></identification></line>"
    )
    assert outcomes(many(bank, "inscribe", [told])) == [("NOK", "REG00204")]
    assert access(
        bank, "cpasList", ssin, begin="2018-01-01", verifyLastName=name, verifyBirthDate="1977-04-04"
    ).codes == ["REG00204"]


def test_rp23_the_repertory_tells_in_which_sectors_somebody_is_known(bank: Bank) -> None:
    persona = PERSONAS["sectors-all"]
    told = access(bank, "consultOtherSectors", persona.ssin or "", "onem", begin="2019-01-01", end="2019-12-31")
    rm, common = f"{{{REFERENCE_MANAGER}}}", f"{{{COMMON}}}"
    known = [
        (
            one.findtext(f"{rm}Sector"),
            one.findtext(f"{rm}QualityCode"),
            [p.findtext(f"{common}StartDate") for p in one.iterchildren(f"{rm}Period")],
        )
        for one in told.payload.iter(f"{rm}Consultation")
    ]
    assert known == [("18", "902", ["2015-01-01"]), ("999", "902", ["2019-03-01", "2019-10-01"])]
