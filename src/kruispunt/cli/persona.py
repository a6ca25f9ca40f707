"""`kruispunt persona`: for every code, a call against the demo that provokes it (PL-27)."""

from __future__ import annotations

from typing import Annotated

import typer

from kruispunt.cli.calls import command_line
from kruispunt.cli.terminal import JsonOption, harmless, out, print_json
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.services.discovery import discover


def list_(
    as_json: JsonOption = False,
    code: Annotated[str | None, typer.Option(help="Only the personas of this code.")] = None,
    numbers: Annotated[Numbers, typer.Option(help="How the demo people are numbered.")] = Numbers.BAND,
) -> None:
    """List the personas with the exact call that provokes each.

    Example: kruispunt persona list --code MSG00012
    """
    found = [p for p in load_personas(discover(), numbers) if code is None or p.code == code]
    rows = [
        {
            "id": p.id,
            "code": p.code or "OK",
            "service": p.service.name,
            "operation": p.operation.name,
            "summary": p.summary,
            "ssin": p.ssin,
            "call": command_line(p),
        }
        for p in found
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print(f"No persona has code {harmless(code or '')}.", markup=False)
    for row in rows:
        out.print(f"[bold]{row['code']:9}[/] {row['id']}")
        out.print(f"  {row['summary']}\n  {row['call']}\n", markup=False)
