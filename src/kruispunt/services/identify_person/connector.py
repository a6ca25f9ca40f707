"""SSDN as a dialect of the pipeline (IP-19, IP-20).

One SOAP message carries one SSDNRequest, which carries service requests; each goes through steps 5 to 10 by itself.
From the log of the incoming message on, everything that is refused is told in the SSDNReply: about the message in
ReplyContext, about one request in its ServiceReply. A SOAP fault is left for what nobody can be told of otherwise: an
`xmlString` that holds no well-formed document, and what is refused before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from kruispunt.errors import BusinessRefusal, Fault, InvalidRequest, Refusal
from kruispunt.pipeline.context import Claims, Exchange
from kruispunt.pipeline.dialect import Told
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Operation, Service
from kruispunt.services.identify_person import client, payload
from kruispunt.services.identify_person.codes import ARGUMENT_MISSING, SOME_ERROR, SOME_WARNING, Severity
from kruispunt.services.identify_person.envelope import (
    REQUEST,
    Served,
    collapsed,
    open_document,
    organisation_of,
    reference_of,
    service_requests,
    write_reply,
)
from kruispunt.services.identify_person.namespaces import CONNECTOR, SERVICE
from kruispunt.services.identify_person.other_services import Consulted, Managed, OtherSectors
from kruispunt.services.identify_person.payload import ArgumentMissing
from kruispunt.services.identify_person.summary import Detail, Status, detail, status_of
from kruispunt.services.identify_person.write import write_payload
from kruispunt.xml.namespaces import SOAP
from kruispunt.xml.parse import REPLY_LIMITS, parse
from kruispunt.xml.schemas import schema

if TYPE_CHECKING:
    from kruispunt.services.identify_person.answered import Answered

CONTRACT: Final = Path(__file__).resolve().parent / "contract"
MOST_REQUESTS: Final = 20
"""Service requests in one message (ours); each counts against the volume that was agreed."""
VERSION_LENGTH: Final = 8
CLAIM_LENGTH: Final = 64
HEADER: Final = "A validation error occurred while parsing the request header: "

_unused: Final = "The connector's requests are read one by one."


def _nothing(*_: Any) -> str:
    raise AssertionError(_unused)


class Connector:
    """The dialect of `/connectors/webservice/KSZBCSSWebServiceConnectorPort`."""

    action: Final = f"{CONNECTOR}/sendXML"
    element: Final = f"{{{CONNECTOR}}}xmlString"
    schemas: Final = ("SSDN20050329.xsd", "SSDN20090818.xsd")
    door: Final = Operation(
        name="sendXML",
        summary="Carries an SSDNRequest.",
        read=_nothing,
        write=_nothing,
        compose=_nothing,
        handle=None,
        controls=frozenset(),
    )

    def claims(self, exchange: Exchange, platform: Platform) -> Claims:
        """Opens the document, and reads it by names alone: no schema has been asked yet."""
        try:
            document = self._open(exchange, platform)
        except InvalidRequest:
            return Claims()
        organisation = organisation_of(document)
        contexts, ssins = [], []
        for service_id, version, element in service_requests(document):
            form = payload.FORMS.get((service_id, version))
            if form is not None:
                contexts.append(_context(exchange, platform, organisation, payload.operation_name(element, form)))
            ssins += [(node.text or "").strip() for node in element.iter("{*}SSIN", "{*}RequestedSsin")]
        return Claims(
            organisation=organisation[:CLAIM_LENGTH],
            legal_context=", ".join(dict.fromkeys(filter(None, contexts)))[:CLAIM_LENGTH],
            client_reference=reference_of(document)[:CLAIM_LENGTH],
            ssins=tuple(dict.fromkeys(s for s in ssins if len(s) == 11 and s.isascii() and s.isdigit()))[:1_000],
        )

    def requests(self, exchange: Exchange, platform: Platform) -> Iterator[Exchange]:
        """Raises InvalidRequest when there is no envelope to be answered."""
        document = exchange.document
        if document is None:
            document = self._open(exchange, platform)
        trouble = None if document.tag == REQUEST else f"the document is no {REQUEST}"
        trouble = trouble or schema(CONTRACT / "SSDNService.xsd").check(document) or _short_version(document)
        if trouble is not None:
            raise InvalidRequest("ssdn.envelope", trouble, element="SSDNRequest", remedy=_FOLLOW)
        found = list(service_requests(document))
        if len(found) > MOST_REQUESTS:
            raise InvalidRequest(
                "ssdn.requests",
                f"a message may carry {MOST_REQUESTS} service requests",
                element="ServiceRequest",
                remedy="Spread them over messages.",
            )
        exchange.criteria = document
        exchange.note("requests", f"{len(found)} service request{'' if len(found) == 1 else 's'} in a valid envelope")
        assert exchange.service is not None
        for service_id, version, element in found:
            form = payload.FORMS.get((service_id, version))
            operation = self.door
            if form is not None:
                named = exchange.service.operation(payload.operation_name(element, form))
                assert named is not None
                operation = named
            yield replace(exchange, operation=operation, request=element, criteria=None, requests=[], delayed=0.0)

    def validate(self, request: Exchange, platform: Platform) -> None:
        """Which service, then what is missing, then the schema of its version."""
        element = request.request
        assert element is not None
        form = payload.form_of(*_name_of(element))
        if element.tag != form.tag:
            raise InvalidRequest("ssdn.payload", f"this service expects {form.tag}", element="ServiceRequest")
        payload.check_mandatory(element, form)
        trouble = schema(CONTRACT / form.schema).check(element)
        if trouble is not None:
            raise InvalidRequest("schema.invalid", trouble, element="ServiceRequest", remedy=_FOLLOW)
        asked = payload.read(element, form)
        if isinstance(asked, OtherSectors):
            asked = replace(asked, sectors=_sectors(platform))
        request.criteria = asked

    def reply(self, exchange: Exchange, _platform: Platform, now: datetime) -> str | None:
        """The SSDNReply; None, for a SOAP fault, where no document was opened, or what was made of it broke."""
        if not exchange.entered or exchange.document is None or exchange.request is None:
            return None
        valid = exchange.criteria is not None
        served: list[Served] = []
        if exchange.refusal is not None:
            details: list[Detail] = [_of_message(exchange.refusal)]
            status = Status.NO
        else:
            served = [_served(request) for request in exchange.requests]
            status, details = _over_all(served)
        document = exchange.document if valid else None
        return write_reply(document, exchange.ticket, exchange.received, now, status, details, served)

    def hold_against_contract(self, element: etree._Element, _platform: Platform) -> str | None:
        """Envelope and payloads together, and each payload against the schema of its own version; of a SOAP fault its
        detail (CT-07)."""
        if element.tag == f"{{{SOAP}}}Fault":
            return schema(CONTRACT / "Connector.xsd").check(element[-1][0])
        if element.tag != self.element:
            return f"{element.tag} is not {self.element}"
        document = parse((element.text or "").encode(), REPLY_LIMITS)
        trouble = schema(CONTRACT / "SSDN20090818.xsd").check(document)
        if trouble is not None:
            return trouble
        for reply in document.iterchildren(f"{{{SERVICE}}}ServiceReply"):
            if len(reply) == 4:
                form = payload.form_of(reply[1].text or "", reply[2].text or "")
                trouble = schema(CONTRACT / form.schema).check(reply[3])
                if trouble is not None:
                    return trouble
        return None

    def compose(
        self, operation: Operation, organisation: str, values: Mapping[str, Any], ticket: str, now: datetime
    ) -> str:
        return client.compose(operation, organisation, values, ticket, now)

    def told(self, element: etree._Element) -> Told:
        return client.told(element)

    def _open(self, exchange: Exchange, platform: Platform) -> etree._Element:
        if exchange.request is None:
            raise InvalidRequest("soap.body", "the Body must hold exactly one element", element="Body")
        if exchange.request.tag != self.element:
            raise InvalidRequest("schema.element", f"the Body must hold {self.element}", element="Body")
        exchange.document = open_document(exchange.request, platform.rules.limits)
        return exchange.document


_FOLLOW: Final = "Follow the XSDs of the connector: ?xsd=SSDN20090818.xsd beside ?wsdl."


def _short_version(document: etree._Element) -> str | None:
    """A Version that is too short once its white space is collapsed, as the reply's type does with what it repeats:
    the request's type counts blanks too."""
    for node in document.iterfind(f"{{{SERVICE}}}ServiceRequest/{{{SERVICE}}}Version"):
        if len(collapsed(node.text)) != VERSION_LENGTH:
            return f"a Version has {VERSION_LENGTH} characters, not counting blanks around it"
    return None


