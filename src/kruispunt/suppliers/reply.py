"""From the bytes of a supplier's reply to an element that may be read: signature, SOAP, schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from lxml import etree

from kruispunt.clock import Clock
from kruispunt.errors import ConfigurationError, Refusal
from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.wss.policy import STRICT
from kruispunt.wss.trust import PinnedCertificates
from kruispunt.wss.verify import verify
from kruispunt.xml.namespaces import SOAP
from kruispunt.xml.parse import Limits, parse
from kruispunt.xml.schemas import Schema

# A complaint has no values in it, but names, which the supplier chose.
_LONG_NUMBER = re.compile(r"[0-9]{6,}")
_SIDES = {"Client", "Server", "VersionMismatch", "MustUnderstand"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    content_type: str
    content: bytes


class ReplyReader:
    """Reads what one supplier answers; every complaint is a RemoteFailure."""

    def __init__(self, name: str, configuration: SupplierConfiguration, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        size = configuration.max_reply_bytes
        # An element has seven bytes at least, <a></a>; what is as good as empty is no reply about one person.
        self._limits = Limits(size=size, elements=max(5_000, size // 32))
        self._signers = None if configuration.reply_signers is None else _pinned(configuration.reply_signers)
        self._confirmed = configuration.reply_confirmed

    def read(self, answer: Answer, request: bytes, schema: Schema, tag: str) -> etree._Element:
        """The element in the Body, valid by `schema`. Of a signed reply only what the signature covers is used."""
        if answer.content_type.partition(";")[0].strip().lower() != "text/xml":
            # An error page with HTTP 500 is told as what it is.
            if answer.status != 200:
                raise self._failure(Reason.STATUS, f"HTTP status {answer.status}, and no SOAP")
            raise self._failure(Reason.NOT_SOAP, "the content type is not text/xml")
        try:
            root = parse(answer.content, self._limits)
        except Refusal as refusal:
            reason = Reason.TOO_LARGE if refusal.rule in {"xml.size", "xml.elements"} else Reason.NOT_SOAP
            raise self._failure(reason, refusal.why) from None
        content = self._content(self._body(root, request))
        if content.tag == f"{{{SOAP}}}Fault":
            raise self._failure(Reason.FAULT, f"faultcode {_side(content)}")
        if answer.status != 200:
            raise self._failure(Reason.STATUS, f"HTTP status {answer.status}, and no SOAP fault")
        if content.tag != tag:
            raise self._failure(Reason.SCHEMA, "the element in the Body is not the one that was asked for")
        complaint = schema.check(content)
        if complaint is not None:
            raise self._failure(Reason.SCHEMA, _LONG_NUMBER.sub("…", complaint))
        return content

    def _body(self, root: etree._Element, request: bytes) -> etree._Element:
        if root.tag != f"{{{SOAP}}}Envelope":
            raise self._failure(Reason.NOT_SOAP, "not a SOAP 1.1 message")
        if self._signers is None:
            bodies = root.findall(f"{{{SOAP}}}Body")
            if len(bodies) != 1:
                raise self._failure(Reason.NOT_SOAP, "not one Body")
            return bodies[0]
        try:
            signed = verify(root, self._signers, self._clock.now(), lambda _: STRICT, reply=True)
        except Refusal as refusal:
            raise self._failure(Reason.SIGNATURE, f"{refusal.why} ({refusal.rule})") from None
        if signed.confirms is None:
            if self._confirmed:
                raise self._failure(Reason.SIGNATURE, "the reply does not confirm the signature of the request")
        elif signed.confirms != _signature_value(request):
            raise self._failure(Reason.SIGNATURE, "the reply confirms the signature of another request")
        return signed.body

    def _content(self, body: etree._Element) -> etree._Element:
        if len(body) != 1:
            raise self._failure(Reason.NOT_SOAP, "the Body does not hold one element")
        return body[0]

    def _failure(self, reason: Reason, detail: str) -> RemoteFailure:
        return RemoteFailure(self._name, reason, detail)


def _side(fault: etree._Element) -> str:
    """The fault code when it is one of SOAP's: texts of a fault may be about a person and are not told."""
    local = (fault.findtext("faultcode") or "").strip().rpartition(":")[2].partition(".")[0]
    return local if local in _SIDES else "of the supplier's own"


def _signature_value(message: bytes) -> str:
    """Of a message that our Signer wrote, so that it stands there once and in one spelling."""
    return message.partition(b"<ds:SignatureValue>")[2].partition(b"<")[0].decode("ascii")


def _pinned(path: Path) -> PinnedCertificates:
    try:
        return PinnedCertificates(x509.load_pem_x509_certificates(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: not certificates in PEM form: {error}") from error
