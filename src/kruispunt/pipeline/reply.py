"""What a client is sent: a response or a SOAP fault, as canonical text, signed."""

from __future__ import annotations

from datetime import datetime

from lxml import etree

from kruispunt.clock import to_text
from kruispunt.errors import (
    FIELD_NAME_LENGTH,
    BusinessRefusal,
    Fault,
    Information,
    InternalFailure,
    Refusal,
    VolumeExceeded,
)
from kruispunt.pipeline.context import Answer, Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Reply, ReturnCode
from kruispunt.xml.build import attribute, element
from kruispunt.xml.namespaces import FAULT
from kruispunt.xml.parse import REPLY_LIMITS, detached, parse
from kruispunt.xml.soap import unsigned_envelope

DIAGNOSTIC_LENGTH = 256
FIELD_VALUE_LENGTH = 256
INFORMATION_LIMIT = 15
CHECKED_SIZE = 8 * 1024 * 1024
"""Bytes. A larger reply is not held against its schema: that would keep the worker from others for seconds."""


def outcome_code(exchange: Exchange) -> str:
    """The code of the reply or fault; `OK` for a reply that has none."""
    refusal = exchange.refusal
    if isinstance(refusal, Fault):
        return refusal.code
    if exchange.requests:
        return next((code for code in map(outcome_code, exchange.requests) if code != "OK"), "OK")
    code = _status_code(exchange)
    return "OK" if code is None else code.code


def compose(exchange: Exchange, platform: Platform) -> Answer:
    """The signed reply to an exchange whose steps are done. Raises when the reply breaks its own contract."""
    fault = exchange.refusal if isinstance(exchange.refusal, Fault) else None
    now = platform.clock.now()
    dialect = None if exchange.service is None else exchange.service.dialect
    framed = None if dialect is None else dialect.reply(exchange, platform, now)
    if framed is not None:
        return _sealed(exchange, platform, framed, now, 200, canonical=True)
    echo = _echo(exchange)
    cbss = (
        "<informationCBSS>"
        f"{element('ticketCBSS', exchange.ticket)}"
        f"{element('timestampReceive', to_text(exchange.received))}"
        f"{element('timestampReply', to_text(now))}"
        "</informationCBSS>"
    )
    inner = _response(exchange, echo, cbss) if fault is None else _fault(exchange, platform, fault, echo, cbss)
    canonical = not any("xmlns" in fragment for fragment in echo)
    return _sealed(exchange, platform, inner, now, 200 if fault is None else 500, canonical=canonical)


def _sealed(
    exchange: Exchange, platform: Platform, inner: str, now: datetime, status: int, *, canonical: bool
) -> Answer:
    """The envelope around what stands in the Body: signed where the client wants it, held against the contract."""
    fault = exchange.refusal
    registration = exchange.registration
    confirm = None
    if registration is not None and registration.signature_confirmation and exchange.signed is not None:
        confirm = exchange.signed.signature_value
    attributes = (("engine", platform.rules.engine),)
    if registration is not None and not registration.sign_replies:
        body = unsigned_envelope(inner, attributes)
    else:
        body = platform.signer.envelope(inner, now, body_attributes=attributes, confirm=confirm, canonical=canonical)
    if platform.rules.check_replies and not isinstance(fault, InternalFailure):
        _hold_against_schema(exchange, platform, body)
    stopped = exchange.stopped
    headers = (("retry-after", str(stopped.retry_after)),) if isinstance(stopped, VolumeExceeded) else ()
    return Answer(status, body, headers=headers)


def _echo(exchange: Exchange) -> tuple[str, ...]:
    """The request's fragments as they came, canonical (CT-03); only of a request that its schema accepts."""
    if exchange.request is None or exchange.criteria is None:
        return ()
    return tuple(_canonical(child) for child in exchange.request if child.tag != "informationCBSS")


def _canonical(fragment: etree._Element) -> str:
    """Exclusive canonical form, without white space behind; prefixes that only a value uses are kept."""
    text = _dump(fragment, [])
    if "=" not in text:  # no attribute and no namespace declaration: the ordinary request
        return text
    kept = _prefixes_in_values(fragment)
    # Detached, as the list's prefixes must be names that this thread's parser knows: see wss.canonical.
    return _dump(detached(fragment), sorted(kept)) if kept else text


