"""The demo's PKI: complete, usable, kept while it is good, and known again."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kruispunt.demo import pki as pki_module
from kruispunt.demo.pki import CLIENTS, DemoClient, KeyType, Pki, create_pki
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import TrustStore, is_demo_certificate, token_of


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return create_pki(tmp_path_factory.mktemp("demo") / "pki")


def test_every_certificate_is_there_and_marked(pki: Pki) -> None:
    names = {"onem", "onem-secondary", "onem-inspection", "onem-ecdsa", "vdab", "limited", "stranger", "tester"}
    names |= {"bounded"}
    assert {client.name for client in CLIENTS} == names
    for path in (pki.ca, pki.server, pki.signing, *map(pki.client, names)):
        certificate = load(path)
        assert is_demo_certificate(certificate)
        assert "not for production" in certificate.subject.rfc4514_string()
        assert stat.S_IMODE(pki.key_of(path).stat().st_mode) == 0o600
    assert stat.S_IMODE(pki.directory.stat().st_mode) == 0o700


def test_clients_are_trusted_and_can_sign(pki: Pki) -> None:
    store = TrustStore([load(pki.ca)])
    for client in CLIENTS:
        path = pki.client(client.name)
        signer = Signer.from_files(pki.key_of(path), path)
        found = store.trusted(token_of(signer.certificate), datetime.now(UTC))
        kind = rsa.RSAPublicKey if client.key_type is KeyType.RSA else ec.EllipticCurvePublicKey
        assert isinstance(found.key, kind)
    platform = load(pki.signing).public_key()
    assert isinstance(platform, rsa.RSAPublicKey)
    assert platform.key_size == 2048


def test_tls_accepts_server_and_client(pki: Pki) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pki.server, pki.key_of(pki.server))
    server.load_verify_locations(pki.ca)
    server.verify_mode = ssl.CERT_REQUIRED
    path = pki.client("onem")
    for host in ("localhost", "127.0.0.1", "::1"):
        client = ssl.create_default_context(cafile=pki.ca)
        client.load_cert_chain(path, pki.key_of(path))
        names = _handshake(server, client, host)
        assert ((("commonName", "onem"),)) in names


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> tuple[object, ...]:
    """A handshake in memory; the subject that the server sees."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=host)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = other.getpeercert()
    assert shown
    return tuple(shown["subject"])  # type: ignore[arg-type]


def test_what_is_good_is_kept(tmp_path: Path) -> None:
    clients = [DemoClient("a", KeyType.ECDSA)]
    pki = create_pki(tmp_path, clients)
    before = contents(tmp_path)
    create_pki(tmp_path, clients)
    assert contents(tmp_path) == before
    create_pki(tmp_path, [*clients, DemoClient("b", KeyType.ECDSA)])
    after = contents(tmp_path)
    assert before.items() <= after.items()
    assert pki.client("b").exists()


@pytest.mark.parametrize("damage", ["missing key", "other key", "nonsense", "hosts", "kind"])
def test_what_is_not_good_is_made_anew(tmp_path: Path, damage: str) -> None:
    clients = [DemoClient("a", KeyType.ECDSA), DemoClient("b", KeyType.ECDSA)]
    pki = create_pki(tmp_path, clients)
    before = contents(tmp_path)
    hosts = pki_module.HOSTS
    changed = "a"
    if damage == "missing key":
        pki.key_of(pki.client("a")).unlink()
    elif damage == "other key":
        pki.key_of(pki.client("a")).write_bytes(before["b.key"])
    elif damage == "nonsense":
        pki.client("a").write_text("nonsense")
    elif damage == "hosts":
        hosts, changed = (*hosts, "kruispunt.example"), "server"
    else:
        clients[0] = DemoClient("a", KeyType.RSA)
    create_pki(tmp_path, clients, hosts)
    after = contents(tmp_path)
    assert {name for name in before if after[name] != before[name]} == {f"{changed}.pem", f"{changed}.key"}


def test_a_lost_root_takes_everything_with_it(tmp_path: Path) -> None:
    clients = [DemoClient("a", KeyType.ECDSA)]
    pki = create_pki(tmp_path, clients)
    before = contents(tmp_path)
    pki.key_of(pki.ca).unlink()
    create_pki(tmp_path, clients)
    after = contents(tmp_path)
    assert all(after[name] != before[name] for name in before if name.endswith((".pem", ".key")))
    load(pki.client("a")).verify_directly_issued_by(load(pki.ca))


def test_what_expires_within_a_day_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pki_module, "_YEAR", pki_module._MARGIN)
    create_pki(tmp_path, [])
    before = contents(tmp_path)
    create_pki(tmp_path, [])
    after = contents(tmp_path)
    assert after["ca.pem"] == before["ca.pem"]
    assert after["server.pem"] != before["server.pem"]
