"""What it costs to load, export and look up people: `python -m benchmarks.registers --people 100000`.

Lines of the demo population go through `import_people` in files of 10,000, into an embedded PostgreSQL in a temporary
directory: reading, checking, documents, search keys and ends of chains. Processor time of this process and of the
server's process for the connection, by person; the cheapest file and the median, because other programs on the machine
only ever add to it; the floor, reading the JSON of a line and no more, tells how much they did. People a second a core:
one second divided by the sum of both.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import shutil
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

from benchmarks.processes import own_seconds
from kruispunt.demo.personas import Numbers
from kruispunt.demo.population import population
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.exporting import export_people
from kruispunt.registers.importing import import_people
from kruispunt.storage.database import Database
from kruispunt.storage.engine import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

FILE = 10_000
ROUNDS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    count = parser.parse_args().people
    begin = time.process_time()
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    lines = [encode(each.person) for each in population(count, Numbers.BAND, 1)]
    made = (time.process_time() - begin) / count * 1e6
    print(f"{count:,} people, {sum(map(len, lines)) // count} characters a line, made in {made:.0f} µs each")
    begin = time.process_time()
    for line in lines:
        json.loads(line)
    print(f"the floor, json.loads alone: {(time.process_time() - begin) / count * 1e6:.1f} µs a line")
    with tempfile.TemporaryDirectory(prefix="kruispunt-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        engine = EmbeddedPostgres(directory / "database")
        with engine as embedded:
            migrate(embedded.dsn)
            asyncio.run(measure(embedded.dsn, lines))
        engine.stop()
        shutil.rmtree(directory / "database", ignore_errors=True)


async def measure(dsn: str, lines: list[str]) -> None:
    database = await Database.open(dsn, size=1)
    try:
        process = await database.fetchval("SELECT pg_backend_pid()")
        for what in ("first time", "again, unchanged"):
            costs = [await cost(database, process, lines[first : first + FILE]) for first in range(0, len(lines), FILE)]
            told(f"import, {what}", costs)
        begin = time.process_time()
        exported = await export_people(database, io.BytesIO())
        print(f"export: {(time.process_time() - begin) / exported * 1e6:.1f} µs a person of this process")
        for size in (1, 80):
            numbers = [Ssin(json.loads(line)["ssin"]) for line in lines[:: max(1, len(lines) // size)][:size]]
            times = []
            for _ in range(ROUNDS):
                begin = time.perf_counter()
                await look_up(database, numbers)
                times.append((time.perf_counter() - begin) * 1e6)
            print(f"look-up of {size}: best {min(times):.0f} µs, median {statistics.median(times):.0f} µs")
    finally:
        await database.close()


async def cost(database: Database, process: int, lines: list[str]) -> tuple[float, float]:
    """Microseconds a person of this process and of the server's."""
    source = io.BytesIO("\n".join(lines).encode())
    ours, theirs = time.process_time(), own_seconds(process)
    report = await import_people(database, source, today=date(2026, 11, 22), test_band=True)
    assert report.accepted == len(lines), report.refused
    return (time.process_time() - ours) / len(lines) * 1e6, (own_seconds(process) - theirs) / len(lines) * 1e6


def told(what: str, costs: list[tuple[float, float]]) -> None:
    best, middle = min(costs, key=sum), (statistics.median(c[0] for c in costs), statistics.median(c[1] for c in costs))
    for name, (ours, theirs) in (("best", best), ("median", middle)):
        both = ours + theirs
        print(f"{what}, {name}: {ours:.1f} + {theirs:.1f} µs a person: {1e6 / both:,.0f} a second a core")


if __name__ == "__main__":
    main()
