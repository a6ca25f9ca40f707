"""The SSDN envelope: what a request's context says, and how a reply is written around its service replies.

Its text stands, escaped, in the connector's one element. It has no XML declaration: the toolkits that take it out as
text refuse one that names an encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from kruispunt.identifiers.ticket import Ticket, short
from kruispunt.services.identify_person.namespaces import COMMON as COMMON_NS
from kruispunt.services.identify_person.namespaces import CONNECTOR, SERVICE
from kruispunt.services.identify_person.summary import Detail, Status, write_summary
from kruispunt.xml.build import attribute, element, optional, text
from kruispunt.xml.parse import Limits, detached, parse, without_encoding
from kruispunt.xml.values import up_to_999

REQUEST: Final = f"{{{SERVICE}}}SSDNRequest"
_PREFIXES: Final = {SERVICE: "ssdn", COMMON_NS: "common"}
_CBE: Final = re.compile(r"[0-9]{9,10}").fullmatch
_BLANKS: Final = re.compile(r"[ \t\r\n]+").sub
_NUMBER: Final = re.compile(r"[0-9]{1,3}").fullmatch


@dataclass(frozen=True, slots=True)
class Served:
    """One service reply."""

    service_id: str
    version: str
    status: Status
    details: tuple[Detail, ...]
    payload: str
    """The reply's own element with its namespaces; empty where nothing is given."""


def open_document(body_element: etree._Element, limits: Limits) -> etree._Element:
    """The document inside `xmlString`: escaped as text, as the contract has it, or as an element, as some clients send
    it.

    As text it passes the same parser, with the same limits, as the message around it (PL-09); which encoding it
    declares does not matter, as .NET writes utf-16 there. An element has passed them already. Raises InvalidRequest for
    what is no well-formed document.
    """
    if len(body_element) == 1 and not ((body_element.text or "") + (body_element[0].tail or "")).strip():
        return detached(body_element[0])
    return parse(without_encoding((body_element.text or "").strip()), limits)


def _s(name: str) -> str:
    return f"{{{SERVICE}}}{name}"


def organisation_of(document: etree._Element) -> str:
    """The key of the organisation that AuthorizedUser names: OrgUnit, a CBE number or "sector/institution"; without it
    MatrixID and MatrixSubID, which are sector and institution (ours). Empty when it names none.
    """
    user = document.find(f"{_s('RequestContext')}/{_s('AuthorizedUser')}")
    if user is None:
        return ""
    unit = (user.findtext(_s("OrgUnit")) or "").strip()
    if unit:
        sector, slash, institution = unit.partition("/")
        if slash and _NUMBER(sector) and _NUMBER(institution):
            return f"{int(sector)}/{int(institution)}"
        # Nine digits: a number of before 2005, which has got a zero in front.
        return unit.zfill(10) if _CBE(unit) else unit
    matrix = up_to_999(user.findtext(_s("MatrixID")) or "")
    part = up_to_999(user.findtext(_s("MatrixSubID")) or "0")
    return "" if matrix is None or part is None else f"{matrix}/{part}"


def reference_of(document: etree._Element) -> str:
    """The client's own reference; empty when it gives none."""
    return document.findtext(f"{_s('RequestContext')}/{_s('Message')}/{_s('Reference')}") or ""


def service_requests(document: etree._Element) -> Iterator[tuple[str, str, etree._Element]]:
    """ServiceId, Version and payload of each request of a document; what is malformed is left out."""
    for request in document.iterchildren(_s("ServiceRequest")):
        if len(request) == 3:
            yield collapsed(request[0].text), collapsed(request[1].text), request[2]


def collapsed(text: str | None) -> str:
    """A text as a type that collapses white space reads it: XML's four characters, and no other blanks."""
    return _BLANKS(" ", text or "").strip(" ")


def write_reply(
    document: etree._Element | None,
    ticket: Ticket,
    received: datetime,
    now: datetime,
    status: Status,
    details: Sequence[Detail],
    served: Sequence[Served],
) -> str:
    """`xmlString` with the SSDNReply. `document` is the request; None when its context cannot be repeated."""
    context = write_summary(status, details) + _context(document, ticket, received, now)
    replies = "".join(map(_service_reply, served))
    reply = (
        f"<ssdn:SSDNReply{attribute('xmlns:ssdn', SERVICE)}{attribute('xmlns:common', COMMON_NS)}>"
        f"<ssdn:ReplyContext>{context}</ssdn:ReplyContext>{replies}</ssdn:SSDNReply>"
    )
    # Canonical form: the namespace before everything else, one text node.
    return f"<con:xmlString{attribute('xmlns:con', CONNECTOR)}>{text(reply)}</con:xmlString>"


def _context(document: etree._Element | None, ticket: Ticket, received: datetime, now: datetime) -> str:
    """What the request said of itself is repeated; the message gets its ticket and its times."""
    user = people = reference = requested = further = ""
    context = None if document is None else document.find(_s("RequestContext"))
    if context is not None:
        user = "".join(map(_repeated, context.iterchildren(_s("AuthorizedUser"))))
        people = "".join(map(_repeated, context.iterchildren(_s("PersonInformation"))))
        message = context.find(_s("Message"))
        if message is not None:
            reference = optional("ssdn:Reference", message.findtext(_s("Reference")))
            requested = optional("ssdn:TimeRequest", message.findtext(_s("TimeRequest")))
            further = "".join(map(_repeated, message.iterchildren(_s("MessagePeriod"), _s("Language"))))
    return (
        f"{user}<ssdn:Message>{reference}{element('ssdn:Ticket', short(ticket))}{requested}"
        f"{element('ssdn:TimeReceive', moment(received))}{element('ssdn:TimeResponse', moment(now))}{further}"
        f"</ssdn:Message>{people}"
    )


def _repeated(node: etree._Element) -> str:
    """An element of a valid request, written anew: nothing of its prefixes, types or comments comes along."""
    namespace, _, local = node.tag[1:].partition("}")
    name = f"{_PREFIXES[namespace]}:{local}"
    attributes = "".join(
        attribute(str(key), str(value)) for key, value in sorted(node.attrib.items()) if not str(key).startswith("{")
    )
    inner = "".join(map(_repeated, node)) if len(node) else text(node.text or "")
    return f"<{name}{attributes}>{inner}</{name}>"


def _service_reply(served: Served) -> str:
    return (
        f"<ssdn:ServiceReply>{write_summary(served.status, served.details)}"
        f"{element('ssdn:ServiceId', served.service_id)}{element('ssdn:Version', served.version)}"
        f"{served.payload}</ssdn:ServiceReply>"
    )


def moment(at: datetime) -> str:
    """SSDN's form, without a zone; UTC, as the type's name says."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
