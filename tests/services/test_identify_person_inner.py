"""The document inside the message is an attacker's text: whatever stands in it is answered or refused, and never breaks
anything (PL-09, IP-19).
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from in_process import TO_SIGNATURE, begin, finish, platform, walk
from kruispunt.access.model import AccessTable, Organisation, Registration
from kruispunt.errors import BusinessRefusal, InvalidRequest, Refusal
from kruispunt.pipeline.context import Exchange, Incoming, TlsClient
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.steps.log_incoming import log_incoming
from kruispunt.pipeline.steps.validate import validate
from kruispunt.services.identify_person import client
from kruispunt.services.identify_person.service import SERVICE
from kruispunt.xml.build import text as escaped
from kruispunt.xml.schemas import schema
from signed_messages import NOW, ec_signer, trust

SIGNER: Final = ec_signer()
FINGERPRINT: Final = hashlib.sha256(SIGNER.certificate.public_bytes(Encoding.DER)).hexdigest()
ONEM: Final = Organisation("onem", "ONEM", "0206737484", 18, 0, "0206737484", "test")
TABLE: Final = AccessTable(
    {"onem": ONEM},
    {FINGERPRINT: Registration("urn:test", FINGERPRINT, "onem", frozenset({"onem"}), frozenset({"IdentifyPerson"}))},
    {},
)
VALUES: Final[dict[str, Any]] = {
    "ssin": "85673099811",
    "lastName": "Kruis",
    "firstName": "An",
    "birthDate": "1980-01-00",
    "gender": "1",
    "tolerance": "5",
    "maximum": "10",
    "postalCode": "1000",
    "streetCode": "1234",
    "houseNumber": "1",
    "box": "2",
    "begin": "2020-01-01",
    "end": "2020-12-31",
    "purpose": "902",
    "requestor": "902",
    "sector": "18",
    "qualityCode": "1",
    "verifyLastName": "Kruis",
    "verifyBirthDate": "1980-01-01",
}
DOCUMENT: Final = client.ssdn_request(
    "0206737484",
    "".join(
        client.service_request(
            *client.SERVICES.get(o.name, ("IdentifyPerson", "20090818")),
            o.compose(VALUES if o.name.startswith("cpas") else {k: v for k, v in VALUES.items() if "verify" not in k}),
        )
        for o in SERVICE.operations
    ),
    "ticket",
    NOW,
)
WORDS: Final = (
    *"<>&\"'",
    *("]]>", "<!-- -->", "<![CDATA[", "<?x?>", "<!DOCTYPE", "&#0;", "&#13;", "&x;", "xsi:nil", "xmlns:a="),
    *("0", "-1", "+5", "00000000000", "99999999999999999999999", "٣", "９", "\u200b", "\ufffe"),
    *("SSIN", "LastName", "ssdn:", "p:", "2050-00-00", "0000-00-00", "1980-02-30"),
)


def opened(body: str) -> tuple[Exchange, Platform]:
    """An authenticated, logged message."""
    assert SERVICE.dialect is not None
    on = platform((SERVICE,), TABLE, trust(), NOW)
    message = SIGNER.envelope(body, NOW, canonical=False)
    incoming = Incoming(SERVICE.path, SERVICE.dialect.action, message, "192.0.2.1", TlsClient(FINGERPRINT, "CN=test"))
    exchange = begin(incoming, NOW)
    walk(TO_SIGNATURE, exchange, on)
    finish(log_incoming(exchange, on))
    exchange.entered = True
    exchange.ticket = on.tickets.new()
    return exchange, on


def answered(body: str) -> list[str]:
    """The rule, or the operation, of each request; the reply, whatever it says, fits the contract."""
    assert SERVICE.dialect is not None
    exchange, on = opened(body)
    told: list[str] = []
    try:
        for request in SERVICE.dialect.requests(exchange, on):
            exchange.requests.append(request)
            try:
                walk((validate,), request, on)
                assert request.operation is not None
                told.append(request.operation.name)
                # Nobody goes on from here: what it would find is not the matter.
                request.refusal = BusinessRefusal(next(c.rule for c in SERVICE.codes if c.rule), "not asked here")
            except Refusal as refusal:
                request.refusal = refusal
                told.append(refusal.rule)
    except InvalidRequest as refusal:
        exchange.refusal = refusal
        told.append(refusal.rule)
    reply = SERVICE.dialect.reply(exchange, on, NOW)
    if reply is not None:
        payload = etree.fromstring(reply)
        assert SERVICE.dialect.hold_against_contract(payload, on) is None
    else:
        assert exchange.document is None
    return told


def test_the_document_itself_is_taken() -> None:
    assert answered(client.connector(DOCUMENT)) == [o.name for o in SERVICE.operations]


def test_three_thousand_changed_documents() -> None:
    """Characters changed, taken out, doubled, words put in; reproducible."""
    chance = random.Random(20050329)
    met: Counter[str] = Counter()
    for _ in range(3_000):
        text = list(DOCUMENT)
        for _ in range(chance.choice((1, 1, 2, 4))):
            place = chance.randrange(len(text))
            match chance.randrange(4):
                case 0:
                    text[place] = chr(chance.choice((chance.randrange(32, 127), chance.randrange(0xA0, 0x2000))))
                case 1:
                    del text[place : place + chance.randrange(1, 12)]
                case 2:
                    text[place:place] = text[place : place + chance.randrange(1, 60)]
                case _:
                    text[place:place] = chance.choice(WORDS)
        changed = "".join(c for c in text if c.isprintable() or c in "\n\t")
        met.update(answered(client.connector(changed)))
    assert met.keys() >= {
        "xml.well-formed",
        "ssdn.envelope",
        "ssdn.service",
        "schema.invalid",
        *(o.name for o in SERVICE.operations),
    }


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=60))
def test_any_text_in_any_place(text: str) -> None:
    """As a name, a number, a date, a unit, a reference: what the schema admits is read without trouble."""
    for value in ("85673099811", "Kruis", "1980-01-00", "0206737484", "ticket", "1234", ">5<", "IdentifyPerson<"):
        start, end = value[0] in ">", value[-1] in "<"
        put = f"{'>' * start}{escaped(text)}{'<' * end}"
        answered(client.connector(DOCUMENT.replace(value, put)))


@pytest.mark.parametrize(
    "number", ["5", "+5", "-5", "0000000000000000000000000005", "9" * 5_000, "0" * 5_000 + "1", " 5 "]
)
def test_whole_numbers_of_every_spelling(number: str) -> None:
    for value, name in (
        *((value, "phonetic") for value in ("tolerance", "gender", "maximum")),
        ("purpose", "cpasRegister"),
        *((value, "consultOtherSectors") for value in ("requestor", "sector", "qualityCode")),
    ):
        operation = SERVICE.operation(name)
        assert operation is not None
        payload = operation.compose({**VALUES, value: number, "verifyLastName": ""})
        request = client.service_request(*client.SERVICES.get(name, ("IdentifyPerson", "20090818")), payload)
        (told,) = answered(client.connector(client.ssdn_request("0206737484", request, "ticket", NOW)))
        assert told in {name, "schema.invalid", "criteria.value"}


def test_the_example_schemas_agree() -> None:
    assert schema(SERVICE.folder / "contract" / SERVICE.schema).check(etree.fromstring(DOCUMENT)) is None
