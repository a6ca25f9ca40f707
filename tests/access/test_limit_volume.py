"""The step between log and schema: when to try again, what is counted as probing, what is held up (PL-16)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kruispunt.access.model import Registration, Volume
from kruispunt.access.probing import STEPS, WAITING, Probing
from kruispunt.access.volume import PER_DAY, PER_SECOND
from kruispunt.clock import FixedClock
from kruispunt.errors import BusinessRefusal, Refusal, RefusalReason, Rule, VolumeExceeded
from kruispunt.identifiers.ticket import Ticket
from kruispunt.pipeline.context import Exchange, Incoming, TlsClient
from kruispunt.pipeline.steps.limit_volume import limit_volume, note_probing

CLIENT = Registration("urn:test:app", "ab" * 32, "onem", frozenset({"onem"}), frozenset({"S"}))
NOON = datetime(2026, 3, 28, 11, 0, tzinfo=UTC)


class Told:
    """What the observer was told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def over_volume(self, kind: str) -> None:
        self.events.append(kind)

    def probing(self) -> None:
        self.events.append("probing")

    def slowed(self) -> None:
        self.events.append("slowed")


class Exceeded:
    """Volumes of which it is known beforehand what they say; the counting itself has tests of its own."""

    def __init__(self, *answers: str | None) -> None:
        self._answers = list(answers)

    async def exceeded(self, *_: object) -> str | None:
        return self._answers.pop(0)

    async def first(self, *_: object) -> bool:
        return True


class Bench:
    def __init__(self, now: datetime = NOON, answers: Sequence[str | None] = (), refusals: int = 10) -> None:
        self.slept: list[float] = []
        self.held = asyncio.Event()
        self.probing = Probing(refusals, 600, 5, monotonic=lambda: 0.0, sleep=self._sleep)
        self.told = Told()
        self.platform = cast(
            Any,
            SimpleNamespace(
                clock=FixedClock(now), volumes=Exceeded(*answers), probing=self.probing, observer=self.told
            ),
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.held.wait()

    def exchange(self, volume: Volume | None = None, refusal: Refusal | None = None) -> Exchange:
        incoming = Incoming("/", None, b"", "", TlsClient("", ""))
        client = replace(CLIENT, volume=volume)
        return Exchange(Ticket("t"), NOON, incoming, registration=client, refusal=refusal)


def refused(rule: Rule) -> BusinessRefusal:
    return BusinessRefusal(rule, "why")


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 3, 28, 22, 59, 59, 1, tzinfo=UTC), 1),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 23 * 3_600),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), 25 * 3_600),
        (datetime(2026, 7, 1, 21, 0, tzinfo=UTC), 3_600),
    ],
    ids=["last second", "shortest day", "longest day", "summer"],
)
def test_try_again_when_the_day_in_belgium_begins(now: datetime, seconds: int) -> None:
    bench = Bench(now, [PER_DAY])
    with pytest.raises(VolumeExceeded) as caught:
        asyncio.run(limit_volume(bench.exchange(Volume(7)), bench.platform))
    assert caught.value.retry_after == seconds
    assert caught.value.reason is RefusalReason.QUOTA
    assert bench.told.events == [PER_DAY]


def test_try_again_in_a_second() -> None:
    bench = Bench(answers=[None, PER_SECOND])
    asyncio.run(limit_volume(bench.exchange(Volume(7, 1)), bench.platform))
    with pytest.raises(VolumeExceeded) as caught:
        asyncio.run(limit_volume(bench.exchange(Volume(7, 1)), bench.platform))
    assert (caught.value.rule, caught.value.retry_after) == ("volume.second", 1)


def test_a_client_without_a_volume_is_not_counted() -> None:
    bench = Bench()
    asyncio.run(limit_volume(bench.exchange(), bench.platform))
    assert bench.told.events == []


@pytest.mark.parametrize("rule", list(Rule), ids=lambda rule: rule.name)
def test_only_answers_about_a_number_count_as_probing(rule: Rule) -> None:
    """MSG00005, MSG00007, MSG00011 and MSG00012, whatever a service calls them."""
    bench = Bench(refusals=1)
    note_probing(bench.exchange(refusal=refused(rule)), bench.platform)
    probes = {"SSIN_UNKNOWN", "SSIN_REPLACED", "SSIN_CANCELLED", "SSIN_STRUCTURE", "NOT_INTEGRATED"}
    assert bench.told.events == (["probing"] if rule.name in probes else [])


def test_replies_and_faults_do_not_count_as_probing() -> None:
    bench = Bench(refusals=1)
    for refusal in (None, VolumeExceeded("volume.day", "", remedy="", retry_after=1)):
        note_probing(bench.exchange(refusal=refusal), bench.platform)
    assert bench.told.events == []


def test_a_few_are_held_up_and_more_at_a_time_are_refused() -> None:
    async def work() -> None:
        bench = Bench(refusals=1)
        for _ in range(STEPS):
            note_probing(bench.exchange(refusal=refused(Rule.SSIN_UNKNOWN)), bench.platform)
        exchanges = [bench.exchange() for _ in range(WAITING)]
        held = [asyncio.create_task(limit_volume(one, bench.platform)) for one in exchanges]
        await asyncio.sleep(0)
        for _ in range(20):
            with pytest.raises(VolumeExceeded) as caught:
                await asyncio.wait_for(limit_volume(bench.exchange(), bench.platform), 60)
            assert (caught.value.rule, caught.value.retry_after) == ("probing.parallel", 5)
        assert not any(task.done() for task in held)
        bench.held.set()
        await asyncio.gather(*held)
        assert bench.slept == [5.0] * WAITING
        assert [one.delayed for one in exchanges] == [5.0] * WAITING
        assert bench.told.events == ["probing"] + ["slowed"] * (WAITING + 20)

    asyncio.run(work())
