"""`kruispunt mutations collected` and `notes`: files that were not acknowledged over HTTPS (RP-18)."""

from __future__ import annotations

from typing import Annotated

import typer

from kruispunt.cli.opening import with_database
from kruispunt.cli.terminal import ConfigOption, out, who_reads
from kruispunt.errors import ConfigurationError
from kruispunt.mutations.acknowledged import collect, take
from kruispunt.settings import Settings
from kruispunt.storage.database import Database


def collected(
    code: Annotated[str, typer.Argument(help="Of the subscription.")],
    sequence: Annotated[int, typer.Argument(help="Sequence number of the file.", min=1)],
    config: ConfigOption = None,
) -> None:
    """Say that a subscriber has a file, of which the server heard nothing: it came by another way.

    Example: kruispunt mutations collected onem-people 17
    """
    first = with_database(config, lambda database, _: collect(database, code, sequence, who_reads()))
    out.print("It counts as collected." if first else "It was collected already.")


def notes(config: ConfigOption = None) -> None:
    """Take the notes of subscribers that come by SFTP, now; the schedule does it at each turn.

    Example: kruispunt mutations notes
    """

    async def work(database: Database, settings: Settings) -> int:
        if settings.mutation_dir is None:
            raise ConfigurationError("mutation_dir is not set: there is no folder with files of subscribers")
        return await take(database, settings.mutation_dir)

    out.print(f"{with_database(config, work):,} files count as collected.")
