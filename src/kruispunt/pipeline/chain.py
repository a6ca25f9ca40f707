"""The life of a request, on one screen. The steps are those of platform requirement "The pipeline, in this order"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from traceback import extract_tb

import structlog

from kruispunt.errors import InternalFailure, Refusal, StorageError
from kruispunt.pipeline.context import Answer, Exchange, Incoming
from kruispunt.pipeline.dialect import Dialect
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.reply import compose, outcome_code
from kruispunt.pipeline.steps.authenticate import authenticate
from kruispunt.pipeline.steps.authorise import authorise
from kruispunt.pipeline.steps.check_criteria import check_criteria
from kruispunt.pipeline.steps.consult import consult
from kruispunt.pipeline.steps.control_integration import control_integration
from kruispunt.pipeline.steps.control_returned import control_returned
from kruispunt.pipeline.steps.control_ssin import control_ssin
from kruispunt.pipeline.steps.find_operation import find_operation
from kruispunt.pipeline.steps.limit_volume import limit_volume, note_probing
from kruispunt.pipeline.steps.log_incoming import log_incoming
from kruispunt.pipeline.steps.log_outgoing import log_outgoing
from kruispunt.pipeline.steps.read_message import read_message
from kruispunt.pipeline.steps.validate import validate

Step = Callable[[Exchange, Platform], Awaitable[None]]

MESSAGE_STEPS: tuple[Step, ...] = (
    read_message,  # 2   limits, parse
    find_operation,  # 2   URI, SOAP version, SOAPAction
    authenticate,  # 3   TLS client, signature, freshness
    log_incoming,  # 4   durable before anything else happens; refuses replays
    limit_volume,  # 4   quota, and the pace of who probes: the sender is known and logged, a replay costs no quota
)
REQUEST_STEPS: tuple[Step, ...] = (
    validate,  # 5   XSD
    authorise,  # 6   organisation, legal context, data groups
    check_criteria,  # 7   the service's own checks
    control_ssin,  # 8   structure, BIS, existence, replaced, cancelled
    control_integration,  # 9   the client's own repertory lines
    consult,  # 10  handler and supplier
    control_returned,  # 9 of a search: about each person that it found
)
STEPS = (*MESSAGE_STEPS, *REQUEST_STEPS)

logger = structlog.get_logger("pipeline")

_abreast = partial(asyncio.sleep, 0)
"""One turn of the event loop, in which other requests come as far. What follows is done for them one after the other:
code and tables that one leaves in the processor's caches are there for the next."""


async def answer(platform: Platform, incoming: Incoming) -> Answer:
    """Gives the request a ticket, walks it through the steps, and returns what may be sent: signed and logged."""
    started = perf_counter()
    exchange = Exchange(platform.tickets.new(), platform.clock.now(), incoming)
    try:
        for step in MESSAGE_STEPS:
            await step(exchange, platform)
            if step is read_message:
                await _abreast()
        if exchange.service is not None and exchange.service.dialect is not None:
            await _each_request(exchange, exchange.service.dialect, platform)
        else:
            for step in REQUEST_STEPS:
                await step(exchange, platform)
    except Refusal as refusal:
        exchange.refusal = refusal
    except StorageError as error:
        exchange.refusal = internal_failure(exchange, platform, "storage.away", error)
    except Exception as error:  # the last resort of the front door: nothing internal is told
        exchange.refusal = internal_failure(exchange, platform, "unexpected", error)
    note_probing(exchange, platform)
    await _abreast()
    reply = await _seal(exchange, platform)
    service = "" if exchange.service is None else exchange.service.name
    operation = "" if exchange.operation is None else exchange.operation.name
    platform.observer.exchange(service, operation, outcome_code(exchange), perf_counter() - started - exchange.delayed)
    return reply


async def _each_request(exchange: Exchange, dialect: Dialect, platform: Platform) -> None:
    """A message that carries requests: each is answered, whatever becomes of the others, and counted (PL-16)."""
    for request in dialect.requests(exchange, platform):
        exchange.requests.append(request)
        try:
            if len(exchange.requests) > 1:
                await limit_volume(request, platform)
                exchange.delayed += request.delayed
            for step in REQUEST_STEPS:
                await step(request, platform)
        except Refusal as refusal:
            request.refusal = refusal


async def _seal(exchange: Exchange, platform: Platform) -> Answer:
    """Steps 10 (composing) and 11: compose, sign, log. A reply that cannot be logged is not sent."""
    try:
        reply = compose(exchange, platform)
    except Exception as error:  # a reply that breaks its own contract must not leave
        exchange.refusal = internal_failure(exchange, platform, "reply.contract", error)
        exchange.request = None  # nothing of it is repeated: it may be what broke the reply
        reply = compose(exchange, platform)
    try:
        await log_outgoing(exchange, platform, reply.body)
    except StorageError as error:
        exchange.refusal = internal_failure(exchange, platform, "storage.log", error)
        reply = compose(exchange, platform)
    return reply


def internal_failure(exchange: Exchange, platform: Platform, rule: str, error: Exception) -> InternalFailure:
    """MSG00003; what really happened goes to the operator's log only, under the ticket.

    Kind and place of the error, and kinds of what caused it, not their text: that may hold what stood in the message.
    """
    places = [f"{frame.name} {Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
    causes, cause = [], error.__cause__
    while cause is not None:
        causes.append(type(cause).__name__)
        cause = cause.__cause__
    kind = type(error).__name__
    logger.error("internal failure", ticket=exchange.ticket, rule=rule, error=kind, causes=causes, at=places)
    desk = platform.rules.service_desk
    remedy = "Report the ticket to the service desk" + (f": {desk}" if desk else ".")
    return InternalFailure(rule, "The platform could not serve this request.", remedy=remedy)
