"""The account that the embedded server runs under, and what that account can reach.

PostgreSQL refuses to run as root. An ordinary user runs the server as himself. Root runs it under an
unprivileged account that exists already: the owner of the data when there are data, else `postgres`, else
`nobody`. No account is created, and no right of a directory that existed before is widened.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from kruispunt.errors import ConfigurationError

UNPRIVILEGED = ("postgres", "nobody")
"""In order of preference."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int

    def spawning(self) -> dict[str, object]:
        """Arguments for `subprocess` that make a child run as this account; none when we are it already."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path`, which we have just made, to this account."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account(data: Path) -> Account:
    """The account to run the server of the data directory `data` under, which need not exist yet.

    Raises ConfigurationError when the data belong to somebody as whom we cannot run.
    """
    us = os.geteuid()
    owner = data.lstat().st_uid if data.exists() else None
    if us:
        if owner not in (None, us):
            raise ConfigurationError(
                f"The database in {data} belongs to the account {_name(owner)}: run as that account or as "
                "root, or choose another directory."
            )
        return _by_uid(us)
    if owner is None:
        return _unprivileged()
    if owner == 0:
        raise ConfigurationError(
            f"The database in {data} belongs to root, and PostgreSQL refuses to run as root: give the "
            f"directory and all in it to an unprivileged account (chown -R postgres {data}), or choose "
            "another directory."
        )
    return _by_uid(owner)


def barrier(path: Path, account: Account) -> Path | None:
    """The first part of the resolved `path` that `account`, without further groups, may not enter or execute.

    Reads permission bits alone: a right granted by an access control list is not seen.
    """
    for part in (*reversed(path.parents), path):
        status = part.stat()
        if status.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif status.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return part
    return None


def _unprivileged() -> Account:
    for name in UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_name, found.pw_uid, found.pw_gid)
    raise ConfigurationError(
        f"PostgreSQL refuses to run as root, and none of the accounts {' and '.join(UNPRIVILEGED)} exists: "
        "run as an ordinary user, or name a PostgreSQL server by its DSN."
    )


def _by_uid(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise ConfigurationError(
            f"User id {uid} has no name on this machine, and PostgreSQL asks for one: add it to "
            "/etc/passwd, or name a PostgreSQL server by its DSN."
        ) from None
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else "nobody at all"
    except KeyError:
        return str(uid)
