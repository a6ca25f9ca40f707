"""Loads the people, asks, and prints the table."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.search.metaphone import ask_metaphone
from benchmarks.search.population import Population
from benchmarks.search.questions import Answered, ask_all
from kruispunt.registers.changes import Told, changing
from kruispunt.storage.database import Database
from kruispunt.storage.embedded import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

BATCH = 10_000
_SIZES = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relname IN ('person', 'dossier', 'name_key', 'address_key') ORDER BY relname
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="What look-ups and searches cost.")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=2_000)
    parser.add_argument("--dsn", help="a server, on which a database is made and dropped again; else an embedded one")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with _database(options.dsn) as dsn:
        answered, facts = asyncio.run(measure(dsn, options.people, options.questions))
    _print(answered, facts)
    if options.json:
        options.json.write_text(json.dumps({"facts": facts, "answers": [asdict(each) for each in answered]}, indent=1))


async def measure(dsn: str, people: int, questions: int) -> tuple[list[Answered], dict[str, float]]:
    """Load so many people into an empty database, and ask: the answers, and what else is worth knowing."""
    database = await Database.open(dsn, size=1, timeout=600)
    try:
        began = perf_counter()
        lines = map(Told.of, Population(people).lines())
        async with changing(database, "benchmark", write_new=False, many=True) as changer:
            while batch := list(islice(lines, BATCH)):
                await changer.tell(batch)
                if changer.added % 100_000 == 0:
                    _tell(f"{changer.added:,} people after {perf_counter() - began:.0f} s")
        facts = {"people a second, loaded": people / (perf_counter() - began)}
        await _vacuum(dsn)
        for name, size in await database.fetch(_SIZES):
            facts[f"MB of {name}, with indexes"] = size / 1e6
        facts["name keys a person"] = await database.fetchval("SELECT count(*) FROM name_key") / people
        _tell("asking")
        gc.collect()
        gc.freeze()  # What was made for the load and stays is not looked at again between two questions.
        answered = await ask_all(database, questions)
        beside = await ask_metaphone(database, dsn, questions)
        if not beside:
            _tell("this server has no fuzzystrmatch: no dmetaphone index beside")
        return answered + beside, facts
    finally:
        await database.close()


async def _vacuum(dsn: str) -> None:
    """As autovacuum does some minutes after a load: without it, searches read the table beside the index."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("VACUUM ANALYZE", timeout=3_600)
    finally:
        await connection.close()


@contextmanager
def _database(given: str | None) -> Iterator[str]:
    if given is None:
        root = Path(tempfile.mkdtemp(prefix="kruispunt-bench-"))
        root.chmod(0o711)  # PostgreSQL runs under an account of its own when root starts it.
        try:
            with EmbeddedPostgres(root / "postgres") as server:
                migrate(server.dsn)
                yield server.dsn
        finally:
            shutil.rmtree(root, ignore_errors=True)
        return
    name = f"kruispunt_bench_{uuid.uuid4().hex}"
    asyncio.run(_execute(given, f"CREATE DATABASE {name}"))
    try:
        dsn = urlunsplit(urlsplit(given)._replace(path=f"/{name}"))
        migrate(dsn)
        yield dsn
    finally:
        asyncio.run(_execute(given, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _print(answered: list[Answered], facts: dict[str, float]) -> None:
    floor = answered[1].p50
    print("| question | p50, µs | p99, µs | p50, look-ups |\n|---|---|---|---|")
    for each in answered:
        print(f"| {each.name} | {each.p50:,.0f} | {each.p99:,.0f} | {each.p50 / floor:.1f} |")
    print()
    for name, value in facts.items():
        print(f"- {name}: {value:,.1f}")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
