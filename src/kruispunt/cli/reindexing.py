"""`kruispunt people reindex`: new search keys for everybody, while the servers run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from kruispunt.cli.opening import with_database
from kruispunt.cli.terminal import ConfigOption, JsonOption, err, out, print_json
from kruispunt.registers.reindexing import Progress
from kruispunt.registers.reindexing import reindex as exchange
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

TOLD_EVERY = 10_000
"""People between two lines of progress."""


def reindex(
    again: Annotated[
        bool, typer.Option("--again", help="From the beginning, also when all have keys of this version.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give everybody search keys of this version of the phonetic code.

    Servers go on searching and people go on being changed meanwhile. Interrupted, it goes on where it was.

    Example: kruispunt people reindex
    """
    told = 0

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.done >= told + TOLD_EVERY:
            told = progress.done
            err.print(f"{progress.done} people", markup=False)

    async def work(database: Database, _settings: Settings) -> Progress:
        return await exchange(database, tell, again=again)

    progress = with_database(config, work)
    if as_json:
        print_json(asdict(progress))
    else:
        out.print(f"All {progress.done} people have keys of version {progress.version} of the phonetic code.")
