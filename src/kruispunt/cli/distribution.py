"""`kruispunt mutations distribute`, `schedule`, `again`: files for subscribers (RP-16 to RP-18)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final

import typer
from rich.progress import Progress, TextColumn

from kruispunt.cli.opening import find_settings, with_database
from kruispunt.cli.terminal import ConfigOption, JsonOption, err, out, print_list
from kruispunt.clock import SystemClock, today
from kruispunt.errors import DataError
from kruispunt.jobs import open_desk, times_of
from kruispunt.mutations import rows
from kruispunt.mutations.distributing import Done, Fix, distribute, restore
from kruispunt.mutations.distributions import days_due, last_day
from kruispunt.mutations.schedule import Schedule, turn
from kruispunt.mutations.writing import Desk
from kruispunt.settings import Settings
from kruispunt.storage.database import Database

_DAY = Annotated[
    str | None, typer.Option("--day", help="Civil day in Belgium, as 2026-01-31; by default all that are due.")
]
_TODAY_WAS: Final = "No day is due: today was distributed. What comes later today is told tomorrow."


def distribute_(
    day: _DAY = None,
    early: Annotated[bool, typer.Option("--early", help="Today too, before it is over.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Read all files that are kept; make again what is lost or was altered.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the files of the days that are due. One that was broken off goes on; again changes nothing.

    Without --day it does all that a turn of the schedule does: also requests, files that are lost, notes, notices, and
    what is old. The log tells those.

    Example: kruispunt mutations distribute
    """
    days = _days(day)

    async def work(database: Database, settings: Settings) -> tuple[tuple[Done, ...], str]:
        desk, fix = await open_desk(settings, database, early=early)
        now = today(SystemClock())
        nothing = _TODAY_WAS if early and await last_day(database) == now else "No day is due."
        with _bar() as bar:
            task = bar.add_task("", total=None)

            def tell(what: str, done: int, _total: int) -> None:
                bar.update(task, description=f"{done:,} {what}")

            times = times_of(settings)
            if not days:
                due = await days_due(database, now + timedelta(days=early))
                written = await turn(database, desk, fix, times, due, sweep=True, whole=check, progress=tell)
                return written.distributed + written.again, nothing
            told = await distribute(database, desk, fix, days, tell)
            if check:
                told += await restore(database, desk, times.oldest(desk.now()), whole=True, progress=tell)
            return told, nothing

    done, nothing = with_database(config, work)
    print_list(
        done,
        lambda each: {"day": str(each.day), "files": each.files, "records": each.records},
        lambda each: f"{each.day}: {each.files:,} files written, {each.records:,} records in them",
        nothing,
        as_json=as_json,
    )


def schedule(config: ConfigOption = None) -> None:
    """Distribute each day at `distribution_time`, write again what was asked for, tell what nobody collects.

    Runs until it is stopped; several may run beside each other.

    Example: kruispunt mutations schedule
    """
    find_settings(config)

    async def work(database: Database, settings: Settings) -> None:
        async def prepare() -> tuple[Desk, Fix]:
            return await open_desk(settings, database)

        await prepare()
        running = asyncio.ensure_future(Schedule(database, prepare, times_of(settings)).run())
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            err.print("Stopped.")

    with_database(config, work, kept=True)


def again(
    code: Annotated[str, typer.Argument(help="Of the subscription.")],
    sequence: Annotated[int, typer.Argument(help="Sequence number of the file.", min=1)],
    config: ConfigOption = None,
) -> None:
    """Write a file again, with the same bytes and the same voucher; also when it is there.

    Example: kruispunt mutations again onem-people 17
    """

    async def work(database: Database, settings: Settings) -> bool:
        desk, _ = await open_desk(settings, database)
        kept = await rows.file_of(database, code, sequence)
        if kept.made is None:
            raise DataError(
                f"file {sequence} of {code} was not made yet: kruispunt mutations distribute goes on with it"
            )
        await rows.ask(database, kept.file.id)
        await restore(database, desk)
        return (await rows.file_of(database, code, sequence)).file.within(desk.directory).exists()

    if not with_database(config, work):
        raise DataError(f"file {sequence} of {code} cannot be made again: it is older than mutation_retention_days")
    out.print("It is there.")


def _days(text: str | None) -> Sequence[date]:
    try:
        return [] if text is None else [date.fromisoformat(text)]
    except ValueError:
        raise DataError("--day: no day such as 2026-01-31") from None


def _bar() -> Progress:
    return Progress(TextColumn("{task.description}"), console=err, transient=True, disable=not err.is_terminal)
