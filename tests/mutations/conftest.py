from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import telling
from nats_servers import Nats, alone
from pushed import Ask

from kruispunt.demo.pki import Pki
from kruispunt.storage.database import Database


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates of a platform and of its subscribers."""
    return telling.pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def subscriber(tmp_path: Path, pki: Pki) -> telling.Subscriber:
    (tmp_path / "inbox").mkdir()
    return telling.Subscriber(tmp_path / "inbox", tmp_path / "copy", pki)


@pytest.fixture
def ask(fresh_dsn: str) -> Ask:
    async def run(work: Callable[[Database], Awaitable[None]]) -> None:
        database = await Database.open(fresh_dsn, size=8)
        try:
            await work(database)
        finally:
            await database.close()

    return lambda work: asyncio.run(run(work))


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    with alone(tmp_path / "nats") as running:
        yield running
