"""Who is at the other end: the client certificate that TLS verified, handed to the application.

uvicorn does not pass it on; a protocol of its own puts it into the ASGI scope once per connection.
"""

from __future__ import annotations

from asyncio import Transport
from hashlib import sha256
from typing import Any

from cryptography import x509
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kruispunt.pipeline.context import TlsClient

EXTENSION = "kruispunt.tls"


class MutualTlsProtocol(HttpToolsProtocol):
    """HTTP over TLS with the peer's certificate in `scope["extensions"]`."""

    _client: TlsClient | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        session = transport.get_extra_info("ssl_object")
        der = None if session is None else session.getpeercert(True)
        if der is not None:
            self._client = tls_client(der)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"client": self._client}}


def tls_client(der: bytes) -> TlsClient:
    """Fingerprint and subject of a certificate in DER form."""
    certificate = x509.load_der_x509_certificate(der)
    return TlsClient(sha256(der).hexdigest(), certificate.subject.rfc4514_string())


def client_of(scope: Any) -> TlsClient | None:
    """The TLS client of a request; None means that it came in without one, and must not be served."""
    client: TlsClient | None = scope.get("extensions", {}).get(EXTENSION, {}).get("client")
    return client
