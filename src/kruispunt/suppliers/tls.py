"""TLS to a supplier: with what."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from kruispunt.errors import ConfigurationError

WHOSE: Final = "the supplier's"
"""The certificate that we judge."""


def client_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later; the supplier is known by `ca` and its host name, we by certificate and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"TLS to a supplier cannot use {ca}, {certificate} or {key}: {error}") from error
    return context
