"""SSDN through the running gateway: the envelope, its refusals, and what an attacker may try with the document inside
(IP-19, IP-20, PL-09, PL-12, PL-30).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attacker import PERSONAS
from bank import Bank
from identify import ask, ask_document, by_ssin, document, request, send
from lxml import etree

from kruispunt.cli.log import find_entries
from kruispunt.identifiers.ticket import moment_of, short
from kruispunt.securitylog.entry import Kind
from kruispunt.services.identify_person import client
from kruispunt.services.identify_person.namespaces import CONNECTOR, PERSON, SERVICE
from kruispunt.services.identify_person.service import SERVICE as IDENTIFY
from kruispunt.xml.schemas import schema

KNOWN = PERSONAS["identify-by-number"].ssin or ""
BLOCKED = PERSONAS["identify-blocked"].ssin or ""
REPLACED = PERSONAS["identify-replaced"].ssin or ""
BY_NUMBER = request("bySSIN", ssin=KNOWN)


def fault_of(got: Any) -> tuple[int, str, str]:
    """Status, faultcode and code."""
    assert got.is_fault, got.raw
    return got.status, got.payload.findtext("faultcode") or "", got.code


def test_ip19_several_requests_in_one_message_are_each_answered(bank: Bank) -> None:
    """Whatever becomes of the others; ReplyContext sums up."""
    reply = ask_document(
        bank,
        document(
            BY_NUMBER,
            request("bySSIN", ssin=REPLACED),
            request("bySSIN", ssin=BLOCKED),
            request("bySSIN", ssin=KNOWN, version="20050329"),
            request("phonetic", lastName="Nergenskruis", birthDate="1961-01-00"),
            client.service_request("Dimona", "20051206", "<x/>"),
        ),
    )
    assert [a.codes for a in reply.answers] == [[], ["22012001"], ["32000001"], [], ["31009001"], ["MSG00004"]]
    assert [a.ok for a in reply.answers] == [
        ("YES", 0),
        ("WARNING", 1),
        ("NO", 10_000),
        ("YES", 0),
        ("NO", 10_000),
        ("NO", 10_000),
    ]
    assert reply.context.ok == ("WARNING", 1)
    assert reply.context.codes == ["30000001", "20000001"]
    assert reply.context.severities == ["ERROR", "WARNING"]
    first, fourth = reply.answers[0], reply.answers[3]
    assert (first.last_names, fourth.last_names) == (["D'Kruispunt-Voorbeeld"], ["D'KRUISPUNT-VOORBEELD"])


@pytest.mark.parametrize(
    ("asked", "status", "codes"),
    [
        ((BY_NUMBER,), ("YES", 0), []),
        ((request("bySSIN", ssin=REPLACED),), ("WARNING", 1), ["20000001"]),
        ((request("bySSIN", ssin=BLOCKED),), ("NO", 10_000), ["30000001"]),
        ((request("bySSIN", ssin=BLOCKED), BY_NUMBER), ("WARNING", 1), ["30000001"]),
    ],
)
def test_ip19_the_summary_of_the_whole(
    bank: Bank, asked: tuple[str, ...], status: tuple[str, int], codes: list[str]
) -> None:
    context = ask_document(bank, document(*asked)).context
    assert (context.ok, context.codes) == (status, codes)


def test_ip19_every_message_has_its_author(bank: Bank) -> None:
    for detail in by_ssin(bank, REPLACED).details:
        assert detail.findtext("{*}AuthorCodeList") == "CBSS"
        assert detail.findtext("{*}Diagnostic")


def test_pl12_the_ticket_has_ssdns_form_and_finds_the_exchange(bank: Bank) -> None:
    """15 capitals and digits, sorted by time; the log is found by it, also on the command line."""
    replies = [ask_document(bank, document(BY_NUMBER)) for _ in range(3)]
    tickets = [reply.told("Message/Ticket") or "" for reply in replies]
    assert all(re.fullmatch(r"[A-Z0-9]{15}", ticket) for ticket in tickets)
    assert len(set(tickets)) == 3
    incoming, outgoing = bank.logged(tickets[0])
    assert (incoming.kind, outgoing.kind) == (Kind.INCOMING, Kind.OUTGOING)
    assert incoming.facts["ticket"] == outgoing.facts["ticket"]
    assert short(incoming.facts["ticket"]) == tickets[0]
    received = datetime.strptime(replies[0].told("Message/TimeReceive") or "", "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    assert abs(moment_of(incoming.facts["ticket"]) - received) < timedelta(seconds=2)
    found = find_entries(tickets[0], bank.directory / "kruispunt.toml", "test")
    assert [e.kind for e in found] == [Kind.INCOMING, Kind.OUTGOING]


def test_pl30_the_log_keeps_who_asked_and_everybody_who_was_returned(bank: Bank) -> None:
    reply = ask_document(bank, document(request("bySSIN", ssin=REPLACED), PHONETIC))
    incoming, outgoing = bank.logged(reply.told("Message/Ticket") or "")
    assert incoming.facts["organisation"] == "0206737484"
    assert incoming.facts["legal_context"] == outgoing.facts["legal_context"] == "NEO:UNEMPLOYMENT"
    assert incoming.facts["client_reference"] == "identify-test"
    assert outgoing.message is not None
    assert outgoing.message.data == reply.raw
    # Under a keyed digest each: asked and told, the number that was found by name among them.
    assert (len(incoming.facts["subjects"]), len(outgoing.facts["subjects"])) == (1, 3)
    steps = [name for name, _ in outgoing.message.notes]
    assert steps.count("authorise") == 2
    # A partner's number is told too, where it is.
    for version, told in (("20050329", 2), ("20090818", 2)):
        again = ask_document(bank, document(request("bySSIN", ssin=KNOWN, version=version)))
        assert len(bank.logged(again.told("Message/Ticket") or "")[1].facts["subjects"]) == told
    basic = PERSONAS["identify-cpas-validated"].ssin or ""
    limited = ask_document(bank, document(request("cpasBySSIN", ssin=basic), organisation="demo-limited"), "limited")
    assert len(bank.logged(limited.told("Message/Ticket") or "")[1].facts["subjects"]) == 1


PHONETIC = request("phonetic", lastName="Zwijvelkruis", birthDate="1966-06-06")


def test_ip20_a_document_as_an_element_instead_of_text(bank: Bank) -> None:
    """Some clients send it so; the reply is text, as the contract has it."""
    got = send(bank, f'<c:xmlString xmlns:c="{CONNECTOR}">\n {document(BY_NUMBER)}\n</c:xmlString>')
    assert (got.status, got.code) == (200, "")
    assert len(got.payload) == 0
    assert "SSDNReply" in (got.payload.text or "")


@pytest.mark.parametrize(
    "before",
    [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<?xml version='1.0'?>\n",
        "  \n",
        "<!-- a comment -->",
        # The text is decoded already, whatever encoding it names; a StringWriter of .NET names utf-16.
        '<?xml version="1.0" encoding="utf-16"?>\r\n',
        "<?xml version='1.0' encoding='ISO-8859-1' standalone='yes'?>",
        '<?xml version="1.0" encoding="us-ascii"?>',
        '\ufeff<?xml version="1.0" encoding="windows-1252"?>',
        '<?xml version="1.0" encoding="no-such-thing"?>',
    ],
)
def test_ip20_what_may_stand_before_the_document(bank: Bank, before: str) -> None:
    assert ask_document(bank, before + document(BY_NUMBER)).answers[0].people


def test_ip20_letters_beyond_the_declared_encoding(bank: Bank) -> None:
    """They came as UTF-8, in the message around; the declaration inside changes none of them."""
    asked = request("phonetic", lastName="Šimić-Ünbekannt", birthDate="1961-01-01")
    for encoding in ("utf-16", "us-ascii", "ISO-8859-1"):
        text = f'<?xml version="1.0" encoding="{encoding}"?>' + document(asked)
        assert ask_document(bank, text).answers[0].codes == ["32012004"]
    reference = document(BY_NUMBER).replace("identify-test", "Šimić")
    assert ask_document(bank, UTF_16 + reference).told("Message/Reference") == "Šimić"


def test_ip20_the_document_in_cdata(bank: Bank) -> None:
    body = f'<c:xmlString xmlns:c="{CONNECTOR}"><![CDATA[{document(BY_NUMBER)}]]></c:xmlString>'
    assert send(bank, body).code == ""


ENTITY = '<!DOCTYPE a [<!ENTITY x "85651790145">]>'
UTF_16 = '<?xml version="1.0" encoding="utf-16"?>'
BOMB = "<!DOCTYPE a [<!ENTITY a0 'x'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 9))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "no document",
        "<a",
        "<a></b>",
        "<a/><b/>",
        "&unknown;",
        document(BY_NUMBER).replace("</ssdn:SSDNRequest>", ""),
        ENTITY + document(BY_NUMBER),
        BOMB + "]>" + document(BY_NUMBER),
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">' + document(BY_NUMBER),
        UTF_16 + ENTITY + document(BY_NUMBER),
        UTF_16 + UTF_16 + document(BY_NUMBER),
        UTF_16 + "<?xml-stylesheet href='x'?>" + document(BY_NUMBER),
        UTF_16.replace("1.0", "1.1") + document(BY_NUMBER),
        UTF_16.replace("?>", "") + document(BY_NUMBER),
        document(BY_NUMBER) + UTF_16,
        "<?xml-stylesheet href='x'?>" + document(BY_NUMBER),
        "<a>" * 100 + "</a>" * 100,
        "<a>" + "<b/>" * 6_000 + "</a>",
        "<a " + " ".join(f'a{n}="x"' for n in range(100)) + "/>",
        "<a " + " ".join(f'xmlns:n{n}="u:{n}"' for n in range(200)) + "/>",
        f'<a xmlns:n="{"u" * 300}"/>',
    ],
    ids=lambda text: text[:24] or "empty",
)
def test_ip19_what_is_no_document_gets_a_clean_fault(bank: Bank, text: str) -> None:
    """PL-09: the same parser, with the same limits, as for the message around it."""
    got = send(bank, client.connector(text))
    assert fault_of(got) == (500, "soapenv:Client", "MSG00004")
    assert b"root:" not in got.raw
    bank.verify(got.raw)
    assert [e.kind for e in bank.logged(got.ticket)] == [Kind.INCOMING, Kind.OUTGOING]


@pytest.mark.parametrize(
    "body",
    [
        "",
        f'<c:other xmlns:c="{CONNECTOR}"/>',
        f'<c:xmlString xmlns:c="{CONNECTOR}">text<a/></c:xmlString>',
        f'<c:xmlString xmlns:c="{CONNECTOR}"><a/><a/></c:xmlString>',
        f'<c:xmlString xmlns:c="{CONNECTOR}"/><c:xmlString xmlns:c="{CONNECTOR}"/>',
        "<xmlString/>",
    ],
)
def test_ip19_another_body_gets_a_clean_fault(bank: Bank, body: str) -> None:
    got = send(bank, body)
    assert fault_of(got)[2] == "MSG00004"
    bank.verify(got.raw)


def test_ct07_a_fault_of_the_connector_has_its_own_element(bank: Bank) -> None:
    """The real contract declares none; it is named and typed as those of the other services."""
    contract = schema(IDENTIFY.folder / "contract" / "Connector.xsd")
    stranger = bank.signer("stranger").envelope(client.connector(document(BY_NUMBER)), datetime.now(UTC))
    for got in (send(bank, client.connector("no document")), bank.send(IDENTIFY, IDENTIFY.operations[0], stranger)):
        detail = got.payload.find("detail")[0]
        assert detail.tag == f"{{{CONNECTOR}}}sendXMLFault"
        assert contract.check(detail) is None
        assert [child.tag for child in detail] == ["informationCBSS", "detail"]


BLANK_VERSIONS = ("2009081 ", "2009  18", " " * 8, "\t2009081", "\n\n090818")


@pytest.mark.parametrize("version", ["2009 818", "2009081\N{NO-BREAK SPACE}", "2009\t818"])
def test_ip19_another_version_of_eight_characters_is_refused_alone(bank: Bank, version: str) -> None:
    """What stays eight characters when white space is collapsed can be repeated; the others are answered."""
    wrong = request("bySSIN", ssin=KNOWN, version=version)
    first, second = ask_document(bank, document(wrong, BY_NUMBER)).answers
    assert (first.ok, first.codes) == (("NO", 10_000), ["MSG00004"])
    assert second.people


def without(name: str) -> str:
    return re.sub(rf"<ssdn:{name}>.*?</ssdn:{name}>", "", document(BY_NUMBER), flags=re.DOTALL)


@pytest.mark.parametrize(
    "text",
    [
        "<a/>",
        document(BY_NUMBER).replace("SSDNRequest", "SSDNReply"),
        document(BY_NUMBER).replace("/SSDN/Service", "/SSDN/Services"),
        document(),
        without("AuthorizedUser"),
        without("UserID"),
        without("Version"),
        document(BY_NUMBER).replace("official@example.org", "nobody"),
        document(BY_NUMBER).replace("<ssdn:Version>20090818", "<ssdn:Version>2009081"),
        # Eight characters, of which the reply's type, which collapses, leaves fewer.
        *(document(BY_NUMBER, request("bySSIN", ssin=KNOWN, version=version)) for version in BLANK_VERSIONS),
        document(*[BY_NUMBER] * 21),
    ],
)
def test_ip19_a_wrong_header_is_told_in_the_reply_context(bank: Bank, text: str) -> None:
    reply = ask_document(bank, text)
    assert (reply.context.ok, reply.context.codes, reply.answers) == (("NO", 10_000), ["MSG00004"], [])
    told = reply.context.details[0].findtext("{*}Diagnostic") or ""
    assert told.startswith("A validation error occurred while parsing the request header")
    assert KNOWN not in told
    assert schema(IDENTIFY.folder / "contract" / IDENTIFY.schema).check(reply.document) is None


@pytest.mark.parametrize(
    ("service_id", "version", "payload"),
    [
        ("IdentifyPerson", "20990101", None),
        ("identifyperson", "20090818", None),
        ("OCMWCPASManageAccess", "20050930", None),
        ("OCMWCPASIdentifyPerson", "20050930", None),
        ("IdentifyPerson", "20090818", "<a/>"),
        ("IdentifyPerson", "20090818", client.payload_of("bySSIN", {"ssin": "1"})),
        ("IdentifyPerson", "20090818", client.payload_of("bySSIN", {"ssin": KNOWN}).replace("p:SSIN>", "p:ssin>")),
    ],
)
def test_ip19_a_wrong_request_is_told_in_its_service_reply(
    bank: Bank, service_id: str, version: str, payload: str | None
) -> None:
    asked = payload or client.payload_of("bySSIN", {"ssin": KNOWN})
    (answer,) = ask_document(bank, document(client.service_request(service_id, version, asked))).answers
    assert answer.ok == ("NO", 10_000)
    assert answer.codes in (["MSG00004"], ["31000007"])
    assert answer.payload is None


def test_ip19_mandatory_criteria_are_told_one_by_one(bank: Bank) -> None:
    answer = ask(bank, "byAddress", postalCode="", streetCode="", houseNumber="")
    assert answer.codes == ["31000007"] * 3
    assert [name for name, _ in answer.information] == [
        "Address Criteria: Postal Code",
        "Address Criteria: Street Code",
        "Address Criteria: House Number",
    ]
    assert by_ssin(bank, "").codes == ["31000007"]


def test_ip20_the_context_follows_from_certificate_search_and_unit(bank: Bank) -> None:
    """Nobody may name another's unit, whichever way it is written."""
    assert ask(bank, "bySSIN", as_="limited", organisation="onem", ssin=KNOWN).codes == ["MSG00014"]
    assert ask(bank, "bySSIN", as_="limited", organisation="demo-limited", ssin=KNOWN).codes == ["MSG00013"]
    assert ask(bank, "byAddress", as_="vdab", postalCode="1", streetCode="1234", houseNumber="1").codes == ["MSG00013"]
    text = document(BY_NUMBER)
    for unit, code in (("206737484", ""), (" 0206737484 ", ""), ("18/1", "MSG00014"), ("0999999922", "MSG00014")):
        changed = text.replace("<ssdn:OrgUnit>0206737484", f"<ssdn:OrgUnit>{unit}")
        assert "".join(ask_document(bank, changed).answers[0].codes) == code, unit
    by_matrix = text.replace("<ssdn:OrgUnit>0206737484</ssdn:OrgUnit><ssdn:MatrixID>0", "<ssdn:MatrixID>18")
    assert ask_document(bank, by_matrix).answers[0].people


