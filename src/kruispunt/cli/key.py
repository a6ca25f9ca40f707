"""`kruispunt key`: keys that the platform makes itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from kruispunt.cli.opening import dsn_of, find_settings
from kruispunt.cli.serve import prepare
from kruispunt.cli.terminal import ConfigOption, out, who_reads
from kruispunt.clock import SystemClock
from kruispunt.configured import master_keys_in, master_keys_of
from kruispunt.errors import ConfigurationError
from kruispunt.securitylog.keys import MasterKey, new_master_key
from kruispunt.securitylog.rotation import Announce, announcing, begin_afresh, rotate
from kruispunt.settings import Settings

T = TypeVar("T")


def new_log_master(
    file: Annotated[Path, typer.Argument(help="File to write; must not exist.")],
    after_loss: Annotated[
        bool,
        typer.Option(
            "--after-loss",
            help="The master key of the database of the settings is lost: begin afresh under the new one. "
            "Every message that was logged until now stays unreadable.",
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make a master key for the security log. Keep a copy: without it no logged message can be read again.

    Example: kruispunt key new-log-master /etc/kruispunt/log-master.key
    """
    settings = find_settings(config) if after_loss else None
    try:
        new_master_key(file)
    except FileExistsError:
        raise ConfigurationError(f"{file} exists; a log master key is never overwritten") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    if settings is not None:
        try:
            _begin_afresh(settings, file)
        except ConfigurationError:
            # Nothing was committed. After any other error that is not certain, so the key stays.
            file.unlink()
            raise
    out.print(f"Wrote {file}, readable by you only. Keep a copy in another place.", markup=False)


def rotate_log_master(
    old: Annotated[Path, typer.Argument(help="File with the master key in force; may hold others too.", exists=True)],
    new: Annotated[Path, typer.Argument(help="File with the new one alone.", exists=True)],
    config: ConfigOption = None,
) -> None:
    """Wrap every key of the security log by another master key, in one transaction. Servers may run.

    Before, add the new key to log_master_key_file of every server: see docs/how-to/rotate-keys.md.

    Example: kruispunt key rotate-log-master log-master.key log-master.new
    """
    known, given = master_keys_in(old), master_keys_in(new)
    if len(given) != 1:
        raise ConfigurationError(f"{new} holds {len(given)} keys; the new master key must stand there alone")
    settings = find_settings(config)
    done = _with_log(settings, given[0], lambda dsn, announce: rotate(dsn, known, given[0], announce))
    if done.wrapped:
        out.print(f"{done.wrapped} keys were wrapped by {given[0].name}, and read back before they were committed.")
    else:
        out.print(f"Nothing to do: {given[0].name} wraps every key already.")
    if done.lost:
        out.print(f"{done.lost} keys stay as they are: their master key was declared lost.")
    out.print("Take the old key out of log_master_key_file of every server. Keep it while backups of before are kept.")


def _begin_afresh(settings: Settings, file: Path) -> None:
    new = master_keys_in(file)[0]
    try:
        known = master_keys_of(settings)
    except ConfigurationError:
        known = ()
    left = _with_log(settings, new, lambda dsn, announce: begin_afresh(dsn, known, new, announce))
    out.print(
        f"The security log begins afresh. {left.keys} keys were set aside: {left.entries} messages that were logged "
        "before cannot be read any more, and their entries cannot be found by person number.\n"
        "All entries stay, with their facts and with the digests by which they are proved. This is itself an entry.\n"
        "If the old key is found after all, add it to log_master_key_file: the messages can then be read again.\n"
        f"Now point log_master_key_file at {file} on every server, and start them.",
        markup=False,
    )


def _with_log(settings: Settings, master: MasterKey, work: Callable[[str, Announce], Awaitable[T]]) -> T:
    """Runs `work` with the log open for entries about its keys."""

    async def run(dsn: str) -> T:
        async with announcing(dsn, SystemClock(), who_reads(), master) as announce:
            return await work(dsn, announce)

    with dsn_of(settings) as dsn:
        prepare(settings, dsn)
        return asyncio.run(run(dsn))
