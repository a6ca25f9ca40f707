"""Certificates, keys and the log master key are replaced while a server runs (PL-08, PL-33)."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bank import Bank, Got
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from processes import kill, wait_until, workers
from running import Running, check_ordinary_log, open_directory

from kruispunt.cli import main
from kruispunt.client.signing import ClientSecurity
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.demo.pki import DemoClient, KeyType, create_pki
from kruispunt.errors import ConfigurationError, ReplyNotTrusted
from kruispunt.services.discovery import discover
from kruispunt.wss.trust import PinnedCertificates

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}
KNOWN = PERSONAS["two-cards-and-a-permit"]
VDAB = next(p for p in PERSONAS.values() if p.client == "vdab" and p.code == "MSG00000")
PATIENCE = 60.0


@pytest.fixture
def own_bank(server: Any) -> Iterator[Bank]:
    """A bank whose keys this test may change."""
    with open_directory() as directory:
        with Running(directory / "demo", server) as bank:
            yield bank
        check_ordinary_log(bank.said)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def shown(bank: Bank) -> x509.Certificate:
    """What a new TLS connection is shown."""
    raw = socket.create_connection(("localhost", bank.port), 10)
    with bank.tls().wrap_socket(raw, server_hostname="localhost") as tls:
        der = tls.getpeercert(True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def on_all_workers(what: str, condition: Callable[[], bool]) -> None:
    """Waits until twenty new connections in a row, spread over both workers, all show it."""
    wait_until(lambda: all(condition() for _ in range(20)), what, PATIENCE)


def new_pair(bank: Bank, name: str, key_type: KeyType = KeyType.RSA) -> tuple[Path, Path]:
    """Another pair from the bank's own authority, with the name of this machine."""
    clients = (DemoClient(name, key_type),)
    create_pki(bank.pki, clients)
    return bank.pki / f"{name}.pem", bank.pki / f"{name}.key"


def server_pair(bank: Bank, copy: Path) -> tuple[Path, Path]:
    """A server certificate as the demo makes it, but another one."""
    shutil.copytree(bank.pki, copy)
    (copy / "server.pem").unlink()
    create_pki(copy, ())
    return copy / "server.pem", copy / "server.key"


def put(source: Path, target: Path) -> None:
    """As a careful program does: whole, and with the mode that it must have."""
    draft = target.with_name(target.name + ".draft")
    shutil.copy(source, draft)
    draft.chmod(0o600)
    draft.replace(target)


def security(bank: Bank, *pinned: Path) -> ClientSecurity:
    return ClientSecurity(bank.signer(), PinnedCertificates([certificate(path) for path in pinned]))


def verifies(reply: Got, checking: ClientSecurity) -> bool:
    try:
        checking.verify(reply.raw)
    except ReplyNotTrusted:
        return False
    return True


def told(bank: Bank, event: str, **facts: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in bank.said.splitlines()]
    return [line for line in lines if line["event"] == event and all(line.get(k) == v for k, v in facts.items())]


def test_tls_certificate_without_a_restart(own_bank: Bank, tmp_path: Path) -> None:
    """New handshakes get the new one; a connection that was open goes on."""
    before, running = shown(own_bank), workers(own_bank.process.pid)
    assert before == certificate(own_bank.pki / "server.pem")
    with own_bank.connect() as kept:
        action = f"http://kszbcss.fgov.be/intf/{KNOWN.service.name}/{KNOWN.operation.name}"
        assert kept.post(KNOWN.service.path, action, own_bank.message(KNOWN), "text/xml; charset=utf-8")[0]
        new, key = server_pair(own_bank, tmp_path / "other")
        put(new, own_bank.pki / "server.pem")
        put(key, own_bank.pki / "server.key")
        on_all_workers("the new certificate", lambda: shown(own_bank) == certificate(new))
        assert kept.post(KNOWN.service.path, action, own_bank.message(KNOWN), "text/xml; charset=utf-8")[0]
    assert own_bank.call(KNOWN).code == "MSG00000"
    assert workers(own_bank.process.pid) == running
    assert len(told(own_bank, "another certificate is in force", what="tls", level="info")) >= 2


def test_tls_key_of_another_kind(own_bank: Bank, tmp_path: Path) -> None:
    """From ECDSA to RSA: nobody is shown the old certificate, whatever algorithms a client prefers."""
    assert type(certificate(own_bank.pki / "server.pem").public_key()).__name__.startswith("EC")
    new, key = new_pair(own_bank, "localhost-rsa")
    put(new, own_bank.pki / "server.pem")
    put(key, own_bank.pki / "server.key")

    def without_check_of_the_name() -> x509.Certificate:
        context = own_bank.tls()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("localhost", own_bank.port), 10) as raw, context.wrap_socket(raw) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True) or b"")

    on_all_workers("the RSA certificate", lambda: without_check_of_the_name() == certificate(new))


