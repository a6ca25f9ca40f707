"""zeep and suds against the served contract, as its users have them: made from ?wsdl, nothing changed (PL-02)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import requests
import suds.client
import suds.plugin
import zeep
from attacker import PERSONAS
from bank import ORGANISATIONS, Bank
from lxml import etree

from kruispunt.client.suds_plugin import KruispuntPlugin, MutualTlsTransport
from kruispunt.client.zeep_plugin import KruispuntSignature
from kruispunt.demo.personas import Persona
from kruispunt.errors import ReplyNotTrusted
from kruispunt.xml.namespaces import SOAP

FOUND = [
    PERSONAS[name]
    for name in ("two-cards-and-a-permit", "secondary-network", "family-reunification", "fictional-number")
]
REFUSED = [
    PERSONAS[name]
    for name in (
        "not-inscribed",
        "unknown-number-special",
        "somebody-elses-organisation",
        "data-group-not-authorised",
    )
]
FAULTS = [PERSONAS[name] for name in ("malformed-number", "service-not-registered", "supplier-fault", "internal-error")]
TRANSPORT_TIMEOUT = 30


class ZeepTransport(zeep.Transport):
    """Keeps the last reply, or sends it on altered."""

    alter: Callable[[bytes], bytes] = staticmethod(lambda reply: reply)

    def post(self, address: str, message: Any, headers: Any) -> Any:
        self.sent, self.sent_headers = message, headers
        response = super().post(address, message, headers)
        response._content = self.alter(response.content)
        return response


def zeep_client(bank: Bank, persona: Persona, transport: Callable[..., Any] = ZeepTransport) -> zeep.Client:
    session = requests.Session()
    session.trust_env = False
    cert, key = bank.pki / f"{persona.client}.pem", bank.pki / f"{persona.client}.key"
    session.cert, session.verify = (str(cert), str(key)), str(bank.pki / "ca.pem")
    return zeep.Client(
        f"{bank.url}{persona.service.path}?wsdl",
        transport=transport(session=session),
        wsse=KruispuntSignature(key, cert, trusted=bank.pki / "signing.pem"),
    )


def customer(persona: Persona) -> dict[str, Any]:
    """informationCustomer, as a toolkit takes it: CBE number, or sector and institution."""
    number = ORGANISATIONS[persona.organisation]
    sector, slash, institution = number.partition("/")
    who = {"sector": sector, "institution": institution} if slash else {"cbeNumber": number}
    return {"ticket": "client-test", "customerIdentification": who}


def criteria(persona: Persona) -> dict[str, Any]:
    asked: dict[str, Any] = {"ssin": persona.ssin}
    if persona.operation.name == "consultEmploymentInfos":
        asked["dataGroups"] = {name: persona.values[name] for name in ("employmentCards", "workPermits")}
    return asked


def with_zeep(bank: Bank, persona: Persona, client: zeep.Client | None = None) -> Any:
    client = client or zeep_client(bank, persona)
    call = getattr(client.service, persona.operation.name)
    return call(informationCustomer=customer(persona), legalContext=persona.legal_context, criteria=criteria(persona))


class Watching(suds.plugin.MessagePlugin):  # type: ignore[misc]
    """Stands before the signing plug-in: sees what suds wrote, and may alter what comes back."""

    def __init__(self, alter: Callable[[bytes], bytes] = lambda reply: reply) -> None:
        self.alter = alter
        self.written = b""

    def sending(self, context: Any) -> None:
        self.written = context.envelope

    def received(self, context: Any) -> None:
        context.reply = self.alter(context.reply)


def suds_client(bank: Bank, persona: Persona, watching: Watching | None = None) -> Any:
    cert, key = bank.pki / f"{persona.client}.pem", bank.pki / f"{persona.client}.key"
    return suds.client.Client(
        f"{bank.url}{persona.service.path}?wsdl",
        cache=None,
        transport=MutualTlsTransport(bank.pki / "ca.pem", cert, key, timeout=TRANSPORT_TIMEOUT),
        plugins=[watching or Watching(), KruispuntPlugin(key, cert, trusted=bank.pki / "signing.pem")],
    )


def with_suds(bank: Bank, persona: Persona, client: Any = None) -> Any:
    """As Lino does it: informationCBSS is None, and left out on the wire."""
    client = client or suds_client(bank, persona)
    call = getattr(client.service, persona.operation.name)
    return call(customer(persona), None, persona.legal_context, criteria(persona))


TOOLKITS = [with_zeep, with_suds]


@pytest.mark.parametrize("ask", TOOLKITS)
@pytest.mark.parametrize("persona", FOUND, ids=lambda p: p.id)
def test_both_operations_answer_with_data(bank: Bank, persona: Persona, ask: Callable[..., Any]) -> None:
    reply = ask(bank, persona)
    assert (reply.status.value, reply.status.code) == ("DATA_FOUND", "MSG00000")
    assert reply.informationCustomer.ticket == "client-test"
    assert reply.criteria.ssin == reply.ssin == persona.ssin
    if persona.operation.name == "consultEmploymentInfos":
        cards = reply.result.employmentCards.employmentCard if persona.data.get("employmentCards") else []
        assert [c.cardNumber for c in cards] == [c["cardNumber"] for c in persona.data.get("employmentCards", ())]
        permits = reply.result.workPermits.workPermit
        assert [p.permitNumber for p in permits] == [p["permitNumber"] for p in persona.data["workPermits"]]
    else:
        infos = reply.result.specialInfos.specialInfo
        assert [i.inceptionDate for i in infos] == [i["inceptionDate"] for i in persona.data["specialInfos"]]


@pytest.mark.parametrize("ask", TOOLKITS)
@pytest.mark.parametrize("persona", REFUSED, ids=lambda p: p.id)
def test_a_business_refusal_is_a_reply(bank: Bank, persona: Persona, ask: Callable[..., Any]) -> None:
    """PL-13: with status NO_RESULT and no result."""
    reply = ask(bank, persona)
    assert (reply.status.value, reply.status.code) == ("NO_RESULT", persona.code)
    assert getattr(reply, "result", None) is None


@pytest.mark.parametrize("persona", FAULTS, ids=lambda p: p.id)
def test_zeep_raises_a_fault_with_its_detail(bank: Bank, persona: Persona) -> None:
    client = zeep_client(bank, persona)
    with pytest.raises(zeep.exceptions.Fault) as raised:
        with_zeep(bank, persona, client)
    detail = client.wsdl.types.deserialize(raised.value.detail[0])
    (reason,) = detail.detail
    assert (reason.severity, reason.reasonCode, reason.authorCode) == ("FATAL", persona.code, "KRUISPUNT")
    assert raised.value.message == reason.diagnostic
    assert raised.value.code in {"soapenv:Client", "soapenv:Server"}
    assert detail.informationCBSS.ticketCBSS


@pytest.mark.parametrize("persona", FAULTS, ids=lambda p: p.id)
def test_suds_raises_a_fault_with_its_detail(bank: Bank, persona: Persona) -> None:
    with pytest.raises(suds.WebFault) as raised:
        with_suds(bank, persona)
    detail = getattr(raised.value.fault.detail, f"{persona.operation.name}Fault")
    reason = detail.detail[0] if isinstance(detail.detail, list) else detail.detail
    assert (reason.severity, reason.reasonCode) == ("FATAL", persona.code)
    assert detail.informationCBSS.ticketCBSS


def test_connection_test_with_both(bank: Bank) -> None:
    """PL-42."""
    persona = PERSONAS["echo"]
    text = "één <&> twee"
    reply = zeep_client(bank, persona).service.sendTestMessage(echo=text)
    assert (reply.echo, "CN=tester" in reply.sslCertificate) == (text, True)
    reply = suds_client(bank, persona).service.sendTestMessage(text)
    assert (reply.echo, "CN=tester" in reply.sslCertificate) == (text, True)


def test_zeep_with_its_own_transport(bank: Bank) -> None:
    persona = FOUND[0]
    reply = with_zeep(bank, persona, zeep_client(bank, persona, zeep.Transport))
    assert reply.status.code == "MSG00000"


def test_zeep_with_a_naive_timestamp(bank: Bank) -> None:
    """zeep writes a datetime without zone as it is; the reply repeats it (CT-03)."""
    persona = FOUND[0]
    client = zeep_client(bank, persona)
    sent = {**customer(persona), "timestampSent": datetime(2026, 1, 31, 9, 30, 0, 123456)}  # noqa: DTZ001
    reply = client.service.consultEmploymentInfos(
        informationCustomer=sent, legalContext=persona.legal_context, criteria=criteria(persona)
    )
    assert reply.informationCustomer.timestampSent == sent["timestampSent"]
    assert client.transport.sent_headers["SOAPAction"].startswith('"http://kszbcss.fgov.be/')


def test_what_suds_puts_on_the_wire_is_odd_and_accepted(bank: Bank) -> None:
    """An empty Header, and two prefixes for SOAP's namespace."""
    watching = Watching()
    persona = FOUND[0]
    assert with_suds(bank, persona, suds_client(bank, persona, watching)).status.code == "MSG00000"
    root = etree.fromstring(watching.written)
    assert len(root[0]) == 0
    assert root[0].tag == f"{{{SOAP}}}Header"
    assert root.prefix != root[1].prefix
    assert root.nsmap[root.prefix] == root[1].nsmap[root[1].prefix] == SOAP


