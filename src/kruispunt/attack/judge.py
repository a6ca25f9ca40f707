"""Whether an attack was held: the right refusal, signed, and nothing told that is nobody's business."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from kruispunt.attack.answer import Answer
from kruispunt.attack.bench import Bench
from kruispunt.attack.injection import enclosed
from kruispunt.attack.model import Answered, AsValue, NoTls, Refused, Shot, Status
from kruispunt.attack.wire import HANGS
from kruispunt.client.signing import ClientSecurity
from kruispunt.errors import KruispuntError
from kruispunt.xml.build import text as escaped

INTERNAL: Final = re.compile(
    rb"Traceback|\.py\b|site-packages|/(?:tmp|work|usr|home|root|var|etc)/|asyncpg|psycopg|lxml|libxml|openssl|"
    rb"\b(?i:select|insert into|postgres\w*|relation|null value)\b|0x[0-9a-f]{6}|root:x:|kruispunt_|evil"
)
"""What a server may not tell about itself, and what of a request it may not repeat."""
_PERSONAL: Final = re.compile(rb"(?<![0-9])[0-9]{11}(?![0-9])|<result")
_TOLD: Final = ("fieldValue", "FieldValue", "description")
"""Elements in which an answer may repeat a value that it complains about: as a whole."""
_VOLATILE: Final = re.compile(
    rb"(?<=<ticketCBSS>)[^<]+|(?<=<timestampReceive>)[^<]+|(?<=<timestampReply>)[^<]+|(?<=<timestampSent>)[^<]+"
)


class Judge:
    """Knows how the platform signs, and what the genuine question is answered with."""

    def __init__(self, bench: Bench, security: ClientSecurity) -> None:
        self._bench = bench
        self._security = security

    def trouble(self, shot: Shot, answer: Answer) -> str:
        """What is wrong about an answer; empty when the attack was held."""
        if answer is HANGS:
            return "neither an answer nor an end"
        match shot.expected:
            case NoTls():
                return "" if answer.status == 0 else f"answered: {answer}"
            case Status(status):
                return _not(answer, status) or _internal(answer.raw)
            case Refused() as expected:
                return self._soap(answer) or _refused(answer, expected) or _internal(answer.raw)
            case Answered():
                return self._answered(answer)
            case AsValue() as expected:
                return self._soap(answer) or _as_value(answer, expected)

    def _soap(self, answer: Answer) -> str:
        if not answer.is_soap:
            return f"no SOAP: {answer}"
        try:
            self._security.verify(answer.raw)
        except KruispuntError as error:
            return f"the answer is not signed by the platform: {error}"
        return ""

    def unanswered(self, answer: Answer) -> str:
        """Why an answer is none that tells data; empty when it is."""
        trouble = self._soap(answer)
        if trouble or answer.is_fault or answer.payload.findtext("status/value") != "DATA_FOUND":
            return trouble or f"not answered: {answer}"
        return ""

    def _answered(self, answer: Answer) -> str:
        if trouble := self.unanswered(answer):
            return trouble
        asked = answer.payload.findtext("criteria/ssin")
        return "" if asked == self._bench.question.ssin else "another number was read than the one that was signed"


def _not(answer: Answer, status: int) -> str:
    return "" if answer.status == status else f"answered otherwise: {answer}"


def _internal(text: bytes) -> str:
    found = INTERNAL.search(_body(text))
    return f"something internal is told: {found[0].decode('utf-8', 'replace')}" if found else ""


def _body(text: bytes) -> bytes:
    """What is told, without the Security header, whose base64 may hold any letters."""
    return text.rpartition(b"</soapenv:Header>")[2]


def _refused(answer: Answer, expected: Refused) -> str:
    reason = answer.information.get("reason", "")
    if answer.code != expected.code or (expected.reason and reason != expected.reason):
        return f"answered otherwise: {answer}"
    payload = answer.payload
    told = _VOLATILE.sub(b"*", _body(answer.raw))
    if answer.is_fault:
        if answer.status != 500 or payload.findtext("faultcode") != "soapenv:Client":
            return f"not the client's fault: HTTP {answer.status}, {payload.findtext('faultcode')}"
        return "something about a person is told" if _PERSONAL.search(told) else ""
    if answer.status != 200 or payload.findtext("status/value") != "NO_RESULT" or payload.find("result") is not None:
        return f"not a refusal: HTTP {answer.status}, {payload.findtext('status/value')}"
    return ""


def _all(payload: etree._Element) -> Iterator[etree._Element]:
    """Every element of an answer; a document that stands in one as text is looked into."""
    for node in payload.iter("*"):
        inner = enclosed(node)
        yield from [node] if inner is None else _all(inner)


def _as_value(answer: Answer, expected: AsValue) -> str:
    """The text stands in the answer as it was sent, or not at all; without it, the answer tells nothing internal."""
    if answer.is_fault and answer.payload.findtext("faultcode") != "soapenv:Client":
        return f"the server failed: {answer}"
    texts = [(etree.QName(node).localname, node.text or "") for node in _all(answer.payload)]
    repeated = [tag for tag, text in texts if text == expected.text]
    partly = [tag for tag, text in texts if text != expected.text and expected.text[:12] in text]
    if partly or any(tag not in (expected.element, *_TOLD) for tag in repeated):
        return f"the text came back in pieces or elsewhere: {', '.join(map(str, partly + repeated))}"
    return _internal(answer.raw.replace(escaped(expected.text).encode(), b""))
