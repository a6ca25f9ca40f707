"""What DGPH's data cost in own tables: the import, and looking up one file and a hundred.

    python -m benchmarks.handicap_files --people 20000

Files are those of the demo for adults who are recognised, each with some thirty payments: all that such a file has. An
embedded PostgreSQL is made for it and removed again. Processor time is of this process; the rest is PostgreSQL's.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import kruispunt.services.handi
from kruispunt.identifiers.ssin import Ssin, compute
from kruispunt.services.handi.demo.people import adult
from kruispunt.services.handi.file import DataGroup, HandicapFile, IncomeCategory
from kruispunt.services.handi.importing import import_files
from kruispunt.services.handi.tables import OwnTables
from kruispunt.services.handi.written import line_of
from kruispunt.storage.database import Database
from kruispunt.storage.engine import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

TODAY = date(2026, 11, 22)
CARDS_AND_RIGHTS = frozenset({DataGroup.SOCIAL_CARDS, DataGroup.RIGHTS})


def main() -> None:
    parser = argparse.ArgumentParser(description="Import and look-up of handicap files.")
    parser.add_argument("--people", type=int, default=20_000)
    people = parser.parse_args().people
    root = Path(tempfile.mkdtemp(prefix="kruispunt-bench-"))
    root.chmod(0o711)
    try:
        with EmbeddedPostgres(root / "database") as server:
            migrate(server.dsn, [Path(kruispunt.services.handi.__file__).parent])
            asyncio.run(measure(server.dsn, people))
    finally:
        shutil.rmtree(root, ignore_errors=True)


async def measure(dsn: str, count: int) -> None:
    database = await Database.open(dsn, size=2)
    try:
        ssins = [compute(date(1930, 1, 1) + timedelta(days=n % 20_000), 900 + n // 20_000) for n in range(count)]
        data = "\n".join(json.dumps(line_of(_file(ssin))) for ssin in ssins).encode()
        print(f"{count:,} files, {len(data) // count:,} bytes a line, load {os.getloadavg()[0]:.1f}")
        for name in ("import", "import again"):
            began, cpu = time.perf_counter(), time.process_time()
            report = await import_files(database, io.BytesIO(data), today=TODAY)
            assert report.accepted == count
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            print(f"{name:28} {count / seconds:8,.0f} lines/s, {cpu / count * 1e6:6,.0f} µs CPU a line")
        await database.execute("VACUUM ANALYZE")
        tables, chance = OwnTables(database), random.Random(1)
        await _time("one file", 5_000, lambda: tables.consult(chance.sample(ssins, 1)))
        await _time("cards and rights of one", 5_000, lambda: tables.consult(chance.sample(ssins, 1), CARDS_AND_RIGHTS))
        await _time("a hundred files", 300, lambda: tables.consult(chance.sample(ssins, 100)))
    finally:
        await database.close()


def _file(ssin: Ssin) -> HandicapFile:
    return adult(ssin, random.Random(ssin), TODAY, points=12, income=IncomeCategory.B)


async def _time(name: str, times: int, ask: Callable[[], Awaitable[object]]) -> None:
    taken: list[float] = []
    cpu = time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - began)
    cpu = (time.process_time() - cpu) / times
    taken.sort()
    print(f"{name:28} p50 {_at(taken, 0.5):8,.0f} µs, p99 {_at(taken, 0.99):8,.0f} µs, {cpu * 1e6:6,.0f} µs CPU")


def _at(taken: Sequence[float], share: float) -> float:
    return taken[int(len(taken) * share)] * 1e6


if __name__ == "__main__":
    main()
