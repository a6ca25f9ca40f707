"""Figures of several rounds: the median, and how far the rounds lie apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import process_time
from typing import Any

WARM_UP = 20


def cpu_microseconds(work: Callable[[], object], seconds: float) -> float:
    """Processor time of one call of `work`, in µs, over about `seconds` of it, in this process."""
    for _ in range(WARM_UP):
        work()
    calls, began = 0, process_time()
    while process_time() - began < seconds:
        for _ in range(WARM_UP):
            work()
        calls += WARM_UP
    return (process_time() - began) / calls * 1e6


@dataclass(slots=True)
class Line:
    """One line of the table: what was measured, a value per round."""

    name: str
    what: str
    """What is in it and what is not, in one sentence."""
    target: float | None = None
    """Most times the floor that it may cost; None where no target holds."""
    cpu: list[float] = field(default_factory=list)
    """Processor time of one exchange in µs, a value per round."""
    ratio: list[float] = field(default_factory=list)
    """The same in floors of the same round."""
    more: dict[str, list[float]] = field(default_factory=dict)
    """Further figures by name, a value per round: parts of `cpu`, throughput, wall-clock percentiles."""

    def add(self, cpu: float, floor: float, **more: float) -> None:
        self.cpu.append(cpu)
        self.ratio.append(cpu / floor)
        for name, value in more.items():
            self.more.setdefault(name, []).append(value)

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "target": self.target,
            "cpu_us": summary(self.cpu),
            "ratio": summary(self.ratio),
            **{name: summary(values) for name, values in self.more.items()},
        }


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Median, smallest and largest, and every value."""
    rounded = [round(value, 3) for value in values]
    return {"median": round(median(values), 3), "min": min(rounded), "max": max(rounded), "rounds": rounded}


def shown(values: Sequence[float], digits: int) -> str:
    """`2.31 (2.25–2.40)`: the median, and between brackets the smallest and the largest."""
    if not values:
        return ""
    middle, low, high = (f"{value:,.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} ({low}–{high})"
