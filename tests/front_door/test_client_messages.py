"""Right messages in unusual shapes: any prefix, any layout, any time form, any library that signs (CT-03, PL-05)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import xmlsec
from attacker import PERSONAS, Bench, check_log
from bank import Bank, Got
from lxml import etree
from other_libraries import signed_by_signxml, signed_by_xmlsec, verify_with_signxml, verify_with_xmlsec
from wire import say

from kruispunt.xml.namespaces import SOAP, SOAP_ACTION, WSDL, WSDL_SOAP, XSD, XSI
from kruispunt.xml.schemas import schema

TYPES = "http://kszbcss.fgov.be/types/ForeignerSituation/v1"
ACTION = SOAP_ACTION + "ForeignerSituationService/consultEmploymentInfos"
ECHOED = ("informationCustomer", "legalContext", "criteria")


def canonical(element: etree._Element) -> bytes:
    alone = etree.fromstring(etree.tostring(element, with_tail=False))
    return etree.tostring(alone, method="c14n", exclusive=True)


def check(bench: Bench, got: Got) -> None:
    """Valid against the contract, and signed in the eyes of other libraries too."""
    service = bench.victim.service
    assert schema(service.folder / "contract" / service.schema).check(got.payload) is None
    verify_with_xmlsec(got.raw, bench.bank.pki / "signing.pem")
    verify_with_signxml(got.raw, bench.bank.pki / "signing.pem")


# Headers.


@pytest.mark.parametrize("name", ["SOAPAction", "soapaction", "Soapaction", "SOAPACTION"])
@pytest.mark.parametrize("value", [ACTION, f'"{ACTION}"'])
def test_soap_action_with_and_without_quotes(bench: Bench, name: str, value: str) -> None:
    """PL-03; suds writes `Soapaction`, zeep puts quotes."""
    message = bench.message()
    head = (
        f"POST {bench.victim.service.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"content-TYPE: text/xml\r\n{name}: {value}\r\nContent-Length: {len(message)}\r\n\r\n"
    )
    bank = bench.bank
    reply = say(bank, head.encode() + message, bank.tls(bench.victim.client))
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert b"MSG00000" in reply


@pytest.mark.parametrize(
    "kind",
    ["text/xml", "text/xml;charset=UTF-8", 'text/xml; charset="utf-8"', "Text/XML; Charset=utf8", "application/xml"],
)
def test_content_types(bench: Bench, kind: str) -> None:
    bench.answered(bench.message(), content_type=kind)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_a_body_in_chunks(bench: Bench, pieces: int) -> None:
    message = bench.message()
    parts = [message[at : at + len(message) // pieces + 1] for at in range(0, len(message), len(message) // pieces + 1)]
    head = (
        f"POST {bench.victim.service.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: text/xml\r\nSOAPAction: {ACTION}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    reply = say(bench.bank, head.encode() + body, bench.bank.tls(bench.victim.client))
    assert b"MSG00000" in reply


# Layouts.


def with_prefixes(bench: Bench) -> str:
    return bench.body().replace("svc:", "_-.1:").replace("xmlns:svc", "xmlns:_-.1")


def with_default_namespace(bench: Bench) -> str:
    """The request in the default namespace, so that every child takes itself out of it."""
    body = bench.body().replace("svc:", "").replace("xmlns:svc", "xmlns")
    return re.sub(r"<(informationCustomer|legalContext|criteria)>", r'<\1 xmlns="">', body)


def pretty_printed(bench: Bench) -> str:
    tree = etree.fromstring(bench.body())
    etree.indent(tree, "\t")
    return etree.tostring(tree, encoding="unicode").replace("\n", "\r\n")


def with_comments_and_cdata(bench: Bench) -> str:
    body = bench.body().replace(bench.ssin, f"<![CDATA[{bench.ssin}]]>")
    return body.replace("<criteria>", "<!-- what is asked --><criteria>")


def with_character_references(bench: Bench) -> str:
    return bench.body().replace(bench.ssin, "".join(f"&#x{ord(digit):x};" for digit in bench.ssin))


def with_unused_namespaces(bench: Bench) -> str:
    return bench.body().replace("<criteria>", '<criteria xmlns:ns0="urn:a" xmlns:SOAP-ENV="urn:b">')


def with_informationcbss(bench: Bench) -> str:
    """A client may repeat an earlier one; the reply holds the platform's own."""
    told = (
        "<informationCBSS><ticketCBSS>00000000-0000-4000-8000-000000000000</ticketCBSS>"
        "<timestampReceive>2026-01-01T00:00:00Z</timestampReceive><timestampReply>2026-01-01T00:00:00Z</timestampReply>"
        "</informationCBSS><legalContext>"
    )
    return bench.body().replace("<legalContext>", told)


