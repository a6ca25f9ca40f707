"""`kruispunt key`: keys that the platform makes itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kruispunt.cli.terminal import out
from kruispunt.errors import ConfigurationError
from kruispunt.securitylog.keys import new_master_key

app = typer.Typer(help="Keys.", no_args_is_help=True)


@app.command("new-log-master")
def new_log_master(file: Annotated[Path, typer.Argument(help="File to write; must not exist.")]) -> None:
    """Make a master key for the security log. Keep a copy: without it no logged message can be read again.

    Example: kruispunt key new-log-master /etc/kruispunt/log-master.key
    """
    try:
        new_master_key(file)
    except FileExistsError:
        raise ConfigurationError(f"{file} exists; a log master key is never overwritten") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    out.print(f"Wrote {file}, readable by you only. Keep a copy in another place.", markup=False)
