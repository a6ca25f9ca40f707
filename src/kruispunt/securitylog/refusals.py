"""Limits how many refusals of strangers are logged one by one, per source (platform.md, "what is logged").

What is beyond the limit is counted, and the count stands in the next entry of that source.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

SOURCES = 10_000


@dataclass(slots=True)
class _Source:
    minute: int
    logged: int = 0
    suppressed: int = 0


class RefusalLimit:
    """Counts per source and minute; remembers a bounded number of sources, the latest ones."""

    def __init__(self, per_minute: int, sources: int = SOURCES) -> None:
        self._per_minute = per_minute
        self._sources = sources
        self._seen: OrderedDict[str, _Source] = OrderedDict()

    def admit(self, source: str, minute: int) -> int | None:
        """Whether a refusal of `source` may be logged now: the number suppressed since the last one, or None."""
        state = self._seen.pop(source, None) or _Source(minute)
        self._seen[source] = state
        if len(self._seen) > self._sources:
            self._seen.popitem(last=False)
        if state.minute != minute:
            state.minute, state.logged = minute, 0
        if state.logged >= self._per_minute:
            state.suppressed += 1
            return None
        state.logged += 1
        suppressed, state.suppressed = state.suppressed, 0
        return suppressed
