"""`kruispunt data`: what the suppliers of the services hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kruispunt.cli.opening import find_settings, with_database
from kruispunt.cli.reports import tell_report
from kruispunt.cli.terminal import ConfigOption, JsonOption, out
from kruispunt.clock import SystemClock, today
from kruispunt.configured import services_of
from kruispunt.errors import ConfigurationError
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.settings import Settings
from kruispunt.storage.database import Database


def import_(
    kind: Annotated[str, typer.Argument(help="Kind of data: see kruispunt data kinds.")],
    file: Annotated[
        Path, typer.Argument(help="JSON Lines; see docs/reference/imports.md.", exists=True, dir_okay=False)
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring data of one kind into the tables of its service.

    Example: kruispunt data import situations situations.jsonl
    """
    loaders = {k: load for s in services_of(find_settings(config)) for k, load in s.imports.items()}
    if kind not in loaders:
        raise ConfigurationError(f"no data of kind {kind}; there are: {', '.join(sorted(loaders))}")

    async def work(database: Database, settings: Settings) -> ImportReport:
        with file.open("rb") as source:
            report: ImportReport = await loaders[kind](
                database, source, today=today(SystemClock()), test_band=not settings.production
            )
            return report

    tell_report(with_database(config, work), file, as_json)


def kinds(config: ConfigOption = None) -> None:
    """List the kinds of data that can be imported.

    Example: kruispunt data kinds
    """
    for service in services_of(find_settings(config)):
        for kind in service.imports:
            out.print(f"{kind:16} {service.name}")
