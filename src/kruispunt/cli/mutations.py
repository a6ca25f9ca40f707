"""`kruispunt mutations`: who is told of changes, and of which further streams."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kruispunt.access import store
from kruispunt.cli.opening import with_database
from kruispunt.cli.terminal import ConfigOption, JsonOption, out, print_list, who_reads
from kruispunt.clock import SystemClock
from kruispunt.errors import DataError
from kruispunt.mutations import defining, subscriptions
from kruispunt.mutations.defining import Outcome
from kruispunt.mutations.subscriptions import Subscription
from kruispunt.settings import Settings
from kruispunt.storage.database import Database


def define(
    file: Annotated[
        Path, typer.Argument(help="TOML; see docs/reference/subscriptions.md.", exists=True, dir_okay=False)
    ],
    config: ConfigOption = None,
) -> None:
    """Define subscriptions, or change them; those that the file does not name stay.

    Example: kruispunt mutations define subscriptions.toml
    """
    definitions = subscriptions.read_definitions(file)

    async def work(database: Database, _settings: Settings) -> tuple[Outcome, ...]:
        table = (await store.current(database)).table
        return await defining.define(database, table, definitions, who_reads(), now=SystemClock().now())

    for each, outcome in zip(definitions, with_database(config, work), strict=True):
        out.print(f"{each.code:30} {outcome.value}", markup=False)


def subscriptions_(
    ended: Annotated[bool, typer.Option("--ended", help="Also those that are not in force any more.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who is subscribed to what.

    Example: kruispunt mutations subscriptions
    """
    found = with_database(config, lambda database, _: subscriptions.every(database, ended=ended))
    print_list(found, _told, _line, "Nobody is subscribed: kruispunt mutations define FILE", as_json=as_json)


def end(
    code: Annotated[str, typer.Argument(help="Of the subscription.")],
    config: ConfigOption = None,
) -> None:
    """End a subscription. Its files stay, and can be fetched as long as they are kept.

    Example: kruispunt mutations end onem-people
    """
    if not with_database(config, lambda database, _: defining.end(database, code)):
        raise DataError(f"no subscription {code[:64]!a} is in force: kruispunt mutations subscriptions")
    out.print("Ended.")


def _line(each: Subscription) -> str:
    what = f"stream {each.stream}" if each.stream is not None else ", ".join(kind.value for kind in each.kinds)
    whose = each.owner if each.known_to is None else f"{each.owner} of {each.known_to}"
    which = "active lines" if each.active_only else "any lines"
    types = "" if each.dossier_types is None else f" of type {', '.join(each.dossier_types)}"
    state = "" if each.ended is None else f"  ended {each.ended:%Y-%m-%d}"
    how = "  pushed" if each.pushed else ""
    return f"{each.code:30} {each.organisation:16} {each.legal_context}  {what}  {which} in {whose}{types}{how}{state}"


def _told(each: Subscription) -> dict[str, object]:
    return {
        "code": each.code,
        "organisation": each.organisation,
        "receiver": each.receiver,
        "legalContext": each.legal_context,
        "register": each.owner,
        "knownTo": each.known_to,
        "dossierTypes": each.dossier_types,
        "lines": "active" if each.active_only else "any",
        "kinds": [kind.value for kind in each.kinds],
        "stream": each.stream,
        "pushed": each.pushed,
        "author": each.author,
        "at": each.at.isoformat(),
        "ended": None if each.ended is None else each.ended.isoformat(),
    }
