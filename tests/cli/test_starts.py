"""A command imports what it uses: help lists commands without them, and none brings what belongs to another."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from kruispunt.cli.commands import COMMANDS
from kruispunt.cli.later import Later, loaded
from kruispunt.cli.main import app

HEAVY = frozenset(("alembic", "asyncpg", "cryptography", "httpx", "lxml", "prometheus_client", "psycopg", "structlog"))
"""Pydantic is not among them: typer reads words with it."""

IMPORTED = """
import json, sys
from kruispunt.cli.main import app
for line in sys.argv[1:]:
    try:
        app(line.split(), prog_name="kruispunt")
    except SystemExit:
        pass
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def later(commands: Any = COMMANDS) -> Iterator[Later]:
    for command in commands:
        if isinstance(command, Later):
            yield command
        yield from later(getattr(loaded(command), "commands", {}).values())


def imported(*lines: str, **environment: str) -> set[str]:
    """The modules that are there after command lines."""
    command = [sys.executable, "-c", IMPORTED, *lines]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return set(json.loads(done.stdout.splitlines()[-1]))


def ours(modules: set[str]) -> set[str]:
    return {name.removeprefix("kruispunt.") for name in modules if name.startswith("kruispunt.")}


@pytest.mark.parametrize("command", list(later()), ids=lambda c: c._place)
def test_a_list_says_what_the_command_itself_would_say(command: Later) -> None:
    assert command.get_short_help_str(1_000).endswith(".")
    for width in range(10, 130, 7):
        assert command.get_short_help_str(width) == loaded(command).get_short_help_str(width)
    assert (command.hidden, command.deprecated) == (loaded(command).hidden, loaded(command).deprecated)


BEFORE_ANY = {"cli", "cli.main", "cli.commands", "cli.later", "errors"}


def test_help_of_all_imports_no_command() -> None:
    modules = imported("", "--help", "--version", "nonsense", "--nonsense")
    assert ours(modules) == BEFORE_ANY
    assert not modules & {*HEAVY, "asyncio", "rich"}


def test_help_of_groups_imports_no_command() -> None:
    groups = [command.name for command in COMMANDS if not isinstance(command, Later)]
    modules = imported(*groups, *(f"{name} --help" for name in groups), *(f"{name} nonsense" for name in groups))
    assert ours(modules) == {*BEFORE_ANY, "cli.logs"}
    assert not modules & (HEAVY - {"structlog"})


def test_completion_imports_no_command() -> None:
    words = {"_KRUISPUNT_COMPLETE": "complete_bash", "COMP_WORDS": "kruispunt people s", "COMP_CWORD": "2"}
    assert ours(imported("", **words)) == BEFORE_ANY


def test_help_of_a_command_imports_that_one() -> None:
    modules = ours(imported("people show --help"))
    assert "cli.people" in modules
    assert not {name for name in modules if name.startswith("cli.")} & {"cli.registering", "cli.mutations", "cli.call"}


def test_a_call_imports_the_service_that_is_called() -> None:
    modules = ours(imported("call test-connection send-test-message --help"))
    assert {name.split(".")[1] for name in modules if name.startswith("services.")} == {"discovery", "test_connection"}


SERVER = {"app", "batch", "suppliers", "uvicorn", "httpx", "prometheus_client"}


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("phonetic", {*SERVER, *HEAVY, "asyncio", "pydantic"}),
        ("persona", {*SERVER, "asyncpg", "psycopg", "pydantic", "cryptography"}),
        ("call", {*SERVER, "storage", "securitylog", "asyncpg", "psycopg", "pydantic_settings"}),
        ("receive", {"app", "storage", "securitylog", "services", "asyncpg", "psycopg", "pydantic_settings", "nats"}),
        ("relay", {*SERVER, "storage", "securitylog", "asyncpg", "psycopg", "pydantic_settings"}),
        ("people", {*SERVER, "securitylog", "services", "lxml", "cryptography"}),
        ("repertory", {*SERVER, "securitylog", "services", "lxml", "cryptography"}),
        ("why", SERVER),
        ("access", SERVER),
        ("distributed", {*SERVER, "securitylog", "services"}),
        ("distribution", {"app", "pipeline", "suppliers", "uvicorn", "httpx", "prometheus_client"}),
        ("batch", {"app", "pipeline", "suppliers", "uvicorn", "httpx", "prometheus_client"}),
        ("worker", {"batch", "psycopg", "pydantic_settings", "typer", "httpx", "alembic", "demo", "client"}),
        ("serve", {"batch", "client", "receive", "httpx", "alembic"}),
    ],
)
def test_a_command_does_without_what_it_does_not_use(module: str, absent: set[str]) -> None:
    check = f"import json, sys, kruispunt.cli.{module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    parts = {name.partition(".")[0] for name in modules} | {name.partition(".")[0] for name in ours(modules)}
    assert not parts & absent


def test_what_is_listed_can_be_called() -> None:
    for command in later():
        module, _, function = command._place.partition(":")
        assert loaded(command).callback is not None
        assert callable(getattr(importlib.import_module(f"kruispunt.cli.{module}"), function))
    assert all(app.commands[command.name or ""] is command for command in COMMANDS)
