"""A worker's way to a supplier elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kruispunt.clock import SystemClock
from kruispunt.identifiers.ssin import Ssin
from kruispunt.services.foreigner_situation.remote import RemoteNationalRegister
from kruispunt.services.foreigner_situation.situation import (
    Employment,
    EmploymentCard,
    Expiration,
    WorkPermit,
)
from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.failure import RemoteFailure
from kruispunt.suppliers.port import RemoteSupplier
from kruispunt.wss.sign import Signer
from supplier_elsewhere import NAME, Elsewhere

SSIN = Ssin("85673099811")
SECONDS = 60.0
CARD = EmploymentCard("2019-07-00", None, None, "C-1", Expiration("9999-00-00", "unlimited"))
PERMIT = WorkPermit("0000-00-00", "2020-00-00", "P-1", Expiration(None, None))


class Told:
    """What metrics would be told."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.states: list[int] = []

    def supplier_failed(self, name: str, reason: str) -> None:
        assert name == NAME
        self.reasons.append(reason)

    def supplier_state(self, name: str, state: int) -> None:
        self.states.append(state)


class Line:
    """A worker's way to the supplier, with a clock that is moved by hand for the cut-off."""

    def __init__(self, remote: RemoteSupplier, told: Told, hands: list[float]) -> None:
        self.register = RemoteNationalRegister(remote)
        self.remote = remote
        self.told = told
        self._hands = hands

    def wait(self, seconds: float) -> None:
        self._hands[0] += seconds

    async def ask(self) -> Employment:
        return await self.register.employment(SSIN, cards=True, permits=True)

    async def fails(self) -> RemoteFailure:
        with pytest.raises(RemoteFailure) as failed:
            await self.ask()
        return failed.value


@asynccontextmanager
async def line(supplier: Elsewhere, **limits: Any) -> AsyncIterator[Line]:
    signer = Signer.from_files(supplier.pki / "platform.key", supplier.pki / "platform.pem")
    told, hands = Told(), [0.0]
    table = supplier.table(**{"failures": 1000, "read_seconds": SECONDS, "connect_seconds": 20, **limits})
    configuration = SupplierConfiguration.model_validate(table)
    remote = RemoteSupplier(NAME, configuration, signer, SystemClock(), told, lambda: hands[0])
    try:
        yield Line(remote, told, hands)
    finally:
        await remote.close()


def run(supplier: Elsewhere, work: Callable[[Line], Awaitable[None]], **limits: Any) -> None:
    async def all_of_it() -> None:
        async with line(supplier, **limits) as open_line:
            await work(open_line)

    asyncio.run(all_of_it())


def signed(supplier: Elsewhere) -> dict[str, Any]:
    return {"reply_signers": str(supplier.pki / "signing.pem")}


def failure(supplier: Elsewhere, mode: str, **limits: Any) -> RemoteFailure:
    supplier.answer(mode)
    found: list[RemoteFailure] = []

    async def work(line: Line) -> None:
        found.append(await line.fails())
        assert line.told.reasons == [found[0].reason.value]

    run(supplier, work, **limits)
    return found[0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  told by another process
            await asyncio.sleep(0.01)
