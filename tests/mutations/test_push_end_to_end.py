"""From a change in the registers to a subscriber's copy, by the commands and the how-to page (RP-15, RP-16, RP-18)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from mutation_ground import CONTEXT, OWNERS, define, fresh, inscribe, legal, on, registers, table, tell
from nats.aio.client import Client
from nats_servers import GENEROUS_SECONDS, PROGRAM, free_ports

from documentation import ROOT, blocks
from kruispunt.access import store
from kruispunt.demo.pki import Pki
from kruispunt.errors import MessagingError
from kruispunt.identifiers.ssin import Ssin
from kruispunt.jetstream.connection import Way, connected
from kruispunt.jetstream.pieces import stream, subject
from kruispunt.jetstream.reading import reading
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.subscriptions import Definition
from kruispunt.settings import Environment
from kruispunt.storage.database import Database

PAGE = ROOT / "docs" / "how-to" / "push-mutations.md"
DEVELOPMENT = Environment.DEVELOPMENT
VERBS = (
    *("STREAM.INFO", "STREAM.MSG.GET", "STREAM.PURGE", "STREAM.DELETE", "CONSUMER.INFO", "CONSUMER.CREATE"),
    *("CONSUMER.LIST", "DIRECT.GET"),
)
STRANGER = """
  STRANGER {
    users: [ { user: "CN=stranger" } ]
  }
"""


@dataclass(frozen=True)
class Bank:
    """An installation that pushes: NATS of the how-to page, settings, an access table, registers, a subscription."""

    dsn: str
    directory: Path
    pki: Pki
    port: int

    @property
    def address(self) -> str:
        return f"tls://localhost:{self.port}"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.words(*words), capture_output=True, text=True, timeout=GENEROUS_SECONDS, check=False)

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "kruispunt.cli.main", *words]

    def push(self) -> None:
        done = self.run("mutations", "push", "--once", "--config", str(self.directory / "kruispunt.toml"))
        assert done.returncode == 0, done.stderr + done.stdout

    def receive(self, client: str = "town", *more: str) -> subprocess.CompletedProcess[str]:
        certificate = self.pki.client(client)
        return self.run(
            *("receive", "--nats", self.address, "--subscription", "town", "--environment", "development"),
            *("--certificate", str(certificate), "--key", str(Pki.key_of(certificate)), "--ca", str(self.pki.ca)),
            *("--platform-certificate", str(self.pki.signing), "--into", str(self.directory / "copy"), "--json", *more),
        )

    def held(self) -> dict[str, dict[str, str]]:
        """What the subscriber's copy holds: groups by person."""
        connection = sqlite3.connect(f"file:{self.directory / 'copy' / 'copy.sqlite'}?mode=ro", uri=True)
        try:
            found: dict[str, dict[str, str]] = {}
            for ssin, name, xml in connection.execute("SELECT ssin, name, xml FROM person_group"):
                found.setdefault(ssin, {})[name] = xml
            return found
        finally:
            connection.close()

    def way(self, client: str) -> Way:
        certificate = self.pki.client(client)
        return Way((self.address,), self.pki.ca, certificate, Pki.key_of(certificate))

    def ask(self, question: Callable[[Database], Awaitable[Any]]) -> Any:
        return on(self.dsn, question)


def configuration(directory: Path, pki: Pki, port: int) -> str:
    """The page's file with other places and subjects, and one more account that has no subscription."""
    (block,) = blocks(PAGE, "conf")
    text = block.text
    for said, instead in {
        "0.0.0.0:4222": f"127.0.0.1:{port}",
        "/var/lib/nats": str(directory / "nats"),
        "50GB": "1GB",
        "/etc/nats/server.pem": str(pki.server),
        "/etc/nats/server.key": str(Pki.key_of(pki.server)),
        "/etc/nats/clients.pem": str(pki.ca),
        "kruispunt-production-": "kruispunt-development-",
        "TOWN {\n": STRANGER + "TOWN {\n",
    }.items():
        assert said in text, said
        text = text.replace(said, instead)
    return re.sub(r'"CN=([a-z]+)"', r'"CN=\1,O=Kruispunt demo\\\\, not for production,C=BE"', text)


