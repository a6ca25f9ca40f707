"""The embedded server, really started, killed and stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from engines import START, accepts, ask, postmaster, tell

from kruispunt.errors import ConfigurationError
from kruispunt.storage import embedded
from kruispunt.storage.account import Account, barrier, server_account
from kruispunt.storage.embedded import EmbeddedPostgres
from kruispunt.storage.engine import check_server, postgres
from kruispunt.storage.installation import LIBRARIES, PACKAGE, Installation, find_installation, reachable
from kruispunt.storage.layout import ENVIRONMENT, make_data, make_directory

ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedPostgres]:
    from tempfile import mkdtemp

    parent = Path(mkdtemp(prefix="kruispunt-test-"))
    parent.chmod(0o711)
    os.environ["KRUISPUNT_TEST_SECRET"] = "not for the server"
    try:
        with EmbeddedPostgres(parent / "database") as server:
            yield server
    finally:
        del os.environ["KRUISPUNT_TEST_SECRET"]
        shutil.rmtree(parent)


@pytest.fixture
def directory(running: EmbeddedPostgres) -> Path:
    return running._directory


def test_both_drivers_use_the_dsn(running: EmbeddedPostgres) -> None:
    async def by_asyncpg() -> Any:
        connection = await asyncpg.connect(running.dsn)
        try:
            return await connection.fetchval("select current_user")
        finally:
            await connection.close()

    assert asyncio.run(by_asyncpg()) == "kruispunt"
    assert ask(running.dsn, "select current_user") == "kruispunt"


def test_version_is_that_of_the_server(running: EmbeddedPostgres) -> None:
    assert running.version == check_server(running.dsn)


def test_dsn_does_not_depend_on_the_environment(running: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    assert ask(running.dsn, "select 1") == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", ""),
        ("jit", "off"),
        ("max_connections", "100"),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("timezone", "UTC"),
    ],
)
def test_server_is_durable_and_reached_by_its_socket_alone(running: EmbeddedPostgres, setting: str, value: str) -> None:
    known = {"lc_collate": "select datcollate from pg_database where datname = current_database()"}
    assert ask(running.dsn, known.get(setting, f"show {setting}")) == value


def test_role_has_no_rights_over_the_server(running: EmbeddedPostgres) -> None:
    assert ask(running.dsn, "select rolsuper or rolcreaterole from pg_roles where rolname = current_user") is False
    assert ask(running.administrator_dsn, "select rolsuper from pg_roles where rolname = current_user") is True


def test_server_runs_without_the_rights_of_root(directory: Path) -> None:
    process = postmaster(directory)
    owner = Path(f"/proc/{process}").stat().st_uid
    assert owner == (directory / "data").stat().st_uid
    assert owner == server_account(directory / "data").uid
    assert owner != 0
    groups = Path(f"/proc/{process}/status").read_text().split("Groups:")[1].split("\n")[0].split()
    assert groups == [] or not ROOT


def test_server_sees_none_of_our_environment(directory: Path) -> None:
    environment = Path(f"/proc/{postmaster(directory)}/environ").read_bytes()
    assert b"KRUISPUNT_TEST_SECRET" not in environment
    assert b"LC_ALL=C" in environment


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(directory: Path) -> None:
    assert os.getsid(postmaster(directory)) != os.getsid(0)


def test_socket_is_closed_to_other_accounts(running: EmbeddedPostgres, directory: Path) -> None:
    status = (directory / "socket").stat()
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == (directory / "data").stat().st_uid
    if ROOT:
        stranger = Account("stranger", 54_321, 54_321)
        assert barrier(directory / "socket", stranger) == directory / "socket"
        assert run_as(stranger, accepts, running.dsn) is False


def test_log_holds_nothing_of_people(running: EmbeddedPostgres, directory: Path) -> None:
    tell(running.dsn, "create table known (number bigint primary key)")
    tell(running.dsn, "insert into known values (85673093313)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        tell(running.dsn, "insert into known values (85673093313)")
    log = (directory / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "85673093313" not in log
    assert stat.S_IMODE((directory / "postgres.log").stat().st_mode) == 0o600


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(server_directory: Path) -> None:
    server = EmbeddedPostgres(server_directory)
    server.start()
    tell(server.dsn, "create table kept (number int)")
    for turn in range(3):
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for number in range(50):
                connection.execute("insert into kept values (%s)", [turn * 50 + number])
            os.kill(postmaster(server_directory), signal.SIGKILL)
        # The first time the one who started it starts it again, then another who finds only remains.
        server = server if turn == 0 else EmbeddedPostgres(server_directory)
        server.start()
        assert server.started_here
        assert ask(server.dsn, "select array_agg(number order by number) from kept") == list(range(turn * 50 + 50))
    server.stop()


def test_lock_file_that_names_a_process_of_somebody_else_is_no_obstacle(server_directory: Path) -> None:
    with EmbeddedPostgres(server_directory):
        pass
    lock = server_directory / "data" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{server_directory / 'data'}\n")
    with EmbeddedPostgres(server_directory) as server:
        assert postmaster(server_directory) != os.getpid()
        assert accepts(server.dsn)


def test_server_survives_the_process_that_started_it(server_directory: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", f"{START}; print(e.start(), flush=True); sys.stdin.read()", server_directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    dsn = starter.stdout.readline().strip()
    starter.kill()
    starter.communicate()
    with EmbeddedPostgres(server_directory) as server:
        assert not server.started_here
        assert server.dsn == dsn
        assert accepts(dsn)
    assert not accepts(dsn)


def test_of_two_that_start_at_once_one_starts_and_the_other_attaches(server_directory: Path) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", f"{START}; e.start(); print(e.started_here)", server_directory],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert sorted(starter.communicate()[0].strip() for starter in starters) == ["False", "True"]
    assert accepts(EmbeddedPostgres(server_directory).dsn)


def test_postgres_stops_what_nobody_uses_any_more(server_directory: Path) -> None:
    with postgres(None, server_directory) as dsn:
        with postgres(None, server_directory) as again:
            assert again == dsn
        with postgres(dsn, None) as given:
            assert given == dsn
        assert accepts(dsn)
    assert not accepts(dsn)


def test_remains_of_an_interrupted_first_start_are_cleared(server_directory: Path) -> None:
    make_directory(server_directory)
    (server_directory / "data.part").mkdir()
    (server_directory / "data.part" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(server_directory) as server:
        assert accepts(server.dsn)
    assert not (server_directory / "data.part").exists()


def test_stop_of_a_server_that_never_ran_does_nothing(server_directory: Path) -> None:
    EmbeddedPostgres(server_directory).stop()
    assert not server_directory.exists()


def test_socket_moves_to_a_short_directory_when_its_path_would_be_too_long(server_directory: Path) -> None:
    long = server_directory.parent / ("d" * 100) / 'it\'s 50% "of", a\\path'
    try:
        with EmbeddedPostgres(long) as server:
            socket = Path(os.fsdecode((long / "socket-directory").read_bytes()))
            assert accepts(server.dsn)
            assert stat.S_IMODE(socket.stat().st_mode) == 0o700
            first = server.dsn
        with EmbeddedPostgres(long) as server:
            assert server.dsn == first
        socket.rmdir()
        with EmbeddedPostgres(long) as server:
            assert server.dsn != first
    finally:
        EmbeddedPostgres(long).stop()
        shutil.rmtree(os.fsdecode((long / "socket-directory").read_bytes()))


def test_directory_that_the_account_cannot_reach_is_told(server_directory: Path) -> None:
    parent = server_directory.parent
    if not ROOT:
        parent.chmod(0o777)
        with pytest.raises(ConfigurationError, match="not be writable by everybody"):
            EmbeddedPostgres(parent).start()
        parent.chmod(0o700)
        return
    parent.chmod(0o700)
    with pytest.raises(ConfigurationError, match=rf"{parent} does not let it through.*chmod o\+x {parent}"):
        EmbeddedPostgres(server_directory).start()
    assert stat.S_IMODE(parent.stat().st_mode) == 0o700


def test_directory_that_everybody_may_write_is_refused(server_directory: Path) -> None:
    server_directory.mkdir()
    server_directory.chmod(0o777)
    with pytest.raises(ConfigurationError, match="not be writable by everybody"):
        EmbeddedPostgres(server_directory).start()


def test_binaries_that_the_account_cannot_reach_are_copied_once(server_directory: Path) -> None:
    layout = make_directory(server_directory)
    account = server_account(layout.data)
    found = find_installation()
    private = server_directory.parent / "private"
    for part in (Path(PACKAGE) / found.name, Path(LIBRARIES)):
        shutil.copytree(found.root / part, private / part, ignore=shutil.ignore_patterns("include"))
    private.chmod(0o700)
    hidden = Installation(private, found.name, found.version)
    used = reachable(hidden, account, server_directory)
    if not ROOT:
        assert used == hidden
        return
    assert used.root.parent == server_directory
    assert barrier(used.program("postgres"), account) is None
    made = used.root.stat().st_ino
    assert reachable(hidden, account, server_directory).root.stat().st_ino == made
    shutil.rmtree(private)
    make_data(layout, account, used)
    assert (layout.data / "PG_VERSION").read_text().strip() == str(found.major)
    written = subprocess.run(["find", used.root, "-perm", "/022"], capture_output=True, text=True, check=True)
    assert written.stdout == ""


def test_ordinary_user_runs_the_server_himself(server_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = server_directory.parent / "home"
    home.mkdir()
    user = Account("nobody", 65_534, 65_534) if ROOT else server_account(home)
    if ROOT:
        os.chown(home, user.uid, user.gid)
    # Where root's home hides the packages, somebody else has packages of his own: a copy stands for them.
    used = reachable(find_installation(), user, server_directory.parent)
    monkeypatch.setattr(embedded, "find_installation", lambda *_: used)
    owner, version, ran_before, runs_after = run_as(user, start_and_stop, home / "database")
    assert owner == user.uid
    assert version == find_installation().version
    assert ran_before
    assert not runs_after


def test_data_of_another_account_are_refused(server_directory: Path) -> None:
    data = make_directory(server_directory).data
    data.mkdir()
    if ROOT:
        with pytest.raises(ConfigurationError, match="belongs to root"):
            EmbeddedPostgres(server_directory).start()
        stranger = Account("nobody", 65_534, 65_534)
        assert "belongs to the account root" in run_as(stranger, refusal, data)
    else:
        assert server_account(data).uid == os.geteuid()


def test_data_of_a_version_that_is_not_installed_are_refused(server_directory: Path) -> None:
    with EmbeddedPostgres(server_directory):
        pass
    (server_directory / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ConfigurationError, match=r"made by PostgreSQL 9,.*pg_dump"):
        EmbeddedPostgres(server_directory).start()


def test_server_that_cannot_start_says_why(server_directory: Path) -> None:
    with EmbeddedPostgres(server_directory):
        pass
    (server_directory / "data" / "global" / "pg_control").unlink()
    with pytest.raises(ConfigurationError, match="pg_control"):
        EmbeddedPostgres(server_directory).start()


def run_as(account: Account, function: Any, argument: Any) -> Any:
    """Call the function in a process that has given up all rights but those of `account`."""
    context = get_context("fork")
    answers = context.SimpleQueue()

    def child() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        os.environ["HOME"] = "/nonexistent"
        try:
            answers.put(function(argument))
        except BaseException as error:
            answers.put(repr(error))

    process = context.Process(target=child)
    process.start()
    answer = answers.get()
    process.join()
    return answer


def start_and_stop(directory: Path) -> tuple[int, str, bool, bool]:
    server = EmbeddedPostgres(directory)
    dsn = server.start()
    try:
        return_value = ((directory / "data").stat().st_uid, check_server(dsn), accepts(dsn))
    finally:
        server.stop()
    return (*return_value, accepts(dsn))


def refusal(data: Path) -> str:
    try:
        server_account(data)
    except ConfigurationError as error:
        return str(error)
    return ""


def test_environment_of_the_server_is_a_closed_list() -> None:
    assert set(ENVIRONMENT) == {"PATH", "LC_ALL", "TZ"}
