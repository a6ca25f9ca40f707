"""A load that is killed loses nothing and does nothing twice (RP-06, RP-08)."""

from __future__ import annotations

import json
import random
import subprocess
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from senders import line, numbers, prepare, send, table
from test_batch_load import Ask, outcomes

from installation import command, install, issuer, signer
from kruispunt.batch.files import PART
from kruispunt.batch.run import OUTCOMES
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.wss.trust import TrustStore

GENEROUS_SECONDS = 120.0
COUNT = 40_000
NEVER = 1_000_000
"""Parts that no file of these tests has."""


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
def test_rp_08_killed_at_any_moment_it_goes_on(ask: Ask, fresh_dsn: str, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    people = numbers(COUNT)
    lines = [line(ssin, str(date(2015 + chance.randrange(5), 1, 1))) for ssin in people] + [line("12345678901")]
    chance.shuffle(lines)
    (tmp_path / "files").mkdir()
    file = send(tmp_path / "files", lines, signer=signer(), environment=Environment.DEVELOPMENT)

    async def ground(database: Database) -> Path:
        await prepare(database, people)
        return await install(tmp_path, fresh_dsn, database, table(signer()), 'environment = "development"\n')

    words = command("batch", "load", str(file), "--config", str(ask(ground)), "--json")
    kills = 0
    with psycopg.connect(fresh_dsn, autocommit=True) as connection:
        for wanted in (*sorted(chance.sample(range(1, COUNT // PART - 1), 3)), NEVER):
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            until(connection, wanted, process)
            process.kill()
            output, errors = process.communicate()
            if process.returncode >= 0:
                break
            kills += 1
        assert json.loads(output)["before"] == "broken off", errors
        assert kills == 3
        told = outcomes(file, TrustStore([issuer()]), datetime.now(UTC) + timedelta(minutes=1))
        bad = lines.index(line("12345678901")) + 1
        assert told.pop(bad)[0] == "SSIN_INVALID"
        assert {verdict for verdict, _ in told.values()} == {"DONE"}, "a line that was done twice would be UNCHANGED"
        assert len(told) == COUNT
        rows = connection.execute("SELECT count(*), count(DISTINCT ssin) FROM inscription").fetchone()
        assert rows == (COUNT, COUNT)
        assert connection.execute("SELECT count(*) FROM inscription_history").fetchone() == (0,)
        # One change a part, and the one that every database begins with.
        (changes,) = connection.execute("SELECT count(*) FROM repertory_change").fetchone() or (0,)
        assert changes == parts(connection) + 1
    assert list(file.parent.glob(f".*{OUTCOMES}*")) == []
