"""The embedded PostgreSQL: started, attached to and stopped by us, with the binaries of a wheel.

Whoever uses the server holds a shared lock on one of its files, and who leaves last stops it, whoever started
it. It outlives a process that is killed; the next one attaches to it. A server that was killed itself is started
again, with everything that it acknowledged.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from psycopg.pq import PGconn, Ping

from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.storage import configuration
from kruispunt.storage.account import Account, server_account
from kruispunt.storage.installation import find_installation, reachable
from kruispunt.storage.layout import (
    ENVIRONMENT,
    SOCKET_NAME,
    Layout,
    check_reach,
    make_data,
    make_directory,
    make_socket_directory,
    open_log,
    write_configuration,
)

PATIENCE_TO_START = 30.0
"""Seconds in which a start that fails on remains of a killed server is tried again."""
PATIENCE_TO_RECOVER = 600.0
"""Seconds that a server which runs may take until it lets us in: it may have much to recover."""
PATIENCE_TO_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 30.0))
"""Fast shutdown first; the second loses nothing either, but the next start has to recover."""
REMAINS = ("lock file", "shared memory block")
"""What a refusal to start speaks of while processes of a killed server are still about to end."""
PAUSE = 0.01


class EmbeddedPostgres:
    """One embedded server: its directory, whether it runs or not.

    As a context manager it starts the server, or attaches to it when it runs, and stops it at the end unless
    somebody else uses it.
    """

    def __init__(self, directory: Path) -> None:
        """`directory` belongs to the server alone, and is made when it does not exist."""
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._use: int | None = None
        """The descriptor by which we hold the lock of those who use the server."""

    @property
    def dsn(self) -> str:
        """Address of the database, for asyncpg and psycopg alike. Holds no secret."""
        socket = Layout(self._directory.resolve()).socket
        return _dsn(configuration.ROLE, configuration.DATABASE, socket)

    @property
    def administrator_dsn(self) -> str:
        """Address as superuser, for the operator's own tools. Kruispunt itself never uses it."""
        socket = Layout(self._directory.resolve()).socket
        return _dsn(configuration.ADMINISTRATOR, "postgres", socket)

    @property
    def version(self) -> str:
        """Of the PostgreSQL that serves this directory, such as `18.4`."""
        return find_installation(_major(Layout(self._directory.resolve()).data)).version

    @property
    def started_here(self) -> bool:
        """Whether this object started the server; False when it attached to one that ran."""
        return self._process is not None

    def start(self) -> str:
        """Start the server, or attach to it when it runs, and return its DSN once it lets us in.

        It stays until `leave`, `stop`, or the end of this process. Raises ConfigurationError when that cannot be:
        the message says why and what to do.
        """
        layout = make_directory(self._directory)
        account = server_account(layout.data)
        check_reach(layout, account)
        try:
            with _locked(layout):
                self._begin_use(layout)
                if self._process is not None and self._process.poll() is not None:
                    self._process = None
                socket = make_socket_directory(layout, account)
                if not self._runs():
                    self._launch(layout, account, socket)
        except BaseException:
            self.leave()
            raise
        return self.dsn

    def revive(self) -> bool:
        """Start the server again when it is gone, and return whether it was.

        Raises as `start` does, and StorageError when the data are gone as well: no empty ones take their place.
        """
        data = Layout(self._directory.resolve()).data
        if self._use is not None and _postmaster(data) is not None:
            return False
        if not data.exists():
            raise StorageError(f"The database in {data} is not there any more.")
        before = self._process
        self.start()
        return self._process is not before

    def leave(self) -> None:
        """Use the server no longer, and stop it when nobody else does, whoever started it."""
        if self._use is None:
            return
        layout = Layout(self._directory.resolve())
        if not layout.data.exists():
            self._end_use()
            return
        with _locked(layout):
            self._end_use()
            if not _in_use(layout):
                self._stop(layout)

    def stop(self) -> None:
        """Stop the server, whoever started or uses it; nothing happens when it does not run."""
        layout = Layout(self._directory.resolve())
        if not layout.data.exists():
            return
        with _locked(layout):
            self._end_use()
            self._stop(layout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def _begin_use(self, layout: Layout) -> None:
        """Waits for nobody: who holds the other lock of this file holds that of `_locked` as well."""
        self._end_use()
        self._use = os.open(layout.users, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._use, fcntl.LOCK_SH)

    def _end_use(self) -> None:
        if self._use is not None:
            # Said, not only closed: a child that was forked holds the descriptor too.
            fcntl.flock(self._use, fcntl.LOCK_UN)
            os.close(self._use)
            self._use = None

    def _stop(self, layout: Layout) -> None:
        postmaster = _postmaster(layout.data)
        if postmaster is not None:
            _end(postmaster, layout.data)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _runs(self) -> bool:
        """Whether a server lets us in; one that is starting, recovering or stopping is waited for."""
        deadline = time.monotonic() + PATIENCE_TO_RECOVER
        while (answer := self._ping()) is Ping.REJECT:
            if time.monotonic() > deadline:
                raise ConfigurationError(f"The database in {self._directory} lets nobody in: see its postgres.log.")
            time.sleep(PAUSE)
        return answer is Ping.OK

    def _ping(self) -> Ping:
        return Ping(PGconn.ping(f"{self.dsn}&connect_timeout=5".encode()))

    def _launch(self, layout: Layout, account: Account, socket: Path) -> None:
        installation = reachable(find_installation(_major(layout.data)), account, layout.directory)
        make_data(layout, account, installation)
        write_configuration(layout, account, socket)
        deadline = time.monotonic() + PATIENCE_TO_START
        while True:
            _forget_the_dead(layout.data, socket)
            with _log(layout) as log:
                before = os.fstat(log).st_size
                process = _spawn(installation.program("postgres"), layout, account, log)
            if self._let_in(process):
                self._process = process
                return
            told = layout.log.read_bytes()[before:].decode(errors="replace").strip()
            if time.monotonic() > deadline or not any(word in told for word in REMAINS):
                raise ConfigurationError(f"The database in {layout.directory} does not start: {told or 'no reason'}")
            time.sleep(10 * PAUSE)

    def _let_in(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the server lets us in; False when it ends before. Interrupted, it leaves no server
        behind."""
        deadline = time.monotonic() + PATIENCE_TO_RECOVER
        try:
            while process.poll() is None:
                if self._ping() is Ping.OK:
                    return True
                if time.monotonic() > deadline:
                    raise ConfigurationError(f"The database in {self._directory} lets nobody in: see its postgres.log.")
                time.sleep(PAUSE)
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        return False


def _dsn(role: str, database: str, socket: Path) -> str:
    # The port is named because PGPORT in the environment would otherwise change the socket's name.
    return f"postgresql://{role}@/{database}?host={quote(str(socket), safe='/')}&port={configuration.PORT}"


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """One process at a time starts or stops this server; the lock goes when its holder is killed."""
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _in_use(layout: Layout) -> bool:
    """Whether a living process uses this server. Asked under `_locked`, so that nobody begins to meanwhile."""
    descriptor = os.open(layout.users, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def _log(layout: Layout) -> Iterator[int]:
    descriptor = open_log(layout)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _spawn(program: Path, layout: Layout, account: Account, log: int) -> subprocess.Popen[bytes]:
    """A session of its own keeps Ctrl-C in a terminal from the server: who uses it last stops it, when he is
    done."""
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603
        [program, "-D", layout.data, "-c", f"config_file={layout.settings}"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        env=ENVIRONMENT,
        umask=0o077,
        start_new_session=True,
        **account.spawning(),
    )


def _major(data: Path) -> int | None:
    """The major version that made the data; None when there are none yet."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _postmaster(data: Path) -> int | None:
    """Process id of the server of this data directory; None when none is alive.

    The file alone does not prove it: after a reboot, or in a container, its number may be somebody else's.
    A server works in its data directory.
    """
    try:
        process = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return process if _works_in(process, data) else None


def _works_in(process: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{process}/cwd").readlink() == data
    except OSError:
        return False


def _forget_the_dead(data: Path, socket: Path) -> None:
    """Remove the lock files of a server that was killed, by which any process of its number misleads PostgreSQL."""
    if _postmaster(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)
        (socket / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)


def _end(process: int, data: Path) -> None:
    """Shut the server down and wait until it is gone. The handle keeps a signal from a later process of
    that number."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        for number, patience in PATIENCE_TO_STOP:
            if not _works_in(process, data):
                return
            signal.pidfd_send_signal(handle, number)
            if ended.poll(patience * 1000):
                return
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
    raise StorageError(f"The database in {data} does not stop: process {process} is still there.")
