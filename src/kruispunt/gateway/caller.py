"""Who is at the other end: the client certificate that TLS verified, handed to the application.

uvicorn does not pass it on; a protocol of its own puts it into the ASGI scope once per connection. It also bounds
what uvicorn leaves open, which anybody with a certificate of a trusted issuer could use up: the size of the headers,
and the time that a request may take to arrive.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from hashlib import sha256
from typing import Any, cast

from cryptography import x509
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kruispunt.gateway.joined import JoinedWrites
from kruispunt.pipeline.context import TlsClient
from kruispunt.wss.trust import token_of

EXTENSION = "kruispunt.tls"
HEAD_BYTES = 64 * 1024
"""What a request may have beside its body: request line, headers, framing of chunks, trailers."""
ARRIVAL_SECONDS = 30.0
"""Within which a request must be whole; the first one of a connection counted from the handshake on."""


class MutualTlsProtocol(HttpToolsProtocol):
    """HTTP over TLS with the peer's certificate in `scope["extensions"]`."""

    _client: TlsClient | None = None
    _arriving = True
    _head = 0
    _arrival: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("Transport", JoinedWrites(transport, self.loop)))
        self._arrival = self.loop.call_later(ARRIVAL_SECONDS, transport.abort)
        session = transport.get_extra_info("ssl_object")
        der = None if session is None else session.getpeercert(True)
        if der is not None:
            self._client = tls_client(der)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arriving = False
        self._await_rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # A blank line before a request is no message yet, and still sets uvicorn's own clock aside.
        self._arriving = True
        self._head += len(data)
        super().data_received(data)
        if self._head > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too large.")
        self._await_rest()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving, self._head = True, 0
        self.scope["extensions"] = {EXTENSION: {"client": self._client}}

    def on_body(self, body: bytes) -> None:
        self._head -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._arriving = False
        super().on_message_complete()

    def _await_rest(self) -> None:
        """Sets the clock for a request that came in part; most come whole, and cost no timer."""
        if not self._arriving:
            if self._arrival is not None:
                self._arrival.cancel()
                self._arrival = None
        elif self._arrival is None:
            self._arrival = self.loop.call_later(ARRIVAL_SECONDS, self.transport.abort)


def tls_client(der: bytes) -> TlsClient:
    """What is known of a certificate in DER form."""
    certificate = x509.load_der_x509_certificate(der)
    return TlsClient(sha256(der).hexdigest(), certificate.subject.rfc4514_string(), token_of(certificate))


def client_of(scope: Any) -> TlsClient | None:
    """The TLS client of a request; None means that it came in without one, and must not be served."""
    client: TlsClient | None = scope.get("extensions", {}).get(EXTENSION, {}).get("client")
    return client
