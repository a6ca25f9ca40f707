"""What the documentation points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from documentation import PAGES, ROOT, name_of, prose

_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?:tests|docs|src|benchmarks|\.ci)(?:/[\w.-]+)+/?|[a-z_]+(?:/[a-z_]+)+\.py")
PLACES = (ROOT, ROOT / "src" / "kruispunt", ROOT / "src" / "kruispunt" / "pipeline")
MADE_UP = "loud_echo"
"""The service that CONTRIBUTING adds."""


def anchor(heading: str) -> str:
    """As hosts of repositories make it: lower case, no punctuation, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in _HEADING.findall(prose(page))}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {link}"
        assert target.is_relative_to(ROOT), f"{name_of(page)} links out of the repository: {link}"
        if fragment:
            assert fragment in anchors(target), f"{name_of(page)}: {link} names no heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    for code in _CODE.findall(prose(page)):
        if _FILE.fullmatch(code) and MADE_UP not in code:
            assert any((place / code).exists() for place in PLACES), f"{name_of(page)} names {code}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in _LINK.findall(prose(page)))
        waiting += [target for link in links if link.endswith(".md") and (target := (page.parent / link).resolve())]
    assert set(PAGES) - reached == set()
