"""The cut-off as a state machine: no clock, no network (PL-35)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from kruispunt.suppliers.cutoff import CutOff, Permit, Result, State

FRESH = CutOff(failures=3, pause=10)


def after(cut_off: CutOff, *results: Result, now: float = 0) -> CutOff:
    """One request after the other, each let through."""
    for result in results:
        cut_off, permit = cut_off.admit(now)
        assert permit is not None
        cut_off = cut_off.settle(permit, result, now)
    return cut_off


def opened(now: float = 0) -> CutOff:
    return after(FRESH, *[Result.FAILED] * 3, now=now)


def test_failures_in_a_row_open_it() -> None:
    assert after(FRESH, Result.FAILED, Result.FAILED).state is State.CLOSED
    assert opened().state is State.OPEN
    between = after(FRESH, Result.FAILED, Result.FAILED, Result.ANSWERED, Result.FAILED, Result.FAILED)
    assert between.state is State.CLOSED


def test_abandoned_requests_say_nothing() -> None:
    assert after(FRESH, *[Result.ABANDONED] * 9) == FRESH
    assert after(FRESH, Result.FAILED, Result.FAILED, Result.ABANDONED, Result.FAILED).state is State.OPEN


def test_nobody_passes_while_it_is_open_and_one_when_the_pause_is_over() -> None:
    assert opened().admit(9.99)[1] is None
    probing, permit = opened().admit(10)
    assert permit is not None
    assert probing.state is State.PROBING
    assert probing.admit(10)[1] is None
    assert probing.admit(1e9)[1] is None


def test_the_probe_decides() -> None:
    probing, permit = opened().admit(10)
    assert permit is not None
    assert probing.settle(permit, Result.ANSWERED, 11).state is State.CLOSED
    failed = probing.settle(permit, Result.FAILED, 11)
    assert failed.admit(20.9)[1] is None
    assert failed.admit(21)[1] is not None
    abandoned = probing.settle(permit, Result.ABANDONED, 11)
    assert abandoned.admit(11)[1] is not None


def test_what_comes_late_changes_nothing() -> None:
    """Requests that were on their way when it opened."""
    _, late = FRESH.admit(0)
    assert late is not None
    for result in Result:
        assert opened().settle(late, result, 5) == opened()
        probing, _ = opened().admit(10)
        assert probing.settle(late, result, 11) == probing
        assert after(opened(), Result.ANSWERED, now=10).settle(late, result, 12).failed == 0


@dataclass
class World:
    """Any history: requests that begin and end in any order."""

    cut_off: CutOff
    now: float = 0
    away: list[Permit] = field(default_factory=list)
    row: int = 0
    """Failures in a row of requests that began in the present epoch."""


STEPS = st.lists(
    st.one_of(
        st.just("ask"),
        st.tuples(st.sampled_from(Result), st.integers(0, 20)),
        st.floats(0, 30, allow_nan=False),
    ),
    max_size=80,
)


@given(STEPS, st.integers(1, 5), st.floats(0.1, 20))
def test_in_every_history(steps: list[object], failures: int, pause: float) -> None:
    world = World(CutOff(failures, pause))
    for step in steps:
        before = world.cut_off
        if isinstance(step, float):
            world.now += step
        elif step == "ask":
            world.cut_off, permit = before.admit(world.now)
            let_through = before.state is State.CLOSED or (before.state is State.OPEN and world.now >= before.until)
            assert (permit is not None) == let_through
            if permit is not None:
                world.away.append(permit)
        elif world.away:
            assert isinstance(step, tuple)
            permit = world.away.pop(step[1] % len(world.away))
            world.cut_off = before.settle(permit, step[0], world.now)
            if permit.epoch != before.epoch:
                assert world.cut_off == before
        check(world, before)


def check(world: World, before: CutOff) -> None:
    now = world.cut_off
    assert 0 <= now.failed < now.failures
    assert now.epoch in (before.epoch, before.epoch + 1)
    assert (now.state is before.state) == (now.epoch == before.epoch)
    if now.state is State.PROBING:
        assert sum(permit.epoch == now.epoch for permit in world.away) == 1, "one probe is on its way"
    if now.state is State.OPEN:
        assert now.until <= world.now + now.pause, "it never stays open for longer than the pause"
        assert all(permit.epoch != now.epoch for permit in world.away)
