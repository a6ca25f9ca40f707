"""The ground that the benchmarks stand on: a demo in a temporary directory, set as a production server is.

The environment stays `development`, because production refuses the demo's certificates; `check_replies` is off, as it
is in production. That is the one setting that changes what an exchange costs.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.asked import CLIENTS, People
from kruispunt.app import establish_access
from kruispunt.cli.serve import prepare
from kruispunt.demo.build import Options, build_files, load_people
from kruispunt.demo.directory import DemoDirectory
from kruispunt.identifiers.ssin import from_int
from kruispunt.settings import Settings
from kruispunt.storage.embedded import EmbeddedPostgres

_WITH_DATA = """
    SELECT DISTINCT p.ssin
    FROM person p
    JOIN inscription i ON i.ssin = p.ssin AND i.organisation = $1 AND i.period @> current_date
    JOIN foreigner_employment e ON e.ssin = p.ssin
    WHERE p.state = 1
    ORDER BY p.ssin
"""


@dataclass(frozen=True, slots=True)
class Ground:
    directory: DemoDirectory
    settings: Settings
    dsn: str
    people: People

    def settings_file(self, workers: int) -> Path:
        """A settings file for `kruispunt serve` with so many workers, on ports that are free."""
        values = json.loads(self.settings.to_json())
        values |= {"workers": workers, "port": 0, "local_port": 0}
        path = self.directory.root / f"serve-{workers}.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if value not in (None, [])]
        path.write_text("\n".join(lines) + "\n")
        return path


@contextmanager
def open_ground(people: int) -> Iterator[Ground]:
    """Files, an embedded PostgreSQL and `people` demo people; everything is gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="kruispunt-bench-"))
    # PostgreSQL runs under an account of its own when root starts it.
    root.chmod(0o711)
    try:
        directory, options = DemoDirectory(root / "demo"), Options(people=people)
        built = build_files(directory, options, _silent)
        settings = built.model_copy(update={"check_replies": False})
        with EmbeddedPostgres(directory.postgres) as server:
            prepare(settings, server.dsn)
            asyncio.run(establish_access(settings, server.dsn, "benchmark"))
            asyncio.run(load_people(directory, options, server.dsn, _silent))
            yield Ground(directory, settings, server.dsn, asyncio.run(_people(server.dsn)))
    finally:
        shutil.rmtree(root, ignore_errors=True)


async def _people(dsn: str) -> People:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("ANALYZE")
        return {
            c.name: [from_int(row[0]) for row in await connection.fetch(_WITH_DATA, c.inscribed_as)] for c in CLIENTS
        }
    finally:
        await connection.close()


def _silent(_what: str) -> None:
    """Building the ground is not what is measured."""
