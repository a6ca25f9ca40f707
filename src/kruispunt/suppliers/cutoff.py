"""The cut-off of one supplier in one worker (PL-35): a pure state machine, to which time is told.

    closed   requests pass; `failures` in a row open it
    open     requests are answered at once, for `pause` seconds
    probing  one request is on its way to find out; all others are answered at once

Every change of state begins a new epoch. What a request of an earlier epoch brings home changes nothing: an answer
that comes late does not close, and a failure that comes late does not prolong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntEnum


class State(IntEnum):
    """The numbers are those of the metric."""

    CLOSED = 0
    PROBING = 1
    OPEN = 2


class Result(Enum):
    """What became of a request that was let through."""

    ANSWERED = "answered"
    FAILED = "failed"
    ABANDONED = "abandoned"
    """It was broken off on our side: nothing is known of the supplier."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to ask, to be handed back with the result."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CutOff:
    """The state; `failures` and `pause` are settings, the rest is what happened. Moments are monotonic seconds."""

    failures: int
    pause: float
    state: State = State.CLOSED
    failed: int = 0
    """Failures in a row, while closed."""
    until: float = 0.0
    """While open: the moment from which a probe may go."""
    epoch: int = 0

    def admit(self, now: float) -> tuple[CutOff, Permit | None]:
        """The state after a request asked for leave, and the permit; None: answer it at once."""
        if self.state is State.CLOSED:
            return self, Permit(self.epoch)
        if self.state is State.OPEN and now >= self.until:
            probing = self._become(State.PROBING)
            return probing, Permit(probing.epoch)
        return self, None

    def settle(self, permit: Permit, result: Result, now: float) -> CutOff:
        """The state after a request came home."""
        if permit.epoch != self.epoch:
            return self
        if self.state is State.PROBING:
            return self._probed(result, now)
        if result is Result.ANSWERED:
            return replace(self, failed=0) if self.failed else self
        if result is Result.ABANDONED:
            return self
        if self.failed + 1 < self.failures:
            return replace(self, failed=self.failed + 1)
        return self._become(State.OPEN, until=now + self.pause)

    def _probed(self, result: Result, now: float) -> CutOff:
        if result is Result.ANSWERED:
            return self._become(State.CLOSED)
        # An abandoned probe says nothing, so the next request may be one.
        return self._become(State.OPEN, until=now if result is Result.ABANDONED else now + self.pause)

    def _become(self, state: State, until: float = 0.0) -> CutOff:
        return replace(self, state=state, failed=0, until=until, epoch=self.epoch + 1)
