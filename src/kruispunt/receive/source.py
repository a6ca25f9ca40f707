"""Where files come from, as the work with them sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from kruispunt.files.voucher import Content

CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""Of a subscription."""


class Source(Protocol):
    """The platform over HTTPS, or a folder. Everything raises NotReceived."""

    def offered(self, after: int) -> Iterator[int]:
        """Sequence numbers of the files that can be had, from `after` + 1 on, rising."""
        ...

    def voucher(self, sequence: int) -> bytes:
        """Its bytes, not believed yet."""
        ...

    def content(self, sequence: int) -> Content:
        """Size and checksum of a file that is offered, as far as the source knows: not believed either."""
        ...

    def file(self, sequence: int, signed: Content) -> Path:
        """The bytes of a file, of which `signed` tells how many to expect and which."""
        ...

    def keep(self, sequence: int, file: Path, voucher: bytes) -> Path:
        """Put a file whose bytes are right where it stays, with its voucher; where that is."""
        ...

    def discard(self, file: Path) -> None:
        """Do what is to be done with a file whose bytes are wrong, so that it can come again."""
        ...

    def acknowledge(self, sequence: int, sha256: str) -> None:
        """Say that the file is loaded; saying it twice is once."""
        ...


def name_of(code: str, sequence: int) -> str:
    """The name of a file, made of nothing that came from elsewhere."""
    return f"{code}-{sequence:010}.xml"