def test_signing_certificate_without_a_restart(own_bank: Bank) -> None:
    """A client that pinned both, as it is told to, verifies every reply before, during and after."""
    old = own_bank.pki / "signing.old.pem"
    shutil.copy(own_bank.pki / "signing.pem", old)
    new, key = new_pair(own_bank, "signing-new")
    both, only_old, only_new = security(own_bank, old, new), security(own_bank, old), security(own_bank, new)
    reply = own_bank.call(KNOWN)
    assert (verifies(reply, both), verifies(reply, only_old), verifies(reply, only_new)) == (True, True, False)
    put(new, own_bank.pki / "signing.pem")
    put(key, own_bank.pki / "signing.key")

    def signed_anew() -> bool:
        reply = own_bank.call(KNOWN)
        assert verifies(reply, both)
        return verifies(reply, only_new)

    on_all_workers("the new signature", signed_anew)
    assert not verifies(own_bank.call(KNOWN), only_old)


def test_a_bad_pair_leaves_the_old_one_in_force(own_bank: Bank) -> None:
    """A certificate without its key; a key that others may read; nonsense. And the right pair is taken afterwards."""
    before = shown(own_bank)
    refused = "new files cannot be used; the old ones stay in force"
    pem, key = own_bank.pki / "server.pem", own_bank.pki / "server.key"
    good_pem, good_key = pem.read_bytes(), key.read_bytes()

    def both_say(what: str) -> None:
        def said() -> bool:
            return sum(what in line["cause"] for line in told(own_bank, refused, what="tls")) >= 2

        wait_until(said, what, PATIENCE)
        assert shown(own_bank) == before
        assert own_bank.call(KNOWN).code == "MSG00000"

    pem.write_bytes(certificate(own_bank.pki / "vdab.pem").public_bytes(Encoding.PEM))
    both_say("is not the key of")
    pem.write_bytes(good_pem)
    key.chmod(0o644)
    both_say("chmod 600")
    key.chmod(0o600)
    key.write_bytes(b"nonsense")
    both_say("not a private key")
    # A worker that dies now cannot start on these files: the others serve, and it is tried again until it can.
    kill(workers(own_bank.process.pid)[:1])
    wait_until(lambda: bool(told(own_bank, "cannot serve")), "a worker that cannot start", PATIENCE)
    assert own_bank.process.poll() is None
    key.write_bytes(good_key)
    wait_until(lambda: own_bank.local("/health/ready")[0] == 200, "both workers again", PATIENCE)
    on_all_workers("the old certificate", lambda: shown(own_bank) == before)


def key_command(bank: Bank, *words: str | Path) -> int:
    arguments = ["key", *map(str, words), "--config", str(bank.directory / "kruispunt.toml")]
    result = main.app(arguments, standalone_mode=False)
    return result if isinstance(result, int) else 0


def test_log_master_key_while_the_server_runs(own_bank: Bank) -> None:
    """As the page says: add the new one, rotate, take the old one out. No exchange is refused or unlogged."""
    old, new = own_bank.directory / "secrets" / "log-master.key", own_bank.directory / "secrets" / "log-master.new"
    before = own_bank.call(KNOWN)
    running = workers(own_bank.process.pid)
    main.app(["key", "new-log-master", str(new)], standalone_mode=False)
    with old.open("a") as file:
        file.write(new.read_text())
    assert key_command(own_bank, "rotate-log-master", old, new) == 0
    new.replace(old)
    # VDAB asks for the first time today, so a key must be made under the new master key.
    for _ in range(5):
        after = own_bank.call(VDAB)
        assert (own_bank.call(KNOWN).code, after.code) == ("MSG00000", "MSG00000")
    assert workers(own_bank.process.pid) == running
    for got in (before, after):
        entries = own_bank.logged(got.ticket)
        assert [entry.message is not None for entry in entries] == [True, True]
    both = own_bank.directory / "both"
    both.write_text(old.read_text() * 2)
    both.chmod(0o600)
    with pytest.raises(ConfigurationError, match="must stand there alone"):
        key_command(own_bank, "rotate-log-master", old, both)


def test_a_server_starts_again_after_its_master_key_was_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """One database is started twice: on an embedded server of its own, also where the tests are given another."""
    with open_directory() as directory:
        demo = directory / "demo"
        with Running(demo) as bank:
            ticket = bank.call(KNOWN).ticket
            lost = demo / "secrets" / "log-master.key"
            lost.rename(directory / "found.key")
            with pytest.raises(ConfigurationError, match="Stop every server first"):
                key_command(bank, "new-log-master", demo / "secrets" / "new.key", "--after-loss")
            assert not (demo / "secrets" / "new.key").exists()
        assert key_command(bank, "new-log-master", lost, "--after-loss") == 0
        assert "messages that were logged before cannot be read any more" in capsys.readouterr().out
        with Running(demo) as bank:
            after = bank.call(KNOWN)
            assert after.code == "MSG00000"
            assert all(entry.message is not None for entry in bank.logged(after.ticket))
            entries = bank.logged(ticket)
            assert len(entries) == 2
            assert all("declared lost" in entry.unreadable for entry in entries)
            # It was in a drawer.
            with lost.open("a") as file:
                file.write((directory / "found.key").read_text())
            assert all(entry.message is not None for entry in bank.logged(ticket))
