"""What commands share: how they open things, how they speak, and how they fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from kruispunt import settings as settings_module
from kruispunt.app import master_key_of
from kruispunt.clock import SystemClock
from kruispunt.demo.directory import DemoDirectory, default_directory
from kruispunt.errors import ConfigurationError
from kruispunt.securitylog.keys import KeyRing
from kruispunt.securitylog.read import LogReader
from kruispunt.securitylog.write import LogWriter
from kruispunt.settings import Settings
from kruispunt.storage.database import Database
from kruispunt.storage.engine import postgres

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

CONFIG_VARIABLE = "KRUISPUNT_CONFIG"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help=f"Settings file; else ${CONFIG_VARIABLE}, else that of the demo.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

T = TypeVar("T")


def find_settings(config: Path | None) -> Settings:
    """The settings that a command works with. Raises ConfigurationError that says where it looked."""
    path = config or (Path(given) if (given := os.environ.get(CONFIG_VARIABLE)) else None)
    if path is None:
        demo = DemoDirectory(default_directory()).settings
        if not demo.exists():
            raise ConfigurationError(f"no settings: give --config FILE, or run the demo once ({demo} does not exist)")
        path = demo
    return settings_module.load(path)


@contextlib.contextmanager
def dsn_of(settings: Settings) -> Iterator[str]:
    """The database of these settings; the embedded one is started when it does not run."""
    dsn = None if settings.dsn is None else settings.dsn.get_secret_value()
    with postgres(dsn, settings.data_dir) as found:
        yield found


def with_database(
    config: Path | None, work: Callable[[Database, Settings], Awaitable[T]], *, connections: int = 2
) -> T:
    """Runs `work` on the database of the settings."""
    settings = find_settings(config)

    async def run(dsn: str) -> T:
        database = await Database.open(dsn, size=connections)
        try:
            return await work(database, settings)
        finally:
            await database.close()

    with dsn_of(settings) as dsn:
        return asyncio.run(run(dsn))


@dataclass(frozen=True, slots=True)
class OpenLog:
    reader: LogReader
    database: Database


@contextlib.asynccontextmanager
async def open_log(settings: Settings, dsn: str) -> AsyncIterator[OpenLog]:
    """The security log, for reading; every reading is logged."""
    clock = SystemClock()
    database = await Database.open(dsn, size=2)
    try:
        keys = KeyRing(database, master_key_of(settings))
        await keys.open()
        writer = LogWriter(dsn, keys, clock)
        await writer.open()
        try:
            yield OpenLog(LogReader(database, keys, writer, clock), database)
        finally:
            await writer.close()
    finally:
        await database.close()


def harmless(text: str) -> str:
    """What somebody else wrote, fit for a terminal: control and formatting characters are shown, not obeyed.

    A path or a client's reference may hold an escape sequence, or a line break that would forge a line of output.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def print_json(value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    typer.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def who_reads() -> str:
    """The person at this terminal, as the security log names readers."""
    import getpass

    return f"os-user:{getpass.getuser()}"
