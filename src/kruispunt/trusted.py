"""Whose signatures are believed, and what the platform signs with: made of the settings."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from kruispunt.clock import Clock
from kruispunt.gateway.identity import Pair, read_pair
from kruispunt.gateway.secrets import read_certificates
from kruispunt.settings import RevocationMode, Settings
from kruispunt.wss.current import CurrentSigner
from kruispunt.wss.revocation import Revocation, RevocationRules
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import TrustStore


def signer_of(settings: Settings) -> CurrentSigner:
    """Signs replies, and requests to suppliers elsewhere; both follow when the pair is replaced."""
    return CurrentSigner(signer_with(read_pair(*settings.signing_pair)))


def signer_with(pair: Pair) -> Signer:
    """Of a pair that was read."""
    return Signer(pair.key, pair.certificate)


@contextlib.asynccontextmanager
async def open_trust(settings: Settings, clock: Clock) -> AsyncIterator[tuple[TrustStore, Revocation]]:
    """Whose certificates are believed, and which of them were revoked."""
    authorities = read_certificates(settings.client_ca)
    trust = TrustStore(authorities)
    revocation = Revocation(_revocation_rules(settings), trust, authorities, clock)
    try:
        await revocation.open()
        yield trust, revocation
    finally:
        await revocation.close()


def _revocation_rules(settings: Settings) -> RevocationRules | None:
    mode = settings.revocation_mode
    if mode is RevocationMode.OFF:
        return None
    return RevocationRules(
        ocsp=mode is RevocationMode.CRL_OR_OCSP,
        fetch_crls=settings.crl_fetch,
        directory=settings.crl_dir,
        max_age=timedelta(seconds=settings.revocation_max_age_seconds),
    )
