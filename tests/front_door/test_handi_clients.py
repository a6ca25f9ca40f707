"""zeep and suds against HandiService: made from its own WSDL, and from one laid out as the real one (CT-01, CT-05).

The second was written apart from the first; clients of the real bank have such files on their disks. Every reply is
held against both contracts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import suds
import suds.client
import zeep
from attacker import PERSONAS
from bank import Bank
from lxml import etree
from test_clients import TRANSPORT_TIMEOUT, Watching, customer, zeep_client

from kruispunt.cli.calls import dated
from kruispunt.client.suds_plugin import KruispuntPlugin, MutualTlsTransport
from kruispunt.clock import SystemClock, today
from kruispunt.demo.personas import Persona
from kruispunt.services.handi.service import SERVICE
from kruispunt.xml.schemas import Schema

PUBLISHED = Path(__file__).with_name("handi_as_published")
CONTRACTS = (Schema(SERVICE.folder / "contract" / SERVICE.schema), Schema(PUBLISHED / "Handi_V1.xsd"))
OLD_NAMES = {"PCSA:SOCIAL_INQUIRY": "social inquiry", "PCSA:DEBT_RECOVERY": "debt recovery", "VSB:TABH": "THAB"}
"""The published edition enumerates legal contexts, and these are in its list."""
FOUND = [
    PERSONAS[f"handi-{name}"]
    for name in (
        "three-groups-missing",
        "only-the-card-missing",
        "one-group-not-asked",
        "child",
        "two-cards",
        "payments-only",
        "spelt-as-in-the-history",
        "rights-and-payments",
        "several-files",
    )
]
WITHOUT = [PERSONAS[f"handi-{name}"] for name in ("known-without-data", "nothing-in-the-period")]
REFUSED = [
    PERSONAS[f"handi-{name}"]
    for name in (
        "period-over-two-years",
        "replaced-number",
        "unknown-at-dgph",
        "unknown-at-dgph-payments",
        "group-not-authorised",
        "not-inscribed",
    )
]
FAULTS = [PERSONAS[f"handi-{name}"] for name in ("supplier-fault", "supplier-unexpected", "malformed-number")]


def asked(persona: Persona) -> dict[str, Any]:
    """`wantedInformation` or `criteria`, as a toolkit takes it."""
    values = dated(persona.operation, persona.values, today(SystemClock()))
    if persona.operation.name == "consultRightsAndPayments":
        period = {"beginDate": values["beginDate"], "endDate": values["endDate"]}
        return {"ssin": persona.ssin, "period": period}
    flags = ("evolutionOfRequest", "handicapRecognition", "rights", "socialCards")
    wanted: dict[str, Any] = {"ssin": persona.ssin}
    if values["referenceDate"]:
        at = {name: values.get(name, True) for name in flags}
        wanted["informationAtReferenceDate"] = {"referenceDate": values["referenceDate"], **at}
    if values["paymentsStartDate"]:
        wanted["paymentsAtPeriod"] = {"startDate": values["paymentsStartDate"], "endDate": values["paymentsEndDate"]}
    return wanted


def called_by(toolkit: str, contract: str, bank: Bank, persona: Persona) -> tuple[Any, bytes]:
    """The reply as the toolkit gives it, and as it came."""
    context = persona.legal_context if contract == "served" else OLD_NAMES[persona.legal_context]
    return {"zeep": by_zeep, "suds": by_suds}[toolkit](contract, bank, persona, context)


def by_zeep(contract: str, bank: Bank, persona: Persona, context: str) -> tuple[Any, bytes]:
    served = zeep_client(bank, persona)
    client, port = served, served.service
    if contract == "published":
        client = zeep.Client(str(PUBLISHED / "2013_Handi.wsdl"), transport=served.transport, wsse=served.wsse)
        binding = f"{{{SERVICE.namespace}}}HandiHTTPBinding"
        port = client.create_service(binding, bank.url + SERVICE.path)
    came: list[bytes] = []
    client.transport.alter = lambda reply: came.append(reply) or reply
    criteria = "criteria" if persona.operation.name == "consultRightsAndPayments" else "wantedInformation"
    call = getattr(port, persona.operation.name)
    reply = call(informationCustomer=customer(persona), legalContext=context, **{criteria: asked(persona)})
    return reply, came[0]


def by_suds(contract: str, bank: Bank, persona: Persona, context: str) -> tuple[Any, bytes]:
    cert, key = bank.pki / f"{persona.client}.pem", bank.pki / f"{persona.client}.key"
    came: list[bytes] = []
    served = bank.url + SERVICE.path
    client = suds.client.Client(
        f"{served}?wsdl" if contract == "served" else (PUBLISHED / "2013_Handi.wsdl").as_uri(),
        location=served,
        cache=None,
        transport=MutualTlsTransport(bank.pki / "ca.pem", cert, key, timeout=TRANSPORT_TIMEOUT),
        plugins=[
            Watching(lambda reply: came.append(reply) or reply),
            KruispuntPlugin(key, cert, trusted=bank.pki / "signing.pem"),
        ],
    )
    call = getattr(client.service, persona.operation.name)
    return call(customer(persona), None, context, asked(persona)), came[0]


def payload(came: bytes) -> etree._Element:
    return etree.fromstring(came)[-1][0]


def test_each_reply_is_valid_against_both_contracts_and_a_spoilt_one_against_none() -> None:
    """The very check that the others rely on."""
    folder = SERVICE.folder / "examples"
    text = (folder / "handi-several-files.reply.xml").read_text(encoding="utf-8").replace("social inquiry", "")
    whole = text.replace("PCSA:SOCIAL_INQUIRY", "social inquiry").replace(
        "<ticketCBSS>*", f"<ticketCBSS>{'0' * 8}-0000"
    )
    whole = whole.replace("-0000</ticketCBSS>", "-0000-0000-0000-000000000000</ticketCBSS>")
    whole = whole.replace(">*<", ">2026-01-01T00:00:00Z<")
    spoilt = whole.replace("<categoryIT>2</categoryIT>", "<categoryIT>6</categoryIT>")
    for contract in CONTRACTS:
        assert contract.check(etree.fromstring(whole.encode())) is None
        assert "categoryIT" in str(contract.check(etree.fromstring(spoilt.encode())))


TOOLKITS = pytest.mark.parametrize("toolkit", ["zeep", "suds"])
BOTH = pytest.mark.parametrize("contract", ["served", "published"])


def several(value: Any) -> list[Any]:
    """suds gives a single occurrence bare."""
    return value if isinstance(value, list) else [value]


@TOOLKITS
@BOTH
@pytest.mark.parametrize("persona", FOUND, ids=lambda p: p.id)
def test_both_operations_answer_with_data(bank: Bank, toolkit: str, contract: str, persona: Persona) -> None:
    reply, came = called_by(toolkit, contract, bank, persona)
    assert (reply.status.value, reply.status.code) == ("DATA_FOUND", "MSG00000")
    assert reply.informationCustomer.ticket == "client-test"
    files = several(reply.file)
    assert {f.ssin for f in files} == {persona.ssin}
    assert files[0].addressHandicappedPerson.lastName == persona.data["addressHandicappedPerson"]["lastName"]
    paid = [str(p.amount) for f in files for p in several(f.payments) if getattr(p, "amount", None)]
    assert paid == [p.findtext("amount") for p in payload(came).iter("payments") if len(p) > 1]
    cards = [c.cardNumber for c in several(files[0].socialCards) if getattr(c, "cardNumber", None)]
    assert cards == [c.findtext("cardNumber") for c in payload(came).iter("socialCards") if len(c) > 1]
    check_both(came, contract)


def check_both(came: bytes, contract: str) -> None:
    body = payload(came)
    assert CONTRACTS[0].check(body) is None
    if contract == "published":  # under the old name of the context, which its edition enumerates
        assert CONTRACTS[1].check(body) is None


@TOOLKITS
@BOTH
@pytest.mark.parametrize("persona", WITHOUT, ids=lambda p: p.id)
def test_ha06_no_data_is_a_file_of_reasons(bank: Bank, toolkit: str, contract: str, persona: Persona) -> None:
    reply, came = called_by(toolkit, contract, bank, persona)
    assert (reply.status.value, reply.status.code) == ("NO_DATA_FOUND", "MSG00000")
    (file,) = several(reply.file)
    assert several(file.payments)[0].noDataReason == "no data in db"
    check_both(came, contract)


@TOOLKITS
@BOTH
@pytest.mark.parametrize("persona", REFUSED, ids=lambda p: p.id)
def test_a_business_refusal_is_a_reply(bank: Bank, toolkit: str, contract: str, persona: Persona) -> None:
    reply, came = called_by(toolkit, contract, bank, persona)
    assert (reply.status.value, reply.status.code) == ("NO_RESULT", persona.code)
    assert not getattr(reply, "file", None)
    check_both(came, contract)


@BOTH
@pytest.mark.parametrize("persona", FAULTS, ids=lambda p: p.id)
def test_zeep_raises_a_fault_with_its_detail(bank: Bank, contract: str, persona: Persona) -> None:
    with pytest.raises(zeep.exceptions.Fault) as raised:
        called_by("zeep", contract, bank, persona)
    fault = raised.value.detail[0]
    assert fault.tag == f"{{{SERVICE.namespace}}}{persona.operation.name}Fault"
    assert fault.findtext("detail/reasonCode") == persona.code
    assert [contract.check(fault) for contract in CONTRACTS] == [None, None]


@BOTH
@pytest.mark.parametrize("persona", FAULTS, ids=lambda p: p.id)
def test_suds_raises_a_fault_with_its_detail(bank: Bank, contract: str, persona: Persona) -> None:
    with pytest.raises(suds.WebFault) as raised:
        called_by("suds", contract, bank, persona)
    detail = getattr(raised.value.fault.detail, f"{persona.operation.name}Fault").detail
    assert several(detail)[0].reasonCode == persona.code
