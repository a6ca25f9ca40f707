"""The front door: the very command that users run, over real TLS, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from attacker import Bench
from bank import Bank
from identify import load, number, person
from running import Running, check_ordinary_log, open_directory

from kruispunt.cli import main
from kruispunt.cli.terminal import out

_births = count()


@pytest.fixture(scope="session")
def bank(server: Any) -> Iterator[Bank]:
    """A running demo with two workers; on the given PostgreSQL when there is one, else on its own embedded one."""
    with open_directory() as directory:
        with Running(directory / "demo", server) as bank:
            yield bank
        check_ordinary_log(bank.said)


@pytest.fixture
def bench(bank: Bank) -> Bench:
    """A victim to attack."""
    return Bench(bank)


@pytest.fixture
def untouched(bench: Bench) -> Iterator[Bench]:
    """What happens here is refused before SOAP: no exchange, no supplier, and the server goes on."""
    bank = bench.bank
    before = bank.work
    yield bench
    assert bank.work == before
    bench.answered(bench.message())


@pytest.fixture
def ssins(bank: Bank, tmp_path: Any) -> Iterator[list[str]]:
    """Ten people of nobody else, known to the registers."""
    place = next(_births)
    birth = f"1944-{place // 28 + 1:02d}-{place % 28 + 1:02d}"
    numbers = [number(birth, 901 + each) for each in range(10)]
    load(bank, tmp_path, [person("Dienstvoorbeeld", birth, 901 + each) for each in range(10)])
    return numbers


@pytest.fixture
def run(bank: Bank, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in this process; returns what it printed."""
    monkeypatch.setenv("KRUISPUNT_CONFIG", str(bank.directory / "kruispunt.toml"))
    monkeypatch.setattr(out, "_width", 300)

    def command(*words: str) -> str:
        main.app(list(words), standalone_mode=False)
        return capsys.readouterr().out

    return command
