"""Between steps 4 and 5: the agreed volume, and the pace of a client that probes (PL-16).

It stands behind the log of the incoming message. So the sender is known, what is refused here is logged whole, and a
message that somebody else sends again costs its signer nothing. It stands before the schema: nothing is worked out,
and nothing looked up, for a request that is one too many.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from math import ceil

import structlog

from kruispunt.access.model import Registration
from kruispunt.access.volume import PER_DAY
from kruispunt.clock import BELGIUM, today
from kruispunt.errors import BusinessRefusal, Rule, VolumeExceeded
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform

PROBES = frozenset(
    {Rule.SSIN_STRUCTURE, Rule.SSIN_UNKNOWN, Rule.SSIN_REPLACED, Rule.SSIN_CANCELLED, Rule.NOT_INTEGRATED}
)
"""What answers the question whether a number exists, or whether somebody is known to the client."""

logger = structlog.get_logger("volume")


async def limit_volume(exchange: Exchange, platform: Platform) -> None:
    """Lets through what is within the volume, late when the client probes. Raises VolumeExceeded, StorageError."""
    registration = exchange.registration
    assert registration is not None
    await _count(exchange, platform, registration)
    seconds = platform.probing.delay(registration.urn)
    if not seconds:
        return
    platform.observer.slowed()
    if not await platform.probing.hold(registration.urn, seconds):
        raise VolumeExceeded(
            "probing.parallel",
            f"{registration.urn} has many numbers refused, and enough of its requests are held up already",
            remedy="Find out why so many numbers are refused; ask one after the other meanwhile.",
            retry_after=ceil(seconds),
        )
    exchange.delayed = seconds
    exchange.note("limit_volume", f"held up for {seconds:.2f} seconds, because many numbers were refused before")


def note_probing(exchange: Exchange, platform: Platform) -> None:
    """Counts refused numbers, once their exchange is decided; the operator is told when it is one too many."""
    for request in exchange.requests:
        note_probing(request, platform)
    if exchange.registration is None:
        return
    for _ in range(_refused_numbers(exchange)):
        _note_probe(exchange.registration, platform)


def _refused_numbers(exchange: Exchange) -> int:
    refusal = exchange.refusal
    if isinstance(refusal, BusinessRefusal):
        return 1 if refusal.business_rule in PROBES else 0
    return 0 if exchange.outcome is None else exchange.outcome.refused_numbers


def _note_probe(registration: Registration, platform: Platform) -> None:
    count = platform.probing.refused(registration.urn)
    if count is not None:
        platform.observer.probing()
        logger.warning(
            "many numbers of one client were refused; its answers are held up", client=registration.urn, refused=count
        )


async def _count(exchange: Exchange, platform: Platform, registration: Registration) -> None:
    volume = registration.volume
    if volume is None:
        exchange.note("limit_volume", "no volume was agreed")
        return
    day = today(platform.clock)
    kind = await platform.volumes.exceeded(registration.urn, volume, day)
    if kind is None:
        exchange.note("limit_volume", f"within {volume.per_day} requests a day")
        return
    platform.observer.over_volume(kind)
    if await platform.volumes.first(registration.urn, day, kind):
        logger.warning("a client asks more than was agreed", client=registration.urn, day=str(day), exceeded=kind)
    if kind == PER_DAY:
        raise VolumeExceeded(
            "volume.day",
            f"{registration.urn} may make {volume.per_day} requests a day",
            remedy="Try again tomorrow, or ask the operator for a larger volume.",
            retry_after=_until_tomorrow(platform.clock.now()),
        )
    raise VolumeExceeded(
        "volume.second",
        f"{registration.urn} may make {volume.burst} requests a second",
        remedy="Send more slowly, and spread requests over connections.",
        retry_after=1,
    )


def _until_tomorrow(now: datetime) -> int:
    """Seconds until the next civil day in Belgium begins, rounded up."""
    tomorrow = now.astimezone(BELGIUM).date() + timedelta(days=1)
    begins = datetime.combine(tomorrow, time.min, BELGIUM).astimezone(UTC)
    return ceil((begins - now).total_seconds())
