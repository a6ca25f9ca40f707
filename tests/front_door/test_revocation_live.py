"""Revoked certificates at a running gateway with two workers: by lists and by a responder (PL-08)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bank import Got
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from running import open_directory
from test_run_a_server import free_port

from kruispunt.cli.calls import request_body
from kruispunt.client.transport import Connection
from kruispunt.securitylog.keys import new_master_key
from kruispunt.services.test_connection.service import SERVICE
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import SOAP_ACTION
from revocation_pki import (
    HOUR,
    NOW,
    Issued,
    Web,
    authority,
    crl_points,
    issue,
    ocsp_response,
    responders,
    revocation_list,
    web,
)
from signed_messages import usage

START_SECONDS = 90
TRIES = 200
(OPERATION,) = SERVICE.operations
ACTION = f"{SOAP_ACTION}{SERVICE.name}/{OPERATION.name}"
CA = authority("Front door issuer")
GOOD, REFUSED = (200, None), (500, "certificate")


@dataclass(frozen=True)
class Gateway:
    """A running server of production, and its clients by name."""

    home: Path
    url: str
    clients: dict[str, Issued]
    responder: Web

    @property
    def crl(self) -> Path:
        return self.home / "crl" / "issuer.crl"

    def publish(self, *revoked: str, number: int) -> None:
        """A new list takes the place of the one before, as a careful operator puts it there: in one step."""
        data = revocation_list(
            CA,
            {self.clients[name].serial: x509.ReasonFlags.key_compromise for name in revoked},
            x509.CRLNumber(number),
        )
        draft = self.crl.with_suffix(".draft")
        draft.write_bytes(data)
        draft.replace(self.crl)

    def connect(self, name: str) -> Connection:
        return Connection(self.url, self.home / "ca.pem", self.home / f"{name}.pem", self.home / f"{name}.key")

    def message(self, signer: str) -> bytes:
        body = request_body(SERVICE, OPERATION, "", "", {"echo": "anybody there?"}, "ticket", datetime.now(UTC))
        client = self.clients[signer]
        return Signer(client.key, client.certificate).envelope(body, datetime.now(UTC))

    def post(self, signer: str, over: str | None = None, connection: Connection | None = None) -> Any:
        """Status, and the reason of MSG00015 if that was the answer."""
        got = self.exchange(signer, over, connection)
        assert got.code == ("MSG00015" if got.is_fault else "")
        return got.status, got.information.get("reason")

    def exchange(self, signer: str, over: str | None = None, connection: Connection | None = None) -> Got:
        with connection or self.connect(over or signer) as used:
            return Got(*used.post(SERVICE.path, ACTION, self.message(signer)))

    def why(self, ticket: str) -> str:
        """The rule that stopped an exchange, as an operator is told."""
        command = [sys.executable, "-m", "kruispunt.cli.main", "why", ticket, "--json"]
        command += ["--config", str(self.home / "kruispunt.toml")]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rule: str = json.loads(told)["stopped"]["rule"]
        return rule

    def contract(self, name: str) -> tuple[int, str]:
        with self.connect(name) as connection:
            status, _, body = connection.get(SERVICE.path + "?wsdl")
        return status, body.decode()


def everywhere(condition: Callable[[], bool]) -> None:
    """Waits until twenty new connections in a row, spread over both workers, show it."""
    for _ in range(TRIES):
        if all(condition() for _ in range(20)):
            return
        time.sleep(0.1)
    pytest.fail("the change did not reach every worker")


def save(home: Path, name: str, issued: Issued) -> None:
    (home / f"{name}.pem").write_bytes(issued.certificate.public_bytes(Encoding.PEM))
    key = home / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def clients(responder: Web) -> dict[str, Issued]:
    sign = usage(digital_signature=True)
    online = responders(responder.address)
    return {
        "app": issue("app", CA, sign),
        "carrier": issue("carrier", CA, sign),
        "online": issue("online", CA, sign, online),
        "withdrawn": issue("withdrawn", CA, sign, online),
        "silent": issue("silent", CA, sign, crl_points(responder.address + "/never-fetched.crl")),
        "unheard": issue("unheard", CA, sign, crl_points(responder.address + "/never-fetched.crl")),
    }


@pytest.fixture(scope="module")
def gateway(server: Any) -> Iterator[Gateway]:
    with open_directory() as home, web() as responder, server.database() as dsn:
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        save(home, "ca", CA)
        for name in ("tls", "signing"):
            save(home, name, issue(name, CA, usage(digital_signature=True), names))
        known = clients(responder)
        rows = []
        for name, issued in known.items():
            save(home, name, issued)
            rows.append(
                f'[[certificate]]\nurn = "urn:test:{name}"\ncertificate = "../{name}.pem"\nowner = "example"\n'
                f'services = ["{SERVICE.name}"]\n' + ('carries = ["urn:test:app"]\n' if name == "carrier" else "")
            )
        (home / "access").mkdir()
        (home / "crl").mkdir()
        (home / "access" / "certificates.toml").write_text("\n".join(rows))
        (home / "access" / "organisations.toml").write_text(
            '[[organisation]]\ncode = "example"\nname = "Example"\ncbe = "0999999922"\n'
        )
        new_master_key(home / "master.key")
        port, local = free_port(), free_port()
        (home / "kruispunt.toml").write_text(
            f'dsn = "{dsn}"\nport = {port}\nlocal_port = {local}\nworkers = 2\n'
            'tls_certificate = "tls.pem"\ntls_key = "tls.key"\nclient_ca = "ca.pem"\n'
            'signing_certificate = "signing.pem"\nsigning_key = "signing.key"\n'
            'access_dir = "access"\nlog_master_key_file = "master.key"\ncrl_dir = "crl"\n'
        )
        with running(home):
            yield Gateway(home, f"https://localhost:{port}", known, responder)


def running(home: Path) -> Any:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_")}
    command = [sys.executable, "-m", "kruispunt.cli.main", "serve", "--config", str(home / "kruispunt.toml")]
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=kept, stderr=output, stdout=subprocess.DEVNULL)
    until = time.monotonic() + START_SECONDS
    while '"event": "ready"' not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)
    return _Ending(process)


class _Ending:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        assert self._process.wait(START_SECONDS) == 0


def test_signer_that_a_new_list_revokes_is_refused_on_all_workers_without_a_restart(gateway: Gateway) -> None:
    everywhere(lambda: gateway.post("app", over="carrier") == GOOD)
    gateway.publish("app", number=1)
    everywhere(lambda: gateway.post("app", over="carrier") == REFUSED)
    assert gateway.post("carrier") == GOOD
    assert gateway.contract("carrier")[0] == 200
    gateway.publish(number=2)
    everywhere(lambda: gateway.post("app", over="carrier") == GOOD)


def test_tls_client_that_is_revoked_is_refused_on_the_connection_that_it_has(gateway: Gateway) -> None:
    gateway.publish(number=3)
    everywhere(lambda: gateway.post("carrier") == GOOD)
    kept = gateway.connect("carrier")
    assert kept.post(SERVICE.path, ACTION, gateway.message("carrier"))[0] == 200
    gateway.publish("carrier", number=4)
    everywhere(lambda: gateway.post("app", over="carrier") == REFUSED)
    assert gateway.post("carrier", connection=kept) == REFUSED
    everywhere(lambda: gateway.contract("carrier")[0] == 403)
    assert gateway.contract("carrier")[1] == "The certificate of the TLS client was revoked by its issuer.\n"
    assert gateway.post("app") == GOOD
    gateway.publish(number=5)
    everywhere(lambda: gateway.post("carrier") == GOOD)


def test_responder_is_asked_where_the_certificate_names_one(gateway: Gateway) -> None:
    def answering(_path: str, body: bytes) -> bytes:
        serial = ocsp.load_der_ocsp_request(body).serial_number
        (name,) = (n for n, c in gateway.clients.items() if c.serial == serial)
        status = ocsp.OCSPCertStatus.REVOKED if name == "withdrawn" else ocsp.OCSPCertStatus.GOOD
        return ocsp_response(gateway.clients[name], CA, status)

    gateway.crl.unlink(missing_ok=True)
    everywhere(lambda: gateway.post("silent") == REFUSED)  # nobody has a list any more
    gateway.responder.answering = answering
    # The very first request of each is answered rightly: it waits for the responder.
    assert gateway.post("online") == GOOD
    withdrawn = gateway.exchange("withdrawn")
    assert withdrawn.information["reason"] == "certificate"
    assert gateway.why(withdrawn.ticket) == "certificate.revoked"
    assert gateway.contract("withdrawn")[0] == 403
    everywhere(lambda: gateway.post("online") == GOOD)
    everywhere(lambda: gateway.post("withdrawn") == REFUSED)
    assert 2 <= len(gateway.responder.asked) <= 4  # once per worker and certificate


def test_issuer_that_was_not_heard_lately_is_not_believed(gateway: Gateway) -> None:
    gateway.crl.unlink(missing_ok=True)
    everywhere(lambda: gateway.post("silent") == REFUSED)
    # Refusals of one client are not logged without end: this one was not refused before.
    assert gateway.why(gateway.exchange("unheard").ticket) == "certificate.revocation-unknown"
    assert "not known whether" in gateway.contract("silent")[1]
    gateway.publish(number=6)
    everywhere(lambda: gateway.post("silent") == GOOD)
    gateway.crl.write_bytes(revocation_list(CA, {}, x509.CRLNumber(7), next_update=NOW - HOUR / 2))
    everywhere(lambda: gateway.post("silent") == REFUSED and gateway.post("app") == REFUSED)
    gateway.publish(number=8)
    everywhere(lambda: gateway.post("silent") == GOOD)
    assert not any(path == "/never-fetched.crl" for path, _ in gateway.responder.asked)
