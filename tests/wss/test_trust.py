"""PL-08: trusted issuers, validity, key usage, path."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from kruispunt.demo.pki import create_pki
from kruispunt.errors import AuthenticationRefused, ConfigurationError, RefusalReason
from kruispunt.wss import trust as trust_module
from kruispunt.wss.trust import PinnedCertificates, Trust, TrustStore, is_demo_certificate, token_of
from signed_messages import CA, DAY, NOW, certificate, ec_key, root, rsa_key, trust, usage


def refused(store: Trust, token: str | x509.Certificate, now: datetime = NOW) -> str:
    with pytest.raises(AuthenticationRefused) as error:
        store.trusted(token if isinstance(token, str) else token_of(token), now)
    assert error.value.reason is RefusalReason.CERTIFICATE
    assert error.value.information == (("reason", "certificate"),)
    return error.value.rule


def test_a_certificate_with_only_a_common_name_is_trusted() -> None:
    leaf = certificate("an application", rsa_key(), root())
    found = trust().trusted(token_of(leaf), NOW)
    assert found.subject == "CN=an application"
    assert found.fingerprint == found.digest.hex()
    assert found.digest == leaf.fingerprint(hashes.SHA256())
    assert found.path == (leaf, root()[0])


def test_an_unknown_issuer_is_refused() -> None:
    key = ec_key(_number=7)
    own = certificate("somebody else's root", key, None, CA)
    assert refused(trust(), certificate("client", rsa_key(), (own, key))) == "certificate.untrusted"
    assert refused(trust(), certificate("self-signed", rsa_key())) == "certificate.untrusted"


def test_an_issuer_that_only_bears_the_name_is_refused() -> None:
    key = ec_key(_number=7)
    impostor = certificate("Test root", key, None, CA, usage(key_cert_sign=True))
    assert refused(trust(), certificate("client", rsa_key(), (impostor, key))) == "certificate.untrusted"


def test_validity() -> None:
    old = certificate("old", rsa_key(), root(), end=NOW - timedelta(seconds=1))
    assert refused(trust(), old) == "certificate.expired"
    new = certificate("new", rsa_key(), root(), begin=NOW + timedelta(seconds=1))
    assert refused(trust(), new) == "certificate.not-yet-valid"


def test_validity_is_checked_at_every_use() -> None:
    store = trust()
    leaf = certificate("short-lived", rsa_key(), root(), end=NOW + timedelta(seconds=30))
    assert store.trusted(token_of(leaf), NOW)
    assert store.trusted(token_of(leaf), NOW + timedelta(seconds=30))
    assert refused(store, leaf, NOW + timedelta(seconds=31)) == "certificate.expired"


def test_the_validity_of_the_whole_path_counts() -> None:
    key = ec_key(_number=2)
    end = NOW + timedelta(seconds=30)
    middle = certificate("middle", key, root(), CA, usage(key_cert_sign=True), end=end)
    leaf = certificate("client", rsa_key(), (middle, key))
    store = TrustStore([root()[0]], [middle])
    found = store.trusted(token_of(leaf), NOW)
    assert found.path == (leaf, middle, root()[0])
    assert found.not_after == end
    assert refused(store, leaf, end + timedelta(seconds=1)) == "certificate.untrusted"


def test_an_expired_anchor_is_no_anchor() -> None:
    key = ec_key(_number=4)
    anchor = certificate("old root", key, None, CA, end=NOW - timedelta(seconds=1))
    leaf = certificate("client", rsa_key(), (anchor, key))
    assert refused(TrustStore([anchor]), leaf) == "certificate.untrusted"


def test_an_intermediate_that_is_not_configured_is_not_used() -> None:
    key = ec_key(_number=2)
    middle = certificate("middle", key, root(), CA)
    assert refused(trust(), certificate("client", rsa_key(), (middle, key))) == "certificate.untrusted"


def test_a_client_cannot_issue_certificates() -> None:
    """A leaf that signs another leaf: the basic constraints of the issuer decide, whatever it is configured as."""
    key = rsa_key()
    client = certificate("client", key, root())
    forged = certificate("forged", ec_key(), (client, key))
    assert refused(trust(), forged) == "certificate.untrusted"
    with pytest.raises(ConfigurationError, match="cannot issue"):
        TrustStore([root()[0]], [client])


def test_path_length() -> None:
    first, second = ec_key(_number=2), ec_key(_number=3)
    outer = certificate("outer", first, root(), x509.BasicConstraints(ca=True, path_length=0))
    inner = certificate("inner", second, (outer, first), CA)
    leaf = certificate("client", rsa_key(), (inner, second))
    assert refused(TrustStore([root()[0]], [outer, inner]), leaf) == "certificate.untrusted"
    direct = certificate("client", rsa_key(), (outer, first))
    assert TrustStore([root()[0]], [outer, inner]).trusted(token_of(direct), NOW)


def test_an_authority_without_key_cert_sign_is_refused_when_configured() -> None:
    weak = certificate("weak", ec_key(), None, CA, usage(crl_sign=True))
    with pytest.raises(ConfigurationError, match="keyCertSign"):
        TrustStore([weak])
    with pytest.raises(ConfigurationError, match="no trusted issuer"):
        TrustStore([])


@pytest.mark.parametrize("extensions", [(usage(key_encipherment=True),), (usage(content_commitment=True),), (CA,)])
def test_a_certificate_that_may_not_sign_messages_is_refused(
    extensions: tuple[x509.ExtensionType, ...],
) -> None:
    leaf = certificate("client", rsa_key(), root(), *extensions)
    assert refused(trust(), leaf) in {"certificate.usage", "certificate.untrusted"}
    allowed = certificate("client", rsa_key(), root(), usage(digital_signature=True))
    assert trust().trusted(token_of(allowed), NOW)


def test_an_unknown_critical_extension_is_refused() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    builder = certificate("client", rsa_key(), root(), strange)
    assert trust().trusted(token_of(builder), NOW)
    key = rsa_key()
    critical = (
        x509.CertificateBuilder()
        .subject_name(builder.subject)
        .issuer_name(root()[0].subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(strange, critical=True)
        .sign(root()[1], hashes.SHA256())
    )
    assert refused(trust(), critical) == "certificate.untrusted"


def test_a_token_has_one_spelling() -> None:
    token = token_of(certificate("client", rsa_key(), root()))
    der = base64.b64decode(token)
    spellings = [
        "",
        "?",
        token + "\n",
        token[:-1],
        token + "=",
        "=" + token,
        "é" + token,
        base64.b64encode(der + b"\0").decode(),
        base64.b64encode(der[:-1]).decode(),
        base64.b64encode(b"x" * 12_300).decode(),
    ]
    assert {refused(trust(), spelling) for spelling in spellings} == {"certificate.form"}


def test_a_token_is_not_respelt_in_the_bits_that_base64_ignores() -> None:
    """Otherwise one certificate has many texts, and each would be remembered apart."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    tokens = (token_of(certificate("c" * length, rsa_key(), root())) for length in range(1, 9))
    token = next(one for one in tokens if one.endswith("="))
    body = token.rstrip("=")
    respelt = body[:-1] + alphabet[alphabet.index(body[-1]) + 1] + token[len(body) :]
    assert base64.b64decode(respelt) == base64.b64decode(token)
    assert refused(trust(), respelt) == "certificate.form"


