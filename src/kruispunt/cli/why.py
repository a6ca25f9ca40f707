"""`kruispunt why`: what each step did with a request, and which rule stopped it."""

from __future__ import annotations

from typing import Annotated

import typer

from kruispunt.cli.log import find_entries
from kruispunt.cli.terminal import ConfigOption, JsonOption, harmless, out, print_json
from kruispunt.errors import DataError
from kruispunt.securitylog.entry import Kind
from kruispunt.securitylog.read import Found

STOPPED = ("rule", "why", "element", "remedy")


def why(
    ticket: Annotated[str, typer.Argument(help="The CBSS ticket of the exchange.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell why a request was answered as it was: step by step, with the rule, the element and the remedy.

    Example: kruispunt why 019a6f5e-7c1b-7e0f-8d3a-5f2b8c9d0e1f
    """
    entry = next((e for e in find_entries(ticket, config, "kruispunt why") if e.kind is Kind.OUTGOING), None)
    if entry is None:
        raise DataError(f"no answer is logged under ticket {ticket}")
    steps, stopped = explain(entry)
    if as_json:
        print_json({"ticket": ticket, "outcome": entry.facts["outcome"], "steps": steps, "stopped": stopped})
        return
    print_steps(steps, stopped, entry.facts["outcome"])


def explain(entry: Found) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The steps that were passed, and what stopped the request: empty when nothing did."""
    notes = () if entry.message is None else entry.message.notes
    steps = [{"step": step, "what": text} for step, text in notes if step not in STOPPED]
    stopped = {name: text for name, text in notes if name in STOPPED}
    if not stopped and entry.facts["rule"]:
        stopped = {"rule": entry.facts["rule"]}
    return steps, stopped


def print_steps(steps: list[dict[str, str]], stopped: dict[str, str], outcome: str) -> None:
    for step in steps:
        out.print(f"  [green]passed[/]   {step['step']:20} ", end="")
        out.print(harmless(step["what"]), markup=False)
    if stopped:
        out.print(f"  [red]stopped[/]  {stopped['rule']}")
        for name in ("why", "element", "remedy"):
            if name in stopped:
                out.print(f"           {name:20} {harmless(stopped[name])}", markup=False)
    out.print(f"  outcome  {outcome}")
