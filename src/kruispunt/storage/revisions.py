"""Which schema changes there are, and which of them a database still lacks: without Alembic, whose import
alone takes longer than a whole start-up may spend on a database that lacks nothing.

A revision is one Python file that assigns `revision`, `down_revision` and `depends_on` literal values.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from kruispunt.errors import ConfigurationError, StorageError

MIGRATIONS = Path(__file__).parent / "migrations"
CORE = MIGRATIONS / "versions"
PATIENCE_TO_CONNECT = 10
"""Seconds."""
_NAMES = ("revision", "down_revision", "depends_on")


@dataclass(frozen=True, slots=True)
class Revision:
    """One schema change."""

    name: str
    parents: tuple[str, ...]
    """Revisions that go before it: `down_revision` and `depends_on`."""


def locations(folders: Sequence[Path]) -> list[Path]:
    """Directories that hold revisions: the core's own, and `migrations/` of every service folder that has
    one.

    Raises ConfigurationError for a folder that does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationError(f"The service folder {folder} does not exist.")
    return [CORE, *(folder / "migrations" for folder in folders if (folder / "migrations").is_dir())]


def pending(dsn: str, folders: Sequence[Path] = ()) -> list[str]:
    """Revisions that the database lacks, each after those that it needs; `folders` are service folders.

    Raises StorageError when the database cannot be reached. Raises ConfigurationError when revisions
    contradict each other, and when some are lacking while the database holds others that are unknown here.
    """
    known = _known(locations(folders))
    heads = _heads(dsn)
    lacking = [name for name in known if name not in _with_ancestors(heads, known)]
    strangers = sorted(heads - known.keys())
    if lacking and strangers:
        raise ConfigurationError(
            f"The database holds schema changes that are unknown here ({', '.join(strangers)}), and lacks "
            f"{', '.join(lacking)}: run the release that made them, and install the services that brought "
            "them."
        )
    return lacking


def _known(directories: Iterable[Path]) -> dict[str, Revision]:
    """All revisions by name, parents first."""
    found: dict[str, Revision] = {}
    for path in sorted(file for directory in directories for file in directory.glob("*.py")):
        revision = _read(path)
        if revision is None:
            continue
        if revision.name in found:
            raise ConfigurationError(f"{path}: the schema change {revision.name} exists twice.")
        found[revision.name] = revision
    ordered: dict[str, Revision] = {}
    for name in found:
        _put_after_parents(name, found, ordered, ())
    return ordered


def _put_after_parents(
    name: str, found: dict[str, Revision], ordered: dict[str, Revision], children: tuple[str, ...]
) -> None:
    if name in ordered:
        return
    if name not in found:
        raise ConfigurationError(f"The schema change {children[-1]} needs {name}, which is in no installed service.")
    if name in children:
        raise ConfigurationError(f"The schema change {name} needs itself: {' needs '.join((*children, name))}.")
    for parent in found[name].parents:
        _put_after_parents(parent, found, ordered, (*children, name))
    ordered[name] = found[name]


def _read(path: Path) -> Revision | None:
    """The revision in a file; None for a file that declares none."""
    try:
        values = _assignments(path)
    except (SyntaxError, ValueError) as error:
        raise ConfigurationError(f"{path}: a schema change must assign literal values ({error}).") from error
    if "revision" not in values:
        return None
    parents = (*_several(values.get("down_revision")), *_several(values.get("depends_on")))
    return Revision(values["revision"], parents)


def _assignments(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for statement in ast.parse(path.read_bytes(), str(path)).body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and target.id in _NAMES:
                values[target.id] = ast.literal_eval(value)
    return values


def _several(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _heads(dsn: str) -> set[str]:
    """What Alembic wrote down: the last revisions of each branch, without those that another one depends
    on."""
    try:
        with psycopg.connect(dsn, connect_timeout=PATIENCE_TO_CONNECT, autocommit=True) as connection:
            if connection.execute("select to_regclass('alembic_version')").fetchone() == (None,):
                return set()
            return {name for (name,) in connection.execute("select version_num from alembic_version")}
    except psycopg.OperationalError as error:
        raise StorageError(f"The database cannot be reached: {error}") from error


def _with_ancestors(names: Iterable[str], known: dict[str, Revision]) -> set[str]:
    reached: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in known and name not in reached:
            reached.add(name)
            todo.extend(known[name].parents)
    return reached
