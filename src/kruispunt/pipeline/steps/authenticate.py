"""Step 3: who sent this (PL-05 to PL-08). The replay check is one statement with the log entry of step 4."""

from __future__ import annotations

from dataclasses import replace

from kruispunt.access.model import AccessTable, Registration, may_carry, unregistered
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.wss.policy import Policy
from kruispunt.wss.revocation import RevocationUnknown
from kruispunt.wss.verify import Signed, verify


async def authenticate(exchange: Exchange, platform: Platform) -> None:
    """TLS client, signer and signature; from here on only what was signed is read. Raises AuthenticationRefused."""
    assert exchange.service is not None
    table = platform.access.table
    transport = table.registered(exchange.incoming.tls.fingerprint)
    if transport is None:
        raise unregistered("registration.tls", "the certificate of the TLS client is not registered")
    await platform.revocation.admit(exchange.incoming.tls.fingerprint, exchange.incoming.tls.token)
    try:
        signed = _verified(exchange, platform, table)
    except RevocationUnknown as unknown:
        if not await platform.revocation.learn(unknown.trusted):
            raise
        signed = _verified(exchange, platform, table)
    registration = table.registrations[signed.certificate.fingerprint]
    if not may_carry(transport, registration):
        raise unregistered(
            "registration.transport",
            f"{transport.urn} may not carry messages that {registration.urn} signed",
        )
    if exchange.service.name not in registration.services:
        raise unregistered("registration.service", f"{registration.urn} is not registered for {exchange.service.name}")
    exchange.signed, exchange.registration = signed, registration
    exchange.request = signed.body[0] if len(signed.body) == 1 else None
    exchange.note(
        "authenticate",
        f"signed by {registration.urn}, over TLS of {transport.urn}: Body, Timestamp and token covered",
    )


def _verified(exchange: Exchange, platform: Platform, table: AccessTable) -> Signed:
    now = platform.clock.now()
    return verify(
        exchange.root,
        platform.trust,
        now,
        lambda print_: _policy(table, print_, platform.rules.policy),
        admit=lambda signer: platform.revocation.check(signer, now),
    )


def _policy(table: AccessTable, fingerprint: str, strict: Policy) -> Policy:
    """What this signer is held to; strangers are refused before their signature costs anything."""
    registration: Registration | None = table.registered(fingerprint)
    if registration is None:
        raise unregistered("registration.signer", "the certificate of the signer is not registered")
    if not (registration.unsigned_token or registration.sha1):
        return strict
    return replace(strict, allow_unsigned_token=registration.unsigned_token, allow_sha1=registration.sha1)
