"""The documentation, as tests read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("src/kruispunt/services/*/README.md"),
    }
)
GENERATED = {"settings.md", "commands.md", "codes.md"}

_BLOCK = re.compile(r"^```([a-z]+) *([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what stands behind the fence, and what it holds."""

    page: Path
    language: str
    title: str
    text: str


def blocks(page: Path, language: str = "") -> list[Block]:
    """The fenced blocks of a page in their order, of one language or of all."""
    found = [Block(page, *match) for match in _BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [block for block in found if not language or block.language == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))
