"""The lists of names."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

HERE = Path(__file__).parent

Pair = tuple[str, str]


def pairs(name: str) -> list[Pair]:
    """Every two names of each line of a file."""
    return [pair for line in _lines(name) for pair in combinations(line.split(" / "), 2)]


def surnames() -> list[str]:
    return _lines("surnames.txt")


def everybody() -> list[str]:
    """Every name of all files."""
    files = ("variants.txt", "variants_held_out.txt", "distinct.txt")
    return sorted({name for file in files for pair in pairs(file) for name in pair} | set(surnames()))


def _lines(name: str) -> list[str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
