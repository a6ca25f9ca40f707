"""The running gateway with a National Register elsewhere, in a process of its own (PL-35, MSG00002)."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bank import Bank, Got
from processes import wait_until
from running import check_ordinary_log, open_directory

from kruispunt.cli.serve import prepare
from kruispunt.configured import services_of
from kruispunt.demo.build import Options, build_files, load_people
from kruispunt.demo.directory import DemoDirectory
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.services.discovery import discover
from supplier_elsewhere import NAME, Elsewhere, elsewhere

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}
EMPLOYMENT, SPECIAL, ECHO = (PERSONAS[name] for name in ("two-cards-and-a-permit", "family-reunification", "echo"))
START_SECONDS = 90
SECONDS = 60.0
SCHEMA, FAULT, UNEXPECTED = (
    f"Schema validation error on response from {NAME}",
    f"SoapFault received from backend {NAME}",
    f"Unexpected response from backend {NAME}",
)


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with elsewhere(tmp_path_factory.mktemp("away") / "supplier") as running:
        yield running


@pytest.fixture(scope="module")
def installation(server: Any, template: str, away: Elsewhere) -> Iterator[tuple[Path, str]]:
    """Directory and DSN of a bank that is built and does not run; people, and no data about them."""
    with open_directory() as home, server.database(template) as dsn:
        directory = DemoDirectory(home / "demo")
        options = Options(workers=1, people=20, dsn=dsn)
        settings = build_files(directory, options, str)
        prepare(settings, dsn)
        asyncio.run(load_people(directory, options, dsn, str))
        (away.directory / "platform-ca.pem").write_bytes((directory.pki / "ca.pem").read_bytes())
        away.stop()
        away.start()
        assert services_of(settings)
        yield directory.root, dsn


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(root: Path, dsn: str, away: Elsewhere, **limits: object) -> Iterator[Bank]:
    """`kruispunt serve` with the supplier elsewhere."""
    file = away.write(root / "suppliers.toml", reply_signers=str(away.pki / "signing.pem"), **limits)
    command = [sys.executable, "-m", "kruispunt.cli.main", "serve", "--config", str(root / "kruispunt.toml")]
    log = root.with_suffix(".log")
    begun = log.stat().st_size if log.exists() else 0
    with log.open("ab") as said:
        environment = {
            **os.environ,
            "KRUISPUNT_SUPPLIERS_FILE": str(file),
            "KRUISPUNT_PORT": str(free_port()),
            "KRUISPUNT_LOCAL_PORT": str(free_port()),
        }
        process = subprocess.Popen(command, stderr=said, env=environment, start_new_session=True)
    try:
        ready: list[dict[str, Any]] = []

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()[-2_000:]
            lines = [json.loads(x) for x in log.read_text()[begun:].splitlines() if x.startswith("{")]
            ready[:] = [line for line in lines if line["event"] == "ready"]
            return bool(ready)

        wait_until(is_ready, "the server is ready", START_SECONDS)
        yield Bank(root, ready[0]["url"], ready[0]["local"], process, dsn)
    finally:
        process.terminate()
        assert process.wait(START_SECONDS) == 0
        check_ordinary_log(log.read_text())


@pytest.fixture(scope="module")
def patient(installation: tuple[Path, str], away: Elsewhere) -> Iterator[Bank]:
    """A bank that waits long and cuts off late."""
    limits = {"connect_seconds": SECONDS, "read_seconds": SECONDS, "failures": 1000, "connections": 6, "waiting": 2}
    with serving(*installation, away, **limits) as bank:
        yield bank


@pytest.fixture
def bank(patient: Bank, away: Elsewhere) -> Bank:
    away.answer("well")
    return patient


def texts(got: Got, name: str) -> list[str | None]:
    return [one.text for one in got.payload.iter(name)]


def test_right_answers(bank: Bank, away: Elsewhere) -> None:
    before = len(away.seen)
    got = bank.call(EMPLOYMENT)
    assert got.code == "MSG00000"
    assert texts(got, "cardNumber") == ["C-1"]
    assert texts(got, "permitNumber") == ["P-1"]
    assert texts(got, "inceptionDate") == ["2019-07-00", "0000-00-00"]
    assert texts(got, "comment") == ["unlimited"]
    special = bank.call(SPECIAL)
    assert special.code == "MSG00000"
    assert texts(special, "code")[-1] == "01010301"
    bank.verify(special.raw)
    assert [one["trouble"] for one in away.seen[before:]] == ["", ""], "our signature, and our schema"


def test_no_data_is_no_error(bank: Bank, away: Elsewhere) -> None:
    away.answer("empty")
    assert bank.call(EMPLOYMENT).code == "MSG00100"


def test_who_is_refused_reaches_no_supplier(bank: Bank, away: Elsewhere) -> None:
    before = len(away.seen)
    for refused in ("not-inscribed", "unsigned", "data-group-not-authorised", "nothing-asked"):
        assert bank.call(PERSONAS[refused]).code == PERSONAS[refused].code
    assert len(away.seen) == before


@pytest.mark.parametrize(
    ("mode", "sentence", "reason"),
    [
        ("schema", SCHEMA, "schema"),
        ("other-element", SCHEMA, "schema"),
        ("fault", FAULT, "fault"),
        ("http-500", UNEXPECTED, "status"),
        ("garbage", UNEXPECTED, "not-soap"),
        ("too-large", UNEXPECTED, "too-large"),
        ("close", UNEXPECTED, "closed"),
        ("unsigned", UNEXPECTED, "signature"),
        ("tampered", UNEXPECTED, "signature"),
        ("other-person", UNEXPECTED, "other-person"),
    ],
)
def test_each_kind_of_msg00002(bank: Bank, away: Elsewhere, mode: str, sentence: str, reason: str) -> None:
    """PL-26, HA-08: the name of the field is the sentence of document 000."""
    away.answer(mode)
    got = bank.call(EMPLOYMENT)
    assert (got.status, got.code, got.is_fault) == (500, "MSG00002", True)
    assert got.information == {sentence: reason}
    bank.verify(got.raw)
    (_, reply) = bank.logged(got.ticket)
    assert reply.facts["outcome"] == "MSG00002"
    away.answer("well")
    assert bank.call(EMPLOYMENT).code == "MSG00000"


def in_the_background(bank: Bank, number: int) -> tuple[list[threading.Thread], list[Got]]:
    """So many requests at once, all different: two that are signed in one millisecond would be replays."""
    messages: set[bytes] = set()
    while len(messages) < number:
        messages.add(bank.message(EMPLOYMENT))
    got: list[Got] = []

    def send(message: bytes) -> None:
        got.append(bank.send(EMPLOYMENT.service, EMPLOYMENT.operation, message))

    threads = [threading.Thread(target=send, args=(message,)) for message in messages]
    for thread in threads:
        thread.start()
    return threads, got


def test_a_hanging_supplier_hinders_nothing_else(bank: Bank, away: Elsewhere) -> None:
    """One operation hangs; the other one of the same supplier, and other services, go on in the same worker."""
    away.answer("hang:employment")
    before = len(away.seen)
    threads, hanging = in_the_background(bank, 4)
    wait_until(lambda: len(away.seen) == before + 4, "four requests hang")
    for _ in range(10):
        assert bank.call(ECHO).status == 200
        assert bank.call(SPECIAL).code == "MSG00000"
    assert bank.local("/health/ready")[0] == 200
    assert hanging == []
    away.answer("well")
    for thread in threads:
        thread.join(SECONDS)
    assert [got.code for got in hanging] == ["MSG00000"] * 4


def test_when_everything_hangs_the_rest_is_answered_at_once(bank: Bank, away: Elsewhere) -> None:
    """Six connections and two who wait; whoever comes then gets MSG00002, and TestConnection goes on."""
    away.answer("hang")
    before = len(away.seen)
    threads, hanging = in_the_background(bank, 12)
    wait_until(lambda: len(hanging) >= 6 and len(away.seen) >= before + 6, "six hang, and six were sent away")
    assert (len(hanging), len(away.seen)) == (6, before + 6)
    assert bank.call(ECHO).status == 200
    assert {(got.code, *got.information.items()) for got in hanging} == {("MSG00002", (UNEXPECTED, "busy"))}
    away.answer("well")
    for thread in threads:
        thread.join(SECONDS)
    assert [got.code for got in hanging[6:]] == ["MSG00000"] * 6


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kruispunt.cli.main", "supplier", *words], capture_output=True, text=True, check=False
    )


def test_it_is_cut_off_and_comes_back(installation: tuple[Path, str], away: Elsewhere) -> None:
    """Counted where it counts: at the supplier."""
    root, dsn = installation
    away.answer("hang")
    limits = {"failures": 3, "pause_seconds": 10.0, "read_seconds": 2.0, "connect_seconds": 30.0}
    with serving(root, dsn, away, **limits) as bank:
        before = len(away.seen)
        for _ in range(3):
            assert bank.call(EMPLOYMENT).information == {UNEXPECTED: "timeout"}
        codes = [bank.call(EMPLOYMENT).code]
        arrived = len(away.seen)
        assert arrived == before + 3
        assert states(bank, root) == ["open"]
        away.answer("well")
        wait_until(lambda: codes.append(bank.call(EMPLOYMENT).code) or codes[-1] == "MSG00000", "it closes", 120)
        # However often it was asked meanwhile, only the probe, which was answered, arrived.
        assert codes[-1] == "MSG00000"
        assert len(away.seen) == arrived + codes.count("MSG00000")
        assert codes.count("MSG00002") >= 1
        assert states(bank, root) == ["closed"]
        assert bank.metric("kruispunt_supplier_failures_total") == 3 + codes.count("MSG00002")
        said = root.with_suffix(".log").read_text()
        assert '"event": "the supplier keeps failing and is cut off"' in said
        assert '"event": "the supplier answers again"' in said


def states(bank: Bank, root: Path) -> list[str]:
    """Of each worker, as `kruispunt supplier status` tells it."""
    config = ["--config", str(with_suppliers(root)), "--local-url", bank.local_url]
    done = command("status", *config, "--json")
    assert done.returncode == 0, done.stderr
    (facts,) = json.loads(done.stdout)
    assert (facts["supplier"], facts["running"]) == (NAME, True)
    assert facts["lastReason"] in {"timeout", "cut-off"}
    shown = command("status", *config)
    assert NAME in shown.stdout
    (state,) = set(facts["workers"].values())
    assert state in shown.stdout
    return list(facts["workers"].values())


def with_suppliers(root: Path) -> Path:
    """The settings of the server, for a command."""
    file = root / "for-commands.toml"
    named = f"suppliers_file = {json.dumps(str(root / 'suppliers.toml'))}\n"
    file.write_text(named + (root / "kruispunt.toml").read_text())
    return file


# `kruispunt supplier test`: no server needs to run.


def tried(root: Path, name: str = NAME) -> tuple[int, list[dict[str, Any]]]:
    done = command("test", name, "--config", str(with_suppliers(root)), "--json")
    return done.returncode, json.loads(done.stdout) if done.returncode < 2 else [{"found": done.stderr}]


def test_trying_a_supplier(installation: tuple[Path, str], away: Elsewhere) -> None:
    root, _ = installation
    away.write(root / "suppliers.toml")
    away.answer("well")
    code, steps = tried(root)
    assert code == 0, steps
    assert [(step["step"], step["ok"]) for step in steps] == [
        ("name", True),
        ("connection", True),
        ("TLS", True),
        ("request", True),
    ]
    assert "TLSv1.3" in steps[2]["found"]
    shown = command("test", NAME, "--config", str(with_suppliers(root)))
    assert shown.returncode == 0
    assert "answered as the schema says" in shown.stdout


@pytest.mark.parametrize(
    ("limits", "mode", "step", "told"),
    [
        ({"url": "https://no-such-host.invalid/"}, "well", "name", ""),
        ({"url": "https://localhost:1/"}, "well", "connection", "Connect call failed"),
        ({"ca": "pki/platform.pem"}, "well", "TLS", "not trusted"),
        ({}, "http-404", "request", "status: HTTP status 404"),
        ({}, "fault", "request", "fault: faultcode Server"),
        ({"reply_signers": "pki/stranger.pem"}, "well", "request", "signature: "),
    ],
)
def test_trying_a_supplier_that_cannot_be_reached(
    installation: tuple[Path, str], away: Elsewhere, limits: dict[str, str], mode: str, step: str, told: str
) -> None:
    root, _ = installation
    put = {name: str(away.directory / value) if value.startswith("pki/") else value for name, value in limits.items()}
    away.write(root / "suppliers.toml", **put)
    away.answer(mode)
    code, steps = tried(root)
    assert code == 1
    assert [one["ok"] for one in steps] == [True] * (len(steps) - 1) + [False]
    assert steps[-1]["step"] == step
    assert told in steps[-1]["found"]


def test_a_client_certificate_that_the_supplier_refuses(installation: tuple[Path, str], away: Elsewhere) -> None:
    root, _ = installation
    pki = root / "pki"
    away.write(root / "suppliers.toml", client_certificate=str(pki / "onem.pem"), client_key=str(pki / "onem.key"))
    code, steps = tried(root)
    assert code == 1
    assert steps[-1]["step"] == "request"
    assert steps[-1]["found"].startswith(("connect: ", "closed: "))


def test_a_supplier_that_nobody_knows(installation: tuple[Path, str], away: Elsewhere) -> None:
    root, _ = installation
    file = away.write(root / "suppliers.toml")
    code, steps = tried(root, "Somebody")
    assert code == 2
    assert NAME in steps[0]["found"]
    file.write_text(file.read_text().replace(NAME, "Somebody"))
    code, steps = tried(root)
    assert code == 2
    assert "no service has a supplier elsewhere named Somebody" in steps[0]["found"]


def test_a_readable_client_key_is_refused(installation: tuple[Path, str], away: Elsewhere) -> None:
    root, _ = installation
    copy = root / "open.key"
    copy.write_bytes((away.pki / "platform.key").read_bytes())
    copy.chmod(0o644)
    away.write(root / "suppliers.toml", client_key=str(copy))
    code, steps = tried(root)
    assert code == 2
    assert f"chmod 600 {copy}" in steps[0]["found"]
    away.write(root / "suppliers.toml", client_key=str(away.pki / "stranger.key"))
    code, steps = tried(root)
    assert code == 2
    assert "is not the key of" in steps[0]["found"]
