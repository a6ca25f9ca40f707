"""`kruispunt receive`, as a subscriber starts it; killed at any moment it goes on (RP-18)."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from shaky_platform import Shaky, shaky_platform
from telling import CODE, Subscriber, Telling, address, mutation, name, ssin

from kruispunt.demo.pki import Pki
from kruispunt.receive.problems import Problem
from kruispunt.receive.run import COPY

GENEROUS_SECONDS = 120.0
FOREVER = "99999"
"""Days: the files of these tests are of any days."""


@dataclass(frozen=True)
class Command:
    """The command with its options, for one subscriber."""

    subscriber: Subscriber
    platform: Shaky

    def words(self, *words: str, into: Path | None = None) -> list[str]:
        pki, client = self.subscriber.pki, self.subscriber.pki.client("town")
        options = {
            "--url": self.platform.url,
            "--subscription": CODE,
            "--certificate": client,
            "--key": Pki.key_of(client),
            "--ca": pki.ca,
            "--platform-certificate": pki.signing,
            "--into": into or self.subscriber.into,
        }
        if not words or words[0] != "again":
            options["--late-after"] = FOREVER
        given = [str(part) for option in options.items() for part in option]
        return [sys.executable, "-m", "kruispunt.cli.main", "receive", *words, *given]

    def run(self, *words: str) -> tuple[int, str, str]:
        return run(self.words(*words))

    def status(self, *words: str) -> tuple[int, str, str]:
        into = ("--into", str(self.subscriber.into), "--late-after", FOREVER)
        return run([sys.executable, "-m", "kruispunt.cli.main", "receive", "status", *into, *words])


def run(words: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout, done.stderr


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + GENEROUS_SECONDS
    while not condition():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.002)


@pytest.fixture
def command(subscriber: Subscriber) -> Iterator[Command]:
    with shaky_platform(subscriber.folder, subscriber.pki) as platform:
        yield Command(subscriber, platform)


def telling(sequence: int) -> Telling:
    return Telling(sequence, (mutation(sequence, ssin(sequence), name("Peeters", "Anna")),))


def test_rp_18_receive_status_and_again(command: Command) -> None:
    subscriber = command.subscriber
    assert command.run() == (0, "Nothing there yet.\n", "")
    for sequence in (1, 2):
        subscriber.put(telling(sequence))
    assert command.run() == (
        0,
        "File 1 of 2026-01-01: 1 records loaded.\nFile 2 of 2026-01-02: 1 records loaded.\n",
        "",
    )
    code, told, _ = command.run("--json", "--once")
    assert (code, json.loads(told)) == (0, {"subscription": CODE, "loaded": [], "last": 2, "problem": None})
    code, told, _ = command.status()
    assert code == 0
    assert "last file 2, of 2026-01-02" in told
    assert "2 people, 0 old numbers, 0 items" in told
    subscriber.put(telling(4))
    code, _, said = command.run()
    assert code == Problem.MISSING.exit_code
    assert said.startswith("kruispunt: missing: file 3: file 3 is missing, and file 4 is there.\nAsk for ")
    code, told, _ = command.status("--json")
    status = json.loads(told)
    assert code == Problem.MISSING.exit_code
    assert [(each["problem"], each["sequence"]) for each in status["troubles"]] == [("missing", 3)]
    assert (status["last"]["sequence"], status["environment"]) == (2, "development")
    code, told, _ = command.run("again", "1")
    assert (code, told.startswith("File 1 lies in ")) == (0, True)
    command.platform.gone = {1}
    next(subscriber.files.glob(f"{CODE}-0000000001.xml")).unlink()
    code, told, _ = command.run("again", "1", "--json")
    assert (code, json.loads(told)) == (0, {"sequence": 1, "file": None, "requested": True, "pushed": False})
    assert command.platform.requested == [1]
    command.platform.pushed = True
    code, told, _ = command.run("again", "1")
    assert (code, "It is pushed again: kruispunt receive --nats" in told) == (0, True)
    command.platform.forgotten = {1}
    code, _, said = command.run("again", "1")
    assert code == Problem.MISSING.exit_code
    assert "cannot make file 1 again: Gone" in said
    assert "receive again" not in said


def test_rp_18_from_a_folder(subscriber: Subscriber) -> None:
    words = [sys.executable, "-m", "kruispunt.cli.main", "receive", "--folder", str(subscriber.folder)]
    words += ["--subscription", CODE, "--platform-certificate", str(subscriber.pki.signing)]
    words += ["--into", str(subscriber.into), "--json", "--late-after", FOREVER]
    subscriber.put(telling(1))
    code, told, _ = run(words)
    assert (code, [file["sequence"] for file in json.loads(told)["loaded"]]) == (0, [1])
    subscriber.put(telling(2), telling(2).document()[:-4])
    code, told, _ = run(words)
    assert code == Problem.SCHEMA.exit_code
    assert json.loads(told)["problem"]["problem"] == "schema"
    assert run([*words, "--url", "https://localhost"])[0] == 2, "one of them"


@pytest.mark.parametrize("missing", ["--into", "--subscription", "--platform-certificate", "--ca", "--key", "--url"])
def test_rp_18_an_option_that_is_missing_is_named(command: Command, missing: str) -> None:
    words = command.words()
    at = words.index(missing)
    code, _, said = run(words[:at] + words[at + 2 :])
    assert code == 2
    assert missing in said


def test_rp_18_one_at_a_time_and_a_clean_end(command: Command) -> None:
    subscriber = command.subscriber
    subscriber.put(telling(1))
    with subprocess.Popen(command.words("--every", "0.1"), stderr=subprocess.PIPE, text=True) as process:
        until(lambda: 1 in command.platform.acknowledged, "the first file")
        code, _, said = command.run()
        assert code == Problem.BUSY.exit_code, said
        subscriber.put(telling(3))
        subscriber.put(telling(2))
        until(lambda: 3 in command.platform.acknowledged, "the others")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=GENEROUS_SECONDS)
    assert process.returncode == 0, said
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["sequence"] for line in lines if line["event"] == "a file was loaded"] == [1, 2, 3]


def test_rp_18_a_disk_that_cannot_be_written_is_told(command: Command) -> None:
    subscriber = command.subscriber
    subscriber.put(telling(1))
    subscriber.files.mkdir(parents=True)
    (subscriber.into / COPY).write_bytes(b"no database at all, and long enough to see that it is none" * 40)
    code, _, said = command.run()
    assert code == Problem.STORE.exit_code, said
    (subscriber.into / COPY).unlink()
    (subscriber.files / f"{CODE}-0000000001.xml").mkdir()
    code, _, said = command.run()
    assert code == Problem.STORE.exit_code, said


FILES, PEOPLE, RECORDS = 30, 100, 60


def days(seed: int) -> Iterator[Telling]:
    """Files in which people change, are replaced, and come back."""
    chance, number = random.Random(seed), 0
    for sequence in range(1, FILES + 1):
        records = []
        for who in sorted(chance.sample(range(PEOPLE), RECORDS)):
            number += 1
            old = [ssin(PEOPLE + who)] if chance.random() < 0.1 else []
            groups = {"name": name(f"N{number}"), "address": address(f"S{number}")}
            told = chance.choice([["name"], ["address"], ["name", "address"]])
            written = [groups[group] for group in told if chance.random() < 0.8 or group == "name"]
            records.append(mutation(number, ssin(who), *written, told=" ".join(told), replaced=old))
        yield Telling(sequence, tuple(records))


@pytest.mark.parametrize("seed", [1, 2])
def test_rp_18_killed_at_any_moment_it_goes_on(command: Command, tmp_path: Path, seed: int) -> None:
    """The copy is that of an undisturbed run, and every file is acknowledged."""
    subscriber, chance = command.subscriber, random.Random(seed)
    for each in days(seed):
        subscriber.put(each)
    undisturbed = Subscriber(subscriber.folder, tmp_path / "undisturbed", subscriber.pki)
    assert run(command.words(into=undisturbed.into))[0] == 0
    command.platform.acknowledged.clear()
    kills = 0
    while kills < 5:
        kills += killed(command, chance)
        assert len(command.platform.acknowledged) < FILES, "it was killed at work"
    command.platform.cuts = [chance.randrange(1_000, 9_000)]
    code, _, said = command.run()
    assert code == 0, said
    assert subscriber.held == undisturbed.held
    assert sorted(command.platform.acknowledged) == list(range(1, FILES + 1))
    assert list(subscriber.files.glob("*.part")) == []


def killed(command: Command, chance: random.Random) -> bool:
    """Start it, and kill it a little after so many requests; whether it was still at work."""
    subscriber, before = command.subscriber, len(command.platform.seen)
    requests, moments = chance.randrange(1, 9), chance.randrange(20)
    process = subprocess.Popen(command.words(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until(
        lambda: process.poll() is not None or len(command.platform.seen) >= before + requests, "the moment to kill it"
    )
    for _ in range(moments):
        time.sleep(0.001)
    at_work = process.poll() is None
    if at_work:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    if (subscriber.into / COPY).exists():
        check(subscriber)
    return at_work


def check(subscriber: Subscriber) -> None:
    """At every moment the copy is that after some number of whole files."""
    connection = sqlite3.connect(subscriber.into / COPY)
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return
        loaded = [row[0] for row in connection.execute("SELECT sequence FROM received ORDER BY sequence")]
        assert loaded == list(range(1, len(loaded) + 1))
        latest: Any = connection.execute("SELECT max(sequence) FROM person").fetchone()[0]
        assert (latest or 0) == len(loaded)
    finally:
        connection.close()
