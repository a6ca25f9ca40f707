"""An installation that distributes, for its commands: rights in force, and a folder for files."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

from mutation_ground import table

import installation
from installation import command, issuer
from kruispunt.clock import BELGIUM
from kruispunt.storage.database import Database
from kruispunt.wss.trust import TrustStore

_MORE = """
environment = "acceptance"
mutation_dir = "files"
distribution_time = "00:00"
"""


def yesterday() -> date:
    """The day that is due, in Belgium. Asked by a test: when this module was read it may have been another one."""
    return datetime.now(BELGIUM).date() - timedelta(days=1)


def trusted() -> TrustStore:
    return TrustStore([issuer()])


async def install(directory: Path, dsn: str, database: Database) -> Path:
    """The settings file of an installation whose files of mutations lie in `directory`/files."""
    (directory / "files").mkdir()
    return await installation.install(directory, dsn, database, table(), _MORE)


def words(*more: str) -> list[str]:
    """The words of a command below `kruispunt mutations`, as a program is started."""
    return command("mutations", *more)
