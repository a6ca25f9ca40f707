"""The ASGI application: HTTP in, HTTP out. Everything about SOAP is the pipeline's.

What is no SOAP, such as files of subscriptions, is handed on by the beginning of its path.

| cause | answer |
|---|---|
| no client certificate reached the application, or a proxy handed on one that is not accepted | 403 |
| `GET` with a certificate that was revoked, or may have been | 403 |
| wrong method | 405 |
| body too large | 413 |
| wrong content type | 415 |
| body cut off by the client | connection closed |
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from kruispunt.errors import AuthenticationRefused, TransportRefusal, sentence
from kruispunt.gateway.caller import client_of
from kruispunt.gateway.wsdl import Contract
from kruispunt.pipeline.context import Answer, Incoming, TlsClient

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answering = Callable[[Incoming], Awaitable[Answer]]
Admitting = Callable[[TlsClient], Awaitable[None]]
"""Raises AuthenticationRefused for a TLS client whose certificate must not be served any more (PL-08)."""
Identify = Callable[[Scope], TlsClient | None]
"""The TLS client of a request, or None. Raises TransportRefusal."""
Routed = Callable[[Scope, Receive, Send, TlsClient, str], Awaitable[None]]
"""Answers by itself; gets the TLS client and the client's address."""
Locate = Callable[[Scope], str]
"""The client's address; empty where it is not known. Raises TransportRefusal."""

SOAP_TYPES = frozenset({"text/xml", "application/xml", "application/soap+xml"})
"""SOAP 1.2's type is let through so that its version gets the fault that says so (MSG00053)."""
XML = "text/xml; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

_host = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?").fullmatch


def peer_of(scope: Scope) -> str:
    """The address of the connection's other end; empty on a Unix socket."""
    address: str = (scope.get("client") or ("", 0))[0]
    return address


class Disconnected(Exception):
    """The client went away before its request was whole."""


class HttpGateway:
    """Serves SOAP by POST, and contracts by GET with `?wsdl` and `?xsd=`."""

    def __init__(
        self,
        answer: Answering,
        contracts: Mapping[str, Contract],
        max_bytes: int,
        admit: Admitting,
        identify: Identify = client_of,
        locate: Locate = peer_of,
        larger: Mapping[str, int] | None = None,
        routed: tuple[str, Routed] | None = None,
    ) -> None:
        """`larger`: bytes of a message, by path, where a service takes more than `max_bytes`; `routed`: a beginning of
        paths below which nothing is SOAP, and who answers there."""
        self._answer = answer
        self._admit = admit
        self._contracts = contracts
        self._max_bytes = max_bytes
        self._identify = identify
        self._locate = locate
        self._larger = larger or {}
        self._routed = routed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            client = self._identify(scope)
            if client is None:
                raise TransportRefusal(403, "tls.no-certificate", "A client certificate is required.")
            if self._routed is not None and scope["path"].startswith(self._routed[0]):
                await self._routed[1](scope, receive, send, client, self._locate(scope))
                return
            if scope["method"] == "POST":
                answer = await self._soap(scope, receive, client)
            elif scope["method"] in {"GET", "HEAD"}:
                await self._check(client)
                answer = self._contract(scope)
            else:
                raise TransportRefusal(405, "http.method", "Use POST for SOAP, GET for ?wsdl.")
        except TransportRefusal as refusal:
            allow = (("allow", "GET, HEAD, POST"),) if refusal.status == 405 else ()
            answer = Answer(refusal.status, f"{refusal.why}\n".encode(), TEXT, (*allow, ("connection", "close")))
        except Disconnected:
            return
        await _send(send, answer, with_body=scope["method"] != "HEAD")

    async def _check(self, client: TlsClient) -> None:
        """For contracts; SOAP is refused by a fault, in the pipeline."""
        try:
            await self._admit(client)
        except AuthenticationRefused as refusal:
            raise TransportRefusal(403, refusal.rule, sentence(refusal.why)) from refusal

    async def _soap(self, scope: Scope, receive: Receive, client: TlsClient) -> Answer:
        headers = _headers(scope)
        _check_type(headers.get("content-type", ""))
        if headers.get("content-encoding", "identity") != "identity":
            raise TransportRefusal(415, "http.encoding", "Compressed bodies are not accepted.")
        peer = self._locate(scope)
        body = await body_of(headers, receive, self._larger.get(scope["path"], self._max_bytes))
        return await self._answer(Incoming(scope["path"], headers.get("soapaction"), body, peer, client))

    def _contract(self, scope: Scope) -> Answer:
        contract = self._contracts.get(scope["path"])
        asked = {name.lower(): value for name, value in parse_qsl(scope["query_string"].decode("latin-1"), True)}
        if contract is None:
            raise TransportRefusal(404, "uri.unknown", "No service here.\n" + "\n".join(sorted(self._contracts)))
        base = _base_url(scope)
        if "wsdl" in asked:
            return Answer(200, contract.wsdl(base), XML)
        if "xsd" in asked:
            document = contract.xsd(asked["xsd"], base)
            if document is not None:
                return Answer(200, document, XML)
            raise TransportRefusal(404, "xsd.unknown", "This contract has no such XSD.")
        raise TransportRefusal(405, "http.method", f"Use POST for SOAP; the contract is at {scope['path']}?wsdl")


async def body_of(headers: Mapping[str, str], receive: Receive, most: int) -> bytes:
    """The whole body; refused by its announced length before anything is read, and again while it is read."""
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = event.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
        if not event.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _check_type(value: str) -> None:
    kind, _, parameters = value.partition(";")
    if kind.strip().lower() not in SOAP_TYPES:
        raise TransportRefusal(415, "http.content-type", "Send SOAP 1.1 as text/xml.")
    match = re.search(r"charset\s*=\s*\"?([^\";\s]+)", parameters, re.IGNORECASE)
    if match is not None and match.group(1).lower() not in {"utf-8", "utf8"}:
        raise TransportRefusal(415, "http.charset", "Send UTF-8.")


def _base_url(scope: Scope) -> str:
    """The address that the client used (PL-02); a Host header that is none is not repeated."""
    host = _headers(scope).get("host", "")
    if not _host(host):
        raise TransportRefusal(400, "http.host", "The Host header is not a host.")
    return f"https://{host}"


async def _send(send: Send, answer: Answer, *, with_body: bool) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


def _too_large(most: int) -> TransportRefusal:
    return TransportRefusal(413, "http.size", f"A message may have {most} bytes.")
