"""Who gets through the handshake at all (PL-01). What is refused there is not logged, and reaches nobody."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from attacker import DAY, Bench, issued, issuer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from wire import dial, head, say, told

from kruispunt.client.transport import tls_context
from signed_messages import root, rsa_key

GET_WSDL = head("/ForeignerSituationService/v1/consult?wsdl", method="GET")


def test_a_registered_certificate_is_let_in(untouched: Bench) -> None:
    assert say(untouched.bank, GET_WSDL).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_client_certificate(untouched: Bench, version: ssl.TLSVersion) -> None:
    """In TLS 1.3 the refusal shows at the first read, in TLS 1.2 in the handshake."""
    context = ssl.create_default_context(cafile=untouched.bank.pki / "ca.pem")
    context.minimum_version = context.maximum_version = version
    assert say(untouched.bank, GET_WSDL, context) == b""
    context.load_cert_chain(untouched.bank.pki / "onem.pem", untouched.bank.pki / "onem.key")
    assert say(untouched.bank, GET_WSDL, context).startswith(b"HTTP/1.1 200")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_versions_before_tls_1_2(untouched: Bench) -> None:
    context = untouched.bank.tls()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version|eof"), dial(untouched.bank, context):
        pass


@pytest.mark.parametrize("kind", ["self-signed", "other-authority", "expired", "not-yet-valid", "of-a-client"])
def test_client_certificates_that_are_not_trusted(untouched: Bench, tmp_path: Path, kind: str) -> None:
    bank = untouched.bank
    certificate = {
        "self-signed": lambda: issued("onem", rsa_key()),
        "other-authority": lambda: issued("onem", rsa_key(), root()),
        "expired": lambda: issued("onem", rsa_key(), issuer(bank), begin=-2 * DAY, end=-DAY),
        "not-yet-valid": lambda: issued("onem", rsa_key(), issuer(bank), begin=DAY, end=2 * DAY),
        "of-a-client": lambda: issued("onem", rsa_key(), (untouched.signer.certificate, untouched.key)),
    }[kind]()
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    cert.write_bytes(certificate.public_bytes(Encoding.PEM))
    key.write_bytes(rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert say(bank, GET_WSDL, tls_context(bank.pki / "ca.pem", cert, key)) == b""


@pytest.mark.parametrize("client", ["server", "ca"])
def test_certificates_that_are_no_clients(untouched: Bench, client: str) -> None:
    """One is for servers, the other for issuing."""
    assert say(untouched.bank, GET_WSDL, untouched.bank.tls(client)) == b""


def test_plain_http_on_the_tls_port(untouched: Bench) -> None:
    with socket.create_connection(("localhost", untouched.bank.port), 20) as connection:
        connection.sendall(GET_WSDL)
        assert b"HTTP" not in told(connection)
