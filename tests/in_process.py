"""The steps of the pipeline that decide about a message, in one process and without a database.

They are the real functions over a real access table and a real trust store. The one thing left out is the log of
step 4: it is PostgreSQL's, and has tests of its own. So a message may come again and again here.
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime
from typing import Any, cast

from kruispunt.access.model import AccessTable
from kruispunt.access.probing import Probing
from kruispunt.clock import FixedClock
from kruispunt.identifiers.ticket import Ticket, TicketSource
from kruispunt.pipeline.context import Exchange, Incoming
from kruispunt.pipeline.platform import Access, Platform, Rules, mount
from kruispunt.pipeline.service import Service
from kruispunt.pipeline.steps.authenticate import authenticate
from kruispunt.pipeline.steps.authorise import authorise
from kruispunt.pipeline.steps.check_criteria import check_criteria
from kruispunt.pipeline.steps.find_operation import find_operation
from kruispunt.pipeline.steps.limit_volume import limit_volume
from kruispunt.pipeline.steps.log_incoming import log_incoming
from kruispunt.pipeline.steps.read_message import read_message
from kruispunt.pipeline.steps.validate import validate
from kruispunt.wss.policy import STRICT
from kruispunt.wss.revocation import Revocation
from kruispunt.wss.trust import TrustStore
from kruispunt.xml.parse import Limits
from kruispunt.xml.schemas import schema

TO_SIGNATURE = (read_message, find_operation, authenticate)
TO_DECISION = (log_incoming, limit_volume, validate, authorise, check_criteria)
"""The order is that of `pipeline/chain.py`; a test holds it."""
TICKET = cast("Ticket", "00000000-0000-4000-8000-000000000000")


class _NoLog:
    async def append(self, *_entry_and_replay_key: object) -> None:
        return


def platform(services: tuple[Service, ...], table: AccessTable, trust: TrustStore, now: datetime) -> Platform:
    """What the steps up to the decision work with; the rest is absent and would raise when it were touched."""
    clock = FixedClock(now)
    absent = cast("Any", None)
    return Platform(
        rules=Rules(
            engine="test",
            author="test",
            service_desk="",
            limits=Limits(),
            policy=STRICT,
            test_numbers=True,
            check_replies=True,
        ),
        clock=clock,
        tickets=TicketSource(clock),
        mounted={s.path: mount(s, schema(s.folder / "contract" / s.schema), None) for s in services},
        access=Access(table),
        trust=trust,
        revocation=Revocation(None, trust, (), clock),
        volumes=absent,
        probing=Probing(300, 600.0, 0.0),
        log=cast("Any", _NoLog()),
        refusals=absent,
        database=absent,
        signer=absent,
        observer=absent,
    )


def begin(incoming: Incoming, now: datetime) -> Exchange:
    return Exchange(TICKET, now, incoming)


def walk(steps: tuple[Any, ...], exchange: Exchange, on: Platform) -> None:
    """Runs steps that wait for nothing. Raises what they raise."""
    for step in steps:
        finish(step(exchange, on))


def finish(step: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine to its end without an event loop: cheap enough for a million messages."""
    try:
        step.send(None)
    except StopIteration:
        return
    raise AssertionError("a step waits for something that is not there")
