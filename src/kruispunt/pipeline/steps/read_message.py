"""Step 2: limits and parsing."""

from __future__ import annotations

from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.xml.parse import parse


async def read_message(exchange: Exchange, platform: Platform) -> None:
    """Parses the message within its limits (PL-09). Raises InvalidRequest."""
    exchange.parsed = parse(exchange.incoming.body, platform.rules.limits)
    exchange.note("read_message", f"{len(exchange.incoming.body)} bytes of well-formed XML within all limits")
