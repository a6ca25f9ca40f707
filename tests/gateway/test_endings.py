"""When certificates end is told at 30, 14, 7 and 1 days, once a day (PL-08)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from kruispunt.access.model import Registration
from kruispunt.clock import FixedClock
from kruispunt.gateway.endings import Ending, Endings, client_endings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def endings(*left: timedelta) -> Endings:
    found = Endings(FixedClock(NOW))
    found.known = tuple(Ending("tls", f"number {i}", NOW + one) for i, one in enumerate(left))
    return found


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (31 * DAY, None),
        (30 * DAY + timedelta(seconds=1), None),
        (30 * DAY, 30),
        (14 * DAY + timedelta(seconds=1), 30),
        (14 * DAY, 14),
        (7 * DAY, 7),
        (timedelta(days=1, seconds=1), 7),
        (DAY, 1),
        (timedelta(0), 1),
        (-timedelta(seconds=1), 0),
    ],
)
def test_steps(left: timedelta, step: int | None) -> None:
    assert Ending("tls", "x", NOW + left).step(NOW) == step


def test_one_line_a_day_and_step() -> None:
    one = endings(20 * DAY, 40 * DAY, -DAY)
    with capture_logs() as lines:
        one.tell()
        one.tell()
    assert [(line["event"], line["log_level"], line["name"]) for line in lines] == [
        ("a certificate ends within 30 days", "warning", "number 0"),
        ("a certificate has ended", "error", "number 2"),
    ]
    one._clock = FixedClock(NOW + DAY)
    with capture_logs() as lines:
        one.tell()
    assert len(lines) == 2


def samples(one: Endings) -> dict[tuple[str, str], float]:
    (family,) = one.collect()
    return {(s.labels["kind"], s.labels["name"]): s.value for s in family.samples}


def test_metric_tells_the_seconds_that_are_left() -> None:
    assert samples(endings(DAY, -timedelta(seconds=5))) == {("tls", "number 0"): 86_400, ("tls", "number 1"): -5}


def test_clients_that_were_registered_by_file_alone() -> None:
    known = Registration("urn:x:a", "ab" * 32, "onem", frozenset(), frozenset(), not_after="2026-03-02T00:00:00+00:00")
    unknown: Any = replace(known, fingerprint="cd" * 32, not_after="")
    (ending,) = client_endings([known, unknown])
    assert (ending.kind, ending.name) == ("client", "urn:x:a abababababababab")
    assert ending.until == datetime(2026, 3, 2, tzinfo=UTC)
