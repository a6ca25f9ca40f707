"""`kruispunt people register` and `update`: somebody new, and other data of somebody known (RP-11, RP-12)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from kruispunt.cli.numbers import ssin_of
from kruispunt.cli.opening import with_database
from kruispunt.cli.terminal import ConfigOption, JsonOption, harmless, out, print_json, who_reads
from kruispunt.clock import SystemClock, today
from kruispunt.errors import DataError
from kruispunt.registers.amending import Refused, amend
from kruispunt.registers.legal_data import Dossier, LegalData
from kruispunt.registers.numbering import FIRST_COUNTER, FIRST_DEMO_COUNTER
from kruispunt.registers.registering import Registered, declaration, register
from kruispunt.registers.resembling import Resembling
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

EXIT_RESEMBLING = 1
_WHY = {
    Refused.UNKNOWN: "no register knows this number",
    Refused.REPLACED: "this number was replaced: use the one that came in its place",
    Refused.CANCELLED: "this number was cancelled",
    Refused.NOT_OURS: "the National Register changes its own data: import a line of it",
}
FileArgument = Annotated[
    Path, typer.Argument(help="JSON as cbssRegister in docs/reference/imports.md; - reads it here.")
]


def register_(
    file: FileArgument,
    set_aside: Annotated[
        list[str] | None,
        typer.Option("--set-aside", help="Number of a person who resembles and is somebody else; more than once."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a BIS number to somebody who is in neither register. People who resemble are shown first.

    Example: kruispunt people register person.json --set-aside 85673093333
    """
    fields = _object(file)
    others = frozenset(map(ssin_of, set_aside or ()))

    async def work(database: Database, settings: Settings) -> Registered | Resembling:
        return await register(
            database,
            declaration(fields, today=today(SystemClock()), test_band=not settings.production),
            author=who_reads(),
            set_aside=others,
            sees_all=True,
            first_counter=FIRST_COUNTER if settings.production else FIRST_DEMO_COUNTER,
        )

    found = with_database(config, work)
    if isinstance(found, Registered):
        if as_json:
            print_json({"ssin": found.ssin})
        else:
            out.print(f"Registered under {found.ssin}.")
        return
    if as_json:
        print_json({"ssin": None, "resembling": list(map(_row, found.people)), "withheld": list(found.withheld)})
    else:
        _show(found)
    raise typer.Exit(EXIT_RESEMBLING)


def update(
    ssin: Annotated[str, typer.Argument(help="A BIS number, or a number of the RAD register.")],
    file: FileArgument,
    removed: Annotated[
        list[str] | None, typer.Option("--remove", help="A field to be removed, such as decease; more than once.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Change what the CBSS register holds of a person: the fields of the file, and no others.

    Example: kruispunt people update 85473093333 changes.json --remove decease
    """
    number, fields = ssin_of(ssin), _object(file)

    async def work(database: Database, settings: Settings) -> LegalData | Refused:
        return await amend(
            database,
            number,
            fields,
            removed or (),
            today=today(SystemClock()),
            test_band=not settings.production,
            author=who_reads(),
        )

    found = with_database(config, work)
    if isinstance(found, Refused):
        raise DataError(_WHY[found])
    out.print("Changed. Who changed what: kruispunt people history " + number)


def _show(found: Resembling) -> None:
    out.print("Nobody was registered. These people resemble; name each who is somebody else with --set-aside:")
    for dossier in found.people:
        row = _row(dossier)
        names = " ".join([*row["firstNames"], row["lastName"]])
        out.print(harmless(f"{row['ssin']}  {row['birthDate']}  {names}"), markup=False)
    for ssin in found.withheld:
        out.print(f"{ssin}  data that are blocked or cannot be read")


def _row(dossier: Dossier) -> dict[str, Any]:
    legal = dossier.legal
    return {
        "ssin": dossier.ssin,
        "birthDate": str(legal.birth.date),
        "lastName": legal.name.last,
        "firstNames": list(legal.name.firsts),
        "sex": None if legal.gender is None else legal.gender.code.value,
    }


def _object(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        fields = json.loads(text)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except ValueError:
        raise DataError("is no JSON", where=str(file)) from None
    if not isinstance(fields, dict):
        raise DataError("must be an object between { and }", where=str(file))
    return fields
