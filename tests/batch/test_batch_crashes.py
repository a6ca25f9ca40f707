"""A load that is killed loses nothing and does nothing twice (RP-06, RP-08)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from senders import document, line, numbers, prepare, send
from test_batch_load import Ask, outcomes

from kruispunt.batch.run import OUTCOMES
from kruispunt.storage.database import Database

HERE = Path(__file__).resolve().parent
GENEROUS_SECONDS = 120.0


@pytest.fixture
def process_environment() -> dict[str, str]:
    paths = [str(HERE), str(HERE.parent), *sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def parts(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM batch_part").fetchone()
    assert row is not None
    return int(row[0])


def until(connection: psycopg.Connection, wanted: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many parts are there, or the process has ended."""
    end = time.monotonic() + GENEROUS_SECONDS
    while parts(connection) < wanted and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.parametrize("seed", [1, 2])
def test_rp_08_killed_at_any_moment_it_goes_on(
    ask: Ask, fresh_dsn: str, tmp_path: Path, process_environment: dict[str, str], seed: int
) -> None:
    chance = random.Random(seed)
    people = numbers(1_500)
    lines = [line(ssin, str(date(2015 + chance.randrange(5), 1, 1))) for ssin in people] + [line("12345678901")]
    chance.shuffle(lines)

    async def ground(database: Database) -> None:
        await prepare(database, people)

    ask(ground)
    file = send(tmp_path, lines)
    assert file.read_bytes() == document(lines)
    kills = 0
    with psycopg.connect(fresh_dsn, autocommit=True) as connection:
        for wanted in _moments(chance):
            process = subprocess.Popen(
                [sys.executable, str(HERE / "loader.py"), fresh_dsn, str(file)],
                env=process_environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            until(connection, wanted, process)
            process.kill()
            output, errors = process.communicate()
            if process.returncode == 0:
                break
            assert process.returncode == -9, errors
            kills += 1
        assert output == "broken off 1501\n"
        assert kills >= 3
        told = outcomes(file)
        bad = lines.index(line("12345678901")) + 1
        assert told.pop(bad)[0] == "SSIN_INVALID"
        assert {verdict for verdict, _ in told.values()} == {"DONE"}, "a line that was done twice would be UNCHANGED"
        assert len(told) == 1_500
        rows = connection.execute("SELECT count(*), count(DISTINCT ssin) FROM inscription").fetchone()
        assert rows == (1_500, 1_500)
        assert connection.execute("SELECT count(*) FROM inscription_history").fetchone() == (0,)
        # One change a part, and the one that every database begins with.
        (changes,) = connection.execute("SELECT count(*) FROM repertory_change").fetchone() or (0,)
        assert changes == parts(connection) + 1
    assert list(tmp_path.glob(f".*{OUTCOMES}*")) == []


def _moments(chance: random.Random) -> Iterator[int]:
    """Numbers of parts after which the process is killed; the last one is never reached."""
    yield from sorted(chance.sample(range(1, 70), 4))
    yield 10_000