@pytest.fixture
def bank(fresh_dsn: str, tmp_path: Path, pki: Pki) -> Iterator[Bank]:
    (port,) = free_ports(1)
    found = Bank(fresh_dsn, tmp_path, pki, port)
    (tmp_path / "master.key").write_bytes(base64.b64encode(bytes(32)))
    (tmp_path / "master.key").chmod(0o600)
    key = Pki.key_of
    (tmp_path / "kruispunt.toml").write_text(
        f"""
environment = "development"
dsn = "{fresh_dsn}"
tls_certificate = "{pki.server}"
tls_key = "{key(pki.server)}"
client_ca = "{pki.ca}"
signing_certificate = "{pki.signing}"
signing_key = "{key(pki.signing)}"
log_master_key_file = "master.key"
push_servers = ["{found.address}"]
push_ca = "{pki.ca}"
push_certificate = "{pki.client("kruispunt")}"
push_key = "{key(pki.client("kruispunt"))}"
push_stream_bytes = 10485760
push_seconds = 1
"""
    )
    (tmp_path / "nats.conf").write_text(configuration(tmp_path, pki, port))
    with (tmp_path / "nats.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "-c", str(tmp_path / "nats.conf")],
            stdout=log,
            stderr=log,
            env=os.environ | {"NATS_STORE_KEY": "key-of-the-tests"},
        )
    try:
        _wait_for(process, tmp_path / "nats.log")
        on(fresh_dsn, _prepare)
        yield found
    finally:
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + GENEROUS_SECONDS
    while "Server is ready" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end
        time.sleep(0.02)


async def _prepare(database: Database) -> None:
    rights = table()
    await store.apply(database, rights, "tests", "tests")
    await registers(database)
    definition = Definition("town", "alpha", CONTEXT, None, None, None, False, tuple(Kind), None, True)
    await define(database, definition, rights=rights)


async def _settle(database: Database, people: list[Ssin]) -> None:
    for person in people:
        await inscribe(database, OWNERS["alpha"], person)


def test_rp_15_what_changes_reaches_the_copy_of_the_subscriber(bank: Bank) -> None:
    people = fresh(4)
    stranger = people[3]
    bank.ask(lambda database: tell(database, *({"ssin": ssin, "nationalRegister": legal()} for ssin in people)))
    bank.ask(lambda database: _settle(database, people[:3]))
    bank.push()
    assert json.loads(bank.receive().stdout)["last"] == 1
    before = bank.held()
    assert set(before) == set(people[:3])

    bank.ask(lambda database: tell(database, {"ssin": people[0], "nationalRegister": legal("Janssens")}))
    bank.push()
    bank.ask(lambda database: tell(database, {"ssin": stranger, "nationalRegister": legal("Maes")}))
    bank.push()
    bank.ask(lambda database: tell(database, {"ssin": people[1], "replacedBy": people[0]}))
    bank.push()
    told = json.loads(bank.receive().stdout)
    assert [file["sequence"] for file in told["loaded"]] == [2, 3], "the stranger's is no file of this subscriber"
    after = bank.held()
    assert set(after) == {people[0], people[2]}
    assert "Janssens" in after[people[0]]["name"]
    assert after[people[2]] == before[people[2]]
    assert json.loads(bank.receive().stdout)["loaded"] == []


def test_rp_18_a_copy_that_is_lost_is_filled_again_and_an_altered_piece_is_recognised(bank: Bank) -> None:
    people = fresh(2)
    bank.ask(lambda database: tell(database, *({"ssin": ssin, "nationalRegister": legal()} for ssin in people)))
    bank.ask(lambda database: _settle(database, people))
    bank.push()
    assert bank.receive().returncode == 0
    held = bank.held()
    shutil.rmtree(bank.directory / "copy")
    assert json.loads(bank.receive().stdout)["loaded"] == []

    config = str(bank.directory / "kruispunt.toml")
    alter = (
        "UPDATE outgoing SET body = convert_to(replace(convert_from(body, 'UTF8'), $1, $2), 'UTF8') WHERE number = 2"
    )
    bank.ask(lambda database: database.execute(alter, "Peeters", "Peiters"))
    assert bank.run("mutations", "resend", "town", "1", "--config", config).returncode == 0
    bank.push()
    refused = bank.receive()
    assert refused.returncode == 22, refused.stdout
    assert json.loads(refused.stdout)["problem"]["problem"] == "altered"

    bank.ask(lambda database: database.execute(alter, "Peiters", "Peeters"))
    assert bank.run("mutations", "resend", "town", "1", "--config", config).returncode == 0
    bank.push()
    assert bank.receive().returncode == 0
    assert bank.held() == held


def test_rp_18_a_file_that_was_asked_for_over_https_is_pushed_again(bank: Bank) -> None:
    people = fresh(1)
    bank.ask(lambda database: tell(database, {"ssin": people[0], "nationalRegister": legal()}))
    bank.ask(lambda database: _settle(database, people))
    bank.push()
    assert bank.receive().returncode == 0
    shutil.rmtree(bank.directory / "copy")
    bank.ask(lambda database: database.execute("UPDATE mutation_file SET asked = now()"))
    bank.push()
    assert [file["sequence"] for file in json.loads(bank.receive().stdout)["loaded"]] == [1]
    assert bank.ask(lambda database: database.fetchval("SELECT count(asked) FROM mutation_file")) == 0