def test_ip20_what_the_context_said_is_repeated(bank: Bank) -> None:
    extra = (
        "<ssdn:MessagePeriod xmlns:c='http://www.ksz-bcss.fgov.be/XSD/SSDN/Common'><c:StartDate> 2026-01-01\n"
        "</c:StartDate></ssdn:MessagePeriod><ssdn:Language>nl</ssdn:Language></ssdn:Message><ssdn:PersonInformation>"
        f"<ssdn:TargetSSIN>{KNOWN}</ssdn:TargetSSIN><ssdn:Inscription qualityCode='1' startDate=' 2020-01-01Z '/>"
        "</ssdn:PersonInformation>"
    )
    text = document(BY_NUMBER).replace("</ssdn:Message>", extra).replace("identify-test", "a &lt;&amp;&gt; b")
    reply = ask_document(bank, text)
    assert reply.told("Message/Reference") == "a <&> b"
    assert reply.told("Message/Language") == "nl"
    assert reply.told("PersonInformation/TargetSSIN") == KNOWN
    assert reply.told("AuthorizedUser/OrgUnit") == "0206737484"
    assert schema(IDENTIFY.folder / "contract" / IDENTIFY.schema).check(reply.document) is None


def test_ip20_a_forged_prefix_or_type_is_not_repeated(bank: Bank) -> None:
    """`xsi:type` with a prefix of the request's own would make a reply that nobody can validate."""
    text = document(BY_NUMBER).replace(
        "<ssdn:UserID>",
        '<ssdn:UserID xmlns:y="http://www.ksz-bcss.fgov.be/XSD/SSDN/Common"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="y:t_SSIN">',
    )
    reply = ask_document(bank, text)
    assert reply.answers[0].people
    assert b"XMLSchema-instance" not in reply.raw


