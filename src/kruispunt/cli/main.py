"""`kruispunt`: one file per group of commands."""

from __future__ import annotations

import sys

import typer

from kruispunt import __version__
from kruispunt.cli import (
    access,
    attack,
    batch,
    call,
    collecting,
    data,
    demo,
    distribution,
    doctor,
    key,
    log,
    mutations,
    people,
    persona,
    phonetic,
    pushing,
    receive,
    reindexing,
    relay,
    repertory,
    serve,
    supplier,
    why,
)
from kruispunt.cli.logs import configure
from kruispunt.cli.terminal import err
from kruispunt.errors import ConfigurationError, KruispuntError

app = typer.Typer(
    name="kruispunt",
    help="An open crossroads bank. Start with: kruispunt demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""`call` parses its own words: its commands are made from what the services declare."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None: ...


app.command("demo")(demo.demo)
app.command("call", context_settings=PASSED_ON, add_help_option=False)(call.call)
app.command("serve")(serve.serve)
app.command("relay")(relay.relay)
app.command("why")(why.why)
app.command("doctor")(doctor.doctor)
app.command("attack")(attack.attack)
app.command("phonetic")(phonetic.phonetic)
people.app.command("reindex")(reindexing.reindex)
mutations.app.command("distribute")(distribution.distribute_)
mutations.app.command("schedule")(distribution.schedule)
mutations.app.command("status")(distribution.status)
mutations.app.command("again")(distribution.again)
mutations.app.command("told")(distribution.told)
mutations.app.command("push")(pushing.push)
mutations.app.command("pushed")(pushing.pushed)
mutations.app.command("resend")(pushing.resend)
mutations.app.command("collected")(collecting.collected)
mutations.app.command("notes")(collecting.notes)
app.add_typer(access.app, name="access")
app.add_typer(people.app, name="people")
app.add_typer(repertory.app, name="repertory")
app.add_typer(batch.app, name="batch")
app.add_typer(mutations.app, name="mutations")
app.add_typer(receive.app, name="receive")
app.add_typer(data.app, name="data")
app.add_typer(log.app, name="log")
app.add_typer(supplier.app, name="supplier")
app.add_typer(persona.app, name="persona")
app.add_typer(key.app, name="key")


def main() -> None:
    """Entry point. Exit code 0 done, 1 the work failed or was refused, 2 the command or a setting is wrong."""
    configure()
    try:
        app()
    except ConfigurationError as error:
        err.print(f"kruispunt: {error}", markup=False)
        sys.exit(2)
    except KruispuntError as error:
        err.print(f"kruispunt: {error}", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
