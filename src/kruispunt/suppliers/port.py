"""A remote supplier over SOAP and mutual TLS (PL-35): asked with our signature, believed only after its schema.

In each worker one object per supplier, whose limits, connections and cut-off are its own: a supplier that hangs costs
the others nothing, and its own requests an answer at once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from lxml import etree

from kruispunt.clock import Clock
from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.cutoff import CutOff, Permit, Result, State
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.reply import ReplyReader
from kruispunt.suppliers.slots import NoSlot, Slots
from kruispunt.wss.current import CurrentSigner
from kruispunt.xml.schemas import Schema

T = TypeVar("T")

LOG_EVERY_SECONDS = 60.0
"""A failure is logged at most so often for each reason; metrics count them all."""

logger = structlog.get_logger("suppliers")


class Watch(Protocol):
    """Is told what happens to suppliers, for metrics. Never about whom."""

    def supplier_failed(self, name: str, reason: str) -> None: ...

    def supplier_state(self, name: str, state: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What a reply must be before anybody reads it."""

    schema: Schema
    tag: str
    """Of the one element in the Body, `{namespace}name`."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What a service declares, so that its data may come from a supplier elsewhere."""

    connect: Callable[[RemoteSupplier], Any]
    """Makes the port that the handlers are given."""
    test: Callable[[Any], Awaitable[None]]
    """One request about nobody through that port, for `kruispunt supplier test`."""


class RemoteSupplier:
    """One supplier as one worker knows it."""

    def __init__(
        self,
        name: str,
        configuration: SupplierConfiguration,
        signer: CurrentSigner,
        clock: Clock,
        watch: Watch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # Imported here: most workers have no supplier elsewhere, and need nothing of httpx.
        from kruispunt.suppliers.transport import Transport

        c = configuration
        self.name = name
        self._signer = signer
        self._clock = clock
        self._watch = watch
        self._monotonic = monotonic
        self._transport = Transport(name, c)
        self._reader = ReplyReader(name, c, clock)
        self._slots = Slots(c.connections, c.waiting, c.waiting_seconds)
        self._cut_off = CutOff(c.failures, c.pause_seconds)
        self._logged: dict[Reason, float] = {}
        watch.supplier_state(name, self._cut_off.state)

    async def close(self) -> None:
        await self._transport.close()

    async def ask(self, soap_action: str, body: str, expected: Expected, read: Callable[[etree._Element], T]) -> T:
        """What `read` makes of the reply to `body`, the canonical XML of one element.

        `read` gets the element that the schema accepted, and may raise RemoteFailure itself. Raises RemoteFailure;
        no other error comes from outside.
        """
        try:
            if not self._may_pass():
                raise RemoteFailure(self.name, Reason.CUT_OFF)
            async with self._slots.taken():
                # Asked again after the wait, so that those who waited do not run into a supplier that is cut off.
                return await self._under_permit(soap_action, body, expected, read)
        except NoSlot:
            failure = RemoteFailure(self.name, Reason.BUSY)
            self._tell(failure)
            raise failure from None
        except RemoteFailure as failure:
            self._tell(failure)
            raise

    async def _under_permit(
        self, soap_action: str, body: str, expected: Expected, read: Callable[[etree._Element], T]
    ) -> T:
        cut_off, permit = self._cut_off.admit(self._monotonic())
        self._become(cut_off)
        if permit is None:
            raise RemoteFailure(self.name, Reason.CUT_OFF)
        result = Result.ABANDONED
        try:
            answer = await self._exchange(soap_action, body, expected, read)
            result = Result.ANSWERED
            return answer
        except RemoteFailure as failure:
            result = Result.FAILED if failure.reason.cuts_off else Result.ANSWERED
            raise
        finally:
            self._settle(permit, result)

    async def _exchange(
        self, soap_action: str, body: str, expected: Expected, read: Callable[[etree._Element], T]
    ) -> T:
        message = self._signer.envelope(body, self._clock.now())
        answer = await self._transport.post(soap_action, message)
        return read(self._reader.read(answer, message, expected.schema, expected.tag))

    def _may_pass(self) -> bool:
        """Whether it is worth waiting: nothing is taken or changed."""
        return self._cut_off.admit(self._monotonic())[1] is not None

    def _settle(self, permit: Permit, result: Result) -> None:
        self._become(self._cut_off.settle(permit, result, self._monotonic()))

    def _become(self, cut_off: CutOff) -> None:
        before, self._cut_off = self._cut_off.state, cut_off
        if before is cut_off.state:
            return
        self._watch.supplier_state(self.name, cut_off.state)
        if cut_off.state is State.CLOSED:
            logger.warning("the supplier answers again", supplier=self.name)
        elif cut_off.state is State.OPEN and before is State.CLOSED:
            logger.error("the supplier keeps failing and is cut off", supplier=self.name, seconds=cut_off.pause)

    def _tell(self, failure: RemoteFailure) -> None:
        self._watch.supplier_failed(self.name, failure.reason.value)
        now = self._monotonic()
        if now - self._logged.get(failure.reason, -LOG_EVERY_SECONDS) >= LOG_EVERY_SECONDS:
            self._logged[failure.reason] = now
            logger.warning(
                "the supplier failed", supplier=self.name, reason=failure.reason.value, detail=failure.detail
            )
