"""There is no limit to how many people an address has (IP-15): a reply about all of them leaves, and can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from in_process import begin, platform
from kruispunt.access.model import AccessTable
from kruispunt.cli.call import payload_text
from kruispunt.client.signing import ClientSecurity
from kruispunt.clock import FixedClock
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline import reply
from kruispunt.pipeline.context import Incoming, TlsClient
from kruispunt.registers.legal_data import Birth, Dossier, LegalData, Name, Origin
from kruispunt.services.identify_person import client
from kruispunt.services.identify_person.answered import Answered
from kruispunt.services.identify_person.citizen import Version
from kruispunt.services.identify_person.connector import Connector
from kruispunt.services.identify_person.envelope import Served, write_reply
from kruispunt.services.identify_person.namespaces import PERSON
from kruispunt.services.identify_person.service import SERVICE
from kruispunt.services.identify_person.summary import Status
from kruispunt.services.identify_person.write import write_payload
from kruispunt.xml.parse import REPLY_LIMITS, parse
from signed_messages import NOW, ec_signer, trust

SIGNER: Final = ec_signer()
ON: Final = platform((SERVICE,), AccessTable({}, {}, {}), trust(), NOW)
PERSON_IN: Final = Dossier(Ssin("80651790145"), Origin.RR, LegalData(Name("Kruis"), Birth(PartialDate(1980))))


def a_reply(people: int) -> str:
    """What stands in the Body about so many people."""
    payload = write_payload(Answered((PERSON_IN,) * people, (), Version.THREE_NAMES))
    served = Served("IdentifyPerson", "20090818", Status.YES, (), payload)
    return write_reply(None, ON.tickets.new(), NOW, NOW, Status.YES, (), [served])


def test_ip15_a_reply_of_more_than_sixteen_megabytes_is_verified_and_read() -> None:
    people = 60_000
    signed = SIGNER.envelope(a_reply(people), NOW)
    assert len(signed) > 16 * 1024 * 1024
    root, _ = ClientSecurity(ec_signer(), trust(), clock=FixedClock(NOW)).verify(signed)
    document = client.told(root[-1][0]).document
    assert document is not None
    assert sum(1 for _ in document.iter(f"{{{PERSON}}}Citizen")) == people


def test_ip15_a_command_shows_thousands_of_people() -> None:
    """Alone, each person declares its namespace again."""
    shown = payload_text(SIGNER.envelope(a_reply(3_000), NOW), SERVICE)
    assert shown.count("<person:Citizen ") == 3_000


def test_ip15_a_reply_that_is_larger_than_what_is_checked_leaves_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = begin(Incoming(SERVICE.path, Connector.action, b"", "192.0.2.1", TlsClient("", "CN=test")), NOW)
    exchange.service, exchange.operation = SERVICE, Connector.door
    wrong = SIGNER.envelope(a_reply(100).replace("Citizen", "Citizens"), NOW)
    on = replace(ON, signer=SIGNER)
    with pytest.raises(reply.ContractBroken):
        reply._hold_against_schema(exchange, on, wrong)
    monkeypatch.setattr(reply, "CHECKED_SIZE", len(wrong) - 1)
    reply._hold_against_schema(exchange, on, wrong)


def test_ip15_what_a_reply_may_have() -> None:
    """A hundred thousand people, twice as large as an ordinary one is in a reply."""
    assert REPLY_LIMITS.size >= 100_000 * 5_000
    assert REPLY_LIMITS.elements >= 100_000 * 100
    assert reply.CHECKED_SIZE < 10_000_000, "what libxml2 reads as one text without being told to read longer ones"


def test_pl09_a_long_document_is_held_to_the_same_rules() -> None:
    for before, rule in (("<!DOCTYPE a [<!ENTITY x 'y'>]>", "xml.doctype"), ("<?a b?>", "xml.processing-instruction")):
        with pytest.raises(Exception, match="the message has a") as error:
            parse(f"{before}<a>{'x' * 11_000_000}</a>".encode(), REPLY_LIMITS)
        assert getattr(error.value, "rule", "") == rule
    long_name = f'<a xmlns="{"u" * 300}">{"x" * 11_000_000}</a>'.encode()
    with pytest.raises(Exception, match="a namespace name has more than 256"):
        parse(long_name, REPLY_LIMITS)
