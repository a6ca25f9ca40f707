"""The real HAProxy in front of a real gateway; run by `make test-haproxy`, not by `make test`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "front_door"))

from bank import Bank
from running import Running, open_directory


@pytest.fixture(scope="session")
def bank(server: Any) -> Iterator[Bank]:
    with open_directory() as directory, Running(directory / "demo", server) as bank:
        yield bank
