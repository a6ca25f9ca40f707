"""An inbox: which of the files in a directory are there, and in which order they are loaded."""

from __future__ import annotations

import re
from pathlib import Path

from kruispunt.files.voucher import SUFFIX

_PARTS = re.compile(r"[0-9]+|[^0-9]+")


def waiting(directory: Path) -> list[Path]:
    """The files whose voucher is there too, in the order of the numbers in their names.

    The voucher is put there last, and under its final name all at once: so its file is whole when it is there.
    """
    found = [path.with_name(path.name.removesuffix(SUFFIX)) for path in directory.glob("*" + SUFFIX)]
    return sorted((file for file in found if file.is_file()), key=_natural)


def _natural(file: Path) -> list[tuple[int, int, str]]:
    """`file-2` before `file-10`."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in _PARTS.findall(file.name)]