def another_number(reply: bytes) -> bytes:
    return reply.replace(b"EC-2018-0451", b"EC-2018-9999")


def another_status(reply: bytes) -> bytes:
    return reply.replace(b"DATA_FOUND", b"NO_DATA_FOUND")


def no_signature(reply: bytes) -> bytes:
    root = etree.fromstring(reply)
    root[0].clear()
    return etree.tostring(root)


def a_forged_body(reply: bytes) -> bytes:
    root = etree.fromstring(reply)
    signed = root[1]
    forged = etree.fromstring(etree.tostring(signed).replace(b"EC-2018-0451", b"EC-2018-9999"))
    root.replace(signed, forged)
    root[0].append(signed)
    return etree.tostring(root)


@pytest.mark.parametrize("alter", [another_number, another_status, no_signature, a_forged_body])
def test_a_reply_that_was_altered_on_its_way_is_not_used(bank: Bank, alter: Callable[[bytes], bytes]) -> None:
    persona = FOUND[0]
    client = zeep_client(bank, persona)
    client.transport.alter = alter
    with pytest.raises(ReplyNotTrusted):
        with_zeep(bank, persona, client)
    with pytest.raises(ReplyNotTrusted):
        with_suds(bank, persona, suds_client(bank, persona, Watching(alter)))


def test_a_value_that_was_split_by_a_comment_is_read_whole(bank: Bank) -> None:
    """The signature still holds; nobody may read the half of it."""

    def split(reply: bytes) -> bytes:
        return reply.replace(b"EC-2018-0451", b"EC-2018<!-- -->-0451")

    persona = FOUND[0]
    client = zeep_client(bank, persona)
    client.transport.alter = split
    for reply in (
        with_zeep(bank, persona, client),
        with_suds(bank, persona, suds_client(bank, persona, Watching(split))),
    ):
        assert reply.result.employmentCards.employmentCard[0].cardNumber == "EC-2018-0451"


@pytest.mark.parametrize("ask", TOOLKITS)
def test_a_fault_that_was_altered_on_its_way_is_not_used(bank: Bank, ask: Callable[..., Any]) -> None:
    persona = FAULTS[0]

    def alter(reply: bytes) -> bytes:
        return reply.replace(b"MSG00004", b"MSG00003")

    if ask is with_zeep:
        client = zeep_client(bank, persona)
        client.transport.alter = alter
    else:
        client = suds_client(bank, persona, Watching(alter))
    with pytest.raises(ReplyNotTrusted):
        ask(bank, persona, client)
