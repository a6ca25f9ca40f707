"""`kruispunt people`: the registers of persons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kruispunt.cli.reports import tell_report
from kruispunt.cli.terminal import ConfigOption, JsonOption, out, print_json, with_database
from kruispunt.clock import SystemClock, today
from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import InvalidSsin, validate
from kruispunt.registers.importing import import_people
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.registers.show import PersonRecord, describe
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

app = typer.Typer(help="People in the registers.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON Lines; see docs/reference/imports.md.", exists=True)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring people into the registers.

    Example: kruispunt people import people.jsonl
    """

    async def work(database: Database, settings: Settings) -> ImportReport:
        with file.open("rb") as source:
            return await import_people(database, source, today=today(SystemClock()), test_band=not settings.production)

    tell_report(with_database(config, work), file, as_json)


@app.command()
def show(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the registers know of a number, with its chain of replacements.

    Example: kruispunt people show 85673093333
    """
    try:
        number = validate(ssin, today=today(SystemClock()), test_band=True)
    except InvalidSsin as error:
        raise DataError(f"not a SSIN: {error}") from None

    async def work(database: Database, _settings: Settings) -> PersonRecord | None:
        return await describe(database, number)

    found = with_database(config, work)
    if found is None:
        if as_json:
            print_json({"ssin": number, "known": False})
        else:
            out.print("No register knows this number.")
        raise typer.Exit(1)
    if as_json:
        print_json(_facts(found))
        return
    for name, value in _facts(found).items():
        out.print(f"{name:14} {value if value not in (None, []) else '-'}", markup=False)


def _facts(found: PersonRecord) -> dict[str, object]:
    person = found.person
    return {
        "ssin": person.ssin,
        "register": person.register.name.lower(),
        "state": person.state.name.lower(),
        "finalSsin": person.final_ssin,
        "kind": found.kind.value,
        "birthDate": str(found.birth_date),
        "sex": None if found.sex is None else found.sex.name.lower(),
        "replacedBy": [link.ssin for link in found.later],
        "replaces": list(found.earlier),
    }
