"""The front door: the very command that users run, over real TLS, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attacker import Bench, choose
from bank import Bank
from running import Running, check_ordinary_log, open_directory


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
    return choose(bank)


@pytest.fixture
def untouched(bench: Bench) -> Iterator[Bench]:
    """What happens here is refused before SOAP: no exchange, no supplier, and the server goes on."""
    bank = bench.bank
    before = bank.work
    yield bench
    assert bank.work == before
    bench.answered(bench.message())
