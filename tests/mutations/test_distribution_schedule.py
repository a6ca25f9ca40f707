"""The schedule of distribution, and the commands around files (RP-16, RP-18)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from distribution_ground import DAY, MORNING, busy_day, contents, desk, distribute_day, fixing, read
from distribution_installation import install, trusted, words, yesterday
from mutation_ground import at, on
from psycopg import sql

from kruispunt.clock import FixedClock
from kruispunt.jobs import open_desk
from kruispunt.mutations import rows
from kruispunt.mutations.schedule import EVERY_SECONDS, Schedule, Times, tell_uncollected
from kruispunt.settings_read import load
from kruispunt.storage.database import Database

GENEROUS_SECONDS = 120.0
RETENTION_DAYS = 10


@pytest.mark.parametrize(
    ("moment", "first_day_not_due"),
    [
        ("2026-02-11T00:59:00Z", "2026-02-10"),  # 01:59 in Belgium: not yet
        ("2026-02-11T01:00:00Z", "2026-02-11"),
        ("2026-02-10T23:30:00Z", "2026-02-10"),  # half past midnight of the 11th
        ("2026-03-29T00:59:00Z", "2026-03-28"),  # the hour from two to three does not exist: 03:00 comes after 01:59
        ("2026-03-29T01:00:00Z", "2026-03-29"),
        ("2026-10-25T00:00:00Z", "2026-10-25"),  # the first of two hours from two to three
        ("2026-10-25T01:00:00Z", "2026-10-25"),
    ],
)
def test_rp_16_a_day_is_due_at_the_distribution_time_of_the_next(moment: str, first_day_not_due: str) -> None:
    times = Times(clock_time(2), 400, 5)
    assert str(times.told_before(datetime.fromisoformat(moment))) == first_day_not_due


def scheduled(database: Database, directory: Path, moments: list[datetime], **others: Any) -> Schedule:
    """A schedule whose clock shows the first of the moments until somebody takes it away."""

    async def prepare() -> tuple[Any, Any]:
        return desk(directory, moments[0]), fixing(database, moments[0])

    return Schedule(database, prepare, Times(clock_time(2), RETENTION_DAYS, 5), **others)


def test_rp_18_a_turn_does_everything_that_is_due(
    fresh_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = [at(DAY + timedelta(days=1), 0, 30)]

    async def question(database: Database) -> None:
        await busy_day(database, 21)
        await database.execute("UPDATE subscription SET at = $1", at(DAY))
        works = scheduled(database, tmp_path, moments)
        assert await works.turn()
        assert contents(tmp_path) == {}, "half past one is before two"
        moments[0] = MORNING
        await works.turn()
        made = contents(tmp_path)
        assert len(made) == 14
        moments[0] = at(DAY + timedelta(days=4), 1)
        await works.turn()
        assert len(contents(tmp_path)) == 14 * 4, "days that were missed are told, each in its own file"
        lost = tmp_path / "s-1" / "s-1-0000000002.xml"
        lost.unlink()
        await works.turn()
        assert not lost.exists(), "the folder is looked through once a day"
        await rows.ask(database, (await rows.file_of(database, "s-1", 2)).file.id)
        await works.turn()
        assert lost.exists(), "what is asked for is made at once"
        (tmp_path / "s-2" / "s-2-0000000003.xml").unlink()
        moments[0] = at(DAY + timedelta(days=5), 1)
        await works.turn()
        assert len(contents(tmp_path)) == 14 * 5
        moments[0] = at(DAY + timedelta(days=15), 0, 30)
        await works.turn()
        assert len(contents(tmp_path)) == 14 * 9, "of the days until the thirteenth, those from the fifth on are kept"

    on(fresh_dsn, question)
    assert "a file was not collected in 5 days" in capsys.readouterr().out


def test_rp_18_a_file_that_nobody_collects_is_told_once(
    fresh_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 22)
        await distribute_day(database, tmp_path)
        await database.execute("UPDATE mutation_file SET collected = $1 WHERE code = 's-3'", MORNING)
        assert await tell_uncollected(database, MORNING + timedelta(days=5), 5) == 0
        assert await tell_uncollected(database, MORNING + timedelta(days=5, seconds=1), 5) == 6
        assert await tell_uncollected(database, MORNING + timedelta(days=9), 5) == 0

    on(fresh_dsn, question)
    lines = [line for line in capsys.readouterr().out.splitlines() if "not collected" in line]
    assert len(lines) == 6
    assert all("mutations.uncollected" in line for line in lines)


def test_rp_18_the_schedule_outlives_the_database_and_the_folder(fresh_dsn: str, tmp_path: Path, server: Any) -> None:
    """It is cut off and kept out, its folder goes away, and it goes on when both are there again."""
    slept: list[float] = []
    folder, away = tmp_path / "files", tmp_path / "files.away"
    moments = [at(DAY + timedelta(days=1), 0, 30)]
    name = urlsplit(fresh_dsn).path.removeprefix("/")

    def admin(statement: str) -> None:
        server._run(sql.SQL(statement).format(sql.Identifier(name)))

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            admin("ALTER DATABASE {} ALLOW_CONNECTIONS false")
            with psycopg.connect(server._administrator_dsn, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [name],
                )
        if len(slept) == 4:
            admin("ALTER DATABASE {} ALLOW_CONNECTIONS true")
            folder.rename(away)
        if len(slept) == 6:
            away.rename(folder)
            moments[0] = MORNING
        if len(slept) == 7:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    async def question(database: Database) -> None:
        await busy_day(database, 23)
        await database.execute("UPDATE subscription SET at = $1", at(DAY))
        settings = load(await install(tmp_path, fresh_dsn, database))

        async def prepare() -> tuple[Any, Any]:
            opened, _ = await open_desk(settings, database, FixedClock(moments[0]))
            return replace(opened, signer=desk(folder).signer), fixing(database, moments[0])

        works = Schedule(database, prepare, Times(clock_time(2), RETENTION_DAYS, 5), sleep=sleep)
        with contextlib.suppress(asyncio.CancelledError):
            await works.run()
        for number in range(7):
            read(folder, f"s-{number}")

    on(fresh_dsn, question)
    assert slept == [EVERY_SECONDS, 5.0, 10.0, 20.0, 40.0, 60.0, EVERY_SECONDS]


def test_rp_18_a_schedule_passes_while_another_one_works(fresh_dsn: str, tmp_path: Path) -> None:
    async def question(database: Database) -> None:
        await busy_day(database, 24)
        await database.execute("UPDATE subscription SET at = $1", at(DAY))
        works = scheduled(database, tmp_path, [MORNING])
        async with database.connection() as connection, rows.alone(connection):
            assert not await works.turn()
        assert contents(tmp_path) == {}
        assert await works.turn()
        assert len(contents(tmp_path)) == 14

    on(fresh_dsn, question)


def until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + GENEROUS_SECONDS
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def installed(dsn: str, directory: Path, seed: int, day: date) -> Path:
    """The settings of an installation in which yesterday, `day`, was busy, and is due."""

    async def ground(database: Database) -> Path:
        now = datetime.now(UTC)
        await busy_day(database, seed, day=day)
        await database.execute("UPDATE subscription SET at = $1", now - timedelta(days=1))
        await database.execute("UPDATE clock_of_tests SET at = $1", now)
        return await install(directory, dsn, database)

    return on(dsn, ground)


@pytest.mark.usefixtures("within_a_day")
def test_rp_18_the_commands(fresh_dsn: str, tmp_path: Path) -> None:
    """schedule until it is told to stop, status, again, told, distribute --check: as an operator uses them."""

    day = yesterday()
    settings = installed(fresh_dsn, tmp_path, 25, day)
    folder = tmp_path / "files"

    def command(*more: str, code: int = 0) -> str:
        done = subprocess.run(
            words(*more, "--config", str(settings)),
            capture_output=True,
            text=True,
            check=False,
            timeout=GENEROUS_SECONDS,
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    running = subprocess.Popen(
        words("schedule", "--config", str(settings)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: len(list(folder.glob("*/*.voucher.xml"))) == 7, running)
    running.send_signal(signal.SIGTERM)
    _, errors = running.communicate(timeout=GENEROUS_SECONDS)
    assert (running.returncode, errors.splitlines()[-1]) == (0, "Stopped.")
    made = contents(folder)

    files = json.loads(command("status", "--json"))
    assert {each["day"] for each in files} == {str(day)}
    full = max(files, key=lambda each: each["records"])
    assert full["sha256"] == made[f"{full['code']}/{full['file']}"]
    assert full["collected"] is None
    assert "not collected" in command("status")

    path = folder / full["code"] / full["file"]
    path.unlink()
    assert command("again", full["code"], "1") == "It is there.\n"
    path.write_bytes(b"x" * full["size"])
    assert "1 files written" in command("distribute", "--check")
    (folder / ".aside").rename(tmp_path / "aside")
    assert contents(folder) == made
    assert "has no file 9" in command("again", full["code"], "9", code=1)

    root = read(folder, full["code"], trusted=trusted(), now=datetime.now(UTC))
    ssin = root.findtext("items/mutation/ssin")
    assert ssin is not None
    told = json.loads(command("told", ssin, "--json"))
    mine = next(each for each in told if each["code"] == full["code"])
    assert mine["kinds"] == [each.text for each in root.findall("items/mutation")[0].findall("kind")]
    person = root.find("items/mutation/person")
    assert mine["groups"] == ([] if person is None else (person.get("told") or "").split())
    assert ssin not in command("told", ssin)
    assert f"{full['code']} 1" in command("told", ssin)
    assert command("distribute") == "No day is due.\n"
    assert "days are told in order" in command("distribute", "--day", "2020-01-01", code=1)
    assert "no day such as" in command("distribute", "--day", "yesterday", code=1)
    today = day + timedelta(days=1)
    refused = " ".join(command("distribute", "--day", str(today), code=1).split())
    assert f"{today} is not over: its changes are not all there yet; --early distributes today before it is" in refused
    assert "7 files written" in command("distribute", "--early")
    nothing = "No day is due: today was distributed. What comes later today is told tomorrow.\n"
    assert command("distribute", "--early") == nothing
    assert "--early" not in command("distribute", "--day", "2999-01-01", code=1)
    assert json.loads(command("distribute", "--early", "--json")) == []


@pytest.mark.usefixtures("within_a_day")
def test_rp_18_distribute_does_what_a_turn_of_the_schedule_does(fresh_dsn: str, tmp_path: Path) -> None:
    """For who starts it from cron: requests, what is lost, notes, files that nobody collects, and what is old."""

    day = yesterday()
    settings = installed(fresh_dsn, tmp_path, 26, day)
    folder = tmp_path / "files"

    def distribute(*more: str) -> tuple[str, list[dict[str, Any]]]:
        done = subprocess.run(
            words("distribute", *more, "--config", str(settings)),
            capture_output=True,
            text=True,
            check=False,
            timeout=GENEROUS_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, [json.loads(line) for line in done.stderr.splitlines()]

    assert distribute() == (f"{day}: 7 files written, {_records(fresh_dsn):,} records in them\n", [])
    made = contents(folder)
    paths = {n: folder / f"s-{n}" / f"s-{n}-{1:010}.xml" for n in range(7)}
    paths[0].write_bytes(b"x" * paths[0].stat().st_size)
    paths[1].unlink()
    note = folder / "s-2" / "acknowledged" / f"{paths[2].name}.ack"
    note.parent.mkdir()
    note.touch()

    async def later(database: Database) -> None:
        await rows.ask(database, (await rows.file_of(database, "s-0", 1)).file.id)
        await database.execute(
            "UPDATE mutation_file SET published = $1 WHERE code IN ('s-2', 's-3')",
            datetime.now(UTC) - timedelta(days=9),
        )

    on(fresh_dsn, later)
    told, lines = distribute()
    assert told.startswith(f"{day}: 2 files written")
    assert [line.get("code", line["event"]) for line in lines] == [
        "mutations.altered",
        "files count as collected by their notes",
        "mutations.uncollected",
    ]
    assert not note.exists()
    (folder / ".aside").rename(tmp_path / "aside")
    assert contents(folder) == made

    note.touch()
    distribute("--day", str(day))
    assert note.exists(), "one day, and nothing else"
    note.unlink()
    distribute("--early")
    old = "UPDATE distribution SET day = day - 500 WHERE day = $1"
    on(fresh_dsn, lambda database: database.execute(old, day))
    told, lines = distribute()
    assert told == "No day is due.\n"
    assert [line["event"] for line in lines if "code" not in line] == ["old files were removed"]
    assert len(contents(folder)) == 14, "those of today"
    assert distribute() == ("No day is due.\n", [])


def _records(dsn: str) -> int:
    return on(dsn, lambda database: database.fetchval("SELECT sum(records)::int FROM mutation_file"))  # type: ignore[no-any-return]


def test_without_a_folder_nothing_is_distributed_and_it_is_said(fresh_dsn: str, tmp_path: Path) -> None:
    settings = on(fresh_dsn, lambda database: install(tmp_path, fresh_dsn, database))
    settings.write_text(settings.read_text().replace('mutation_dir = "files"', ""))
    done = subprocess.run(
        words("distribute", "--config", str(settings)), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert "mutation_dir is not set" in done.stderr