def _dump(fragment: etree._Element, kept: list[str]) -> str:
    text: bytes = etree.tostring(
        fragment,
        method="c14n",
        exclusive=True,
        with_comments=False,
        with_tail=False,
        inclusive_ns_prefixes=kept,
    )
    return text.decode()


def _prefixes_in_values(fragment: etree._Element) -> set[str]:
    """Prefixes of qualified names in attribute values (`xsi:type`), wherever they are declared; the schema admits no
    other attribute."""
    return {
        prefix
        for node in fragment.iter()
        if node.attrib
        for value in node.attrib.values()
        if (prefix := str(value).strip().partition(":")[0]) in node.nsmap
    }


def _status_code(exchange: Exchange) -> ReturnCode | None:
    refusal = exchange.refusal
    if isinstance(refusal, BusinessRefusal):
        assert exchange.service is not None
        return exchange.service.code_for(refusal.business_rule)
    return None if exchange.outcome is None else exchange.outcome.code


def _response(exchange: Exchange, echo: tuple[str, ...], cbss: str) -> str:
    service, operation = exchange.service, exchange.operation
    assert service is not None
    assert operation is not None
    code = _status_code(exchange)
    refusal = exchange.refusal
    outcome = None if refusal is not None else exchange.outcome
    told = refusal or outcome
    information = () if told is None else told.information
    if isinstance(refusal, BusinessRefusal) and code is not None:
        information += tuple(fact for fact in refusal.facts if fact[0] in code.tells)
    status = "" if code is None else _status(code, operation.status(code.value), information)
    ssin = exchange.ssin if refusal is None else None
    name = f"svc:{operation.name}Response"
    inner = operation.write(Reply(echo, cbss, status, ssin, outcome))
    return f"<{name}{attribute('xmlns:svc', service.namespace)}>{inner}</{name}>"


def _status(code: ReturnCode, value: str, information: Information) -> str:
    return (
        "<status>"
        f"{element('value', value)}{element('code', code.code)}{element('description', code.text)}"
        f"{_information(information)}"
        "</status>"
    )


def _information(information: Information) -> str:
    return "".join(
        "<information>"
        f"{element('fieldName', name[:FIELD_NAME_LENGTH])}{element('fieldValue', value[:FIELD_VALUE_LENGTH])}"
        "</information>"
        for name, value in information[:INFORMATION_LIMIT]
    )


def _fault(exchange: Exchange, platform: Platform, fault: Fault, echo: tuple[str, ...], cbss: str) -> str:
    """CBSSFaultType (PL-26) in the operation's fault element, or in our own where no operation is known."""
    if exchange.service is not None and exchange.operation is not None:
        name, namespace = f"svc:{exchange.operation.name}Fault", exchange.service.namespace
    else:
        name, namespace = "svc:Fault", FAULT
    customer = echo[0] if echo and echo[0].startswith("<informationCustomer") else ""
    return (
        "<soapenv:Fault>"
        f"<faultcode>soapenv:{fault.side}</faultcode>{element('faultstring', fault.text)}"
        f"<detail><{name}{attribute('xmlns:svc', namespace)}>{customer}{cbss}"
        "<detail>"
        f"<severity>FATAL</severity>{element('reasonCode', fault.code)}"
        f"{element('diagnostic', fault.text[:DIAGNOSTIC_LENGTH])}{element('authorCode', platform.rules.author)}"
        f"{_information(fault.information)}"
        f"</detail></{name}></detail>"
        "</soapenv:Fault>"
    )


def _hold_against_schema(exchange: Exchange, platform: Platform, reply: bytes) -> None:
    """Parses what would be sent and holds the payload against the contract; raises on a difference."""
    if exchange.service is None or exchange.operation is None or len(reply) > CHECKED_SIZE:
        return
    payload = parse(reply, REPLY_LIMITS)[-1][0]
    if exchange.service.dialect is not None:
        trouble = exchange.service.dialect.hold_against_contract(payload, platform)
        if trouble is not None:
            raise ContractBroken(trouble)
        return
    if payload.tag.endswith("}Fault"):
        payload = next(child for child in payload if child.tag == "detail")[0]
    trouble = platform.mounted[exchange.service.path].schema.check(payload)
    if trouble is not None:
        raise ContractBroken(f"{payload.tag}: {trouble}")


class ContractBroken(Exception):
    """The platform's own reply is not what its contract says."""


__all__ = ["Refusal", "compose", "outcome_code"]
