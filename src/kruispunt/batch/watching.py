"""An inbox: which of the files in a directory are there, and in which order they are loaded."""

from __future__ import annotations

import re
from pathlib import Path

from kruispunt.batch.run import OUTCOMES
from kruispunt.files.voucher import SUFFIX

_PARTS = re.compile(r"[0-9]+|[^0-9]+")


def waiting(directory: Path) -> list[Path]:
    """The files whose voucher is there too, in the order of the numbers in their names; outcomes are no such files.

    The voucher is put there last, and under its final name all at once: so its file is whole when it is there.
    """
    vouchers = [path for path in directory.glob("*" + SUFFIX) if path.name != SUFFIX and _is_file(path)]
    found = [path.with_name(path.name.removesuffix(SUFFIX)) for path in vouchers]
    return sorted((file for file in found if not file.name.endswith(OUTCOMES) and _is_file(file)), key=_natural)


def _is_file(path: Path) -> bool:
    """A link that leads where nobody may look is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _natural(file: Path) -> list[tuple[int, int, str]]:
    """`file-2` before `file-10`."""
    parts = _PARTS.findall(file.name)
    return [(0, int(part), "") if part.isascii() and part.isdecimal() else (1, 0, part) for part in parts]
