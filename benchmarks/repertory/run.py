"""What it costs to inscribe people, and to ask whether somebody is inscribed.

The floor is a transaction that writes one row of one number and is on disk when it returns: what PostgreSQL and the
machine ask of anybody. It is timed in each round, before and after the others. Every line below writes to disk before
it counts, except the check, which reads.

- one by one: one caller, one line a request. A flush each.
- one by one, flush not waited for: the same with `synchronous_commit = off`, which no installation has. It tells what
  is left where a disk answers at once.
- 64 callers: each one line a request; those that come at the same time share a transaction.
- 200 a request: one caller, 200 lines with an outcome each.
- integration check: one caller, `find_subject` about somebody who is inscribed.

People are known to the registers, so that every line is validated: number, state, dossier type. One line in four is
about somebody who has lines already; where they touch they are merged, with a row of history. Lines are made before a
stretch begins, and no request tells a number twice.

    python -m benchmarks.repertory [--people 100000] [--rounds 5] [--seconds 3] [--dsn postgresql://…]

Processor time is that of this process and of all of PostgreSQL, which must run on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.figures import shown
from benchmarks.processes import cpu_seconds
from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import ALWAYS, Period
from kruispunt.repertory import tenants
from kruispunt.repertory.integration import find_subject
from kruispunt.repertory.register import Register, Told
from kruispunt.repertory.tenants import Definition, DossierType
from kruispunt.repertory.writing import Author
from kruispunt.storage.database import Database
from kruispunt.storage.embedded import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

Work = Callable[[], Awaitable[int]]
"""Does some of it, and returns how many lines or questions that was."""

ONEM: Final = organisation.parse("0206737484")
AUTHOR: Final = Author("urn:example:benchmark", "01927f0e-7c2a-7d3e-9c1b-5a0f3e2d1c4b")
CALLERS: Final = 64
LINES: Final = 200
MOST_A_SECOND: Final = 40_000
"""Lines that are made before a stretch, for each of its seconds."""
COUNTERS: Final = 80
FIRST_DAY: Final = date(1930, 1, 1)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repertory")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each stretch")
    parser.add_argument("--dsn", help="an empty database on this machine; by default an embedded PostgreSQL")
    options = parser.parse_args()
    with server(options.dsn) as dsn:
        migrate(dsn)
        uvloop.run(measure(dsn, options.people, options.rounds, options.seconds))  # as the workers do


@contextmanager
def server(dsn: str | None) -> Iterator[str]:
    """A database without tables."""
    if dsn is not None:
        yield dsn
        return
    root = Path(tempfile.mkdtemp(prefix="kruispunt-bench-"))
    root.chmod(0o711)  # PostgreSQL runs under an account of its own when root starts it
    try:
        with EmbeddedPostgres(root / "database") as embedded:
            yield embedded.dsn
    finally:
        shutil.rmtree(root, ignore_errors=True)


async def measure(dsn: str, people: int, rounds: int, seconds: float) -> None:
    """Each line once a round, the floor before and after; the table shows medians over the rounds."""
    database = await Database.open(dsn, size=4, timeout=60)
    hasty = await Database.open(f"{dsn}{'&' if '?' in dsn else '?'}synchronous_commit=off", size=1, timeout=60)
    try:
        assert await hasty.fetchval("SHOW synchronous_commit") == "off"
        supply = Supply(await settle(database, people), int(MOST_A_SECOND * seconds))
        stretches = works(database, hasty, supply)
        await database.execute("CREATE TABLE floor (number integer)")
        root = parent_of(await database.fetchval("SELECT pg_backend_pid()"))
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ("floor", *stretches)}
        floor = floor_of(database)
        for _ in range(rounds):
            for name, work in (("floor", floor), *stretches.items(), ("floor", floor)):
                supply.fill()
                figures[name].append(await stretch(work, seconds, root))
        print_table(figures, rounds)
    finally:
        await hasty.close()
        await database.close()


async def settle(database: Database, people: int) -> list[Ssin]:
    """People by number alone, and the dossier type."""
    days = (people + COUNTERS - 1) // COUNTERS
    numbers = [
        ssins.compute(FIRST_DAY + timedelta(days=day), 900 + counter, test_band=True)
        for day in range(days)
        for counter in range(COUNTERS)
    ][:people]
    async with database.connection() as connection, connection.transaction():
        await connection.execute("INSERT INTO person_change (author, kind, people) VALUES ('benchmark', 0, $1)", people)
        await connection.copy_records_to_table(
            "person", records=((ssins.to_int(ssin), 1, 1) for ssin in numbers), columns=("ssin", "register", "state")
        )
    kinds = (DossierType("902", "file under examination", ONEM),)
    await tenants.define(database, [Definition(cbe.CBSS, "CBSS", True, kinds)], "benchmark")
    await database.execute("ANALYZE person")
    return numbers


class Supply:
    """Lines that are ready to be told."""

    def __init__(self, numbers: list[Ssin], size: int) -> None:
        self._numbers = numbers
        self._size = size
        self._chance = random.Random(1)
        self._ready: deque[Told] = deque()
        self.inscribed: list[Ssin] = []
        """Who was told, more than once where it happened."""

    def fill(self) -> None:
        while len(self._ready) < self._size:
            self._ready.extend(self._request())

    def take(self, count: int) -> list[Told]:
        lines = [self._ready.popleft() for _ in range(count)]
        self.inscribed += [Ssin(line.ssin) for line in lines]
        return lines

    def _request(self) -> list[Told]:
        """Of a number each."""
        chosen: dict[Ssin, None] = {}
        while len(chosen) < LINES:
            known = self.inscribed and self._chance.random() < 0.25
            chosen[self._chance.choice(self.inscribed if known else self._numbers)] = None
        return [self._line(ssin) for ssin in chosen]

    def _line(self, ssin: Ssin) -> Told:
        begin = date(2000, 1, 1) + timedelta(days=self._chance.randrange(9_000))
        return Told(ssin, "902", Period.days(begin, begin + timedelta(days=self._chance.randrange(2_000))), ONEM)


def works(database: Database, hasty: Database, supply: Supply) -> dict[str, Work]:
    """What is measured, by name."""
    chance = random.Random(1)
    register, without_flush = (
        Register(each, cbe.CBSS, today=lambda: date(2025, 6, 15), test_band=True) for each in (database, hasty)
    )

    async def one() -> int:
        await register.inscribe(supply.take(1), AUTHOR)
        return 1

    async def one_without_flush() -> int:
        await without_flush.inscribe(supply.take(1), AUTHOR)
        return 1

    async def callers() -> int:
        await asyncio.gather(*(register.inscribe(supply.take(1), AUTHOR) for _ in range(CALLERS)))
        return CALLERS

    async def request() -> int:
        await register.inscribe(supply.take(LINES), AUTHOR)
        return LINES

    async def check() -> int:
        subject = await find_subject(database, chance.choice(supply.inscribed), ONEM, ("902", "1"), ALWAYS)
        assert subject is not None
        assert subject.integrated
        return 1

    return {
        "one by one": one,
        "one by one, flush not waited for": one_without_flush,
        f"{CALLERS} callers": callers,
        f"{LINES} a request": request,
        "integration check": check,
    }


def floor_of(database: Database) -> Work:
    """A transaction of one row of one number, on disk."""

    async def work() -> int:
        await database.execute("INSERT INTO floor VALUES (1)")
        return 1

    return work


async def stretch(work: Work, seconds: float, root: int) -> tuple[float, float]:
    """Of one line or question: wall-clock and processor time, in µs."""
    await work()
    began, processor, ours = time.monotonic(), cpu_seconds(root), time.process_time()
    done = 0
    while time.monotonic() - began < seconds:
        done += await work()
    spent = cpu_seconds(root) - processor + time.process_time() - ours
    return (time.monotonic() - began) / done * 1e6, spent / done * 1e6


def parent_of(process: int) -> int:
    """The process that started another one: of a backend, the postmaster."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def print_table(figures: dict[str, list[tuple[float, float]]], rounds: int) -> None:
    """Ratios are made with the mean of the two floors of the same round."""
    floors = [
        [(before + after) / 2 for before, after in zip(*figures["floor"][2 * n : 2 * n + 2], strict=True)]
        for n in range(rounds)
    ]
    print("| line | a second | time, floors | CPU, µs | CPU, floors |\n|---|---|---|---|---|")
    for name, values in figures.items():
        of_round = [floors[n // 2] if name == "floor" else floors[n] for n in range(len(values))]
        cells = [
            shown([1e6 / wall for wall, _ in values], 0),
            shown([wall / floor[0] for (wall, _), floor in zip(values, of_round, strict=True)], 2),
            shown([cpu for _, cpu in values], 0),
            shown([cpu / floor[1] for (_, cpu), floor in zip(values, of_round, strict=True)], 2),
        ]
        print(f"| {name} | {' | '.join(cells)} |")
