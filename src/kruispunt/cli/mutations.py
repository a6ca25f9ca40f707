"""`kruispunt mutations`: subscriptions, and what is told to subscribers."""

from __future__ import annotations

import typer

app = typer.Typer(help="Subscriptions to changes, and the files that tell them.", no_args_is_help=True)
