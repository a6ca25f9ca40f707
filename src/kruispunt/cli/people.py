"""`kruispunt people`: the registers of persons."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from kruispunt.cli.numbers import ssin_of
from kruispunt.cli.opening import with_database
from kruispunt.cli.reports import tell_report
from kruispunt.cli.terminal import ConfigOption, JsonOption, harmless, out, print_json, print_list, who_reads
from kruispunt.clock import SystemClock, today
from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import changes, legal_rules, parts
from kruispunt.registers.exporting import export_people
from kruispunt.registers.history import Change, history
from kruispunt.registers.importing import import_people
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.registers.show import PersonRecord, describe
from kruispunt.repertory.replacement import left_behind
from kruispunt.settings import Settings
from kruispunt.storage.database import Database


def import_(
    file: Annotated[
        Path, typer.Argument(help="JSON Lines; see docs/reference/imports.md.", exists=True, dir_okay=False)
    ],
    write_new: Annotated[
        bool, typer.Option("--changes", help="Write a change for each new person too; who changes always has one.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring people into the registers.

    Example: kruispunt people import people.jsonl
    """

    async def work(database: Database, settings: Settings) -> ImportReport:
        with file.open("rb") as source:
            report = await import_people(
                database,
                source,
                today=today(SystemClock()),
                test_band=not settings.production,
                author=who_reads(),
                changes=write_new,
            )
        report.remarks += map(_left_behind, await left_behind(database, report.redirected))
        return report

    tell_report(with_database(config, work), file, as_json)


def export_(
    file: Annotated[Path, typer.Argument(help="JSON Lines, made anew with mode 0600; it must not exist.")],
    config: ConfigOption = None,
) -> None:
    """Write everybody in the registers to a file that `people import` reads.

    Example: kruispunt people export people.jsonl
    """

    async def work(database: Database, _settings: Settings) -> int:
        with _new_file(file) as target:
            return await export_people(database, target)

    out.print(f"{with_database(config, work):,} lines written.")


def replace(
    ssin: Annotated[str, typer.Argument(help="The number that was replaced.")],
    by: Annotated[str, typer.Argument(help="The number that came in its place; a register knows it.")],
    config: ConfigOption = None,
) -> None:
    """Replace an active number by another one. Its chain may go on; a circle cannot be made.

    Example: kruispunt people replace 90421496028 85673093333
    """
    old, new = ssin_of(ssin), ssin_of(by)
    with_database(config, lambda database, _: changes.replace(database, old, new, author=who_reads()))
    out.print("Replaced.")


def cancel(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    config: ConfigOption = None,
) -> None:
    """Cancel an active number.

    Example: kruispunt people cancel 85673093333
    """
    number = ssin_of(ssin)
    with_database(config, lambda database, _: changes.cancel(database, number, author=who_reads()))
    out.print("Cancelled.")


def history_(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what about a number, when, and what of it is told. JSON has the lines before and after.

    Example: kruispunt people history 85673093333
    """
    number = ssin_of(ssin)
    found = with_database(config, lambda database, _: history(database, number))
    nothing = "No change was made since the number was loaded, or no register knows it."
    print_list(found, _told, _line, nothing, as_json=as_json)


def show(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the registers know of a number, with its chain of replacements.

    Example: kruispunt people show 85673093333
    """
    number = ssin_of(ssin)
    found = with_database(config, lambda database, _: describe(database, number))
    if found is None:
        if as_json:
            print_json({"ssin": number, "known": False})
        else:
            out.print("No register knows this number.")
        raise typer.Exit(1)
    if as_json:
        print_json(_facts(found))
        return
    facts = _facts(found)
    registers = [name for name in legal_rules.FIELDS.values() if name in facts]
    for name, value in facts.items():
        if name not in registers:
            out.print(f"{name:14} {value if value not in (None, []) else '-'}", markup=False)
    for name in registers:
        out.print(f"{name}\n{_indented(facts[name])}", markup=False)


def _left_behind(ssin: Ssin) -> str:
    return (
        f"{ssin}: is not replaced any more as it was, and its lines stay where they went: "
        f"kruispunt repertory undo-replacement {ssin}"
    )


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
        **{legal_rules.FIELDS[origin]: document for origin, document in found.documents.items()},
    }


def _indented(document: object) -> str:
    return "\n".join(map(harmless, json.dumps(document, indent=2, ensure_ascii=False).splitlines()))


def _told(change: Change) -> dict[str, object]:
    return {
        "sequence": change.sequence,
        "at": change.at.isoformat(),
        "author": change.author,
        "kind": change.kind.name.lower(),
        "parts": parts.named(change.parts),
        "fields": change.fields,
        "before": change.before,
        "after": change.after,
    }


def _line(change: Change) -> str:
    fields, told = ", ".join(change.fields), ", ".join(parts.named(change.parts)) or "nothing"
    return f"{change.at:%Y-%m-%d %H:%M:%S}Z  {change.kind.name.lower():9} {change.author}  {fields} (told: {told})"


def _new_file(path: Path) -> BinaryIO:
    """A file of people is for its owner alone, and never written over another one."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise DataError(f"cannot be made: {error.strerror}", where=str(path)) from None