def test_a_key_of_another_kind_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    leaf = certificate("client", key, root())  # type: ignore[arg-type]
    assert refused(trust(), leaf) in {"certificate.key", "certificate.untrusted"}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_module, "CACHE_SIZE", 3)
    store = trust()
    for number in range(10):
        store.trusted(token_of(certificate(f"client {number}", rsa_key(), root())), NOW)
    assert len(store._known) == 3
    for number in range(5):
        refused(store, certificate(f"stranger {number}", rsa_key()))
    assert len(store._known) == 3


def test_a_path_is_checked_once_and_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    store = trust()
    checks: list[datetime] = []
    check = store._check
    monkeypatch.setattr(store, "_check", lambda leaf, now: (checks.append(now), check(leaf, now))[1])
    token = token_of(certificate("client", rsa_key(), root()))
    later = NOW + trust_module.CACHE_LIFE
    for moment in (NOW, NOW + timedelta(seconds=1), later - timedelta(seconds=1), later):
        store.trusted(token, moment)
    assert checks == [NOW, later]


def test_pinned_certificates_are_the_only_ones() -> None:
    leaf = certificate("platform", rsa_key(), root())
    pinned = PinnedCertificates([leaf])
    assert pinned.trusted(token_of(leaf), NOW).certificate == leaf
    assert refused(pinned, certificate("platform", rsa_key(), root())) == "certificate.untrusted"
    assert refused(pinned, leaf, NOW + 366 * DAY) == "certificate.expired"
    with pytest.raises(ConfigurationError):
        PinnedCertificates([])


def test_demo_certificates_are_known_again(tmp_path: Path) -> None:
    pki = create_pki(tmp_path / "pki", clients=())
    for path in (pki.ca, pki.server, pki.signing):
        found = x509.load_pem_x509_certificate(path.read_bytes())
        assert is_demo_certificate(found)
        assert is_demo_certificate(x509.load_der_x509_certificate(found.public_bytes(Encoding.DER)))
    assert not is_demo_certificate(root()[0])