def _name_of(element: etree._Element) -> tuple[str, str]:
    parent = element.getparent()
    assert parent is not None
    return collapsed(parent[0].text), collapsed(parent[1].text)


def _context(exchange: Exchange, platform: Platform, organisation: str, operation: str) -> str:
    """The legal context that will apply, for the log; empty where none does."""
    table, registration, service = platform.access.table, exchange.registration, exchange.service
    named = table.named(organisation)
    if named is None or registration is None or service is None:
        return ""
    grant = table.implied(service.name, operation, named.code, registration.urn)
    return "" if grant is None else grant.legal_context


def _sectors(platform: Platform) -> dict[str, int]:
    """The sector of each organisation, by the key under which its lines stand."""
    return {
        organisation.inscribed_as: organisation.sector
        for organisation in platform.access.table.organisations.values()
        if organisation.sector is not None
    }


def _of_message(refusal: Refusal) -> Detail:
    """What is told of a message as a whole, in ReplyContext."""
    assert isinstance(refusal, Fault)
    text = f"{HEADER}{refusal.why}" if isinstance(refusal, InvalidRequest) else refusal.text
    return Detail(refusal.code, text, refusal.information)


def _served(request: Exchange) -> Served:
    service_id, version = _name_of(request.request) if request.request is not None else ("", "")
    service, refusal = request.service, request.refusal
    assert service is not None
    if refusal is not None:
        details = tuple(_of_request(refusal, service))
        return Served(service_id, version, status_of(details, given=False), details, "")
    assert request.outcome is not None
    answered: Answered | Managed | Consulted = request.outcome.result
    status = status_of(answered.details, given=answered.given)
    given = "" if status is Status.NO else write_payload(answered)
    return Served(service_id, version, status, answered.details, given)


def _of_request(refusal: Refusal, service: Service) -> Iterator[Detail]:
    if isinstance(refusal, ArgumentMissing):
        for field in refusal.fields:
            yield detail(ARGUMENT_MISSING, (field, ""))
    elif isinstance(refusal, BusinessRefusal):
        code = service.code_for(refusal.business_rule)
        yield Detail(code.code, code.text, refusal.information)
    else:
        assert isinstance(refusal, Fault)
        yield Detail(refusal.code, refusal.text, refusal.information)


def _over_all(served: list[Served]) -> tuple[Status, list[Detail]]:
    """At the level of the reply: whether any request met an error, or a warning (30000001, 20000001)."""
    worst = {each.severity for one in served for each in one.details}
    details = [
        Detail(*told)
        for severity, told in ((Severity.ERROR, SOME_ERROR), (Severity.WARNING, SOME_WARNING))
        if severity in worst
    ]
    if all(one.status is Status.YES for one in served):
        return Status.YES, details
    return (Status.NO if all(one.status is Status.NO for one in served) else Status.WARNING), details
