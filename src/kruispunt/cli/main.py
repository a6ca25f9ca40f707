"""`kruispunt`: where every command begins."""

from __future__ import annotations

import io
import signal
import sys
from types import FrameType
from typing import NoReturn, cast

import typer
import typer.main
from typer.core import TyperGroup

from kruispunt import __version__
from kruispunt.cli.commands import COMMANDS
from kruispunt.cli.later import PLAIN
from kruispunt.errors import ConfigurationError, KruispuntError

_typer = typer.Typer(
    name="kruispunt",
    help="An open crossroads bank. Start with: kruispunt demo",
    no_args_is_help=True,
    **PLAIN,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@_typer.callback()
def _root(
    version: bool = typer.Option(  # noqa: ARG001  its callback does what it is for
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    # Imported here: help and version log nothing, and it takes longer than they do.
    from kruispunt.cli.logs import configure

    configure()


app = cast(TyperGroup, typer.main.get_command(_typer))
for command in COMMANDS:
    app.add_command(command)


def main() -> None:
    """Entry point. Exit code 0 done, 1 the work failed or was refused, 2 the command or a setting is wrong; 130 and 143
    when Ctrl-C or SIGTERM ended it, which leave nothing behind that it started."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Terminals of another character set (ISO-8859-1 in older Belgian locales) see an escape, no traceback.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except ConfigurationError as error:
        _end(error, 2)
    except KruispuntError as error:
        _end(error, 1)
    except OSError as error:
        what = error.strerror or str(error) or type(error).__name__
        _end(f"{error.filename}: {what}" if error.filename else what, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _end(error: KruispuntError | str, code: int) -> NoReturn:
    # Imported here: the command that raised it has done so already.
    from kruispunt.cli.terminal import err

    err.print(f"kruispunt: {error}", markup=False)
    sys.exit(code)


if __name__ == "__main__":
    main()
