"""`kruispunt mutations push`, `pushed`, `resend`: what subscribers are told at once, over NATS JetStream (RP-15)."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from kruispunt.cli.opening import with_database
from kruispunt.cli.terminal import ConfigOption, JsonOption, out, print_list
from kruispunt.jobs import open_pusher
from kruispunt.mutations.outbox import Lane, Outbox
from kruispunt.settings import Settings
from kruispunt.storage.database import Database


def push(
    once: Annotated[bool, typer.Option("--once", help="Push what there is, and end.")] = False,
    config: ConfigOption = None,
) -> None:
    """Push changes to the subscriptions that want that, until SIGTERM or Ctrl-C; several may run, one works.

    Example: kruispunt mutations push
    """

    async def work(database: Database, settings: Settings) -> None:
        end = asyncio.Event()

        async def wait(seconds: float) -> bool:
            try:
                await asyncio.wait_for(end.wait(), seconds)
            except TimeoutError:
                return False
            return True

        pusher = open_pusher(settings, database, wait)
        if once:
            await pusher.once()
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end.set)
        await pusher.run()

    with_database(config, work, connections=CONNECTIONS, kept=not once)


def pushed(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show how far the messages of each subscription are.

    Example: kruispunt mutations pushed
    """
    found = with_database(config, lambda database, _: Outbox(database).status())
    print_list(found, _told, _line, "Nothing was pushed yet.", as_json=as_json)


def resend(
    code: Annotated[str, typer.Argument(help="Of the subscription.")],
    number: Annotated[int, typer.Argument(help="Of the first message that is sent again.", min=1)],
    config: ConfigOption = None,
) -> None:
    """Send the messages of a subscription again, from one on; a subscriber drops those that it has.

    Example: kruispunt mutations resend town 1200
    """
    count = with_database(config, lambda database, _: Outbox(database).again(code, number))
    out.print(f"{count:,} messages wait to be sent again.")


CONNECTIONS = 12
"""One that holds the lock, one for each subscription that is published at the same time, and some to spare."""


def _told(each: Lane) -> dict[str, object]:
    return {
        "subscription": each.code,
        "lastNumber": each.number,
        "waiting": each.waiting,
        "uncollectedFiles": each.uncollected,
        "uncollectedSince": None if each.since is None else each.since.isoformat(),
    }


def _line(each: Lane) -> str:
    since = "" if each.since is None else f", the oldest of {each.since:%Y-%m-%d %H:%M} UTC"
    return (
        f"{each.code:30} last message {each.number:,}, {each.waiting:,} wait for NATS, "
        f"{each.uncollected:,} files wait for the subscriber{since}"
    )
