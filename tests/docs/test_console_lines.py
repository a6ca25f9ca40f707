"""Every command line in the documentation is one that the programs understand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from documentation import GENERATED, PAGES, ROOT, blocks, name_of, prose
from kruispunt.cli import call
from kruispunt.cli.calls import kebab
from kruispunt.cli.later import loaded
from kruispunt.cli.main import app
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.identifiers.ssin import InvalidSsin, validate
from kruispunt.services.discovery import discover

ALWAYS = {"--help"}
MADE_UP = "loud-echo"
"""The service that CONTRIBUTING adds; its own test goes through it."""

_INLINE = re.compile(r"`(kruispunt [^`\n]+|make [a-z][^`\n]*)`")
_SSIN = re.compile(r"(?<![0-9A-Za-z.-])[0-9]{11}(?![0-9A-Za-z-])")
_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def lines(page: Path) -> Iterator[str]:
    """Command lines of a page: in blocks with a prompt or for a shell, and in running text."""
    for block in blocks(page):
        if block.language == "console":
            yield from (line[2:] for line in block.text.splitlines() if line.startswith(("$ ", "# ")))
        elif block.language == "sh":
            yield from block.text.replace("\\\n", " ").splitlines()
        elif block.language == "text":
            yield from (line for line in block.text.splitlines() if line.startswith("kruispunt "))
    yield from _INLINE.findall(prose(page))


@cache
def calls() -> Any:
    return call.group()


def complaint(line: str) -> str | None:
    """What is wrong with a `kruispunt` command line: a command or an option that is not there."""
    words = shlex.split(line)[1:]
    command, path = app, ["kruispunt"]
    while words and getattr(command, "commands", None) and not words[0].startswith(("-", "[")):
        word = words.pop(0)
        path.append(word)
        if word in ("…", "SERVICE"):
            return None
        inner = calls() if path == ["kruispunt", "call"] else command.commands.get(word)
        if inner is None:
            return f"there is no {' '.join(path)}"
        command = loaded(inner)
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | ALWAYS
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in known:
            return f"{' '.join(path)} has no {word}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    for line in lines(page):
        if line.startswith("kruispunt ") and MADE_UP not in line:
            assert complaint(line) is None, f"{name_of(page)}: {line}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in GENERATED], ids=name_of)
def test_numbers_are_sound(page: Path) -> None:
    """Those of calls are numbers that the demo has; what is called elsewhere, with `--url`, is not the demo."""
    for number in _SSIN.findall(page.read_text(encoding="utf-8")):
        try:
            validate(number, today=date(2026, 11, 22), test_band=True)
        except InvalidSsin as error:
            pytest.fail(f"{name_of(page)}: {number}: {error}")
    for line in lines(page):
        if line.startswith("kruispunt call ") and "--url" not in line:
            assert set(_SSIN.findall(line)) <= demo_numbers(shlex.split(line)[2]), f"{name_of(page)}: {line}"


@cache
def demo_numbers(service: str) -> set[str]:
    """The numbers that the calls of `kruispunt persona list` ask a service for, those with a wrong form left out."""
    personas = [p for p in load_personas(discover(), Numbers.BAND) if kebab(p.service.folder.name) == service]
    return {number for p in personas for number in (p.ssin, p.final) if number and p.code != "MSG00011"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_exist(page: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    for line in lines(page):
        words = shlex.split(line) if line.startswith("make ") else []
        named = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word)]
        assert set(named) <= targets, f"{name_of(page)}: {line}"


def test_every_command_line_of_the_help_texts_exists() -> None:
    """Each command's own example."""
    for command in walk(app):
        _, _, example = (command.help or "").partition("Example: ")
        if example:
            assert complaint(example.splitlines()[0]) is None, example


def walk(command: Any) -> Iterator[Any]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from walk(loaded(inner))


@pytest.mark.parametrize(
    "line",
    ["kruispunt absent", "kruispunt people absent", "kruispunt demo --absent", "kruispunt call test-connection absent"],
)
def test_what_is_not_there_is_noticed(line: str) -> None:
    assert complaint(line) is not None