def test_rp_18_again_names_the_command_for_a_file_that_was_pushed(bank: Bank) -> None:
    people = fresh(1)
    bank.ask(lambda database: tell(database, {"ssin": people[0], "nationalRegister": legal()}))
    bank.ask(lambda database: _settle(database, people))
    bank.push()
    folder = bank.directory / "files"
    folder.mkdir()
    settings = bank.directory / "kruispunt.toml"
    settings.write_text(f'mutation_dir = "{folder}"\n' + settings.read_text())

    def again() -> str:
        done = bank.run("mutations", "again", "town", "1", "--config", str(settings))
        assert done.returncode == 1
        return " ".join(done.stderr.split())

    assert "file 1 of town was pushed, and is in no folder: kruispunt mutations resend town 1 sends" in again()
    bank.ask(lambda database: database.execute("DELETE FROM outgoing"))
    assert "file 1 of town was pushed, and is in no folder: its messages are not kept any more" in again()


def test_rp_05_another_account_reads_and_writes_nothing_of_the_subscriber(bank: Bank) -> None:
    people = fresh(1)
    bank.ask(lambda database: tell(database, {"ssin": people[0], "nationalRegister": legal()}))
    bank.ask(lambda database: _settle(database, people))
    bank.push()
    refused = bank.receive("stranger")
    assert refused.returncode == 11, refused.stdout

    async def try_all() -> None:
        async with (
            connected(bank.way("stranger"), "stranger") as client,
            reading(client, DEVELOPMENT, "town") as reader,
        ):
            heard = await client.subscribe(">")
            with pytest.raises(MessagingError):
                await reader.read()
            await client.publish(subject(DEVELOPMENT, "town"), b"forged")
            await client.flush()
            for verb in VERBS:
                await _denied(client, verb)
            own = [message async for message in _now(heard)]
            assert all(b"Peeters" not in message.data for message in own)
        # The subscriber itself can read, and nothing else.
        async with connected(bank.way("town"), "town") as client:
            for verb in VERBS:
                await _denied(client, verb)
            await client.publish(subject(DEVELOPMENT, "town"), b"forged")
            await client.flush()

    asyncio.run(try_all())
    # Whoever NATS does not know does not come in at all: by another issuer, or with another name.
    with pytest.raises(MessagingError):
        asyncio.run(_come_in(bank.way("unknown")))
    told = json.loads(bank.receive().stdout)
    assert [file["sequence"] for file in told["loaded"]] == [1], told
    assert bank.receive().returncode == 0, "nothing that was forged is in the stream"


async def _denied(client: Client, verb: str) -> None:
    """Nobody answers, or JetStream says that the account has none."""
    try:
        answer = await client.request(f"$JS.API.{verb}.{stream(DEVELOPMENT, 'town')}", b"{}", timeout=1)
    except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
        return
    assert json.loads(answer.data)["error"]["err_code"] == 10039, answer.data


async def _now(subscription: Any) -> Any:
    while True:
        try:
            yield await subscription.next_msg(0.2)
        except nats.errors.TimeoutError:
            return


async def _come_in(way: Way) -> None:
    async with connected(way, "unknown"):
        pass


ALL_PUBLISHED = """
    SELECT NOT EXISTS (SELECT FROM outgoing WHERE published IS NULL) AND coalesce((
        SELECT changes_upto = (SELECT max(sequence) FROM person_change) AND finished IS NOT NULL
        FROM distribution WHERE day IS NULL ORDER BY id DESC LIMIT 1
    ), false)
"""


@pytest.mark.parametrize("seed", [None, 1])
def test_rp_15_the_long_running_push_is_ended_or_killed_and_goes_on(bank: Bank, seed: int | None) -> None:
    """Ended by SIGTERM when all was published, or killed at any moment."""
    chance = random.Random(seed)
    people = fresh(30)
    bank.ask(lambda database: tell(database, *({"ssin": ssin, "nationalRegister": legal()} for ssin in people)))
    bank.ask(lambda database: _settle(database, people))
    words = bank.words("mutations", "push", "--config", str(bank.directory / "kruispunt.toml"))
    for count in range(1, 4):
        told = {"ssin": people[count], "nationalRegister": legal(f"Number {count}")}
        bank.ask(lambda database, told=told: tell(database, told))  # type: ignore[misc]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        end = time.monotonic() + (GENEROUS_SECONDS if seed is None else chance.uniform(0.5, 4))
        while not bank.ask(lambda database: database.fetchval(ALL_PUBLISHED)):
            assert process.poll() is None, process.communicate()
            if time.monotonic() > end:
                assert seed is not None, "it was not published"
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM if seed is None else signal.SIGKILL)
        _, errors = process.communicate(timeout=GENEROUS_SECONDS)
        assert process.returncode == (0 if seed is None else -signal.SIGKILL), errors
    if seed is not None:
        bank.push()
    assert bank.receive().returncode == 0
    held = bank.held()
    assert set(held) == set(people)
    assert all(f"Number {count}" in held[people[count]]["name"] for count in range(1, 4))
