"""An attacker's bench: messages that a right client could send, and what must hold of every refusal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from bank import Bank, Got, steady
from cryptography import x509
from lxml import etree

import signed_messages
from kruispunt.attack.judge import INTERNAL
from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.securitylog.entry import Kind
from kruispunt.securitylog.read import Found
from kruispunt.services.discovery import discover
from kruispunt.wss.sign import Signer
from kruispunt.xml.build import attribute
from kruispunt.xml.namespaces import SOAP

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}
FORGED = PERSONAS["incomplete-dates"].ssin or ""
"""The number of somebody about whom there are data: what an attacker wants to put into another's request."""
VICTIM = PERSONAS["two-cards-and-a-permit"]
"""A client with an RSA key, and a question that is answered with data."""

DAY = timedelta(days=1)

_about_people = re.compile(rb"[0-9]{11}|EC-[0-9]|WP-[A-Z]|<result")


@dataclass(frozen=True, slots=True)
class Bench:
    """One victim, whose right message is to be misused."""

    bank: Bank
    victim: Persona = VICTIM

    @property
    def ssin(self) -> str:
        return self.victim.ssin or ""

    @property
    def signer(self) -> Signer:
        return self.bank.signer(self.victim.client)

    def body(self, **asked: Any) -> str:
        """The victim's request element, as canonical text."""
        victim = self.victim
        given = {
            "organisation": victim.organisation,
            "legal_context": victim.legal_context,
            **victim.values,
            **asked,
        }
        return self.bank.body(victim.service, victim.operation, **given)

    def message(self) -> bytes:
        """A message of the victim that would be answered with data."""
        return self.bank.message(self.victim)

    def around(self, content: str, **declared: str) -> bytes:
        """An envelope around any well-formed content, signed by the victim; `declared` on the Envelope, by prefix."""
        names = "".join(attribute(f"xmlns:{prefix}", uri) for prefix, uri in declared.items())
        envelope = etree.fromstring(
            f'<s:Envelope xmlns:s="{SOAP}"{names}><s:Header/><s:Body>{content}</s:Body></s:Envelope>'.encode()
        )
        return self.sign(envelope)

    def sign(self, envelope: etree._Element) -> bytes:
        """Signed now, by the victim."""
        self.signer.sign_tree(envelope, datetime.now(UTC))
        return etree.tostring(envelope)

    def send(self, message: bytes, **how: Any) -> Got:
        """Over the victim's TLS connection, unless `client` says otherwise."""
        how.setdefault("client", self.victim.client)
        return self.bank.send(self.victim.service, self.victim.operation, message, **how)

    def answered(self, message: bytes, **how: Any) -> Got:
        """The message is answered with data; what is not refused must still be signed."""
        got = self.send(message, **how)
        assert (got.status, got.code) == (200, "MSG00000"), etree.tostring(got.payload).decode()
        self.bank.verify(got.raw)
        return got

    def refused(self, message: bytes, code: str, reason: str = "", *, rule: str = "", **how: Any) -> Got:
        """Refused as platform.md has it; see `check_refusal`."""
        asked = self.bank.supplier_calls
        got = self.send(message, **how)
        check_refusal(self.bank, message, got, code, reason, rule)
        assert self.bank.supplier_calls == asked, "the supplier was reached"
        return got


def check_refusal(bank: Bank, message: bytes, got: Got, code: str, reason: str = "", rule: str = "") -> None:
    """Code and reason; signed; nothing internal and nothing about people; logged as the table says.

    A message that nobody was authenticated for is logged by its digest, any other as a whole.
    """
    text = etree.tostring(got.payload)
    assert (got.code, got.information.get("reason", "")) == (code, reason), text.decode()
    assert got.status == (500 if got.is_fault else 200)
    bank.verify(got.raw)
    assert not INTERNAL.search(text), text.decode()
    if got.is_fault:
        assert got.payload.findtext("faultcode") == "soapenv:Client"
        assert not _about_people.search(steady(text)), text.decode()
    else:
        assert got.payload.findtext("status/value") == "NO_RESULT"
        assert got.payload.find("result") is None
    check_log(bank.logged(got.ticket), message, got, rule)


def check_log(entries: Sequence[Found], message: bytes, got: Got, rule: str) -> None:
    """The two entries of an exchange are as the table says; what was answered tells whom it is about."""
    incoming, outgoing = entries
    assert (incoming.kind, outgoing.kind) == (Kind.INCOMING, Kind.OUTGOING)
    assert outgoing.facts["outcome"] == (got.code or "OK")
    if rule:
        assert outgoing.facts["rule"] == rule
    refused = got.is_fault or got.payload.findtext("status/value") == "NO_RESULT"
    assert not (refused and outgoing.facts["subjects"])
    assert outgoing.message is not None
    assert incoming.facts["size"] == len(message)
    # A document inside a signed message meets the parser's rules when its sender is known already.
    within = outgoing.facts["rule"].startswith("xml.") and outgoing.facts["application"]
    if outgoing.facts["rule"].startswith(STRANGERS) and not within:
        assert incoming.message is None
        assert incoming.facts["digest"] == sha256(message).hexdigest()
        assert outgoing.message.data == b""
    else:
        assert incoming.message is not None
        assert incoming.message.data == message
        assert outgoing.message.data == got.raw


STRANGERS = (
    "xml.",
    "soap.envelope",
    "soap.structure",
    "soap.version",
    "soap.must-understand",
    "soap-action.",
    "uri.",
    "signature.",
    "certificate.",
    "registration.",
    "timestamp.",
    "replay.",
)
"""Rules that are applied before anybody is authenticated."""


def issued(name: str, *arguments: Any, begin: timedelta = -DAY, end: timedelta = DAY) -> x509.Certificate:
    """A certificate made now; self-signed unless an issuer follows the key."""
    now = datetime.now(UTC)
    return signed_messages.certificate(name, *arguments, begin=now + begin, end=now + end)
