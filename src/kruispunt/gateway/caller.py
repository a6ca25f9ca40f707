"""Who is at the other end: the client certificate that TLS verified, handed to the application.

uvicorn does not pass it on; a protocol of its own puts it into the ASGI scope once per connection. It also bounds
what uvicorn leaves open: the size of the headers, the time that a request may take to arrive, and what HTTP lets be
written in two ways (`request.py`).

A connection carries one request at a time. One that is sent before the answer to the one before it (pipelining) is
never read: the connection ends with that answer, so that no request can hide behind another.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from collections.abc import Callable
from hashlib import sha256
from typing import Any, cast

import httptools
from cryptography import x509
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from kruispunt.errors import TransportRefusal
from kruispunt.gateway.joined import JoinedWrites
from kruispunt.gateway.request import HEAD_BYTES, check_beginning, check_head, check_line, too_large
from kruispunt.pipeline.context import TlsClient
from kruispunt.wss.trust import token_of

EXTENSION = "kruispunt.tls"
BLANK_BYTES = 16
"""Of blank lines before a request, which old clients write behind the one before."""
ARRIVAL_SECONDS = 30.0
"""Within which a request must be whole, when nothing else is set."""


class MutualTlsProtocol(HttpToolsProtocol):
    """HTTP over TLS with the peer's certificate in `scope["extensions"]`."""

    arrival_seconds = ARRIVAL_SECONDS
    """Within which a request must be whole; the first one of a connection counted from the handshake on."""
    on_lost: Callable[[], None] | None = None
    """Called once when the connection is gone."""

    _client: TlsClient | None = None
    _arriving = True
    _arrival: TimerHandle | None = None
    _head = 0
    _line: bytes | None = b""
    """The request line so far; None once it was checked."""
    _blank = 0
    """Bytes of blank lines before the request."""
    _in_head = False
    _last = False
    """Whether the connection ends with the answer that is due: nothing more is read from it."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("Transport", JoinedWrites(transport, self.loop)))
        self._arrival = self.loop.call_later(self.arrival_seconds, transport.abort)
        session = transport.get_extra_info("ssl_object")
        der = None if session is None else session.getpeercert(True)
        if der is not None:
            self._client = tls_client(der)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arriving = False
        self._await_rest()
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()
            self.on_lost = None

    def data_received(self, data: bytes) -> None:
        if self._last or self.transport.is_closing():
            return
        # A blank line before a request is no message yet, and still sets uvicorn's own clock aside.
        self._arriving = True
        self._head += len(data)
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except TransportRefusal as refusal:
            self._refuse(refusal)
        self._await_rest()

    def _feed(self, data: bytes) -> None:
        """Raises TransportRefusal for what is not the HTTP that is spoken here."""
        if self._line is not None:
            data = self._first_line(data)
        if data:
            self._parse(data)
        if self._head > HEAD_BYTES:
            raise too_large()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if not self._last:
                raise _cause(error) from None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise _no_http() from None

    def _first_line(self, data: bytes) -> bytes:
        """What may be parsed: everything, once the request line is there and right; until then nothing."""
        waiting = (self._line or b"") + data
        line = waiting.lstrip(b"\r\n")
        self._blank += len(waiting) - len(line)
        if self._blank > BLANK_BYTES:
            raise TransportRefusal(400, "http.line", "There are too many blank lines before the request.")
        if line and self._answering:
            self._end_with_answer()
            return b""
        end = line.find(b"\n") + 1
        if not end:
            if line:
                check_beginning(line)
            self._line = line
            return b""
        check_line(line[:end])
        self._line = None
        return line

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_with_answer(self) -> None:
        self._last = True
        self._arriving = False
        self.cycle.keep_alive = False

    def on_message_begin(self) -> None:
        if self._line is not None:
            # A second request in the same piece: the line of this one was never checked.
            if self._answering:
                self._end_with_answer()
            raise _no_http()
        super().on_message_begin()
        self._arriving, self._in_head, self._blank = True, True, 0
        self.scope["extensions"] = {EXTENSION: {"client": self._client, "cut": self._cut}}

    def _cut(self) -> None:
        """Ends the connection at once, whatever was not sent yet: for an answer that its client does not take."""
        self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            raise TransportRefusal(400, "http.trailer", "Trailers are not accepted.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        check_head(self.parser.get_method().decode("ascii"), self.headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._arriving, self._head, self._line = False, 0, b""
        super().on_message_complete()

    def _refuse(self, refusal: TransportRefusal) -> None:
        """Answers and closes; what already runs for the request finds its client gone."""
        self._last, self._arriving = True, False
        if self.transport.is_closing():
            return
        if self._answering:
            if self.cycle.response_started:
                self.transport.close()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        text = f"{refusal.why}\n".encode()
        allow = b"allow: GET, HEAD, POST\r\n" if refusal.status == 405 else b""
        self.transport.write(
            b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n%b"
            % (STATUS_LINE[refusal.status], len(text), allow, text)
        )
        self.transport.close()

    def _await_rest(self) -> None:
        """Sets the clock for a request that came in part; most come whole, and cost no timer."""
        if not self._arriving:
            if self._arrival is not None:
                self._arrival.cancel()
                self._arrival = None
        elif self._arrival is None:
            self._arrival = self.loop.call_later(self.arrival_seconds, self.transport.abort)


def _no_http() -> TransportRefusal:
    return TransportRefusal(400, "http.form", "This is not HTTP/1.1, or is written in a way that is not accepted.")


def _cause(error: BaseException) -> TransportRefusal:
    """The refusal that one of the parser's callbacks raised; any other error of theirs is no HTTP either."""
    inner = error.__context__
    return inner if isinstance(inner, TransportRefusal) else _no_http()


def tls_client(der: bytes) -> TlsClient:
    """What is known of a certificate in DER form."""
    certificate = x509.load_der_x509_certificate(der)
    return TlsClient(sha256(der).hexdigest(), certificate.subject.rfc4514_string(), token_of(certificate))


def cut(scope: Any) -> None:
    """Ends the connection of a request without a word."""
    scope["extensions"][EXTENSION]["cut"]()


def client_of(scope: Any) -> TlsClient | None:
    """The TLS client of a request; None means that it came in without one, and must not be served."""
    client: TlsClient | None = scope.get("extensions", {}).get(EXTENSION, {}).get("client")
    return client
