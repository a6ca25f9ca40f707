"""What commands share at a terminal: options, and how they speak."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

CONFIG_VARIABLE = "KRUISPUNT_CONFIG"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help=f"Settings file; else ${CONFIG_VARIABLE}, else that of the demo.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

UNFOLDED = 10_000
"""Characters of a line that no table reaches."""

T = TypeVar("T")


def harmless(text: str) -> str:
    """What somebody else wrote, fit for a terminal: control and formatting characters are shown, not obeyed.

    A path or a client's reference may hold an escape sequence, or a line break that would forge a line of output.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def print_json(value: Any) -> None:
    """JSON in UTF-8, or in ASCII where standard output takes something else."""
    ascii_only = codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"
    text = json.dumps(value, indent=2, ensure_ascii=ascii_only, default=str)
    typer.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def print_list(
    found: Sequence[T], told: Callable[[T], object], line: Callable[[T], str], nothing: str, *, as_json: bool
) -> None:
    """What a command found: as `told` says it, for programs; else a line each, or that there is `nothing`."""
    if as_json:
        print_json([told(each) for each in found])
        return
    for each in found:
        out.print(harmless(line(each)), markup=False)
    if not found:
        out.print(nothing)


def print_table(table: Table) -> None:
    """As wide as the terminal, and folded; in a file or a pipe as wide as it is, so that nothing is cut."""
    console = out if out.is_terminal else Console(highlight=False, width=UNFOLDED)
    console.print(table, "", soft_wrap=False)


def who_reads() -> str:
    """The person at this terminal, as the security log names readers."""
    import getpass

    return f"os-user:{getpass.getuser()}"
