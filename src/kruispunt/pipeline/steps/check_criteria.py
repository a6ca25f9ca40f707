"""Step 7: the service's own checks of the criteria."""

from __future__ import annotations

from kruispunt.clock import today
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform


async def check_criteria(exchange: Exchange, platform: Platform) -> None:
    """Something is asked at all, periods make sense: what the service declares. Raises BusinessRefusal."""
    assert exchange.operation is not None
    exchange.operation.check(exchange.criteria)
    exchange.operation.check_day(exchange.criteria, today(platform.clock))
    exchange.note("check_criteria", "the criteria make sense")
