"""Step 4: the security log of the incoming message, durable before anything else happens (PL-30, PL-06)."""

from __future__ import annotations

import re
from datetime import datetime

from lxml import etree

from kruispunt.errors import AuthenticationRefused, RefusalReason
from kruispunt.pipeline.context import Claims, Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.securitylog.entry import Entry, Kind, Message
from kruispunt.securitylog.write import Replayed, ReplayKey
from kruispunt.xml.read import child, child_text
from kruispunt.xml.values import plain_number

_looks_like_ssin = re.compile(r"[0-9]{11}").fullmatch
CLAIM_LENGTH = 64
PATH_LENGTH = 256
SSIN_LIMIT = 1_000


async def log_incoming(exchange: Exchange, platform: Platform) -> None:
    """Writes the entry and the replay key together. Raises AuthenticationRefused for a replay, StorageError."""
    signed, registration = exchange.signed, exchange.registration
    assert signed is not None
    assert registration is not None
    dialect = None if exchange.service is None else exchange.service.dialect
    exchange.claims = _claims(signed.body) if dialect is None else dialect.claims(exchange, platform)
    message = Message(registration.owner, exchange.incoming.body)
    size = len(exchange.incoming.body)
    entry = entry_of(exchange, Kind.INCOMING, exchange.received, size, subjects=exchange.claims.ssins, message=message)
    try:
        await platform.log.append(entry, ReplayKey(signed.replay_key, signed.expires))
    except Replayed:
        raise AuthenticationRefused(
            RefusalReason.REPLAY,
            "replay.seen",
            "this message was received before",
            element="Signature",
            remedy="Sign every request anew, with a Timestamp of its own.",
        ) from None
    exchange.entered = True
    exchange.note("log_incoming", "entry in is durable; the message was never seen before")


def entry_of(
    exchange: Exchange,
    kind: Kind,
    at: datetime,
    size: int,
    *,
    outcome: str = "",
    rule: str = "",
    subjects: tuple[str, ...] = (),
    digest: str = "",
    suppressed: int = 0,
    message: Message | None = None,
) -> Entry:
    """An entry with what is known of the exchange; the rest differs by direction."""
    service, operation, claims = exchange.service, exchange.operation, exchange.claims
    return Entry(
        ticket=exchange.ticket,
        kind=kind,
        at=at,
        peer=exchange.incoming.peer,
        tls_client=exchange.incoming.tls.fingerprint,
        path=exchange.incoming.path[:PATH_LENGTH],
        operation="" if service is None or operation is None else f"{service.name}/{operation.name}",
        signer="" if exchange.signed is None else exchange.signed.certificate.fingerprint,
        application="" if exchange.registration is None else exchange.registration.urn,
        organisation=claims.organisation,
        legal_context=claims.legal_context,
        client_reference=claims.client_reference,
        outcome=outcome,
        rule=rule,
        subjects=subjects,
        size=size,
        digest=digest,
        suppressed=suppressed,
        message=message,
    )


def _claims(body: etree._Element) -> Claims:
    """Reads the verified Body by names alone: the schema has not been asked yet."""
    if len(body) != 1:
        return Claims()
    request = body[0]
    customer = child(request, "informationCustomer")
    ssins = (node.text or "" for node in request.iter("ssin"))
    found = tuple(dict.fromkeys(s for s in ssins if _looks_like_ssin(s)))
    return Claims(
        organisation="" if customer is None else _organisation(customer),
        legal_context=(child_text(request, "legalContext") or "")[:CLAIM_LENGTH],
        client_reference="" if customer is None else (child_text(customer, "ticket") or "")[:CLAIM_LENGTH],
        ssins=found[:SSIN_LIMIT],
    )


def _organisation(customer: etree._Element) -> str:
    identification = child(customer, "customerIdentification")
    if identification is None:
        return ""
    return organisation_key(identification)[:CLAIM_LENGTH]


def organisation_key(identification: etree._Element) -> str:
    """CBE number, or "sector/institution" without leading zeros."""
    cbe = child_text(identification, "cbeNumber")
    if cbe is not None:
        return cbe.strip()
    sector, institution = child_text(identification, "sector"), child_text(identification, "institution")
    return f"{plain_number(sector or '0')}/{plain_number(institution or '0')}"
