"""`kruispunt access`: who may do what. Files that a person edits; versions that the servers follow (PL-14)."""

from __future__ import annotations

import getpass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from kruispunt.access import store
from kruispunt.access.files import load
from kruispunt.access.model import AccessTable
from kruispunt.access.snapshot import differences
from kruispunt.cli.opening import find_settings, with_database
from kruispunt.cli.page import page
from kruispunt.cli.terminal import ConfigOption, JsonOption, harmless, out, print_json, print_table
from kruispunt.configured import access_rows
from kruispunt.errors import ConfigurationError
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

NAME = 24
"""Characters of the longest name of an operation."""

DirectoryOption = Annotated[
    Path | None,
    typer.Option("--dir", help="Directory of the access files; else access_dir of the settings.", file_okay=False),
]


def _files(directory: Path | None, settings: Settings) -> AccessTable:
    where = directory or settings.access_dir
    if where is None:
        raise ConfigurationError("no access files: set access_dir in the settings, or give --dir")
    return load(where, access_rows(settings), refuse_demo=settings.production)


def check(directory: DirectoryOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Validate the access files as a whole; exit code 2 when they cannot be applied.

    Example: kruispunt access check --dir /etc/kruispunt/access
    """
    table = _files(directory, find_settings(config))
    counts = {
        "organisations": len(table.organisations),
        "certificates": len(table.registrations),
        "grants": len(table.grants),
    }
    if as_json:
        print_json(counts)
        return
    out.print("The files are valid: " + ", ".join(f"{n} {what}" for what, n in counts.items()) + ".")


def diff(directory: DirectoryOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what applying the files would change. Exit code 1 when anything differs.

    Example: kruispunt access diff
    """
    wanted = _files(directory, find_settings(config))

    async def work(database: Database, _settings: Settings) -> store.Version:
        return await store.current(database)

    version = with_database(config, work)
    changes = [change.told() for change in differences(version.table, wanted)]
    if as_json:
        print_json({"version": version.id, "changes": changes})
    else:
        for change in changes:
            out.print(change, markup=False)
        out.print(f"{len(changes)} changes against version {version.id}.")
    if changes:
        raise typer.Exit(1)


def apply(
    reason: Annotated[str, typer.Option(help="Why: it stands in the history.")],
    directory: DirectoryOption = None,
    on: Annotated[
        int | None, typer.Option(help="Version that was compared with; refuse if another came since.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Who.", show_default="your user name")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the files in force, as a whole or not at all; every server follows within seconds.

    Example: kruispunt access apply --reason "ticket 4711: new certificate of VDAB"
    """
    wanted = _files(directory, find_settings(config))
    who = author or getpass.getuser()

    async def work(database: Database, _settings: Settings) -> int:
        return await store.apply(database, wanted, who, reason, on=on)

    version = with_database(config, work)
    if as_json:
        print_json({"version": version})
        return
    out.print(f"Version {version} is in force.")


def history(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every change: when, who, why, what.

    Example: kruispunt access history
    """

    async def work(database: Database, _settings: Settings) -> tuple[store.Applied, ...]:
        return await store.history(database)

    versions = with_database(config, work)
    if as_json:
        print_json(
            [
                {"version": v.id, "at": v.at.isoformat(), "author": v.author, "reason": v.reason, "changes": v.changes}
                for v in versions
            ]
        )
        return
    for version in versions:
        out.print(f"version {version.id}  {version.at:%Y-%m-%d %H:%M:%S} UTC  {version.author}", style="bold")
        out.print(f"  {version.reason}", markup=False)
        for change in version.changes:
            out.print(f"  {change}", markup=False)


def matrix(
    as_html: Annotated[bool, typer.Option("--html", help="Print a page to keep or to show in a browser.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the table in force: organisation, legal context, operation, data groups, control, agreed volumes.

    Example: kruispunt access matrix --html > matrix.html
    """

    async def work(database: Database, _settings: Settings) -> store.Version:
        return await store.current(database)

    version = with_database(config, work)
    rows = _matrix(version.table)
    if as_json:
        print_json(rows)
        return
    if as_html:
        typer.echo(page(f"Access matrix, version {version.id}", rows))
        return
    _print(rows)


def _print(rows: list[dict[str, Any]]) -> None:
    """A table for each service."""
    for service, granted in groupby(sorted(rows, key=_service), key=_service):
        print_table(_table(service, list(granted)))


def _service(row: dict[str, Any]) -> str:
    return str(row["service"])


def _table(service: str, rows: list[dict[str, Any]]) -> Table:
    """The grants of a service, in three columns: as many as a terminal of 80 characters has room for.

    When room is short legal contexts are folded, and names of operations and data groups stay whole.
    """
    table = Table(
        title=Text(service), title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), leading=1
    )
    table.add_column("organisation, legal context", overflow="fold")
    table.add_column("operations", overflow="fold", min_width=NAME)
    table.add_column("may see, control, source", overflow="fold", min_width=NAME)
    for row in rows:
        who = (row["organisation"], row["legal context"], *row["applications"], *row["volume"])
        may = (*row["data groups"], f"control {row['integration']}", f"source {row['source']}")
        table.add_row(*(Text("\n".join(map(harmless, lines))) for lines in (who, row["operations"], may)))
    return table


def _matrix(table: AccessTable) -> list[dict[str, Any]]:
    """The grants, those that differ in the operation alone in one row."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for (service, operation, organisation, context), grant in sorted(table.grants.items()):
        control = grant.integration
        codes = "" if control is None else "all" if control.quality_codes is None else ", ".join(control.quality_codes)
        integration = "none" if control is None else f"{control.kind.value}: {codes}"
        applications = sorted(grant.applications)
        key = (organisation, context, service, *sorted(grant.data_groups), integration, grant.source, *applications)
        row = rows.setdefault(
            key,
            {
                "organisation": organisation,
                "legal context": context,
                "service": service,
                "applications": applications,
                "operations": [],
                "data groups": sorted(grant.data_groups),
                "integration": integration,
                "volume": _volumes(table, service, organisation),
                "source": grant.source,
            },
        )
        row["operations"].append(operation)
    return [rows[key] for key in sorted(rows)]


def _volumes(table: AccessTable, service: str, organisation: str) -> list[str]:
    """The volumes of the applications that may call the service for the organisation; empty: without limit."""
    applications = {
        r.urn: r.volume
        for r in table.registrations.values()
        if r.volume is not None and service in r.services and organisation in r.acts_for
    }
    return [
        f"{urn}: {volume.per_day} a day" + ("" if volume.burst is None else f", {volume.burst} a second")
        for urn, volume in sorted(applications.items())
    ]
