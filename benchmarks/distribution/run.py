"""What a day of mutations costs: choosing who is told, and writing the files (RP-19).

    python -m benchmarks.distribution [--lines 10000000] [--subscribers 1000] [--mutations 200000] [--rounds 3]

An embedded PostgreSQL in a temporary directory gets a register of so many lines (5 a person) by SQL; then each round

- *joins*: `choosing.fix`, which chooses who is told of whom, and writes that down;
- *writes*: all files as `kruispunt mutations distribute` does: records, schema, checksums, fsync, signatures, rows;
- does the same in the *plain* way: DuckDB joins the same rows, and a text writer puts the same bytes into as many
  files, without schema, checksum, fsync, signature or rows. The bytes are compared.

Processor time is that of this process and of all of PostgreSQL. The peak of memory is that of this process before
DuckDB is loaded. `--lines 60000000` is the size that the requirement names; it needs 15 GB of disk and an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import filecmp
import json
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg

from benchmarks.distribution.ground import DAY, rights, settle
from benchmarks.processes import cpu_seconds
from kruispunt.attack.certificates import CA, certificate, rsa_key, usage
from kruispunt.mutations.choosing import fix
from kruispunt.mutations.distributing import distribute
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.writing import Desk
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.storage.engine import EmbeddedPostgres
from kruispunt.storage.migrate import migrate
from kruispunt.wss.sign import Signer

T = TypeVar("T")

FORGET = (
    "TRUNCATE distributed_person, distributed_item, mutation_file, distribution CASCADE",
    "VACUUM ANALYZE person_change",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds."""

    wall: float
    cpu: float
    of_database: float


@dataclass(frozen=True, slots=True)
class Round:
    join: Cost
    write: Cost
    records: int
    size: int
    plain_join: Cost
    plain_write: Cost

    @property
    def ratio(self) -> float:
        """The whole, as a multiple of the plain way, by the clock."""
        return (self.join.wall + self.write.wall) / (self.plain_join.wall + self.plain_write.wall)

    @property
    def rate(self) -> float:
        """Records written in a second of processor time."""
        return self.records / self.write.cpu


class Meter:
    """Counts processor time of this process and of PostgreSQL."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster

    async def measure(self, work: Awaitable[T]) -> tuple[T, Cost]:
        wall, own, database = time.perf_counter(), time.process_time(), cpu_seconds(self._postmaster)
        result = await work
        theirs = cpu_seconds(self._postmaster) - database
        return result, Cost(time.perf_counter() - wall, time.process_time() - own + theirs, theirs)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.distribution",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--mutations", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kruispunt-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        engine = EmbeddedPostgres(directory / "database")
        with engine as embedded:
            migrate(embedded.dsn)
            begin = time.perf_counter()
            administrator = embedded.administrator_dsn.replace("/postgres?", "/kruispunt?")
            with psycopg.connect(administrator) as connection:
                settle(connection, options.lines, options.subscribers, options.mutations)
                found = connection.execute("SELECT count(*) FROM inscription").fetchone()
            print(f"{found[0] if found else 0:,} lines made in {time.perf_counter() - begin:.0f} s", flush=True)
            rounds = asyncio.run(measure(embedded.dsn, directory, options))
        engine.stop()
        shutil.rmtree(directory / "database", ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in rounds], indent=1), encoding="utf-8")


async def measure(dsn: str, directory: Path, options: argparse.Namespace) -> list[Round]:
    database = await Database.open(dsn, size=4, timeout=600)
    try:
        meter = Meter(parent_of(await database.fetchval("SELECT pg_backend_pid()")))
        table = rights(options.subscribers)
        rounds = []
        for number in range(options.rounds):
            for statement in FORGET:
                await database.execute(statement)
            with folders(directory) as (ours, plain):
                now = datetime.now(UTC)
                fixed, join = await meter.measure(fix(database, table, DAY, now=now))
                desk = Desk(ours, Environment.DEVELOPMENT, signer(), lambda now=now: now)  # type: ignore[misc]

                async def known(_day: object, fixed: Distribution = fixed) -> Distribution:
                    return fixed

                (done,), write = await meter.measure(distribute(database, desk, known, [DAY]))
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                if number == 0:
                    print(f"peak of memory: {peak} MB", flush=True)
                from benchmarks.distribution.plain import Plain

                tables = await Plain.load(database, directory, fixed)
                rows, plain_join = await meter.measure(tables.join())
                _, plain_write = await meter.measure(tables.write(rows, plain))
                size = compare(ours, plain)
            one = Round(join, write, done.records, size, plain_join, plain_write)
            rounds.append(one)
            print(
                f"{one.records:,} records, {one.size / 1e6:,.0f} MB: join {shown(join)}; write {shown(write)}, "
                f"{one.rate:,.0f} records a second of processor; plain: join {shown(plain_join)}, "
                f"write {shown(plain_write)}; {one.ratio:.2f} times the plain way",
                flush=True,
            )
        print(
            f"median: {statistics.median(each.rate for each in rounds):,.0f} records a second of processor, best "
            f"{max(each.rate for each in rounds):,.0f}; {statistics.median(each.ratio for each in rounds):.2f} times "
            f"the plain way, best {min(each.ratio for each in rounds):.2f}"
        )
        return rounds
    finally:
        await database.close()


@contextmanager
def folders(directory: Path) -> Iterator[tuple[Path, Path]]:
    found = directory / "ours", directory / "plain"
    for each in found:
        each.mkdir()
    try:
        yield found
    finally:
        for each in found:
            shutil.rmtree(each)


def compare(ours: Path, plain: Path) -> int:
    """Bytes of all files, which are the same. Raises AssertionError when they are not."""
    size = 0
    for path in sorted(ours.glob("*/*.xml")):
        if not path.name.endswith(".voucher.xml"):
            if not filecmp.cmp(path, plain / path.name, shallow=False):
                pairs = zip(path.open(), (plain / path.name).open(), strict=False)
                raise AssertionError(next((pair for pair in pairs if pair[0] != pair[1]), "one of both is longer"))
            size += path.stat().st_size
    return size


def signer() -> Signer:
    key = rsa_key()
    now = datetime.now(UTC)
    begin, end = now.replace(year=now.year - 1), now.replace(year=now.year + 1)
    return Signer(key, certificate("benchmark", key, None, CA, usage(key_cert_sign=True), begin=begin, end=end))


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def shown(cost: Cost) -> str:
    return f"{cost.wall:.1f} s (processor {cost.cpu:.1f}, of it PostgreSQL {cost.of_database:.1f})"
