"""Schema changes: `python -m kruispunt.storage.migrate [service folder ...]`, with the DSN in KRUISPUNT_DSN.

Plain SQL in Alembic revisions: the core's, and those that services bring on branches of their own. Each
revision is one transaction. Servers keep running meanwhile, so a revision expands or contracts and never
does both, and gives up rather than queue long for a lock behind which every exchange would wait.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from kruispunt.errors import ConfigurationError, KruispuntError, StorageError
from kruispunt.storage.revisions import MIGRATIONS, PATIENCE_TO_CONNECT, locations, pending

__all__ = ["apply", "main", "migrate", "pending"]

VARIABLE = "KRUISPUNT_DSN"
"""The DSN goes through the environment: arguments are open to every user of the machine."""
ONE_AT_A_TIME = 0x6B72_7569_7370
"""Key of the advisory lock."""
PATIENCE_FOR_OTHERS = 300.0
"""Seconds that another server may take to migrate the same database."""
PATIENCE_FOR_TABLES = "10s"
"""How long a statement may wait for a lock on a table."""


def migrate(dsn: str, folders: Sequence[Path] = ()) -> None:
    """Bring the database up to date, in a process of its own; at once when nothing is lacking.

    `folders` are service folders. Raises ConfigurationError with the message of the statement that failed.
    """
    if not pending(dsn, folders):
        return
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-m", "kruispunt.storage.migrate", *map(str, folders)],
        env={**os.environ, VARIABLE: dsn},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigurationError(done.stderr.strip() or f"The migration ended with {done.returncode} and no message.")


def apply(dsn: str, folders: Sequence[Path] = ()) -> None:
    """Bring the database up to date, in this process. Raises as `migrate` does."""
    with _alone(dsn):
        if not pending(dsn, folders):
            return
        _upgrade(dsn, locations(folders))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 called wrongly."""
    dsn = os.environ.get(VARIABLE)
    if not dsn:
        sys.stderr.write(f"{VARIABLE} must hold the DSN of the database.\n")
        return 2
    try:
        apply(dsn, [Path(argument) for argument in (sys.argv[1:] if arguments is None else arguments)])
    except KruispuntError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


@contextmanager
def _alone(dsn: str) -> Iterator[None]:
    """Hold the database's migration lock. Asked for again and again rather than waited for in a statement,
    because a waiting statement would hold up `create index concurrently` of who has the lock."""
    deadline = time.monotonic() + PATIENCE_FOR_OTHERS
    try:
        connection = psycopg.connect(dsn, connect_timeout=PATIENCE_TO_CONNECT, autocommit=True)
    except psycopg.OperationalError as error:
        raise StorageError(f"The database cannot be reached: {error}") from error
    with connection:
        while connection.execute("select pg_try_advisory_lock(%s)", [ONE_AT_A_TIME]).fetchone() != (True,):
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"Another process has been migrating this database for {PATIENCE_FOR_OTHERS:g} s: wait "
                    "until it is done, or end it."
                )
            time.sleep(0.1)
        yield


def _upgrade(dsn: str, directories: Sequence[Path]) -> None:
    # Imported here: `migrate` is called at every start-up, and seldom comes this far.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", _plain(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_plain, directories)))
    progress = _Progress()
    logger = logging.getLogger("alembic.runtime.migration")
    logger.addHandler(progress)
    logger.setLevel(logging.INFO)
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(dsn), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
    except DBAPIError as error:
        raise ConfigurationError(f"{progress.last}: {_message(error.orig)}") from error
    except CommandError as error:
        raise ConfigurationError(f"{progress.last}: {error}") from error
    finally:
        logger.removeHandler(progress)


def _connect(dsn: str) -> psycopg.Connection:
    connection = psycopg.connect(dsn, connect_timeout=PATIENCE_TO_CONNECT)
    connection.execute(f"set lock_timeout = '{PATIENCE_FOR_TABLES}'")
    connection.commit()
    return connection


class _Progress(logging.Handler):
    """Remembers which revision Alembic is at, and says so on standard output."""

    last = "The migration cannot begin"

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        if told.startswith("Running upgrade"):
            self.last = f"The migration failed ({told[0].lower()}{told[1:]})"
            sys.stdout.write(f"{told}\n")


def _message(error: BaseException | None) -> str:
    """What the server said, without its details: those may hold data of people."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or str(error)


def _plain(path: Path) -> str:
    """A path as a configuration file takes it, where a percent sign stands for an interpolation."""
    return str(path.resolve()).replace("%", "%%")


if __name__ == "__main__":
    sys.exit(main())
