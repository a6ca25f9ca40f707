"""A running gateway with files of subscriptions, and the subscribers that fetch them."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from file_rows import ORGANISATIONS, digest, publish, subscribe

from kruispunt.access import store
from kruispunt.access.model import AccessTable, Organisation, Registration, Volume
from kruispunt.cli.reading import open_log
from kruispunt.client.transport import tls_context
from kruispunt.files.voucher import Content
from kruispunt.mutations.layout import name_of
from kruispunt.securitylog.keys import new_master_key
from kruispunt.securitylog.read import Found
from kruispunt.settings_read import load
from kruispunt.storage.database import Database
from revocation_pki import Issued, authority, issue, revocation_list
from signed_messages import usage

PATIENCE_SECONDS = 90
CA = authority("Issuer of subscribers")
CLIENTS = {
    "alpha": ("alpha", ("alpha",), ("Mutations",)),
    "alpha-two": ("alpha", ("alpha",), ("Mutations",)),
    "beta": ("beta", ("beta",), ("Mutations",)),
    "both": ("alpha", ("alpha", "beta"), ("Mutations",)),
    "no-service": ("alpha", ("alpha",), ("TestConnectionService",)),
    "few": ("alpha", ("alpha",), ("Mutations",)),
}
"""Owner, whom it acts for, services; each has the URN `urn:test:<name>`."""
STRANGER = "stranger"
"""Has a certificate that nobody registered."""

T = TypeVar("T")


@dataclass(frozen=True)
class Got:
    """An answer, its header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def ticket(self) -> str:
        return self.headers["belgov-trace-id"]


class Subscriber:
    """One kept connection of a client."""

    def __init__(self, home: Path, port: int, name: str) -> None:
        context = tls_context(home / "ca.pem", home / f"{name}.pem", home / f"{name}.key")
        self.connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Got:
        """Names of headers with an underscore in the place of the hyphen."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, told)
        answer = self.connection.getresponse()
        content = answer.read()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, **headers)


@dataclass(frozen=True)
class Gateway:
    """A running server, and its database and folder."""

    home: Path
    port: int
    dsn: str

    @property
    def folder(self) -> Path:
        return self.home / "mutations"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def as_(self, name: str) -> Subscriber:
        return Subscriber(self.home, self.port, name)

    def get(self, name: str, path: str, **headers: str) -> Got:
        with self.as_(name) as subscriber:
            return subscriber.get(path, **headers)

    def raw(self, name: str, data: bytes) -> bytes:
        """Everything that is answered to bytes, until the server closes."""
        with self.dial(name) as connection:
            connection.sendall(data)
            received = b""
            with suppress(OSError):
                while part := connection.recv(65536):
                    received += part
            return received

    @contextmanager
    def dial(self, name: str, buffer: int | None = None) -> Iterator[ssl.SSLSocket]:
        """A TLS connection to write bytes to; `buffer` bounds what the system keeps of what was not read."""
        context = tls_context(self.home / "ca.pem", self.home / f"{name}.pem", self.home / f"{name}.key")
        raw = socket.socket()
        if buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        raw.settimeout(PATIENCE_SECONDS)
        raw.connect(("127.0.0.1", self.port))
        with raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
            yield tls

    def metric(self, name: str) -> float:
        """A figure of /metrics, added up over all its labels."""
        port = load(self.home / "kruispunt.toml").local_port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as page:
            found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page.read().decode(), re.MULTILINE)
        return sum(map(float, found))

    @property
    def said(self) -> list[dict[str, Any]]:
        """What the server wrote to its log."""
        return [json.loads(line) for line in (self.home / "server.log").read_text().splitlines()]

    def ask(self, question: Callable[[Database], Awaitable[T]]) -> T:
        async def open_and_ask() -> T:
            database = await Database.open(self.dsn, size=1)
            try:
                return await question(database)
            finally:
                await database.close()

        return asyncio.run(open_and_ask())

    def subscribe(self, code: str, organisation: str = "alpha", **more: Any) -> int:
        """A subscription in force; the one before with this code ends."""
        return self.ask(lambda database: subscribe(database, code, organisation, **more))

    def publish(self, code: str, sequence: int, content: bytes, day: date | None = None) -> Path:
        """A file with its voucher, as a distribution leaves them; by default of `day_of(sequence)`."""
        path = self.folder / code / name_of(code, sequence)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        content_ = Content(len(content), digest(content))
        self.ask(lambda database: publish(database, self.home, code, sequence, content_, day))
        return path

    def enlarge(self, code: str, sequence: int, size: int) -> Path:
        """A file of zeros that takes no room on the disk; its checksum is made up."""
        path = self.folder / code / name_of(code, sequence)
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size)
        self.ask(
            lambda database: publish(database, self.home, code, sequence, Content(size, digest(path.name.encode())))
        )
        return path

    def row(self, code: str, sequence: int) -> Any:
        """What is kept of a file."""
        return self.ask(
            lambda d: d.fetchrow("select * from mutation_file where code = $1 and sequence = $2", code, sequence)
        )

    def register(self, **changed: Any) -> None:
        """Puts the rights of the tests in force, with other (owner, acts_for, services) for some, or None."""
        clients = {name: row for name, row in (CLIENTS | changed).items() if row is not None}
        self.apply(table(self.home, clients))

    def apply(self, rights: AccessTable) -> None:
        self.ask(lambda database: store.apply(database, rights, "tests", "tests"))

    def revoke(self, *names: str, number: int) -> None:
        """A new list of revoked certificates takes the place of the one before."""
        gone = {_serial(self.home / f"{name}.pem"): x509.ReasonFlags.key_compromise for name in names}
        draft = self.home / "crl" / "issuer.draft"
        draft.write_bytes(revocation_list(CA, gone, x509.CRLNumber(number)))
        draft.replace(draft.with_suffix(".crl"))

    def logged(self, ticket: str) -> tuple[Found, ...]:
        """What the security log holds under a ticket."""

        async def read() -> tuple[Found, ...]:
            async with open_log(load(self.home / "kruispunt.toml"), self.dsn) as log:
                return await log.reader.by_ticket(ticket, "os-user:test", "test")

        return asyncio.run(read())

    def command(self, *words: str) -> str:
        """What a command says. It must succeed."""
        line = [sys.executable, "-m", "kruispunt.cli.main", *words, "--config", str(self.home / "kruispunt.toml")]
        return subprocess.run(line, capture_output=True, text=True, check=True, env=environment()).stdout


def everywhere(condition: Callable[[], bool]) -> None:
    """Waits until a number of new connections in a row, spread over the workers, show it."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not all(condition() for _ in range(12)):
        assert time.monotonic() < until, "the change did not reach every worker"
        time.sleep(0.05)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, f"in vain: {what}"
        time.sleep(0.02)


