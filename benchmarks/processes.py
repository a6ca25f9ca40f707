"""Processor time of processes and of all that they started, as the kernel counts it (`/proc/<pid>/stat`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of proc(5), counted from the one behind the name, which may hold blanks itself.
_PARENT, _TIMES = 1, slice(11, 15)


def cpu_seconds(root: int) -> float:
    """Of a process and its descendants, user and system, those that ended and were waited for included."""
    return sum(map(own_seconds, family(root)))


def family(root: int) -> Iterator[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for process in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        stat = _stat(process)
        if stat:
            children.setdefault(int(stat[_PARENT]), []).append(process)
    waiting = [root]
    while waiting:
        process = waiting.pop()
        yield process
        waiting += children.get(process, [])


def own_seconds(process: int) -> float:
    """Of one process, and of those of its children that ended."""
    return sum(map(int, _stat(process)[_TIMES])) / _TICKS_A_SECOND


def parent(process: int) -> int:
    """Who started it."""
    return int(_stat(process)[_PARENT])


def _stat(process: int) -> list[str]:
    """Empty for a process that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