LAYOUTS = [
    with_prefixes,
    with_default_namespace,
    pretty_printed,
    with_comments_and_cdata,
    with_character_references,
    with_unused_namespaces,
    with_informationcbss,
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
def test_layouts(bench: Bench, layout: Callable[[Bench], str]) -> None:
    """Each is answered, and its fragments come back as they were (CT-03)."""
    body = layout(bench)
    got = bench.answered(bench.around(body))
    check(bench, got)
    sent = etree.fromstring(body.encode(), etree.XMLParser(remove_comments=True))
    for name in ECHOED:
        assert canonical(got.payload.find(name)) == canonical(sent.find(name))
    assert got.payload.findtext("informationCBSS/ticketCBSS") != "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("where", ["criteria", "request", "envelope"])
def test_a_type_attribute_keeps_its_prefix(bench: Bench, where: str) -> None:
    """Java toolkits write xsi:type; the prefix in its value is in scope in the reply too, wherever it was declared."""
    names = f'xmlns:t="{TYPES}" xmlns:xsi="{XSI}"'
    places = {"criteria": "<criteria", "request": "<svc:consultEmploymentInfosRequest", "envelope": "<s:Envelope"}
    body = bench.body().replace("<criteria>", '<criteria xsi:type="t:EmploymentInfosCriteriaType">')
    envelope = f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{body}</s:Body></s:Envelope>'
    message = bench.sign(etree.fromstring(envelope.replace(places[where], f"{places[where]} {names}", 1)))
    got = bench.answered(message)
    check(bench, got)
    echoed = got.payload.find("criteria")
    assert echoed.get(f"{{{XSI}}}type") == "t:EmploymentInfosCriteriaType"
    assert echoed.nsmap["t"] == TYPES
    assert b'xmlns:t="' in got.raw


def test_a_type_attribute_of_an_inner_element_keeps_its_prefix(bench: Bench) -> None:
    """Axis, gSOAP and .NET declare the prefix where they use it, another namespace for the same prefix next to it
    (CT-03)."""
    schema_types = "http://www.w3.org/2001/XMLSchema"
    body = (
        bench.body()
        .replace("<dataGroups>", f'<dataGroups xmlns:q="{TYPES}" xmlns:i="{XSI}" i:type="q:DataGroupsType">')
        .replace("<employmentCards>", f'<employmentCards xmlns:q="{schema_types}" xmlns:i="{XSI}" i:type=" q:boolean">')
    )
    got = bench.answered(bench.around(body))
    check(bench, got)
    groups = got.payload.find("criteria/dataGroups")
    assert (groups.get(f"{{{XSI}}}type"), groups.nsmap["q"]) == ("q:DataGroupsType", TYPES)
    assert (groups[0].get(f"{{{XSI}}}type"), groups[0].nsmap["q"]) == (" q:boolean", schema_types)


# Values.


@pytest.mark.parametrize(
    "moment",
    [
        None,
        "2026-01-31T09:30:00",
        "2026-01-31T09:30:00.123456",
        "2026-01-31T09:30:00.123456+01:00",
        "2026-01-31T10:30:00-11:30",
        "2026-01-31T09:30:00.000Z",
        "2026-01-31T24:00:00",
        "\n      2026-01-31T09:30:00.000Z\n    ",
    ],
)
def test_the_clients_time_is_repeated_letter_by_letter(bench: Bench, moment: str | None) -> None:
    """With a zone or without; or there is none (CT-03)."""
    written = "" if moment is None else f"<timestampSent>{moment}</timestampSent>"
    body = re.sub("<timestampSent>.*</timestampSent>", written, bench.body())
    got = bench.answered(bench.around(body))
    check(bench, got)
    assert got.payload.findtext("informationCustomer/timestampSent") == moment


@pytest.mark.parametrize(
    ("sector", "institution"), [("18", "0"), ("018", "000"), ("+18", "0"), (" 18 ", "\n0\n"), ("0018", "00")]
)
def test_onem_by_sector_and_institution(bank: Bank, sector: str, institution: str) -> None:
    """PL-10: in the place of its CBE number, in any form that the type allows."""
    bench = Bench(bank)
    pair = f"<sector>{sector}</sector><institution>{institution}</institution>"
    got = bench.answered(bench.around(bench.body().replace("<cbeNumber>0206737484</cbeNumber>", pair)))
    check(bench, got)
    assert got.payload.findtext(".//sector") == sector
    for entry in bank.logged(got.ticket):
        assert entry.facts["organisation"] == "18/0"


def test_the_other_institutions_of_onem_are_not_onem(bank: Bank) -> None:
    bench = Bench(bank)
    for institution in ("1", "01", "2"):
        pair = f"<sector>018</sector><institution>{institution}</institution>"
        body = bench.body().replace("<cbeNumber>0206737484</cbeNumber>", pair)
        bench.refused(bench.around(body), "MSG00014")


def test_both_a_number_and_an_institution_is_neither(bank: Bank) -> None:
    bench = Bench(bank)
    body = bench.body().replace("</cbeNumber>", "</cbeNumber><sector>18</sector><institution>2</institution>")
    bench.refused(bench.around(body), "MSG00004", rule="schema.invalid")


@pytest.mark.parametrize("context", ["VDAB:DOSSIER_MANAGEMENT", "VDAB :DOSSIER_MANAGEMENT"])
def test_the_legal_context_of_vdab_as_its_source_prints_it(bank: Bank, context: str) -> None:
    """PL-14: once with a stray blank; the reply repeats the client's spelling."""
    bench = Bench(bank, PERSONAS["legal-context-with-blank"])
    got = bench.answered(bench.around(bench.body(legal_context=context)))
    assert got.payload.findtext("legalContext") == context


# Other libraries.


def files(bank: Bank, client: str) -> tuple[Path, Path]:
    return bank.pki / f"{client}.pem", bank.pki / f"{client}.key"


@pytest.mark.parametrize("client", ["onem", "onem-ecdsa"])
@pytest.mark.parametrize("prefixes", [None, "soapenv", "soapenv svc unused", "", "#default wsse"])
def test_messages_signed_by_xmlsec(bank: Bank, client: str, prefixes: str | None) -> None:
    bench = Bench(bank)
    got = bench.answered(signed_by_xmlsec(bench.body(), *files(bank, client), prefixes), client=client)
    check(bench, got)


@pytest.mark.parametrize("client", ["onem", "onem-ecdsa"])
def test_messages_signed_by_signxml(bank: Bank, client: str) -> None:
    bench = Bench(bank)
    bench.answered(signed_by_signxml(bench.body(), *files(bank, client)), client=client)


def test_faults_verify_with_other_libraries_too(bench: Bench) -> None:
    signing = bench.bank.pki / "signing.pem"
    for message, code in ((b"<x/>", "MSG00004"), (bench.around(bench.body(ssin="123")), "MSG00004"), (b"", "MSG00004")):
        got = bench.refused(message, code)
        verify_with_xmlsec(got.raw, signing)
        verify_with_signxml(got.raw, signing)
        broken = got.raw.replace(b"MSG00004", b"MSG00003")
        with pytest.raises(xmlsec.Error, match="invalid"):
            verify_with_xmlsec(broken, signing)


# The contract.


@pytest.mark.parametrize("persona", ["two-cards-and-a-permit", "echo"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_contract_leads_to_everything_it_needs(bank: Bank, persona: str, host: str) -> None:
    """Every import is fetched at the address that is written there; soap:address is that of the client (PL-02)."""
    base = f"https://{host}:{bank.port}"
    service = PERSONAS[persona].service
    waiting, seen = [f"{base}{service.path}?wsdl"], set()
    with requests.Session() as session:
        session.trust_env = False
        session.cert = tuple(map(str, files(bank, "onem")))
        session.verify = str(bank.pki / "ca.pem")
        while waiting:
            url = waiting.pop()
            seen.add(url)
            response = session.get(url, timeout=10)
            assert (response.status_code, response.headers["content-type"]) == (200, "text/xml; charset=utf-8")
            tree = etree.fromstring(response.content)
            for address in tree.iter(f"{{{WSDL_SOAP}}}address"):
                assert address.get("location") == base + service.path
            places = [node.get("schemaLocation") for node in tree.iter(f"{{{XSD}}}import", f"{{{XSD}}}include")]
            places += [node.get("location") for node in tree.iter(f"{{{WSDL}}}import")]
            assert all(place.startswith(base) for place in places if place)
            waiting += [place for place in places if place and place not in seen]
    assert len(seen) >= 3


# Further headers.

OTHER = '<a:To xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:s="{}" s:mustUnderstand="{}">urn:x</a:To>'


def with_header(bench: Bench, mark: str) -> bytes:
    root = etree.fromstring(bench.message())
    root[0].insert(0, etree.fromstring(OTHER.format(SOAP, mark)))
    return etree.tostring(root)


def test_a_header_that_must_be_understood_and_is_not(bench: Bench) -> None:
    """SOAP 1.1, 4.2.3: a fault MustUnderstand, and nothing is done. Where it need not be understood, it is ignored."""
    asked = bench.bank.supplier_calls
    message = with_header(bench, "1")
    got = bench.send(message)
    assert (got.status, got.code) == (500, "MSG00004")
    assert got.payload.findtext("faultcode") == "soapenv:MustUnderstand"
    assert "mustUnderstand" in got.information["error message"]
    bench.bank.verify(got.raw)
    check_log(bench.bank.logged(got.ticket), message, got, "soap.must-understand")
    assert bench.bank.supplier_calls == asked
    bench.answered(with_header(bench, "0"))
