"""`kruispunt doctor`: whether everything is as a server needs it, and what to do where it is not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import typer

from kruispunt.cli.examination import Finding, Level, examine_database, examine_files, examine_ports, fault, warning
from kruispunt.cli.opening import dsn_of, find_settings
from kruispunt.cli.terminal import CONFIG_VARIABLE, ConfigOption, JsonOption, out, print_json
from kruispunt.clock import SystemClock
from kruispunt.errors import KruispuntError
from kruispunt.settings import Settings

MARKS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.FAULT: "FAULT  "}


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check settings, keys, certificates, database, log keys, access, clock and ports; nothing is changed.

    Exit code 0 when all is well, 1 when something needs attention, 2 when a server could not start or must not.

    Example: kruispunt doctor --json
    """
    findings = _examine(config)
    worst = max((finding.level.value for finding in findings), default=0)
    if as_json:
        print_json(
            [{"level": f.level.name.lower(), "check": f.check, "what": f.what, "todo": f.todo} for f in findings]
        )
    else:
        for finding in findings:
            out.print(f"{MARKS[finding.level]} {finding.check:15} {finding.what}", markup=False)
            if finding.todo:
                out.print(f"{'':24}{finding.todo}", markup=False)
    raise typer.Exit(worst)


def _examine(config: Path | None) -> list[Finding]:
    try:
        settings = find_settings(config)
    except KruispuntError as error:
        return [fault("settings", str(error), "correct it: docs/reference/settings.md")]
    file = config or (Path(given) if (given := os.environ.get(CONFIG_VARIABLE)) else None)
    findings = examine_files(settings, file, SystemClock().now())
    return [*findings, *_database(settings), *examine_ports(settings)]


def _database(settings: Settings) -> list[Finding]:
    if settings.dsn is None and (settings.data_dir is None or not settings.data_dir.exists()):
        return [warning("database", f"{settings.data_dir} does not exist yet", "the first start makes it")]
    try:
        with dsn_of(settings) as dsn:
            return asyncio.run(examine_database(settings, dsn, SystemClock()))
    except (KruispuntError, OSError) as error:
        return [fault("database", str(error), "check dsn or data_dir, and the server")]
