"""`kruispunt mutations status` and `told`: which files subscribers got, and who was told of whom (RP-16, RP-18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from kruispunt.cli.numbers import ssin_of
from kruispunt.cli.opening import with_database
from kruispunt.cli.terminal import ConfigOption, JsonOption, print_list
from kruispunt.clock import SystemClock, today
from kruispunt.mutations import rows
from kruispunt.mutations.disclosure import Disclosure, disclosures
from kruispunt.mutations.rows import Kept


def status(
    days: Annotated[int, typer.Option("--days", help="So many days back.", min=1)] = 7,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the files of the last days, whether they were made, and whether they were collected.

    Example: kruispunt mutations status
    """
    first = today(SystemClock()) - timedelta(days=days)
    found = with_database(config, lambda database, _: rows.latest(database, first))
    print_list(found, _told, _line, "No day was distributed.", as_json=as_json)


def told(
    ssin: Annotated[str, typer.Argument(help="Eleven digits.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who was told of a number: day, file, subscriber, and what.

    Example: kruispunt mutations told 85673093333
    """
    number = ssin_of(ssin)
    found = with_database(config, lambda database, _: disclosures(database, number))
    print_list(found, _disclosed, _disclosure, "Nobody was told.", as_json=as_json)


def _told(each: Kept) -> dict[str, object]:
    made = each.made
    return {
        "code": each.file.code,
        "sequence": each.file.sequence,
        "day": str(each.file.day),
        "file": each.file.name,
        "records": None if made is None else made.records,
        "size": None if made is None else made.content.size,
        "sha256": None if made is None else made.content.sha256,
        "published": None if made is None else made.published.isoformat(),
        "collected": None if each.collected is None else each.collected.isoformat(),
        "asked": None if each.asked is None else each.asked.isoformat(),
    }


def _line(each: Kept) -> str:
    made = (
        "not made yet" if each.made is None else f"{each.made.records:>9,} records {each.made.content.size:>12,} bytes"
    )
    if each.collected is not None:
        state = f"collected {each.collected:%Y-%m-%d %H:%M}Z"
    else:
        state = "" if each.made is None else "not collected"
    asked = ", asked for again" if each.asked is not None else ""
    return f"{each.file.day}  {each.file.name:40} {made}  {state}{asked}"


def _disclosure(each: Disclosure) -> str:
    when = "pushed" if each.day is None else str(each.day)
    what = f"stream {each.stream}" if each.stream else ", ".join(each.kinds)
    data = f" ({', '.join(each.groups)})" if each.groups else ""
    return f"{when}  {each.code} {each.sequence}  {each.organisation} under {each.legal_context}: {what}{data}"


def _disclosed(each: Disclosure) -> dict[str, object]:
    return {
        "day": None if each.day is None else str(each.day),
        "code": each.code,
        "sequence": each.sequence,
        "organisation": each.organisation,
        "legalContext": each.legal_context,
        "stream": each.stream,
        "kinds": each.kinds,
        "groups": each.groups,
        "published": None if each.published is None else each.published.isoformat(),
        "collected": None if each.collected is None else each.collected.isoformat(),
    }
