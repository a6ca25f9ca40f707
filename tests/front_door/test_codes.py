"""Every return code, provoked through the running gateway by the personas that the services ship (PL-27)."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from bank import CONNECTOR, Bank, steady
from lxml import etree
from unbuilt_service import SERVICE as UNBUILT

from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.errors import FAULTS, NotBuilt
from kruispunt.pipeline.service import Service
from kruispunt.securitylog.entry import Kind
from kruispunt.services.discovery import discover
from kruispunt.xml.schemas import schema

SERVICES = discover()
PERSONAS = load_personas(SERVICES, Numbers.BAND)
WRITE_EXAMPLES = bool(os.environ.get("KRUISPUNT_WRITE_EXAMPLES"))
"""Set it to renew the examples from the running server; then read what changed, as any other change."""


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda p: p.id)
def test_persona_provokes_its_code(bank: Bank, persona: Persona) -> None:
    got = bank.call(persona)
    assert got.code == persona.code, etree.tostring(got.payload).decode()
    assert got.status == (500 if got.is_fault else 200)
    if persona.reason:
        assert got.information["reason"] == persona.reason
    bank.verify(got.raw)


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda p: p.id)
def test_example_pair_is_what_client_and_server_say(bank: Bank, persona: Persona) -> None:
    """`examples/<id>.request.xml` and `.reply.xml` show the payloads; ticket and times are starred."""
    folder = persona.service.folder / "examples"
    request = etree.fromstring(bank.message(persona))[-1][0]
    for part, payload in (("request", request), ("reply", bank.call(persona).payload)):
        example = folder / f"{persona.id}.{part}.xml"
        if WRITE_EXAMPLES:
            folder.mkdir(exist_ok=True)
            example.write_bytes(_shown(payload, persona))
        assert example.read_bytes() == _shown(payload, persona)


@pytest.mark.parametrize("persona", [p for p in PERSONAS if p.code], ids=lambda p: p.id)
def test_every_exchange_is_logged_in_and_out(bank: Bank, persona: Persona) -> None:
    """PL-30, and the table of what is logged of a refused message."""
    got = bank.call(persona)
    entries = bank.logged(got.ticket)
    assert [e.kind for e in entries] == [Kind.INCOMING, Kind.OUTGOING]
    incoming, outgoing = entries
    assert outgoing.facts["outcome"] == persona.code
    admitted = persona.reason == "quota" or persona.code not in {"MSG00015", "MSG00051", "MSG00052", "MSG00053"}
    assert (incoming.message is not None) == admitted
    if admitted:
        assert outgoing.message is not None
        assert outgoing.message.data == got.raw
        assert incoming.facts["organisation"]


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_no_code_without_persona_and_example(service: Service) -> None:
    """The coverage test: a code that is declared and cannot be met fails the build."""
    mine = [p for p in PERSONAS if p.service is service]
    declared = {c.code for c in service.codes}
    assert declared <= {p.code for p in mine}
    for persona in mine:
        for part in ("request", "reply"):
            assert (service.folder / "examples" / f"{persona.id}.{part}.xml").exists(), persona.id
    wanted = {f"{p.id}.{part}.xml" for p in mine for part in ("request", "reply")}
    assert {f.name for f in (service.folder / "examples").iterdir()} == wanted


def test_every_fault_is_provoked() -> None:
    assert {f.code for f in FAULTS} - {p.code for p in PERSONAS} == {NotBuilt.code}


def test_operation_that_nobody_built_says_so(bank: Bank) -> None:
    """PL-15: MSG00025, after the request was authenticated, logged and validated."""
    operation = UNBUILT.operations[0]
    message = bank.signer().envelope(bank.body(UNBUILT, operation, echo="anybody there?"), datetime.now(UTC))
    got = bank.send(UNBUILT, operation, message)
    assert (got.status, got.code) == (500, "MSG00025")
    assert got.payload.findtext("faultcode") == "soapenv:Server"
    bank.verify(got.raw)
    assert [e.kind for e in bank.logged(got.ticket)] == [Kind.INCOMING, Kind.OUTGOING]


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda p: p.id)
def test_example_is_valid_against_the_contract(persona: Persona) -> None:
    contract = schema(persona.service.folder / "contract" / persona.service.schema)
    folder = persona.service.folder / "examples"
    reply = etree.fromstring((folder / f"{persona.id}.reply.xml").read_bytes())
    payload = reply.find("detail")[0] if reply.tag.endswith("}Fault") else reply
    ssdn = "20260101T000000" if payload.tag.endswith("}SSDNReply") else None
    for node in payload.iter():
        if node.text == "*":
            node.text = {"ticketCBSS": "019a6f5e-7c1b-7e0f-8d3a-5f2b8c9d0e1f"}.get(
                node.tag, ssdn or "2026-01-01T00:00:00Z"
            )
        elif (node.text or "").startswith("today"):
            node.text = "2026-01-01"
    if payload.tag == "{urn:kruispunt:fault:v1}Fault":
        contract = schema(persona.service.folder.parent / "_common" / "contract" / "Fault.xsd")
    elif payload is not reply and persona.service.dialect is not None:
        contract = schema(persona.service.folder / "contract" / "Connector.xsd")
    assert contract.check(payload) is None


def _shown(payload: etree._Element, persona: Persona) -> bytes:
    """A payload as the examples show it: indented, alone, without what differs each time; of the connector, the
    document that stands in its text."""
    if payload.tag == CONNECTOR.element:
        payload = etree.fromstring(payload.text)
    alone = etree.fromstring(etree.tostring(payload, method="c14n", exclusive=True, with_tail=False))
    for name, value in persona.values.items():
        if str(value).startswith("today"):
            for node in alone.iter(name):
                node.text = value
    etree.indent(alone, "  ")
    return steady(etree.tostring(alone, encoding="utf-8", xml_declaration=True)) + b"\n"
