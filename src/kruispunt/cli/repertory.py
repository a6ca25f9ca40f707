"""`kruispunt repertory`: who is known to whom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from kruispunt.cli.numbers import ssin_of
from kruispunt.cli.opening import with_database
from kruispunt.cli.reports import tell_report
from kruispunt.cli.terminal import ConfigOption, JsonOption, harmless, out, print_json, who_reads
from kruispunt.clock import BELGIUM, SystemClock, today
from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber, InvalidCbeNumber
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.repertory import tenants
from kruispunt.repertory.history import Change, as_of, history
from kruispunt.repertory.importing import import_lines
from kruispunt.repertory.lines import Line
from kruispunt.repertory.register import Register
from kruispunt.repertory.replacement import Undone, undo_replacement
from kruispunt.repertory.writing import Author
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

OwnerOption = Annotated[str, typer.Option("--owner", help="CBE number of the register's user; by default CBSS.")]


def define(
    file: Annotated[Path, typer.Argument(help="TOML; see docs/reference/repertory.md.", exists=True, dir_okay=False)],
    config: ConfigOption = None,
) -> None:
    """Define registers and their dossier types, or change them.

    Example: kruispunt repertory define registers.toml
    """
    definitions = tenants.read_definitions(file)
    with_database(config, lambda database, _: tenants.define(database, definitions, who_reads()))
    for each in definitions:
        out.print(f"{each.owner}  {len(each.types):,} dossier types  {harmless(each.name)}", markup=False)


def types(
    owner: Annotated[str | None, typer.Option("--owner", help="CBE number; without it, the registers.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the dossier types of a register, or which registers there are.

    Example: kruispunt repertory types --owner 0244640631
    """
    rows: list[dict[str, object]]
    if owner is None:
        found = with_database(config, lambda database, _: tenants.registers(database))
        rows = [{"owner": each.owner, "integrator": each.integrator, "name": each.name} for each in found]
    else:
        number = _owner(owner)
        kinds = with_database(config, lambda database, _: tenants.types_of(database, number))
        rows = [
            {"organisation": each.organisation, "code": each.code, "closed": each.closed, "name": each.name}
            for each in kinds
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        first, second, mark, name = row.values() if owner is not None else (*row.values(), "")
        shown = f"{first or '-':12} {second!s:8} {'closed' if mark is True else '' if mark is False else mark} {name}"
        out.print(harmless(shown.rstrip()), markup=False)
    if not rows:
        out.print("This register has no dossier types.")


def import_(
    file: Annotated[
        Path, typer.Argument(help="JSON Lines; see docs/reference/imports.md.", exists=True, dir_okay=False)
    ],
    owner: OwnerOption = cbe.CBSS,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring inscriptions into a register; periods that overlap or adjoin are merged.

    Example: kruispunt repertory import inscriptions.jsonl
    """

    user = _owner(owner)

    async def work(database: Database, settings: Settings) -> ImportReport:
        with file.open("rb") as source:
            return await import_lines(
                database,
                source,
                today=today(SystemClock()),
                test_band=not settings.production,
                owner=user,
                author=who_reads(),
            )

    tell_report(with_database(config, work), file, as_json)


def show(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    owner: OwnerOption = cbe.CBSS,
    moment: Annotated[
        str | None, typer.Option("--as-of", help="The lines as they stood then: 2026-01-31T12:00, in Belgium.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the lines of a register about a number; of one that was replaced, those of the number in its place.

    Example: kruispunt repertory show 85673093333
    """
    number, user = ssin_of(ssin), _owner(owner)
    past = None if moment is None else _moment(moment)

    async def work(database: Database, settings: Settings) -> tuple[Line, ...]:
        if past is not None:
            return await as_of(database, user, number, past)
        register = Register(database, user, today=lambda: today(SystemClock()), test_band=not settings.production)
        return await register.consult([number])

    lines = with_database(config, work)
    if as_json:
        print_json([_told(line) for line in lines])
        return
    for text in _texts(lines):
        out.print(text, markup=False)
    if not lines:
        out.print("No line holds this number.")


def history_(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    owner: OwnerOption = cbe.CBSS,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who changed the lines of a register about a number, when, and what went and came.

    Example: kruispunt repertory history 85673093333
    """
    number, user = ssin_of(ssin), _owner(owner)
    found = with_database(config, lambda database, _: history(database, user, number))
    if as_json:
        print_json([_changed(change) for change in found])
        return
    for change in found:
        head = (
            f"{change.at:%Y-%m-%d %H:%M:%S}Z  {change.operation.name.lower():9} {change.author} {change.ticket or ''}"
        )
        out.print(harmless(head.rstrip()), markup=False)
        if change.replaced is not None:
            out.print(f"    from {change.replaced[0]} to {change.replaced[1]}", markup=False)
        for sign, lines in (("-", change.ended), ("+", change.made)):
            for text in _texts(lines):
                out.print(f"    {sign} {text}", markup=False)
    if not found:
        out.print("No line of this register ever held this number.")


def undo(
    ssin: Annotated[str, typer.Argument(help="The number that was wrongly replaced.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Undo a wrong replacement: the number is active again, and the lines that moved, in all registers, come back.

    Example: kruispunt repertory undo-replacement 90421496028
    """
    number = ssin_of(ssin)
    done: Undone = with_database(config, lambda database, _: undo_replacement(database, number, Author(who_reads())))
    if as_json:
        print_json({"from": done.left, "to": done.back_at, "lines": done.lines})
    else:
        out.print(f"{done.lines:,} lines went from {done.left} to {done.back_at}.")


def _told(line: Line) -> dict[str, object]:
    return {
        "ssin": line.key.ssin,
        "organisation": line.key.organisation,
        "dossierType": line.key.dossier_type,
        "begin": line.period.begin,
        "end": line.period.end,
    }


def _changed(change: Change) -> dict[str, object]:
    return {
        "id": change.id,
        "at": change.at.isoformat(),
        "author": change.author,
        "ticket": change.ticket,
        "operation": change.operation.name.lower(),
        "replaced": change.replaced,
        "ended": [_told(line) for line in change.ended],
        "made": [_told(line) for line in change.made],
    }


def _texts(lines: Iterable[Line]) -> Iterable[str]:
    for line in lines:
        key, period = line.key, line.period
        yield f"{key.organisation or '-':12} {key.dossier_type:6} {period.begin or '...'} - {period.end or '...'}"


def _owner(text: str) -> CbeNumber:
    try:
        return cbe.validate(text)
    except InvalidCbeNumber as error:
        raise DataError(f"--owner: {error}") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError("--as-of: write a moment as 2026-01-31T12:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=BELGIUM)
