"""Files that nobody collects and days that nobody was told are noticed: by metrics and by the doctor (RP-18)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fetching import Gateway, environment, gateway
from file_rows import day_of

from kruispunt.cli.examination import Level, _days_due
from kruispunt.clock import FixedClock
from kruispunt.gateway.undelivered import Undelivered
from kruispunt.mutations.waiting import Overdue, Waiting, look, overdue
from kruispunt.settings_read import load

NOTICE = timedelta(days=5)


@pytest.fixture(scope="module")
def bank(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server that nobody starts: settings, folder and database."""
    home = tmp_path_factory.mktemp("gateway")
    with server.database(template) as dsn, gateway(home, dsn, workers=1) as running:
        yield running


def doctor(bank: Gateway) -> list[tuple[str, str, str]]:
    """What it finds about mutations: level, what, what to do."""
    line = [
        sys.executable,
        "-m",
        "kruispunt.cli.main",
        "doctor",
        "--json",
        "--config",
        str(bank.home / "kruispunt.toml"),
    ]
    told = subprocess.run(line, capture_output=True, text=True, check=False, env=environment()).stdout
    return [(f["level"], f["what"], f["todo"]) for f in json.loads(told) if f["check"] == "mutations"]


def test_what_waits_is_counted_and_what_waits_too_long_is_named(bank: Gateway) -> None:
    assert doctor(bank) == [("ok", "0 subscriptions; 0 files wait to be collected", "")]
    for code in ("one", "other"):
        bank.subscribe(code)
        for sequence in (1, 2, 3):
            bank.publish(code, sequence, b"<mutations/>")
    now = datetime.now(UTC)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    bank.ask(lambda d: d.execute("update distribution set day = $1 where day = $2", yesterday, day_of(3)))
    bank.ask(lambda d: d.execute("update mutation_file set collected = now(), collector = 'x' where sequence = 1"))
    old = "update mutation_file set published = $1 where code = 'one' and sequence <= 2"
    bank.ask(lambda d: d.execute(old, now - NOTICE - timedelta(minutes=1)))
    state = bank.ask(lambda d: look(d, now, NOTICE))
    assert (state.files, state.overdue) == (4, 1)
    (found,) = bank.ask(lambda d: overdue(d, now, NOTICE))
    assert found == Overdue("one", 2, 1, now - NOTICE - timedelta(minutes=1))
    ((level, what, todo),) = doctor(bank)
    assert level == "warning"
    assert what.startswith("one: 1 files from 2 on are not collected, since ")
    assert "distribute-mutations.md" in todo
    assert bank.ask(lambda d: look(d, now - timedelta(hours=1), NOTICE)).overdue == 0


def test_the_figures_are_in_the_metrics(bank: Gateway) -> None:
    """The server looked when it started; what it knows is told without the database."""
    assert bank.metric("kruispunt_mutation_files_waiting") == 0
    assert bank.metric("kruispunt_mutation_days_due") == 0
    told = Undelivered(FixedClock(datetime.now(UTC)))
    assert [family.samples for family in told.collect()] == [[], [], []]
    told.known = Waiting(7, 2, (date(2026, 2, 1),))
    assert {family.name: family.samples[0].value for family in told.collect()} == {
        "kruispunt_mutation_files_waiting": 7,
        "kruispunt_mutation_files_overdue": 2,
        "kruispunt_mutation_days_due": 1,
    }


@pytest.mark.parametrize(
    ("days", "hour", "late"),
    [
        ((), 12, 0),
        ((date(2026, 2, 28),), 0, 0),  # its distribution has not begun
        ((date(2026, 2, 28),), 2, 0),
        ((date(2026, 2, 28),), 3, 0),
        ((date(2026, 2, 28),), 5, 1),
        ((date(2026, 2, 27), date(2026, 2, 28)), 0, 1),
        ((date(2026, 2, 27), date(2026, 2, 28)), 12, 2),
    ],
)
def test_a_day_is_late_some_time_after_its_hour(bank: Gateway, days: tuple[date, ...], hour: int, late: int) -> None:
    """The hour is of the clock in Belgium, the default 02:00."""
    now = datetime(2026, 2, 28, 23, tzinfo=UTC) + timedelta(hours=hour, minutes=1)
    found = list(_days_due(days, load(bank.home / "kruispunt.toml"), now))
    assert [f.level for f in found] == [Level.WARNING] * bool(late)
    assert not late or found[0].what.startswith(f"{late} days were not distributed, from {days[0]}")


def test_a_folder_that_is_not_there(bank: Gateway, tmp_path: Path) -> None:
    moved = bank.home / "moved"
    bank.folder.rename(moved)
    try:
        ((level, what, _),) = doctor(bank)
        assert (level, what) == ("fault", f"{bank.folder} is no folder: no file can be written or fetched")
        assert bank.get("alpha", "/mutations/v1/subscriptions/one/files/2").status == 503
    finally:
        moved.rename(bank.folder)
    assert bank.get("alpha", "/mutations/v1/subscriptions/one/files/2").status == 200
