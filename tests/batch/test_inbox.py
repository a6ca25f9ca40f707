"""An inbox: whatever one sender puts there, the others' files are loaded, and nothing is lost (RP-08)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from senders import OWNER, document, line, numbers, prepare, send, sign, table
from test_batch_crashes import COUNT, GENEROUS_SECONDS, until
from test_batch_load import Ask

from installation import command, install, run, signer
from kruispunt.batch import loading
from kruispunt.batch.items import Kind
from kruispunt.batch.watching import waiting
from kruispunt.cli import main
from kruispunt.errors import AuthenticationRefused, RefusalReason
from kruispunt.files.voucher import SUFFIX, voucher_of
from kruispunt.settings import Environment
from kruispunt.storage.database import Database

HERE = Environment.DEVELOPMENT


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


@pytest.fixture
def config(request: pytest.FixtureRequest, ask: Ask, fresh_dsn: str, tmp_path: Path) -> str:
    """The settings of an installation with three people, or as many as the test says."""

    async def ground(database: Database) -> Path:
        await prepare(database, numbers(getattr(request, "param", 3)))
        return await install(tmp_path, fresh_dsn, database, table(signer()), 'environment = "development"\n')

    return str(ask(ground))


def arrives(inbox: Path, name: str, sequence: int, kind: Kind = Kind.INSERT, *, people: int = 1) -> Path:
    """A file of people, under a name, with its voucher."""
    file = inbox / name
    file.write_bytes(document([line(ssin) for ssin in numbers(people)], sequence, kind))
    sign(file, sequence, kind, signer=signer(), environment=HERE)
    return file


def look(inbox: Path, config: str) -> str:
    """What one look writes into the log."""
    code, _, errors = run("batch", "watch", str(inbox), "--once", "--config", config)
    assert code == 0, errors
    return errors


def names(directory: Path) -> list[str]:
    """The files of a directory, without those beside them."""
    return sorted(p.name for p in directory.iterdir() if p.is_file() and not p.name.endswith(SUFFIX))


@pytest.mark.parametrize("config", [COUNT], indirect=True)
def test_rp_08_a_second_process_leaves_a_file_to_the_first(
    fresh_dsn: str, inbox: Path, config: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is loaded elsewhere waits, and what is gone was somebody's."""
    monkeypatch.setattr(loading, "_PATIENCE_SECONDS", 0.5)
    send(inbox, [line(ssin) for ssin in numbers(COUNT)], signer=signer(), environment=HERE)
    words = command("batch", "watch", str(inbox), "--once", "--config", config)
    first = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with psycopg.connect(fresh_dsn, autocommit=True) as connection:
        until(connection, 1, first)
    first.send_signal(signal.SIGSTOP)
    try:
        main.app(["batch", "watch", str(inbox), "--once", "--config", config], standalone_mode=False)
        log = capfd.readouterr().err
        assert "batch.waits" in log
        assert "another process loads this file" in log
        assert names(inbox) == ["inscriptions-1.xml"]
        assert names(inbox / "refused") == []
    finally:
        first.send_signal(signal.SIGCONT)
        _, errors = first.communicate(timeout=GENEROUS_SECONDS)
    assert first.returncode == 0, errors
    assert names(inbox) == []
    assert len(names(inbox / "done")) == 1


@pytest.mark.parametrize(
    "odd",
    [
        "b1²2.xml",
        "b" * 236 + ".xml",
        "b" * 200 + ".xml",
        os.fsdecode(b"b\xff.xml"),
        "b\n1.xml",
    ],
    ids=["no decimal digit", "too long for a move", "too long for an outcome", "no UTF-8", "two lines"],
)
def test_rp_08_no_name_of_one_sender_stops_the_files_of_others(inbox: Path, config: str, odd: str) -> None:
    arrives(inbox, "a.xml", 1)
    file = inbox / odd
    file.write_bytes(document([line(ssin) for ssin in numbers(1)], 2))
    sign(file, 2, Kind.INSERT, signer=signer(), environment=HERE)
    arrives(inbox, "z.xml", 3 if len(odd) < 150 else 2)
    look(inbox, config)
    assert names(inbox) == [], "each was looked at, and put away"
    assert {"a.xml", "z.xml"} <= {name.split("-", 2)[2] for name in names(inbox / "done")}
    refused = [name for name in names(inbox / "refused") if not name.endswith(".txt")]
    assert len(refused) == (len(odd) > 150)


