"""Who uses the embedded server last stops it, and one that dies under a server is started again."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from multiprocessing import get_context
from pathlib import Path

import pytest
from engines import START, accepts, ask, postmaster, tell, wait_until

from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.storage import keeping
from kruispunt.storage.embedded import EmbeddedPostgres
from kruispunt.storage.engine import postgres


def test_who_leaves_last_stops_it_whoever_started_it(server_directory: Path) -> None:
    """And neither who was killed nor a child, forked or started by another program, counts as somebody who uses it."""
    killed = subprocess.Popen(
        [sys.executable, "-c", f"{START}; print(e.start(), flush=True); sys.stdin.read()", server_directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert killed.stdout is not None
    assert killed.stdout.readline()
    first, second = EmbeddedPostgres(server_directory), EmbeddedPostgres(server_directory)
    dsn = first.start()
    heir = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    first.start()
    forked = get_context("fork").Event()
    child = get_context("fork").Process(target=forked.wait, daemon=True)
    child.start()
    second.start()
    first.leave()
    first.leave()
    assert accepts(dsn)
    second.leave()
    assert accepts(dsn)
    with EmbeddedPostgres(server_directory):
        killed.kill()
        killed.communicate()
    assert not accepts(dsn)
    forked.set()
    child.join()
    heir.communicate(b"\n")


def test_the_lock_of_users_is_for_the_owner_alone(server_directory: Path) -> None:
    """Or a stranger could keep the server from being stopped."""
    with EmbeddedPostgres(server_directory):
        assert stat.S_IMODE((server_directory / "users").stat().st_mode) == 0o600
        assert (server_directory / "users").stat().st_uid == os.geteuid()


def test_a_start_that_fails_uses_nothing(server_directory: Path) -> None:
    with EmbeddedPostgres(server_directory) as server:
        version = server_directory / "data" / "PG_VERSION"
        kept = version.read_text()
        EmbeddedPostgres(server_directory).stop()
        version.write_text("9\n")
        failing = EmbeddedPostgres(server_directory)
        with pytest.raises(ConfigurationError):
            failing.start()
        version.write_text(kept)
        server.start()
    assert not accepts(server.dsn)


def test_revived_when_it_is_gone_and_only_then(server_directory: Path) -> None:
    with EmbeddedPostgres(server_directory) as server:
        assert not server.revive()
        tell(server.dsn, "create table kept (number int)")
        first = postmaster(server_directory)
        os.kill(first, signal.SIGKILL)
        wait_until(server.revive)
        assert ask(server.dsn, "select count(*) from kept") == 0
        assert not server.revive()
        assert postmaster(server_directory) != first


def test_data_that_are_gone_are_not_replaced_by_empty_ones(server_directory: Path) -> None:
    with EmbeddedPostgres(server_directory) as server:
        EmbeddedPostgres(server_directory).stop()
        (server_directory / "data").rename(server_directory / "elsewhere")
        with pytest.raises(StorageError, match="not there any more"):
            server.revive()
        assert not (server_directory / "data").exists()


def test_looked_after_until_the_end(server_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried for as long as it takes; one that was given by its DSN is nobody's to start."""
    monkeypatch.setattr(keeping, "PAUSE", 0.01)
    tries: list[Exception] = [ConfigurationError("no room"), OSError("no descriptors")]
    revive = EmbeddedPostgres.revive

    def failing(server: EmbeddedPostgres) -> bool:
        if tries and not accepts(server.dsn):
            raise tries.pop()
        return revive(server)

    monkeypatch.setattr(EmbeddedPostgres, "revive", failing)
    with postgres(None, server_directory, kept=True) as dsn:
        for _ in range(2):
            os.kill(killed := postmaster(server_directory), signal.SIGKILL)
            wait_until(lambda killed=killed: accepts(dsn) and postmaster(server_directory) != killed)  # type: ignore[misc]
        assert not tries
        with postgres(dsn, server_directory.parent / "never", kept=True):
            pass
        assert not (server_directory.parent / "never").exists()
    assert not accepts(dsn)
    assert not [thread for thread in threading.enumerate() if thread.name == "embedded database"]
