"""The life of a request for files of subscriptions: who, logged in, how many, what, logged out, sent (RP-18, PL-30).

The steps are those of a SOAP request as far as they apply. The client is known by its TLS certificate alone: nothing is
signed here, because a file has a voucher that is. Nothing of an answer leaves before its entry in the security log is
on disk; of a file the log keeps the voucher, which stands for its bytes.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Final

import structlog

from kruispunt.access.model import Registration, unregistered
from kruispunt.errors import Refusal, StorageError, TransportRefusal
from kruispunt.gateway.caller import cut
from kruispunt.gateway.http import Disconnected, Receive, Scope, Send, body_of
from kruispunt.gateway.mutations.answers import Answers, Reply
from kruispunt.gateway.mutations.asked import Asked, Operation, Request, asked, request_of, unknown
from kruispunt.gateway.mutations.delivery import Cut, Places, send_file
from kruispunt.gateway.mutations.problems import CONTENT_TYPE, headers_of, problem, status_of
from kruispunt.mutations import offered
from kruispunt.mutations.entitlement import SERVICE
from kruispunt.mutations.offered import Owned
from kruispunt.pipeline.chain import internal_failure
from kruispunt.pipeline.context import Claims, Exchange, Incoming, TlsClient
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.steps.limit_volume import limit_volume
from kruispunt.pipeline.steps.log_incoming import entry_of
from kruispunt.pipeline.steps.log_outgoing import log_outgoing, notes_of
from kruispunt.securitylog.entry import Kind, Message

MOST_BYTES: Final = 1024
"""Of the content of a request."""
_SERVICE: Final = f"the service {SERVICE}"
_CLOSING: Final = frozenset({403, 413})
"""Answers after which the connection ends: the content of the request was not read."""

logger = structlog.get_logger("mutations")


@dataclass(slots=True)
class _Visit:
    """A request that is being answered."""

    exchange: Exchange
    request: Request
    asked: Asked | None = None

    @property
    def operation(self) -> str:
        return "" if self.asked is None else self.asked.operation.value


class MutationsApi:
    """Answers requests below `/mutations/`; see `HttpGateway` for how it is called."""

    def __init__(self, platform: Platform, answers: Answers, stall_seconds: float) -> None:
        """`stall_seconds`: within which a client takes each piece of a file, or is cut off."""
        self._platform = platform
        self._answers = answers
        self._stall_seconds = stall_seconds
        self._places = Places()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, client: TlsClient, peer: str) -> None:
        started, platform = perf_counter(), self._platform
        request = request_of(scope)
        incoming = Incoming(request.path.decode("latin-1"), None, b"", peer, client)
        exchange = Exchange(platform.tickets.new(), platform.clock.now(), incoming)
        visit = _Visit(exchange, request)
        with ExitStack() as held:
            try:
                reply = await self._answer(visit, receive, held)
            except Disconnected:
                return
            reply = await self._logged(visit, reply)
            seconds = perf_counter() - started - exchange.delayed
            platform.observer.exchange(SERVICE, visit.operation, str(reply.status), seconds)
            await self._send(scope, receive, send, reply, exchange)

    async def _answer(self, visit: _Visit, receive: Receive, held: ExitStack) -> Reply:
        """What may be sent once it is logged; `held` is let go of when it was. Raises Disconnected."""
        exchange, platform = visit.exchange, self._platform
        try:
            registration = await self._authenticate(exchange)
            body = await self._log_in(visit, registration, receive)
            await limit_volume(exchange, platform)
            visit.asked = asked(visit.request, body)
            owned = await self._owned(visit.asked, exchange, registration)
            if visit.asked.operation is Operation.FILE:
                held.enter_context(self._places.taken(registration.urn))
            reply = await self._answers.answer(visit.asked, visit.request, registration, owned)
            if reply.file is not None:
                held.callback(os.close, reply.file.descriptor)
            exchange.note("answer", reply.note)
            return reply
        except Refusal as refusal:
            exchange.refusal = refusal
        except StorageError as error:
            exchange.refusal = internal_failure(exchange, platform, "storage.away", error)
        except Disconnected:
            raise
        except Exception as error:  # the last resort, as in the pipeline: nothing internal is told
            exchange.refusal = internal_failure(exchange, platform, "unexpected", error)
        return _refused(exchange.refusal, exchange)

    async def _authenticate(self, exchange: Exchange) -> Registration:
        """The application of the TLS certificate. Raises AuthenticationRefused (PL-08)."""
        tls = exchange.incoming.tls
        registration = self._platform.access.table.registered(tls.fingerprint)
        if registration is None:
            raise unregistered("registration.tls", "the certificate of the TLS client is not registered", _SERVICE)
        await self._platform.revocation.admit(tls.fingerprint, tls.token)
        if SERVICE not in registration.services:
            raise unregistered("registration.service", f"{registration.urn} is not registered for {SERVICE}", _SERVICE)
        exchange.registration = registration
        exchange.note("authenticate", f"TLS of {registration.urn}, which is registered for {SERVICE}")
        return registration

    async def _log_in(self, visit: _Visit, registration: Registration, receive: Receive) -> bytes:
        """The content of the request, once its entry is on disk.

        Raises TransportRefusal, StorageError, Disconnected.
        """
        exchange, request = visit.exchange, visit.request
        too_large: TransportRefusal | None = None
        try:
            body = await body_of(request.headers, receive, MOST_BYTES)
        except TransportRefusal as refusal:
            body, too_large = b"", refusal
        message = Message(registration.owner, request.written + body, usual=False)
        entry = entry_of(exchange, Kind.INCOMING, exchange.received, len(message.data), message=message)
        await self._platform.log.append(entry)
        exchange.entered = True
        exchange.note("log_incoming", "entry in is durable")
        if too_large is not None:
            raise too_large
        return body

    async def _owned(self, asked: Asked, exchange: Exchange, registration: Registration) -> Owned | None:
        """Whose subscription the request names; None where it names none. Raises Declined for one of others."""
        if asked.operation is Operation.SUBSCRIPTIONS:
            return None
        owned = await offered.owned(self._platform.database, asked.code, registration.acts_for)
        if owned is None:
            self._note_probe(registration)
            raise unknown()
        exchange.claims = Claims(owned.receiver, owned.legal_context)
        exchange.note("authorise", f"{asked.code} is a subscription of {owned.organisation}")
        return owned

    def _note_probe(self, registration: Registration) -> None:
        """Who tries codes is slowed like who tries numbers (PL-16)."""
        count = self._platform.probing.refused(registration.urn)
        if count is not None:
            self._platform.observer.probing()
            logger.warning(
                "a client asked for many subscriptions that are not its own; its answers are held up",
                client=registration.urn,
                refused=count,
            )

    async def _logged(self, visit: _Visit, reply: Reply) -> Reply:
        """`reply` once its entry is on disk; else the one that says that it could not be logged (PL-30)."""
        exchange, platform = visit.exchange, self._platform
        try:
            if exchange.entered:
                await self._log_out(visit, reply)
            else:
                await log_outgoing(exchange, platform, b"")
        except StorageError as error:
            exchange.refusal = internal_failure(exchange, platform, "storage.log", error)
            return _refused(exchange.refusal, exchange)
        return reply

    async def _log_out(self, visit: _Visit, reply: Reply) -> None:
        exchange, platform = visit.exchange, self._platform
        assert exchange.registration is not None
        kept = reply.body if reply.logged is None else reply.logged
        entry = entry_of(
            exchange,
            Kind.OUTGOING,
            platform.clock.now(),
            len(reply.body) if reply.length is None else reply.length,
            outcome=str(reply.status),
            rule="" if exchange.refusal is None else exchange.refusal.rule,
            message=Message(exchange.registration.owner, kept, notes_of(exchange), usual=False),
        )
        operation = f"{SERVICE}/{visit.operation}" if visit.operation else ""
        await platform.log.append(replace(entry, operation=operation))

    async def _send(self, scope: Scope, receive: Receive, send: Send, reply: Reply, exchange: Exchange) -> None:
        await send({"type": "http.response.start", "status": reply.status, "headers": _headers(reply, exchange)})
        if reply.file is None or scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": reply.body if scope["method"] != "HEAD" else b""})
            return
        try:
            await send_file(reply.file, self._answers.readers, send, receive, self._stall_seconds)
        except Cut as error:
            logger.warning("a file was not sent to its end", ticket=exchange.ticket, cause=str(error))
            await _end(scope, receive)
        except asyncio.CancelledError:
            # The server stops, and has waited long enough. The client goes on where it was, at one that runs.
            await _end(scope, receive)


async def _end(scope: Scope, receive: Receive) -> None:
    """Cuts the connection, and waits until it is gone."""
    cut(scope)
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(reply: Reply, exchange: Exchange) -> list[tuple[bytes, bytes]]:
    told = [("belgov-trace-id", str(exchange.ticket)), ("cache-control", "no-store"), *reply.headers]
    if reply.content_type:
        told.append(("content-type", reply.content_type))
    if reply.status not in {204, 304}:
        told.append(("content-length", str(len(reply.body) if reply.length is None else reply.length)))
    if reply.status in _CLOSING:
        told.append(("connection", "close"))
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in told]


def _refused(refusal: Refusal, exchange: Exchange) -> Reply:
    return Reply(status_of(refusal), problem(refusal, exchange.ticket), CONTENT_TYPE, headers_of(refusal))
