"""A distribution that is killed, or whose disk is full, is gone on with and ends with the same bytes (RP-18)."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from distribution_ground import contents, desk, fixing, read, subscribe, subscription, told
from distribution_installation import install, trusted, words
from mutation_ground import OWNERS, at, fresh, inscribe, legal, on, set_clock, table, tell

from installation import NOW, signer
from kruispunt.clock import BELGIUM
from kruispunt.mutations.choosing import fix
from kruispunt.mutations.distributing import distribute
from kruispunt.storage.database import Database

YESTERDAY = NOW.astimezone(BELGIUM).date() - timedelta(days=1)
"""Or the day before, when the tests run over midnight: it is named to each command."""
GENEROUS_SECONDS = 120.0
SUBSCRIBERS = 130
PEOPLE = 600
FORGET = (
    "UPDATE mutation_file SET records = NULL, size = NULL, sha256 = NULL, voucher = NULL, published = NULL",
    "UPDATE distribution SET finished = NULL",
)


async def undisturbed(database: Database, directory: Path) -> dict[str, str]:
    """People who moved yesterday, known to all subscribers; what a distribution that nobody disturbs writes, which is
    then as if it had not been.
    """
    await set_clock(database, at(YESTERDAY - timedelta(days=1)))
    await subscribe(database, *(subscription(f"s-{n}", tuple(OWNERS)[n % 3]) for n in range(SUBSCRIBERS)))
    numbers = fresh(PEOPLE)
    await tell(database, *({"ssin": each, "nationalRegister": legal(street="1")} for each in numbers), written=False)
    for place, each in enumerate(numbers):
        await inscribe(database, OWNERS[tuple(OWNERS)[place % 3]], each)
    await set_clock(database, at(YESTERDAY))
    await tell(database, *({"ssin": each, "nationalRegister": legal(street="2")} for each in numbers))
    await fix(database, table(), YESTERDAY, now=NOW)
    await distribute(database, desk(directory, NOW, signer()), fixing(database, NOW), [YESTERDAY])
    for statement in FORGET:
        await database.execute(statement)
    return contents(directory)


def ready(dsn: str, directory: Path) -> tuple[dict[str, str], Path]:
    """What must come out, and the settings of an installation on the same database."""

    (directory / "undisturbed").mkdir()

    async def question(database: Database) -> tuple[dict[str, str], Path]:
        return await undisturbed(database, directory / "undisturbed"), await install(directory, dsn, database)

    found: tuple[dict[str, str], Path] = on(dsn, question)
    return found


def started(settings: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words(*more, "--config", str(settings)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Wait until something happened, or the process has ended."""
    end = time.monotonic() + GENEROUS_SECONDS
    while process.poll() is None and not happened():
        assert time.monotonic() < end
        time.sleep(0.001)


def seen(folder: Path, pattern: str) -> int:
    """Files of a form, in a folder that somebody else works in."""
    try:
        return sum(1 for _ in folder.glob(pattern))
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("seed", [1, 2])
def test_rp_18_killed_at_any_point_and_run_again_it_writes_the_same_bytes(
    fresh_dsn: str, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    whole, settings = ready(fresh_dsn, tmp_path)
    folder = tmp_path / "files"
    kills = 0
    for pattern in (".writing-*/*", "*/*.xml", "*/*.voucher.xml", "*/*.voucher.xml", ""):
        wanted = seen(folder, pattern) + chance.randint(1, 30) if pattern else PEOPLE * SUBSCRIBERS
        process = started(settings, "distribute", "--day", str(YESTERDAY), "--json")
        until(process, lambda pattern=pattern, wanted=wanted: bool(pattern) and seen(folder, pattern) >= wanted)  # type: ignore[misc]
        if pattern:
            process.kill()
            kills += process.wait() < 0
            left = {name: value for name, value in contents(folder).items() if not name.startswith(".")}
            assert left.items() <= whole.items(), "nothing that is half lies where subscribers look"
            continue
        output, errors = process.communicate(timeout=GENEROUS_SECONDS)
        assert process.returncode == 0, errors
        (done,) = json.loads(output)
        assert done["day"] == str(YESTERDAY)
        assert 0 < done["files"] <= SUBSCRIBERS
    assert kills >= 3
    assert contents(folder) == whole
    root = read(folder, "s-0", trusted=trusted(), now=NOW + timedelta(minutes=10))
    assert len(told(root)) == PEOPLE / 3


def test_rp_18_two_processes_at_once_end_as_one(fresh_dsn: str, tmp_path: Path) -> None:
    whole, settings = ready(fresh_dsn, tmp_path)
    both = [started(settings, "distribute", "--day", str(YESTERDAY), "--json") for _ in range(2)]
    done = [json.loads(process.communicate(timeout=GENEROUS_SECONDS)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(each["files"] for told_ in done for each in told_)[-1] == SUBSCRIBERS
    assert contents(tmp_path / "files") == whole


def test_rp_18_a_full_disk_is_told_and_loses_nothing(fresh_dsn: str, tmp_path: Path) -> None:
    """The system refuses to let a file grow, as it does when a disk is full."""
    whole, settings = ready(fresh_dsn, tmp_path)
    full = subprocess.run(
        words("distribute", "--day", str(YESTERDAY), "--config", str(settings)),
        capture_output=True,
        text=True,
        check=False,
        timeout=GENEROUS_SECONDS,
        # What this process compiled would stay cut off, for others to import.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert full.returncode == 1
    assert "cannot be written: File too large. Nothing is lost" in full.stderr
    assert contents(tmp_path / "files") == {}
    again = subprocess.run(
        words("distribute", "--day", str(YESTERDAY), "--config", str(settings)),
        capture_output=True,
        text=True,
        check=False,
        timeout=GENEROUS_SECONDS,
    )
    assert again.returncode == 0, again.stderr
    assert f"{SUBSCRIBERS} files written" in again.stdout
    assert contents(tmp_path / "files") == whole