def test_rp_08_a_voucher_without_a_name_is_passed_over(inbox: Path) -> None:
    (inbox / SUFFIX).write_bytes(b"of nothing")
    (inbox / "folder").mkdir()
    (inbox / f"folder{SUFFIX}").write_bytes(b"of a folder")
    (inbox / "file").write_bytes(b"")
    (inbox / f"file{SUFFIX}").mkdir()
    assert waiting(inbox) == []


def test_rp_08_what_the_disk_refuses_is_the_trouble_of_one_file(inbox: Path, config: str) -> None:
    """A folder stands where the outcome shall be written: any error of the system takes this way."""
    first = f"{OWNER}-1-a.xml"
    (inbox / "outcomes" / f"{first}.outcome.xml" / "in the way").mkdir(parents=True)
    arrives(inbox, "a.xml", 1)
    arrives(inbox, "b.xml", 2)
    log = look(inbox, config)
    assert "batch.trouble" in log
    assert names(inbox) == ["a.xml"]
    assert names(inbox / "done") == [f"{OWNER}-2-b.xml"]
    (inbox / "outcomes" / f"{first}.outcome.xml" / "in the way").rmdir()
    (inbox / "outcomes" / f"{first}.outcome.xml").rmdir()
    look(inbox, config)
    assert names(inbox / "done") == [first, f"{OWNER}-2-b.xml"]


def test_rp_08_no_file_takes_the_place_of_another(inbox: Path, config: str) -> None:
    """Each file's outcomes are kept, and each file, whatever it is called."""
    for sequence in (1, 2):
        arrives(inbox, "inscriptions.xml", sequence, people=sequence)
        look(inbox, config)
    kept = [f"{OWNER}-{sequence}-inscriptions.xml" for sequence in (1, 2)]
    assert names(inbox / "done") == kept
    assert names(inbox / "outcomes") == [f"{name}.outcome.xml" for name in kept]
    counts = [(inbox / "outcomes" / f"{name}.outcome.xml").read_text().count("<outcome ") for name in kept]
    assert counts == [1, 2]
    arrives(inbox, "inscriptions.xml", 1)
    before = (inbox / "done" / f"{kept[0]}{SUFFIX}").read_bytes()
    look(inbox, config)
    assert names(inbox / "done") == sorted([*kept, f"2-{kept[0]}"]), "sent again: kept beside the first"
    assert (inbox / "done" / f"{kept[0]}{SUFFIX}").read_bytes() == before
    for people in (2, 3):
        arrives(inbox, "inscriptions.xml", 1, people=people)
        look(inbox, config)
    refused = [name for name in names(inbox / "refused") if not name.endswith(".txt")]
    assert refused == ["2-inscriptions.xml", "inscriptions.xml"]
    assert all(voucher_of(inbox / "refused" / name).is_file() for name in refused)


def test_rp_08_the_sender_of_a_refused_file_reads_why(inbox: Path, config: str) -> None:
    file = arrives(inbox, "a.xml", 1)
    file.write_bytes(file.read_bytes() + b" ")
    arrives(inbox, "b.xml", 1)
    voucher_of(inbox / "b.xml").write_bytes(b"<no/>")
    look(inbox, config)
    told = (inbox / "refused" / "a.xml.refused.txt").read_text()
    assert told == "size or checksum are not those of the voucher: the file is not the one that was sent\n"
    assert "invalid structure" in (inbox / "refused" / "b.xml.refused.txt").read_text()


