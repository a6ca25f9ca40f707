"""The files of one embedded server, and the making of them.

    <directory>/            ours, 0700, or 0711 when we are root
        lock                held while a process starts or stops the server
        users               held, shared, by every process that uses the server
        postgresql.conf  pg_hba.conf  pg_ident.conf
        postgres.log
        data/               the server's account, 0700
        socket/             the server's account, 0700
        socket-directory    only when the path of socket/ is too long: where the socket is instead
        binaries-…/         only when the account cannot reach the installed ones

Root never writes in a directory that the server's account owns, so a link laid there leads root nowhere.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kruispunt.errors import ConfigurationError
from kruispunt.storage import configuration
from kruispunt.storage.account import Account, barrier
from kruispunt.storage.installation import Installation

SOCKET_PATH_LIMIT = 107
"""Bytes that the path of a Unix socket may have on Linux (`sun_path`, without its final zero)."""
SOCKET_NAME = f".s.PGSQL.{configuration.PORT}"
LOG_LIMIT = 10_000_000
"""Bytes after which the log is set aside at the next start; one older log is kept."""
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""All that the server sees of our environment, in which keys may stand."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one embedded server; `directory` is absolute and holds no links."""

    directory: Path

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    @property
    def users(self) -> Path:
        return self.directory / "users"

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def settings(self) -> Path:
        return self.directory / "postgresql.conf"

    @property
    def short_socket(self) -> Path:
        return self.directory / "socket-directory"

    @property
    def socket(self) -> Path:
        """The directory of the socket, as it was laid down by `make_socket_directory`."""
        if self.short_socket.exists():
            return Path(os.fsdecode(self.short_socket.read_bytes()))
        return self.directory / "socket"


def make_directory(directory: Path) -> Layout:
    """Make the directory when it is not there. Raises ConfigurationError when it is not safely ours."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700 if os.geteuid() else 0o711)
        directory = directory.resolve()
        status = directory.stat()
    except OSError as error:
        raise ConfigurationError(
            f"The directory {directory} of the database cannot be made or read ({error.strerror}): choose another one."
        ) from error
    if status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH:
        raise ConfigurationError(
            f"The directory {directory} of the database must belong to {_our_name()} and not be writable "
            "by everybody: choose another one, which is made when it does not exist."
        )
    return Layout(directory)


def check_reach(layout: Layout, account: Account) -> None:
    """Raises ConfigurationError when `account` cannot reach the directory, and says which part blocks it."""
    blocked = barrier(layout.directory, account) if account.uid != os.geteuid() else None
    if blocked is not None:
        raise ConfigurationError(
            f"PostgreSQL runs as {account.name}, because it refuses to run as root, and {account.name} "
            f"cannot reach the database in {layout.directory}: {blocked} does not let it through. Choose a "
            f"directory elsewhere, for instance below /var/lib, or let it through with: chmod o+x {blocked}"
        )


def make_socket_directory(layout: Layout, account: Account) -> Path:
    """The directory of the socket, 0700 and owned by `account`; a short one elsewhere when its path would
    be too long."""
    here = layout.directory / "socket"
    if _fits(here):
        layout.short_socket.unlink(missing_ok=True)
        if not here.exists():
            here.mkdir(mode=0o700)
            account.own(here)
        return here
    if layout.short_socket.exists() and _is_private(layout.socket, account):
        return layout.socket
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - only a new directory of 0700 is made in it
        if _fits(Path(parent) / "kruispunt-xxxxxxxx"):
            made = Path(tempfile.mkdtemp(prefix="kruispunt-", dir=parent))
            account.own(made)
            layout.short_socket.write_bytes(os.fsencode(made))
            return made
    raise ConfigurationError(f"No directory for temporary files is short enough to hold a socket: see {here}.")


def write_configuration(layout: Layout, account: Account, socket: Path) -> None:
    access, accounts = layout.directory / "pg_hba.conf", layout.directory / "pg_ident.conf"
    access.write_text(configuration.access())
    accounts.write_text(configuration.accounts(account))
    layout.settings.write_text(configuration.settings(layout.data, socket, access, accounts))
    for path in (access, accounts, layout.settings):
        path.chmod(0o644)


def make_data(layout: Layout, account: Account, installation: Installation) -> None:
    """Make the data directory with its role and its database, when there is none. Whole or not at all."""
    if layout.data.exists():
        return
    making = layout.directory / "data.part"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    account.own(making)
    initdb, server = installation.program("initdb"), installation.program("postgres")
    _run(
        account,
        [
            initdb,
            "-D",
            making,
            "-U",
            configuration.ADMINISTRATOR,
            "-E",
            "UTF8",
            "--locale=C",
            "--auth=reject",
        ],
    )
    _run(
        account,
        [server, "--single", "-D", making, "-c", "exit_on_error=on", "postgres"],
        given=configuration.first_statements(),
    )
    making.rename(layout.data)
    _flush(layout.directory)


def open_log(layout: Layout) -> int:
    """A descriptor to append to the log; it belongs to us and nobody else reads it."""
    if layout.log.exists() and layout.log.stat().st_size > LOG_LIMIT:
        layout.log.replace(layout.log.with_suffix(".log.1"))
    return os.open(layout.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _run(account: Account, command: list[str | Path], given: str = "") -> None:
    done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
        command,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        umask=0o077,
        **account.spawning(),
    )
    if done.returncode:
        told = (done.stderr or done.stdout).strip()
        raise ConfigurationError(f"{Path(command[0]).name} cannot make the database as {account.name}: {told}")


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_NAME)) <= SOCKET_PATH_LIMIT


def _is_private(directory: Path, account: Account) -> bool:
    try:
        status = directory.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and stat.S_IMODE(status.st_mode) == 0o700


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _our_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user id {os.geteuid()}"
