"""The threat model names tests that exist, and every file of attacks."""

from __future__ import annotations

import ast
import fnmatch
import re
from functools import cache
from pathlib import Path

import pytest

from documentation import ROOT
from kruispunt.attack.model import Family
from kruispunt.attack.suite import suite
from kruispunt.cli.stage import demo_forms
from kruispunt.clock import SystemClock

PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ROW = re.compile(r"^\| (?!threat)([^|\n]+) \| ([^|\n]+) \| ([^|\n]+) \|(?: ([^|\n]+) \|)?$", re.MULTILINE)


COMMAND = "tests/front_door/test_attack_command.py"
"""Of the suite as a whole: it holds no threat of its own."""
_ATTACKS = re.compile(r"test_an_attack_is_held` with ((?:`[\w/*-]+` ?)+)")


def split() -> tuple[str, str]:
    """What is stopped, and what is not held."""
    page = PAGE.read_text(encoding="utf-8")
    stopped, _, not_held = page.partition("\n## What is not held\n")
    assert not_held
    return stopped.partition("\n## What stops them\n")[2], not_held


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Names of the test functions of a file, as pytest collects them: at the top, or in a class."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return frozenset(
        node.name
        for body in bodies
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def missing(text: str) -> list[str]:
    """The tests that a text names and that do not exist."""
    return [
        f"{file}::{name}"
        for file, name in _NAMED.findall(text)
        if not (ROOT / file).is_file() or name not in functions_of(ROOT / file)
    ]


def test_every_test_that_is_named_exists() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("::test_") == len(_NAMED.findall(page)), "a test is named in another form"
    assert missing(page) == []


@pytest.mark.parametrize(
    "name",
    [
        "tests/docs/test_threat_model.py::test_that_nobody_wrote",
        "tests/docs/test_absent.py::test_links_resolve",
        "tests/docs/test_threat_model.py::missing",
    ],
)
def test_a_test_that_does_not_exist_would_be_noticed(name: str) -> None:
    assert missing(f"| x | `{name}` |") == [name]


def test_every_threat_that_is_stopped_has_a_test() -> None:
    stopped, not_held = split()
    rows = [row for row in _ROW.findall(stopped) if not row[0].startswith("---")]
    assert len(rows) > 40
    for threat, by, means, tests in rows:
        assert re.fullmatch(r"T[1-7](, T[1-7])*", by), threat
        assert means.strip(), threat
        assert _NAMED.search(tests), f"no test holds: {threat}"
    assert "::" not in not_held


def test_every_file_of_attacks_is_named() -> None:
    attacks = [*ROOT.glob("tests/front_door/test_attack_*.py"), *ROOT.glob("tests/security/test_*.py")]
    named = {file for file, _ in _NAMED.findall(split()[0])} | {COMMAND}
    assert {str(path.relative_to(ROOT)) for path in attacks} - named == set()


def test_attacks_that_are_named_are_in_the_suite_and_every_family_is_named() -> None:
    """What stands behind the suite's test: a name, or a pattern of names."""
    names = [attack.name for attack in suite(demo_forms({}, SystemClock()))]
    stopped = split()[0]
    named = [pattern for some in _ATTACKS.findall(stopped) for pattern in re.findall(r"`([^`]+)`", some)]
    assert stopped.count("test_an_attack_is_held`") == len(_ATTACKS.findall(stopped)), "the suite without attacks"
    assert [pattern for pattern in named if not fnmatch.filter(names, pattern)] == []
    assert {pattern.partition("/")[0] for pattern in named} == {family.value for family in Family}