def test_pl06_a_message_is_answered_once(bank: Bank) -> None:
    message = bank.signer("onem").envelope(client.connector(document(BY_NUMBER)), datetime.now(UTC))
    operation = IDENTIFY.operations[0]
    assert bank.send(IDENTIFY, operation, message).status == 200
    again = bank.send(IDENTIFY, operation, message)
    assert fault_of(again) == (500, "soapenv:Client", "MSG00015")
    assert again.information["reason"] == "replay"


def test_the_document_that_is_answered_is_the_one_that_was_signed(bank: Bank) -> None:
    message = bank.signer("onem").envelope(client.connector(document(BY_NUMBER)), datetime.now(UTC))
    forged = message.replace(KNOWN.encode(), REPLACED.encode())
    assert forged != message
    got = bank.send(IDENTIFY, IDENTIFY.operations[0], forged)
    assert fault_of(got)[2] == "MSG00015"


@pytest.mark.parametrize("version", ["20050329", "20080918", "20090818"])
def test_ip16_a_reply_is_valid_with_the_schemas_of_its_version(bank: Bank, version: str) -> None:
    """Envelope and payload together; and what the other version adds is not in it."""
    reply = ask_document(bank, document(request("bySSIN", ssin=KNOWN, version=version)))
    own = "SSDN20050329.xsd" if version == "20050329" else "SSDN20090818.xsd"
    assert schema(IDENTIFY.folder / "contract" / own).check(reply.document) is None
    assert reply.document.findtext(f"{{{SERVICE}}}ServiceReply/{{{SERVICE}}}Version") == version
    added = (
        reply.document.find(f".//{{{PERSON}}}SecondMiddleName"),
        reply.document.find(f".//{{{PERSON}}}TemporaryAddressAbroad"),
    )
    assert all(node is None for node in added) == (version == "20050329")


def test_ip16_the_envelope_alone_does_not_admit_a_payload(bank: Bank) -> None:
    """As with the real schemas: what `any` admits must be declared."""
    reply = ask_document(bank, document(BY_NUMBER))
    assert schema(IDENTIFY.folder / "contract" / "SSDNService.xsd").check(reply.document) is not None


def test_the_schemas_are_served_beside_the_wsdl(bank: Bank) -> None:
    with bank.connect() as connection:
        for name in ("SSDN20090818.xsd", "SSDN20050329.xsd", "SSDNService.xsd", "Connector.xsd"):
            status, _, body = connection.get(f"{IDENTIFY.path}?xsd={name}")
            assert status == 200, name
            etree.fromstring(body)
