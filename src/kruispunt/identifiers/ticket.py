"""Tickets: the identification that the platform gives to one exchange (PL-12).

A ticket is a UUID of version 7 (RFC 9562) in lower case, which fits CommonV3's UUIDType: 48 bits of Unix
time in milliseconds, then 74 bits of chance between the version and variant bits. Chance keeps them unique
over servers and restarts. Within one source each ticket is greater than the one before, also when several
fall in one millisecond, and also when the clock stands still or goes back: then the moment of the last
ticket is kept and its bits of chance are raised by a random step (RFC 9562, section 6.2, method 2).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final, NewType

from kruispunt.clock import Clock
from kruispunt.identifiers.invalid import InvalidIdentifier

Ticket = NewType("Ticket", str)
"""36 characters: `01927f0e-7c2a-7d3e-9c1b-5a0f3e2d1c4b`."""

_FORM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_CHANCE: Final = 1 << 74
_FRESH_MASK: Final = (_CHANCE >> 1) - 1
"""A fresh ticket leaves the highest bit of chance free, as room for those of the same millisecond."""
_LOW_BITS: Final = 62
_LOW_MASK: Final = (1 << _LOW_BITS) - 1
_FRESH_BYTES: Final = 10
_STEP_BYTES: Final = 4


class InvalidTicket(InvalidIdentifier):
    """A text that is no ticket of this platform."""


class TicketSource:
    """Where the tickets of one process come from. May be shared by threads."""

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._lock = Lock()
        self._millisecond = -1
        self._chance = 0

    def new(self) -> Ticket:
        """A ticket that was never given before and is greater than all that this source gave."""
        now = (self._clock.now() - _EPOCH) // _MILLISECOND
        with self._lock:
            self._advance(now)
            return _write(self._millisecond, self._chance)

    def _advance(self, now: int) -> None:
        if now <= self._millisecond:
            self._chance += 1 + int.from_bytes(self._random_bytes(_STEP_BYTES), "big")
            if self._chance < _CHANCE:
                return
            # The chance ran out: borrow the next millisecond rather than wait for the clock.
            now = self._millisecond + 1
        self._millisecond = now
        self._chance = int.from_bytes(self._random_bytes(_FRESH_BYTES), "big") & _FRESH_MASK


def moment_of(ticket: str) -> datetime:
    """The moment at which a ticket was given, in UTC, to the millisecond. Raises InvalidTicket."""
    if _FORM.fullmatch(ticket) is None:
        raise InvalidTicket("a ticket is a UUID of version 7 in lower case")
    try:
        return _EPOCH + int(ticket[:8] + ticket[9:13], 16) * _MILLISECOND
    except OverflowError:
        raise InvalidTicket("the moment in the ticket lies beyond the calendar") from None


def _write(millisecond: int, chance: int) -> Ticket:
    high = millisecond << 16 | 0x7000 | chance >> _LOW_BITS
    low = 0x8000_0000_0000_0000 | chance & _LOW_MASK
    digits = f"{high:016x}{low:016x}"
    return Ticket(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")
