"""What a loss of power, of a worker or of the database costs: no unlogged or repeated exchange (PL-30, PL-41).

Servers of their own, on the embedded PostgreSQL, all in one directory: what one leaves behind the next one finds.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import itertools
import json
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from attacker import PERSONAS, Bench
from bank import Bank, Got
from processes import children, command, family, holder, kill, wait_until, workers
from running import Running, check_ordinary_log, open_directory
from wire import dial, status, told

from kruispunt.securitylog.entry import Kind
from kruispunt.storage.engine import EmbeddedPostgres
from kruispunt.xml.namespaces import SOAP_ACTION

KNOWN = PERSONAS["two-cards-and-a-permit"]
ACTION = SOAP_ACTION + "ForeignerSituationService/consultEmploymentInfos"
CLIENTS = 4
ENOUGH = 40
"""Answers before something is broken."""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


@pytest.fixture
def running(home: Path) -> Iterator[Bank]:
    with Running(home / "demo") as bank:
        yield bank


@dataclass
class Load:
    """Clients that ask without a pause, each over one connection, until the server ends it or they are told to stop."""

    bank: Bank
    answers: list[tuple[bytes, Got]] = field(default_factory=list)
    """Each message, with the reply that a client held in its hands."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self.answers) >= ENOUGH, "the load to begin")
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join()

    @property
    def over(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def _ask(self, number: int) -> None:
        bench = Bench(self.bank, KNOWN)
        with contextlib.suppress(OSError, http.client.HTTPException), self.bank.connect() as connection:
            for turn in itertools.count():
                message = bench.signer.envelope(bench.body(ticket=f"{number}/{turn}"), datetime.now(UTC))
                got = Got(*connection.post(KNOWN.service.path, ACTION, message))
                self.answers.append((message, got))
                if self.stopping.is_set() or got.headers.get("connection") == "close":
                    return


def check_logged(bank: Bank, answers: list[tuple[bytes, Got]]) -> None:
    """Every reply that a client received is in the log, letter by letter, and the question too."""
    entries = bank.logged_all([got.ticket for _, got in answers])
    for message, got in answers:
        assert got.code == "MSG00000"
        incoming, outgoing = entries[got.ticket]
        assert (incoming.kind, outgoing.kind) == (Kind.INCOMING, Kind.OUTGOING)
        assert incoming.message is not None
        assert outgoing.message is not None
        assert (incoming.message.data, outgoing.message.data) == (message, got.raw)


def postmaster(bank: Bank) -> int:
    return int(next(bank.directory.glob("postgres/**/postmaster.pid")).read_text().split()[0])


def test_a_worker_that_is_killed(running: Bank) -> None:
    """The other one goes on; who was about to connect to the dead one waits for its successor."""
    bench = Bench(running, KNOWN)
    first, second = workers(running.process.pid)
    with contextlib.ExitStack() as stack:
        kept = {}
        while len(kept) < 2:
            connection = stack.enter_context(running.connect())
            connection.get(KNOWN.service.path + "?wsdl")
            assert connection._connection.sock is not None
            kept[holder(connection._connection.sock, [first, second])] = connection
        message = bench.message()
        assert Got(*kept[first].post(KNOWN.service.path, ACTION, message)).code == "MSG00000"
        kill([first])
        wait_until(lambda: first not in workers(running.process.pid), "the worker to end")
        assert Got(*kept[second].post(KNOWN.service.path, ACTION, bench.message())).code == "MSG00000"
        again = Got(*kept[second].post(KNOWN.service.path, ACTION, message))
        assert (again.code, again.information) == ("MSG00015", {"reason": "replay"})
        for _ in range(10):
            bench.answered(bench.message())
    wait_until(lambda: running.local("/health/ready")[0] == 200, "the server to be whole again")
    assert len(workers(running.process.pid)) == 2
    assert second in workers(running.process.pid)
    assert "a worker died and is started again" in running.said


def test_a_stop_while_requests_run(running: Bank) -> None:
    """SIGTERM: what was begun is answered, what was answered is logged, and nothing is left half done."""
    message = Bench(running, KNOWN).message()
    head = (
        f"POST {KNOWN.service.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
        f"SOAPAction: {ACTION}\r\nContent-Length: {len(message)}\r\n\r\n"
    )
    with Load(running) as load, dial(running) as slow:
        slow.sendall(head.encode() + message[:1_000])
        asked = len(load.answers)
        wait_until(lambda: len(load.answers) > asked + ENOUGH, "the load to go on")
        running.process.terminate()
        wait_until(lambda: load.over, "the others to be sent away")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", running.port), 5)
        slow.sendall(message[1_000:])
        late = told(slow)
    assert status(late) == 200
    assert running.process.wait(30) == 0
    check_logged(running, [*load.answers, (message, Got(200, {}, late.partition(b"\r\n\r\n")[2]))])
    with EmbeddedPostgres(running.directory / "postgres") as server, psycopg.connect(server.dsn) as connection:
        halves = connection.execute(
            "select count(*) from (select ticket from log_entry where kind < 2 group by ticket having count(*) <> 2) t"
        ).fetchone()
    assert halves == (0,)


def test_a_loss_of_power(home: Path) -> None:
    """Supervisor, workers and database killed under load. After it: every reply that was received is proved by the
    log, and no message that was answered is answered again."""
    with Running(home / "demo") as bank, Load(bank) as load:
        gateway, database = [bank.process.pid, *workers(bank.process.pid)], family(postmaster(bank))
        kill([*gateway, *database])
        wait_until(lambda: bank.process.poll() is not None, "the server to end")
    assert bank.process.returncode == -signal.SIGKILL
    assert len(load.answers) >= ENOUGH
    with Running(home / "demo") as again:
        check_logged(again, load.answers)
        bench = Bench(again, KNOWN)
        for message, _ in load.answers[-2 * CLIENTS :]:
            assert bench.send(message).information == {"reason": "replay"}
        bench.answered(bench.message())


def test_workers_do_not_outlive_their_supervisor(home: Path) -> None:
    """Or they would hold the port and the database against the next server, which also stops the database that it
    finds."""
    with Running(home / "demo") as bank:
        orphans, database = workers(bank.process.pid), postmaster(bank)
        kill([bank.process.pid])
        bank.process.wait(30)
        wait_until(lambda: not any(command(orphan) for orphan in orphans), "the workers to end")
    with Running(home / "demo") as again:
        assert again.call(KNOWN).code == "MSG00000"
        assert postmaster(again) == database
    assert again.process.wait(30) == 0
    assert not command(database)


def test_a_database_that_somebody_else_started(home: Path) -> None:
    """Such as a long import: when that ends, the server that came meanwhile keeps its database."""
    with EmbeddedPostgres(home / "demo" / "postgres") as started:
        assert started.started_here
        running = Running(home / "demo")
        bank = running.__enter__()
    try:
        assert bank.call(KNOWN).code == "MSG00000"
        database = postmaster(bank)
    finally:
        running.__exit__()
    assert bank.process.wait(30) == 0
    assert not command(database)


def test_a_database_that_goes_away_and_comes_back(running: Bank) -> None:
    """Nothing is answered unlogged: MSG00003, no data; and service again without anybody's help."""
    bench = Bench(running, KNOWN)
    bench.answered(bench.message())
    waiting = bench.message()
    lost = postmaster(running)
    with (running.directory / "postgres" / "lock").open() as lock:
        # Nobody starts it before the loss was seen.
        fcntl.flock(lock, fcntl.LOCK_EX)
        kill(family(lost))
        wait_until(lambda: running.local("/health/ready")[0] == 503, "the loss to be noticed")
        assert "database is away" in running.local("/health/ready")[1]
        assert running.local("/health/live")[0] == 200
        for message in (waiting, bench.message()):
            got = bench.send(message)
            assert (got.status, got.code) == (500, "MSG00003")
            assert got.payload.findtext("faultcode") == "soapenv:Server"
            assert got.information == {}
            assert b"EC-2018" not in got.raw
            assert bench.ssin.encode() not in got.raw
            running.verify(got.raw)
    wait_until(lambda: running.local("/health/ready")[0] == 200, "the database to be there again")
    got = bench.answered(bench.message())
    assert len(running.logged(got.ticket)) == 2
    assert bench.send(waiting).code in {"MSG00000", "MSG00015"}
    assert running.process.poll() is None
    assert len(workers(running.process.pid)) == 2
    assert postmaster(running) in children(running.process.pid)
    wait_until(lambda: "the embedded database was gone and was started again" in running.said, "it to be told")
    failures = [json.loads(line) for line in running.said.splitlines() if '"internal failure"' in line]
    assert {bool(failure["causes"]) for failure in failures} == {True}, "the operator is told what was behind it"
    running.process.terminate()
    assert running.process.wait(30) == 0
    assert not command(lost)


def test_the_log_of_all_this_is_fit_to_be_read(home: Path) -> None:
    """The last of the file: what these servers wrote."""
    check_ordinary_log((home / "demo.log").read_text())
