"""What it costs to load, export and look up people: `python -m benchmarks.registers --people 100000`.

All lines of the demo population go through `import_people` as one file, into an empty database of an embedded
PostgreSQL in a temporary directory, once each round: reading, checking, documents, search keys, indexes, ends of chains
and statistics. What is told is processor time by person, of this process and of all processes of PostgreSQL, because
the wall clock is shared with other programs; what it showed is told too. The floor, reading the JSON of a line and no
more, is timed before and after each load: it tells how fast the machine was meanwhile, and a ratio to it holds better
than any figure. People a second a core: one second divided by the sum of both.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks.processes import cpu_seconds, parent
from kruispunt.demo.personas import Numbers
from kruispunt.demo.population import population
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.exporting import export_people
from kruispunt.registers.importing import import_people
from kruispunt.storage.database import Database
from kruispunt.storage.embedded import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

LOOK_UPS = 300


@dataclass
class Costs:
    """Of one kind of work: a value per round, in µs a person."""

    floors: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)
    """What passed while both worked: less than their sum, as far as they do it at the same time."""

    def told(self, what: str) -> None:
        both = [ours + theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]
        ratios = [cost / floor for cost, floor in zip(both, self.floors, strict=True)]
        best = both.index(min(both))
        print(f"{what}: {median(ratios):.1f} floors ({min(ratios):.1f}–{max(ratios):.1f})")
        for name, one, other, passed in (
            ("median", median(self.ours), median(self.theirs), median(self.clock)),
            ("best", self.ours[best], self.theirs[best], self.clock[best]),
        ):
            print(f"  {name}: {one:.1f} + {other:.1f} µs a person: {1e6 / (one + other):,.0f} a second a core", end="")
            print(f"; {1e6 / passed:,.0f} a second by the clock")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    begin = time.process_time()
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    lines = [encode(each.person) for each in population(options.people, Numbers.BAND, 1)]
    made = (time.process_time() - begin) / options.people * 1e6
    print(
        f"{options.people:,} people, {sum(map(len, lines)) // len(lines)} characters a line, made in {made:.0f} µs each"
    )
    print(f"the floor, json.loads alone: {floor(lines):.1f} µs a line")
    first, again = Costs(), Costs()
    with tempfile.TemporaryDirectory(prefix="kruispunt-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        for number in range(options.rounds):
            engine = EmbeddedPostgres(directory / f"database-{number}")
            with engine as server:
                migrate(server.dsn)
                asyncio.run(measure(server.dsn, lines, first, again, last=number == options.rounds - 1))
            engine.stop()
            shutil.rmtree(directory / f"database-{number}", ignore_errors=True)


def floor(lines: list[str]) -> float:
    begin = time.process_time()
    for line in lines:
        json.loads(line)
    return (time.process_time() - begin) / len(lines) * 1e6


async def measure(dsn: str, lines: list[str], first: Costs, again: Costs, *, last: bool) -> None:
    postmaster = await _postmaster(dsn)
    database = await Database.open(dsn, size=1)
    try:
        for costs in (first, again):
            await cost(database, postmaster, lines, costs)
        if last:
            first.told("import, first time")
            again.told("import, again, unchanged")
            begin = time.process_time()
            exported = await export_people(database, io.BytesIO())
            print(f"export: {(time.process_time() - begin) / exported * 1e6:.1f} µs a person of this process")
            for size in (1, 80):
                numbers = [Ssin(json.loads(line)["ssin"]) for line in lines[:: max(1, len(lines) // size)][:size]]
                await look_ups(database, postmaster, numbers)
    finally:
        await database.close()


async def cost(database: Database, postmaster: int, lines: list[str], costs: Costs) -> None:
    source, before = io.BytesIO("\n".join(lines).encode()), floor(lines)
    ours, theirs, clock = time.process_time(), cpu_seconds(postmaster), time.perf_counter()
    report = await import_people(database, source, today=date(2026, 11, 22), test_band=True)
    assert report.accepted == len(lines), report.refused
    costs.ours.append((time.process_time() - ours) / len(lines) * 1e6)
    costs.theirs.append((cpu_seconds(postmaster) - theirs) / len(lines) * 1e6)
    costs.clock.append((time.perf_counter() - clock) / len(lines) * 1e6)
    costs.floors.append((before + floor(lines)) / 2)


async def look_ups(database: Database, postmaster: int, numbers: list[Ssin]) -> None:
    async def statement() -> object:
        return await database.fetch(_DOCUMENTS, list(map(int, numbers)))

    questions: tuple[tuple[str, Callable[[], Awaitable[object]]], ...] = (
        ("documents alone", statement),
        ("look-up", lambda: look_up(database, numbers)),
    )
    for what, question in questions:
        times, ours, theirs = [], time.process_time(), cpu_seconds(postmaster)
        for _ in range(LOOK_UPS):
            begin = time.perf_counter()
            await question()
            times.append((time.perf_counter() - begin) * 1e6)
        ours, theirs = time.process_time() - ours, cpu_seconds(postmaster) - theirs
        print(
            f"{what} of {len(numbers)}: best {min(times):.0f} µs, median {median(times):.0f} µs; processor time "
            f"{ours / LOOK_UPS * 1e6:.0f} + {theirs / LOOK_UPS * 1e6:.0f} µs"
        )


_DOCUMENTS = "SELECT ssin, origin, document FROM dossier WHERE ssin = ANY($1::bigint[])"


async def _postmaster(dsn: str) -> int:
    """The process of the server on this machine, which all its others descend from."""
    connection = await asyncpg.connect(dsn)
    try:
        return parent(await connection.fetchval("SELECT pg_backend_pid()"))
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
