"""What was acknowledged is there after `kill -9`, and nothing is there by half (RP-06, RP-15)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import told as ground
from told import known, new_register
from writer_process import LONGEST

from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.repertory.lines import to_period
from kruispunt.storage.database import Database
from kruispunt.storage.engine import EmbeddedPostgres
from kruispunt.storage.migrate import migrate

TASKS, PEOPLE = 6, 5
WRITER = Path(__file__).with_name("writer_process.py")
HORIZON = [ground.ORIGIN + timedelta(days=n) for n in range(LONGEST + 5)]

Days = list[frozenset[date]]
"""Of each person of a chain, under their own number."""


def after(operations: list[list[Any]]) -> Days:
    """What the people of one chain have after these operations, one after the other."""
    held: list[frozenset[date]] = [frozenset()] * PEOPLE
    replaced = 0
    for _, operation, person, begin, end in operations:
        days = frozenset(HORIZON[begin : end + 1])
        place = max(person, replaced)
        if operation == "inscribe":
            held[place] |= days
        elif operation == "delete":
            held[place] -= days
        else:
            held[person + 1] |= held[person]
            held[person] = frozenset()
            replaced = person + 1
    return held


async def stored(database: Database, chain: list[Ssin]) -> Days:
    found = []
    for ssin in chain:
        rows = await database.fetch("SELECT period FROM inscription WHERE ssin = $1", to_int(ssin))
        periods = [to_period(row[0]) for row in rows]
        found.append(frozenset(day for day in HORIZON for period in periods if period.contains(day)))
    return found


@pytest.mark.parametrize("victim", ["writer", "database", "database again"])
def test_rp_06_rp_15_after_kill_9_the_lines_are_those_that_were_acknowledged(
    server_directory: Path, tmp_path: Path, victim: str
) -> None:
    directory, server = server_directory, EmbeddedPostgres(server_directory)
    server.start()
    migrate(server.dsn)
    chance = random.Random(victim)
    journal = tmp_path / "journal"

    async def prepare() -> tuple[list[list[Ssin]], str]:
        database = await Database.open(server.dsn, size=2)
        numbers = await known(database, TASKS * PEOPLE)
        register = await new_register(database)
        await database.close()
        return [numbers[task * PEOPLE : (task + 1) * PEOPLE] for task in range(TASKS)], register.owner

    chains, owner = asyncio.run(prepare())
    writer = subprocess.Popen(
        [sys.executable, WRITER, server.dsn, journal, owner, str(chance.random())[2:], json.dumps(chains)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    enough, until = chance.randrange(300, 900), time.monotonic() + 120
    while not journal.exists() or journal.read_bytes().count(b"\n") < enough:
        assert writer.poll() is None, writer.communicate()[1].decode()
        assert time.monotonic() < until, "the writer does not get on"
        time.sleep(0.001)
    if victim == "writer":
        writer.kill()
    else:
        os.kill(int((directory / "data" / "postmaster.pid").read_text().split("\n")[0]), signal.SIGKILL)
    writer.wait(timeout=60)
    again = EmbeddedPostgres(directory)
    again.start()

    operations: defaultdict[int, list[list[Any]]] = defaultdict(list)
    acknowledged: defaultdict[int, int] = defaultdict(int)
    for line in map(json.loads, journal.read_text().splitlines()):
        if len(line) == 1:
            acknowledged[line[0]] += 1
        else:
            operations[line[0]].append(line)

    async def settled() -> None:
        database = await Database.open(again.dsn, size=2)
        try:
            while await database.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kruispunt' AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            ):
                assert time.monotonic() < until + 60, "statements of the killed writer do not end"
                await asyncio.sleep(0.01)
            for task, chain in enumerate(chains):
                done, told = acknowledged[task], operations[task]
                assert len(told) - done in (0, 1)
                assert await stored(database, chain) in (after(told[:done]), after(told))
        finally:
            await database.close()

    asyncio.run(settled())
    assert sum(acknowledged.values()) > 100
    assert any(operation[1] == "replace" for told in operations.values() for operation in told)
