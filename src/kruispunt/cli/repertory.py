"""`kruispunt repertory`: who is known to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kruispunt.cli.reports import tell_report
from kruispunt.cli.terminal import ConfigOption, JsonOption, out, print_json, with_database
from kruispunt.clock import SystemClock, today
from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.ssin import InvalidSsin, validate
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.repertory.importing import import_lines
from kruispunt.repertory.lines import Line, lines_of
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

app = typer.Typer(help="Inscriptions in the person repertory.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON Lines; see docs/reference/imports.md.", exists=True)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring inscriptions into the repertory; periods that overlap or adjoin are merged.

    Example: kruispunt repertory import inscriptions.jsonl
    """

    async def work(database: Database, settings: Settings) -> ImportReport:
        with file.open("rb") as source:
            return await import_lines(database, source, today=today(SystemClock()), test_band=not settings.production)

    tell_report(with_database(config, work), file, as_json)


@app.command()
def show(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the lines of the CBSS repertory about a number.

    Example: kruispunt repertory show 85673093333
    """
    try:
        number = validate(ssin, today=today(SystemClock()), test_band=True)
    except InvalidSsin as error:
        raise DataError(f"not a SSIN: {error}") from None

    async def work(database: Database, _settings: Settings) -> tuple[Line, ...]:
        return await lines_of(database, cbe.CBSS, (number,))

    rows = [
        {
            "organisation": line.key.organisation,
            "dossierType": line.key.dossier_type,
            "begin": line.period.begin,
            "end": line.period.end,
        }
        for line in with_database(config, work)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        out.print(f"{row['organisation']:12} {row['dossierType']:6} {row['begin'] or '...'} - {row['end'] or '...'}")
    if not rows:
        out.print("No line holds this number.")
