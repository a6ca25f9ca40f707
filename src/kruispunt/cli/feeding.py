"""`kruispunt mutations feed` and `poll`: items of further streams come in (RP-17)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kruispunt.app import open_stream_supplier
from kruispunt.cli.opening import with_database
from kruispunt.cli.reports import tell_report
from kruispunt.cli.terminal import ConfigOption, JsonOption, who_reads
from kruispunt.clock import SystemClock, today
from kruispunt.errors import ConfigurationError
from kruispunt.mutations import streams
from kruispunt.mutations.items import Rules
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.settings import Settings
from kruispunt.storage.database import Database


def feed(
    stream: Annotated[str, typer.Argument(help="Name of the stream, one of mutation_streams.")],
    file: Annotated[
        Path,
        typer.Argument(help="JSON Lines or XML; see docs/reference/subscriptions.md.", exists=True, dir_okay=False),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a file of items into a stream. Sent twice, it changes nothing the second time.

    Example: kruispunt mutations feed dimona items.jsonl
    """

    async def work(database: Database, settings: Settings) -> ImportReport:
        _check_stream(settings, stream)
        with file.open("rb") as source:
            return await streams.feed(database, stream, source, _rules(settings), author=who_reads())

    tell_report(with_database(config, work), file, as_json)


def poll(
    stream: Annotated[str, typer.Argument(help="Name of the stream, and of its table in suppliers_file.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the supplier of a stream for the items after those that it gave before.

    Example: kruispunt mutations poll dimona
    """

    async def work(database: Database, settings: Settings) -> ImportReport:
        _check_stream(settings, stream)
        async with open_stream_supplier(settings, stream, SystemClock(), Unwatched()) as supplier:
            return await streams.poll(database, stream, supplier, _rules(settings), author=f"supplier:{stream}")

    tell_report(with_database(config, work), Path(stream), as_json)


class Unwatched:
    """A supplier that is asked once by a command has no metrics."""

    def supplier_failed(self, name: str, reason: str) -> None: ...

    def supplier_state(self, name: str, state: int) -> None: ...


def _check_stream(settings: Settings, stream: str) -> None:
    if stream not in settings.mutation_streams:
        known = ", ".join(settings.mutation_streams) or "none"
        raise ConfigurationError(f"no stream {stream[:64]!a}; mutation_streams has: {known}")


def _rules(settings: Settings) -> Rules:
    return Rules(today(SystemClock()), test_band=not settings.production)
