"""Schema changes, in a real process on a real database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory

import kruispunt.services
from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.storage import migrate as module
from kruispunt.storage import revisions
from kruispunt.storage.migrate import apply, main, migrate, pending

SERVICES = sorted(path.parent for home in kruispunt.services.__path__ for path in Path(home).glob("*/migrations"))
FIRST = """
from alembic import op
revision = "toy_0001"
down_revision = None
branch_labels = ("toy",)
depends_on = "core_0001"


def upgrade() -> None:
    op.execute("create table toy (ssin bigint primary key)")
    op.execute("insert into toy values (85673093313)")
"""
SECOND = """
from alembic import op
revision: str = "toy_0002"
down_revision: str | None = "toy_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("{}")
"""


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "a toy, 50% off"
    (folder / "migrations").mkdir(parents=True)
    (folder / "migrations" / "toy_0001_tables.py").write_text(FIRST)
    return folder


def add(service: Path, statement: str) -> None:
    (service / "migrations" / "toy_0002_more.py").write_text(SECOND.format(statement))


def tables(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")}


def test_database_gets_all_tables_and_lacks_nothing_after(empty_dsn: str, service: Path) -> None:
    before = pending(empty_dsn, [service])
    assert before.index("core_0001") < before.index("toy_0001")
    assert set(before) >= {"core_0001", "core_0002", "core_0003", "toy_0001"}
    migrate(empty_dsn, [service])
    assert {"person", "inscription", "toy"} <= tables(empty_dsn)
    assert pending(empty_dsn, [service]) == []


def test_second_run_starts_no_process(empty_dsn: str, service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(empty_dsn, [service])
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    migrate(empty_dsn, [service])
    add(service, "select 1")
    with pytest.raises(FileNotFoundError):
        migrate(empty_dsn, [service])


def test_later_revision_alone_is_applied(empty_dsn: str, service: Path) -> None:
    migrate(empty_dsn, [service])
    add(service, "create table toy_more (n int)")
    assert pending(empty_dsn, [service]) == ["toy_0002"]
    migrate(empty_dsn, [service])
    assert "toy_more" in tables(empty_dsn)


def test_start_up_with_nothing_to_do_never_loads_alembic(empty_dsn: str) -> None:
    migrate(empty_dsn)
    code = (
        "import os, sys; from kruispunt.storage.migrate import migrate; "
        "migrate(os.environ['KRUISPUNT_DSN']); print([name for name in ('alembic', 'sqlalchemy') if name "
        "in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KRUISPUNT_DSN": empty_dsn},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_failure_is_told_without_data_and_leaves_the_revision_undone(empty_dsn: str, service: Path) -> None:
    migrate(empty_dsn, [service])
    add(service, "create table half (n int); insert into toy values (85673093313)")
    with pytest.raises(ConfigurationError) as raised:
        migrate(empty_dsn, [service])
    assert "toy_0001 -> toy_0002" in str(raised.value)
    assert 'duplicate key value violates unique constraint "toy_pkey"' in str(raised.value)
    assert "85673093313" not in str(raised.value)
    assert pending(empty_dsn, [service]) == ["toy_0002"]
    assert "toy" in tables(empty_dsn)
    assert "half" not in tables(empty_dsn)


def test_servers_that_start_at_once_do_not_collide(empty_dsn: str, service: Path) -> None:
    add(service, "select pg_sleep(0.3)")
    started = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "kruispunt.storage.migrate", service],
            env={**os.environ, "KRUISPUNT_DSN": empty_dsn},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    told = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], told
    assert sum("toy_0001 -> toy_0002" in output for output, _ in told) == 1


def test_statement_gives_up_rather_than_hold_up_every_exchange(
    empty_dsn: str, service: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(empty_dsn, [service])
    add(service, "alter table toy add n int")
    monkeypatch.setattr(module, "PATIENCE_FOR_TABLES", "50ms")
    with psycopg.connect(empty_dsn) as busy:
        busy.execute("lock table toy in access share mode")
        with pytest.raises(ConfigurationError, match=r"toy_0002.*lock timeout"):
            apply(empty_dsn, [service])
    apply(empty_dsn, [service])
    assert pending(empty_dsn, [service]) == []


def test_other_who_never_ends_is_told(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_FOR_OTHERS", 0.0)
    with module._alone(empty_dsn), pytest.raises(ConfigurationError, match="Another process"):
        apply(empty_dsn)


def test_revisions_of_a_service_that_was_removed_are_no_obstacle(empty_dsn: str, service: Path) -> None:
    migrate(empty_dsn, [service])
    migrate(empty_dsn)
    assert pending(empty_dsn) == []


def test_older_release_that_lacks_what_the_database_has_is_told(empty_dsn: str, service: Path) -> None:
    add(service, "select 1")
    migrate(empty_dsn, [service])
    (service / "migrations" / "toy_0002_more.py").unlink()
    with pytest.raises(ConfigurationError, match=r"unknown here.*toy_0002.*lacks toy_0001"):
        migrate(empty_dsn, [service])


def test_dsn_comes_from_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KRUISPUNT_DSN", raising=False)
    assert main([]) == 2
    assert "KRUISPUNT_DSN" in capsys.readouterr().err


def test_command_line_tells_failure_by_its_status(
    empty_dsn: str, service: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KRUISPUNT_DSN", empty_dsn)
    assert main([str(service)]) == 0
    assert main([str(service / "missing")]) == 1
    assert "missing does not exist" in capsys.readouterr().err


def test_server_that_is_away_is_a_storage_error(empty_dsn: str) -> None:
    missing = empty_dsn.replace("kruispunt_test_", "kruispunt_missing_")
    with pytest.raises(StorageError, match="cannot be reached"):
        migrate(missing)
    with pytest.raises(StorageError, match="cannot be reached"):
        apply(missing)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("twice", 'revision = "toy_0001"', "exists twice"),
        ("orphan", 'revision = "toy_0009"\ndown_revision = "toy_0008"', "toy_0009 needs toy_0008"),
        ("circle", 'revision = "toy_0009"\ndepends_on = ("toy_0009",)', "needs itself"),
        ("computed", 'revision = "toy_" + str(9)', "literal values"),
        ("broken", "revision = (", "literal values"),
    ],
)
def test_revisions_that_contradict_each_other_are_told(
    empty_dsn: str, service: Path, name: str, text: str, told: str
) -> None:
    (service / "migrations" / f"{name}.py").write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        pending(empty_dsn, [service])


def test_cheap_reading_finds_what_alembic_finds(service: Path) -> None:
    (service / "migrations" / "__init__.py").write_text('"""Declares no revision."""\n')
    places = revisions.locations([*SERVICES, service])
    scripts = ScriptDirectory(str(revisions.MIGRATIONS), version_locations=list(map(str, places)))
    theirs = {script.revision: script for script in scripts.walk_revisions()}
    ours = revisions._known(places)
    assert set(ours) == set(theirs)
    for name, revision in ours.items():
        assert set(revision.parents) == set(theirs[name]._all_down_revisions)
