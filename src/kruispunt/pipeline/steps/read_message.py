"""Step 2: limits and parsing."""

from __future__ import annotations

from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.xml.parse import parse


async def read_message(exchange: Exchange, platform: Platform) -> None:
    """Parses the message within its limits (PL-09). Raises InvalidRequest."""
    mounted = platform.mounted.get(exchange.incoming.path)
    limits = platform.rules.limits if mounted is None else mounted.limits(platform.rules.limits)
    exchange.parsed = parse(exchange.incoming.body, limits)
    exchange.note("read_message", f"{len(exchange.incoming.body)} bytes of well-formed XML within all limits")
