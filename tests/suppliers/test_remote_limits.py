"""Many requests to a supplier elsewhere at once, and the cut-off of one that fails (PL-35)."""

from __future__ import annotations

import asyncio

import pytest
from worker_line import CARD, SECONDS, Line, run, until

from kruispunt.suppliers.cutoff import State
from kruispunt.suppliers.failure import Reason, RemoteFailure
from supplier_elsewhere import Elsewhere


def test_a_hanging_supplier_has_bounded_requests_and_a_bounded_queue(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        before = len(supplier.seen)
        running = [asyncio.create_task(line.ask()) for _ in range(2)]
        await until(lambda: len(supplier.seen) == before + 2)
        waiting = [asyncio.create_task(line.ask()) for _ in range(3)]
        await asyncio.sleep(0)
        assert (await line.fails()).reason is Reason.BUSY  # the queue is full: at once
        assert not any(task.done() for task in running + waiting)
        assert len(supplier.seen) == before + 2
        supplier.answer("well")
        assert [got.cards for got in await asyncio.gather(*running, *waiting)] == [(CARD,)] * 5

    supplier.answer("hang")
    run(supplier, work, connections=2, waiting=3, waiting_seconds=SECONDS)


def test_nobody_waits_for_long(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        before = len(supplier.seen)
        running = asyncio.create_task(line.ask())
        await until(lambda: len(supplier.seen) == before + 1)
        assert (await line.fails()).reason is Reason.BUSY
        assert not running.done()
        supplier.answer("well")
        assert (await running).cards

    supplier.answer("hang")
    run(supplier, work, connections=1, waiting_seconds=0.1)


def test_connections_are_given_back_however_requests_end(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        for mode in ("hang", "slow", "close", "too-large", "garbage", "no-http") * 2:
            supplier.answer(mode)
            await line.fails()
        supplier.answer("hang")
        broken_off = asyncio.create_task(line.ask())
        before = len(supplier.seen)
        await until(lambda: len(supplier.seen) == before + 1)
        broken_off.cancel()
        with pytest.raises(asyncio.CancelledError):
            await broken_off
        supplier.answer("well")
        assert (await line.ask()).cards

    run(supplier, work, connections=1, waiting=0, read_seconds=1, connect_seconds=2)


# The cut-off.


def test_it_cuts_off_answers_at_once_probes_and_closes(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        for _ in range(3):
            assert (await line.fails()).reason is Reason.CLOSED
        arrived = len(supplier.seen)
        for _ in range(20):
            assert (await line.fails()).reason is Reason.CUT_OFF
        assert len(supplier.seen) == arrived, "nothing reaches it"

        line.wait(10)
        supplier.answer("hang")
        probe = asyncio.create_task(line.ask())
        await until(lambda: len(supplier.seen) == arrived + 1)
        assert {(await line.fails()).reason for _ in range(5)} == {Reason.CUT_OFF}
        supplier.answer("close")
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert (await line.fails()).reason is Reason.CLOSED  # the next probe, as the first was broken off
        assert (await line.fails()).reason is Reason.CUT_OFF
        line.wait(10)
        supplier.answer("well")
        assert (await line.ask()).cards
        assert (await line.ask()).cards
        assert line.told.states == [0, 2, 1, 2, 1, 2, 1, 0]

    supplier.answer("close")
    run(supplier, work, failures=3, pause_seconds=10)


def test_those_who_waited_are_told_at_once_when_it_opens(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        before = len(supplier.seen)
        first = asyncio.create_task(line.ask())
        await until(lambda: len(supplier.seen) == before + 1)
        waiting = [asyncio.create_task(line.fails()) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(RemoteFailure):
            await first
        assert {failed.reason for failed in await asyncio.gather(*waiting)} == {Reason.CUT_OFF}
        assert len(supplier.seen) == before + 1

    supplier.answer("hang")
    run(supplier, work, connections=1, failures=1, read_seconds=0.3, waiting_seconds=SECONDS)


@pytest.mark.parametrize("mode", ["fault", "schema", "too-large"])
def test_one_person_s_bad_record_cuts_nobody_off(supplier: Elsewhere, mode: str) -> None:
    async def work(line: Line) -> None:
        for _ in range(5):
            await line.fails()
        assert line.told.states == [State.CLOSED]

    supplier.answer(mode)
    run(supplier, work, failures=1)


def test_a_supplier_that_starts_anew_is_found_again(supplier: Elsewhere) -> None:
    """Kept connections that the other side ended are not used."""

    async def work(line: Line) -> None:
        assert (await line.ask()).cards
        supplier.stop()
        assert (await line.fails()).reason in {Reason.CLOSED, Reason.CONNECT}
        supplier.start()
        assert (await line.ask()).cards

    run(supplier, work)
