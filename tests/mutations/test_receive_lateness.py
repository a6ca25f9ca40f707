"""A subscriber tells silence from loss: a file comes each day, so a day without one is late or lost (RP-18)."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest
from telling import CODE, NOW, Subscriber, Telling

from kruispunt.clock import BELGIUM
from kruispunt.files.voucher import voucher_of
from kruispunt.receive.copy import Received
from kruispunt.receive.lateness import late
from kruispunt.receive.problems import Problem
from kruispunt.receive.spool import SPOOL


def last(day: str) -> Received:
    return Received(7, day, 0, 0, "", "", "", None)


@pytest.mark.parametrize(
    ("day", "margin", "first_moment"),
    [
        # The file of the tenth comes on the eleventh, which ends at 23:00 UTC.
        ("2026-02-09", 1, "2026-02-11T23:00:00Z"),
        ("2026-02-09", 0, "2026-02-10T23:00:00Z"),
        ("2026-02-09", 3, "2026-02-13T23:00:00Z"),
        # Summer time begins on 29 March and ends on 25 October.
        ("2026-03-26", 1, "2026-03-28T23:00:00Z"),
        ("2026-03-27", 1, "2026-03-29T22:00:00Z"),
        ("2026-10-22", 1, "2026-10-24T22:00:00Z"),
        ("2026-10-23", 1, "2026-10-25T23:00:00Z"),
    ],
)
def test_rp_18_a_day_is_late_when_the_day_in_which_its_file_comes_is_over(
    day: str, margin: int, first_moment: str
) -> None:
    moment = datetime.fromisoformat(first_moment)
    assert late(last(day), moment - timedelta(seconds=1), margin) is None
    found = late(last(day), moment, margin)
    assert found is not None
    missing = date.fromisoformat(day) + timedelta(days=1)
    assert (found.problem, found.sequence) == (Problem.LATE, 8)
    assert found.why == f"no file of {missing} came: the last one, 7, is of {day}"
    assert datetime.fromisoformat(found.since) == moment


def test_rp_18_before_the_first_file_nothing_is_late() -> None:
    assert late(None, NOW, 0) is None


def command(*words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "kruispunt.cli.main", "receive", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


def test_rp_18_receive_and_status_tell_which_day_is_missing_and_load_what_came(subscriber: Subscriber) -> None:
    first_day = datetime.now(BELGIUM).date() - timedelta(days=10)
    options = ["--folder", str(subscriber.folder), "--subscription", CODE, "--into", str(subscriber.into)]
    options += ["--platform-certificate", str(subscriber.pki.signing)]
    into = ["--into", str(subscriber.into)]

    def put(sequence: int) -> None:
        subscriber.put(Telling(sequence, first_day=first_day))

    put(1)
    code, told, said = command(*options)
    assert code == Problem.LATE.exit_code
    assert told == f"File 1 of {first_day}: 0 records loaded.\n"
    assert said.startswith(f"kruispunt: late: file 2: no file of {first_day + timedelta(days=1)} came")
    put(2)
    voucher_of(subscriber.folder / f"{CODE}-{2:010}.xml").unlink()
    code, told, _ = command(*options, "--json")
    assert (code, json.loads(told)["loaded"]) == (Problem.LATE.exit_code, []), "on its way for ever"
    code, told, _ = command("status", *into, "--json")
    (trouble,) = json.loads(told)["troubles"]
    assert (code, trouble["problem"], trouble["sequence"]) == (Problem.LATE.exit_code, "late", 2)
    assert datetime.fromisoformat(trouble["since"]).astimezone(BELGIUM).date() == first_day + timedelta(days=3)
    assert "late since" in command("status", *into)[1]
    assert command(*options, "--late-after", "20")[0] == 0
    assert command("status", *into, "--late-after", "20")[0] == 0
    for sequence in range(2, 11):
        put(sequence)
    code, told, _ = command(*options, "--json")
    assert (code, [file["sequence"] for file in json.loads(told)["loaded"]]) == (0, list(range(2, 11)))
    assert command("status", *into)[0] == 0


def test_rp_18_what_is_pushed_comes_when_something_changed(subscriber: Subscriber) -> None:
    subscriber.put(Telling(1))
    assert subscriber.receive().problem is None
    (subscriber.into / SPOOL).touch()
    assert command("status", "--into", str(subscriber.into))[0] == 0