def test_pl_14_a_stranger_is_told_what_it_would_be_told_online(inbox: Path, config: str) -> None:
    """Not why in the words of the log."""
    send(inbox, [line(ssin) for ssin in numbers(1)], environment=HERE)
    log = look(inbox, config)
    told = (inbox / "refused" / "inscriptions-1.xml.refused.txt").read_text()
    assert told.startswith(AuthenticationRefused.text)
    assert f"reason: {RefusalReason.CERTIFICATE.value}" in told
    (why,) = re.findall(r'"why": "([^"]+)"', log)
    assert why not in told


def test_rp_08_a_file_waits_unread_and_is_told_once(inbox: Path, config: str) -> None:
    """Whose turn it is not is neither hashed nor parsed: a content that is not the voucher's shows when it is."""
    file = arrives(inbox, "b.xml", 2)
    file.write_bytes(b"something else")
    log = watched(inbox, config, lambda: arrives(inbox, "c.xml", 3), looks=4)
    assert log.count("batch.waits") == 2, "one line for each file"
    assert names(inbox) == ["b.xml", "c.xml"]
    arrives(inbox, "a.xml", 1)
    look(inbox, config)
    assert names(inbox) == ["c.xml"]
    assert names(inbox / "refused") == ["b.xml", "b.xml.refused.txt"]


def test_rp_08_outcomes_in_an_inbox_are_not_taken_for_files(inbox: Path, config: str) -> None:
    file = arrives(inbox, "a.xml", 1)
    assert run("batch", "load", str(file), "--config", config)[0] == 0
    look(inbox, config)
    assert names(inbox) == ["a.xml.outcome.xml"]
    assert names(inbox / "refused") == []
    assert names(inbox / "done") == [f"{OWNER}-1-a.xml"]


def test_rp_08_rp_20_the_database_comes_back_and_the_file_is_loaded(fresh_dsn: str, inbox: Path, config: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(fresh_dsn)["dbname"]
    words = command("batch", "watch", str(inbox), "--every", "0.1", "--config", config)
    with psycopg.connect(psycopg.conninfo.make_conninfo(fresh_dsn, dbname="postgres"), autocommit=True) as server:
        watcher = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert watcher.stderr is not None
            # Not once a connection is seen: PostgreSQL shows it before it was let in, and then the watcher never began.
            arrives(inbox, "a.xml", 1)
            assert "a file was loaded" in watcher.stderr.readline()
            allow(server, name, "false")
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            arrives(inbox, "b.xml", 2)
            assert "batch.storage" in watcher.stderr.readline()
            code, _, _ = run("batch", "watch", str(inbox), "--once", "--config", config)
            assert code == 1
            allow(server, name, "true")
            eventually(lambda: (inbox / "done" / f"{OWNER}-2-b.xml").exists(), watcher)
        finally:
            allow(server, name, "true")
            watcher.terminate()
            watcher.communicate(timeout=GENEROUS_SECONDS)


def allow(server: psycopg.Connection, name: str, value: str) -> None:
    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {value}')  # type: ignore[arg-type]


def watched(inbox: Path, config: str, meanwhile: Callable[[], object], looks: int) -> str:
    """The log of a watcher that looked so many times after `meanwhile`: each look ends with a file that comes last."""
    words = command("batch", "watch", str(inbox), "--every", "0.1", "--config", config)
    watcher = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: (inbox / "outcomes").exists(), watcher)
        meanwhile()
        for number in range(looks):
            last = inbox / f"z{number}.xml"
            last.write_bytes(b"no file")
            voucher_of(last).write_bytes(b"no voucher")
            eventually(lambda last=last: not last.exists(), watcher)  # type: ignore[misc]
            for name in (last.name, last.name + SUFFIX, last.name + ".refused.txt"):
                eventually(lambda name=name: (inbox / "refused" / name).exists(), watcher)  # type: ignore[misc]
                (inbox / "refused" / name).unlink()
    finally:
        watcher.terminate()
        _, errors = watcher.communicate(timeout=GENEROUS_SECONDS)
    return errors


def eventually(true: Callable[[], bool], watcher: subprocess.Popen[str]) -> None:
    end = time.monotonic() + GENEROUS_SECONDS
    while not true():
        assert watcher.poll() is None, watcher.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
