"""How commands open what the settings name."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from kruispunt.cli.terminal import CONFIG_VARIABLE
from kruispunt.demo.directory import DemoDirectory, default_directory
from kruispunt.errors import ConfigurationError
from kruispunt.settings import Settings
from kruispunt.settings_read import load
from kruispunt.storage.database import Database
from kruispunt.storage.engine import postgres

T = TypeVar("T")


def find_settings(config: Path | None) -> Settings:
    """The settings that a command works with. Raises ConfigurationError that says where it looked."""
    path = config or (Path(given) if (given := os.environ.get(CONFIG_VARIABLE)) else None)
    if path is None:
        demo = DemoDirectory(default_directory()).settings
        if not demo.exists():
            raise ConfigurationError(f"no settings: give --config FILE, or run the demo once ({demo} does not exist)")
        path = demo
    return load(path)


@contextlib.contextmanager
def dsn_of(settings: Settings, *, kept: bool = False) -> Iterator[str]:
    """The database of these settings; the embedded one is started when it does not run, and with `kept`, for what runs
    until it is stopped, whenever it is gone."""
    dsn = None if settings.dsn is None else settings.dsn.get_secret_value()
    with postgres(dsn, settings.data_dir, kept=kept) as found:
        yield found


def with_database(
    config: Path | None,
    work: Callable[[Database, Settings], Awaitable[T]],
    *,
    connections: int = 2,
    kept: bool = False,
) -> T:
    """Runs `work` on the database of the settings; `kept` as for `dsn_of`."""
    settings = find_settings(config)

    async def run(dsn: str) -> T:
        database = await Database.open(dsn, size=connections)
        try:
            return await work(database, settings)
        finally:
            await database.close()

    with dsn_of(settings, kept=kept) as dsn:
        return asyncio.run(run(dsn))
