"""`kruispunt log`: the security log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from kruispunt.cli.opening import dsn_of, find_settings
from kruispunt.cli.reading import open_log
from kruispunt.cli.terminal import ConfigOption, JsonOption, harmless, out, print_json, who_reads
from kruispunt.errors import DataError
from kruispunt.identifiers.ticket import InvalidTicket, span
from kruispunt.securitylog.read import Found

SHOWN = (
    "at",
    "operation",
    "application",
    "organisation",
    "legal_context",
    "client_reference",
    "outcome",
    "rule",
    "peer",
    "tls_client",
    "signer",
    "path",
    "size",
    "digest",
    "suppressed",
)


def show(
    ticket: Annotated[str, typer.Argument(help="The CBSS ticket of the exchange.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    messages: Annotated[bool, typer.Option("--messages", help="Show the messages as well.")] = False,
) -> None:
    """Show what was logged of one exchange.

    Example: kruispunt log show 019a6f5e-7c1b-7e0f-8d3a-5f2b8c9d0e1f --messages
    """
    found = find_entries(ticket, config, "kruispunt log show")
    if as_json:
        print_json([_facts(entry, messages) for entry in found])
    for entry in () if as_json else found:
        out.print(entry.kind.name.lower(), style="bold")
        for name in SHOWN:
            if value := entry.facts[name]:
                out.print(f"  {name:17} {harmless(str(value))}", markup=False)
        out.print(f"  {'subjects':17} {len(entry.facts['subjects'])} (keyed digests)")
        if entry.unreadable:
            out.print(f"  {'message':17} {entry.unreadable}", markup=False)
        elif messages and entry.message is not None:
            for line in entry.message.data.decode("utf-8", "replace").split("\n"):
                out.print(harmless(line), markup=False)
    if not found:
        raise DataError(f"no entry has ticket {ticket}")


def find_entries(ticket: str, config: Path | None, purpose: str) -> tuple[Found, ...]:
    """The entries of one exchange; the reading is logged first. Raises DataError for what is no ticket.

    A ticket may be typed in capitals: CommonV3 has it in either.
    """
    written = ticket.lower() if "-" in ticket else ticket.upper()
    try:
        span(written)
    except InvalidTicket as error:
        raise DataError(f"{ticket} is no ticket: {error}") from None
    settings = find_settings(config)

    async def read(dsn: str) -> tuple[Found, ...]:
        async with open_log(settings, dsn) as log:
            return await log.reader.by_ticket(written, who_reads(), purpose)

    with dsn_of(settings) as dsn:
        return asyncio.run(read(dsn))


def _facts(entry: Found, messages: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {**entry.facts, "kind": entry.kind.name.lower()}
    if messages and entry.message is not None:
        facts["message"] = entry.message.data.decode("utf-8", "replace")
    return facts
