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
_STEP: Final = 1 << 38
"""The least step within one millisecond: so that the short forms of two tickets of one source differ too."""
_SHORT_EPOCH: Final = 1_577_836_800_000
"""2020-01-01 in milliseconds: 41 bits from there last until 2089."""
_SHORT_FORM: Final = re.compile(r"[0-9A-Z]{15}")
_SHORT_CHANCE_BITS: Final = 36
_SHORT_SPAN: Final = 1 << 41
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


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
            self._chance += _STEP + int.from_bytes(self._random_bytes(_STEP_BYTES), "big")
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


def short(ticket: Ticket) -> str:
    """The ticket in SSDN's form, 15 capitals and digits: its milliseconds since 2020, and 36 of its bits of chance.

    It sorts as the tickets do; those of one source always differ. Two sources meet when they draw the same 36 bits
    in the same millisecond: then both exchanges are found under it. Raises ValueError outside the years 2020 to 2089.
    """
    number = int(ticket.replace("-", ""), 16)
    millisecond = (number >> 80) - _SHORT_EPOCH
    if not 0 <= millisecond < _SHORT_SPAN:
        raise ValueError("a short ticket holds moments from 2020 to 2089")
    chance = (number >> 64 & 0xFFF) << _LOW_BITS | number & _LOW_MASK
    value = millisecond << _SHORT_CHANCE_BITS | chance >> _CHANCE.bit_length() - 1 - _SHORT_CHANCE_BITS
    digits = []
    for _ in range(15):
        value, digit = divmod(value, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def span(ticket: str) -> tuple[Ticket, Ticket]:
    """The first and the last ticket that a text stands for: the same one twice, or all whose short form it is.

    Raises InvalidTicket.
    """
    if _SHORT_FORM.fullmatch(ticket) is None:
        moment_of(ticket)
        return Ticket(ticket), Ticket(ticket)
    value = int(ticket, 36)
    millisecond, chance = value >> _SHORT_CHANCE_BITS, value & (1 << _SHORT_CHANCE_BITS) - 1
    if millisecond >= _SHORT_SPAN:
        raise InvalidTicket("the moment in the ticket lies beyond the year 2089")
    rest = _CHANCE.bit_length() - 1 - _SHORT_CHANCE_BITS
    low = chance << rest
    return _write(millisecond + _SHORT_EPOCH, low), _write(millisecond + _SHORT_EPOCH, low | (1 << rest) - 1)


def _write(millisecond: int, chance: int) -> Ticket:
    high = millisecond << 16 | 0x7000 | chance >> _LOW_BITS
    low = 0x8000_0000_0000_0000 | chance & _LOW_MASK
    digits = f"{high:016x}{low:016x}"
    return Ticket(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")
