"""Step 11: the security log of the outgoing message; a reply is sent only once its entry is durable (PL-30)."""

from __future__ import annotations

from hashlib import sha256

from kruispunt.errors import BusinessRefusal
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.reply import outcome_code
from kruispunt.pipeline.steps.log_incoming import entry_of
from kruispunt.securitylog.entry import Entry, Kind, Message

PLATFORM = ""
"""Owner of the key for notes about exchanges in which nobody was authenticated."""


async def log_outgoing(exchange: Exchange, platform: Platform, reply: bytes) -> None:
    """Durable when it returns. Raises StorageError: then nothing may be sent but the fault that says so."""
    if exchange.entered:
        await _log_whole(exchange, platform, reply)
    else:
        await _log_refused(exchange, platform)


async def _log_whole(exchange: Exchange, platform: Platform, reply: bytes) -> None:
    assert exchange.registration is not None
    message = Message(exchange.registration.owner, reply, notes_of(exchange))
    await platform.log.append(_entry_out(exchange, platform, message))


async def _log_refused(exchange: Exchange, platform: Platform) -> None:
    """Nobody is authenticated: the facts and the digest of the message, not the message; limited per source."""
    minute = int(platform.clock.now().timestamp()) // 60
    suppressed = platform.refusals.admit(exchange.incoming.tls.fingerprint, minute)
    if suppressed is None:
        platform.observer.suppressed()
        return
    body = exchange.incoming.body
    digest = sha256(body).hexdigest()
    incoming = entry_of(exchange, Kind.INCOMING, exchange.received, len(body), digest=digest, suppressed=suppressed)
    outgoing = _entry_out(exchange, platform, Message(PLATFORM, b"", notes_of(exchange)))
    await platform.log.append_both(incoming, outgoing)


def _entry_out(exchange: Exchange, platform: Platform, message: Message) -> Entry:
    refusal = exchange.stopped
    return entry_of(
        exchange,
        Kind.OUTGOING,
        platform.clock.now(),
        len(message.data),
        outcome=outcome_code(exchange),
        rule="" if refusal is None else refusal.rule,
        subjects=_told(exchange),
        message=message,
    )


def _told(exchange: Exchange) -> tuple[str, ...]:
    """Every SSIN that the reply tells (PL-30): that of a refusal too, which names the new number."""
    if exchange.refusal is not None:
        return exchange.refusal.subjects if isinstance(exchange.refusal, BusinessRefusal) else ()
    if exchange.requests:
        return tuple(dict.fromkeys(ssin for request in exchange.requests for ssin in _told(request)))
    final = () if exchange.ssin is None else (exchange.ssin,)
    return final if exchange.outcome is None else (*final, *exchange.outcome.subjects)


def notes_of(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """What the steps did, and what stopped the exchange."""
    refusal = exchange.stopped
    if refusal is None:
        return tuple(exchange.notes)
    stopped = (
        ("rule", refusal.rule),
        ("why", refusal.why),
        ("element", refusal.element),
        ("remedy", refusal.remedy),
    )
    return (*exchange.notes, *((name, text) for name, text in stopped if text))