def table(home: Path, clients: dict[str, Any]) -> AccessTable:
    organisations = {
        code: Organisation(code, code, cbe, None, None, cbe, "tests") for code, cbe in ORGANISATIONS.items()
    }
    registrations = {}
    for name, (owner, acts_for, services) in clients.items():
        print_ = sha256(_certificate(home / f"{name}.pem").public_bytes(Encoding.DER)).hexdigest()
        volume = Volume(5) if name == "few" else None
        registrations[print_] = Registration(
            f"urn:test:{name}", print_, owner, frozenset(acts_for), frozenset(services), volume=volume
        )
    return AccessTable(organisations, registrations, {})


@contextmanager
def gateway(home: Path, dsn: str, **settings: Any) -> Iterator[Gateway]:
    """A server of acceptance with two workers, for the length of a `with`."""
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    save(home, "ca", CA)
    for name in ("tls", "signing"):
        save(home, name, issue(name, CA, usage(digital_signature=True), names))
    for name in (*CLIENTS, STRANGER):
        save(home, name, issue(name, CA, usage(digital_signature=True)))
    for name in ("mutations", "crl", "access"):
        (home / name).mkdir()
    new_master_key(home / "master.key")
    with socket.socket() as probe, socket.socket() as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, local = probe.getsockname()[1], other.getsockname()[1]
    values = {
        "environment": "acceptance",
        "dsn": dsn,
        "port": port,
        "local_port": local,
        "workers": 2,
        "tls_certificate": "tls.pem",
        "tls_key": "tls.key",
        "client_ca": "ca.pem",
        "signing_certificate": "signing.pem",
        "signing_key": "signing.key",
        "access_dir": "access",
        "log_master_key_file": "master.key",
        "crl_dir": "crl",
        "mutation_dir": "mutations",
    } | settings
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items() if value is not None]
    (home / "kruispunt.toml").write_text("".join(lines))
    found = Gateway(home, port, dsn)
    found.revoke(number=1)
    found.register()
    with _running(home):
        yield found


@contextmanager
def _running(home: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "kruispunt.cli.main", "serve", "--config", str(home / "kruispunt.toml")]
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment(), stderr=output, stdout=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: '"event": "ready"' in log.read_text() or process.poll() is not None, "the server to be ready"
        )
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_")}


def save(home: Path, name: str, issued: Issued) -> None:
    """Certificate and key of somebody, as PEM files."""
    (home / f"{name}.pem").write_bytes(issued.certificate.public_bytes(Encoding.PEM))
    key = home / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _serial(path: Path) -> int:
    return _certificate(path).serial_number
