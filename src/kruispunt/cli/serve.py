"""`kruispunt serve`: the server with an operator's settings."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from kruispunt.app import check_secrets, establish_access
from kruispunt.cli.opening import dsn_of
from kruispunt.cli.terminal import CONFIG_VARIABLE
from kruispunt.configured import services_of
from kruispunt.gateway.supervisor import Addresses, Supervisor
from kruispunt.settings import Settings
from kruispunt.settings_read import load
from kruispunt.storage.migrate import migrate

WORKER: Sequence[str] = (sys.executable, "-m", "kruispunt.cli.worker")


def serve(
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML).", envvar=CONFIG_VARIABLE)
    ] = None,
) -> None:
    """Serve with the settings of a file and of KRUISPUNT_… variables.

    Example: kruispunt serve --config /etc/kruispunt/kruispunt.toml
    """
    settings = load(config)
    logger = structlog.get_logger("serve")

    def ready(addresses: Addresses) -> None:
        logger.info("ready", url=addresses.url, local=addresses.local_url, environment=settings.environment.value)

    check_secrets(settings)
    with dsn_of(settings, kept=True) as dsn:
        prepare(settings, dsn)
        asyncio.run(establish_access(settings, dsn, "first start"))
        asyncio.run(Supervisor(settings, dsn, WORKER).run(ready))


def prepare(settings: Settings, dsn: str) -> None:
    """Brings the schema of the platform and of every service up to date."""
    migrate(dsn, [s.folder for s in services_of(settings) if (s.folder / "migrations").is_dir()])


def supervisor(settings: Settings, dsn: str, extra: dict[str, Any]) -> Supervisor:
    return Supervisor(settings, dsn, WORKER, extra)
