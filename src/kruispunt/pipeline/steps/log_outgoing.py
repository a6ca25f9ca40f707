"""Step 11: the security log of the outgoing message; a reply is sent only once its entry is durable (PL-30)."""

from __future__ import annotations

from hashlib import sha256

from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.reply import outcome_code
from kruispunt.pipeline.steps.log_incoming import whose
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
    refusal = exchange.refusal
    told: tuple[str, ...] = ()
    if refusal is None:
        told = (() if exchange.ssin is None else (exchange.ssin,)) + (
            () if exchange.outcome is None else exchange.outcome.subjects
        )
    await platform.log.append(
        Entry(
            kind=Kind.OUTGOING,
            at=platform.clock.now(),
            outcome=outcome_code(exchange),
            rule="" if refusal is None else refusal.rule,
            subjects=told,
            size=len(reply),
            message=Message(exchange.registration.owner, reply, _notes(exchange)),
            **whose(exchange),
        )
    )


def _notes(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    refusal = exchange.refusal
    if refusal is None:
        return tuple(exchange.notes)
    stopped = (
        ("rule", refusal.rule),
        ("why", refusal.why),
        ("element", refusal.element),
        ("remedy", refusal.remedy),
    )
    return (*exchange.notes, *((name, text) for name, text in stopped if text))


async def _log_refused(exchange: Exchange, platform: Platform) -> None:
    """Nobody is authenticated: the facts and the digest of the message, not the message; limited per source."""
    now = platform.clock.now()
    source = exchange.incoming.tls.fingerprint
    suppressed = platform.refusals.admit(source, int(now.timestamp()) // 60)
    if suppressed is None:
        platform.observer.suppressed()
        return
    incoming = Entry(
        kind=Kind.INCOMING,
        at=exchange.received,
        size=len(exchange.incoming.body),
        digest=sha256(exchange.incoming.body).hexdigest(),
        suppressed=suppressed,
        **whose(exchange),
    )
    outgoing = Entry(
        kind=Kind.OUTGOING,
        at=now,
        outcome=outcome_code(exchange),
        rule="" if exchange.refusal is None else exchange.refusal.rule,
        message=Message(PLATFORM, b"", _notes(exchange)),
        **whose(exchange),
    )
    await platform.log.append_both(incoming, outgoing)
