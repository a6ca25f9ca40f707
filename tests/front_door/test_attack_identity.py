"""Speaking for somebody else: certificates, registrations, organisations, legal contexts (PL-08, PL-13, PL-14)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from attacker import DAY, PERSONAS, Bench, issued, issuer
from bank import Bank
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from lxml import etree

from kruispunt.wss.sign import PrivateKey, Signer
from kruispunt.wss.trust import token_of
from signed_messages import ec_key, edited, one, resigned, rsa_key, usage

TOKEN = "//wsse:BinarySecurityToken"


def signed_by(bench: Bench, signer: Signer) -> bytes:
    """The victim's question, signed by somebody else."""
    return signer.envelope(bench.body(), datetime.now(UTC))


# Certificates.


def test_a_signer_whom_nobody_registered(bench: Bench) -> None:
    stranger = bench.bank.signer("stranger")
    bench.refused(signed_by(bench, stranger), "MSG00015", "registration", rule="registration.signer")


def test_a_tls_client_whom_nobody_registered(bench: Bench) -> None:
    """The right signature does not help."""
    bench.refused(bench.message(), "MSG00015", "registration", client="stranger", rule="registration.tls")


@pytest.mark.parametrize("client", ["tester", "onem-ecdsa"])
def test_a_message_that_somebody_else_carries(bank: Bank, client: str) -> None:
    """A gateway in between is allowed by name only (PL-05)."""
    bench = Bench(bank, PERSONAS["secondary-network"])
    bench.refused(bench.message(), "MSG00015", "registration", client=client, rule="registration.transport")


def test_a_certificate_of_the_same_name_for_another_key(bench: Bench) -> None:
    """It is the certificate that is registered, not what is written in it."""
    genuine = bench.signer.certificate
    authority, authority_key = issuer(bench.bank)
    now = datetime.now(UTC)
    twin = (
        x509.CertificateBuilder()
        .subject_name(genuine.subject)
        .issuer_name(authority.subject)
        .public_key(rsa_key().public_key())
        .serial_number(genuine.serial_number)
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .sign(authority_key, hashes.SHA256())
    )
    signer = Signer(rsa_key(), twin)
    bench.refused(signed_by(bench, signer), "MSG00015", "registration", rule="registration.signer")


@pytest.mark.parametrize("name", ["onem", "Kruispunt demo root"])
def test_a_self_signed_certificate(bench: Bench, name: str) -> None:
    signer = Signer(rsa_key(), issued(name, rsa_key()))
    bench.refused(signed_by(bench, signer), "MSG00015", "certificate", rule="certificate.untrusted")


def test_an_authority_of_the_same_name(bench: Bench) -> None:
    """Names of issuers are not trusted, keys are."""
    genuine, _ = issuer(bench.bank)
    false = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "onem")]))
        .issuer_name(genuine.subject)
        .public_key(rsa_key().public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - DAY)
        .not_valid_after(datetime.now(UTC) + DAY)
        .sign(ec_key(), hashes.SHA256())
    )
    bench.refused(signed_by(bench, Signer(rsa_key(), false)), "MSG00015", "certificate", rule="certificate.untrusted")


def test_a_client_that_issues_certificates(bench: Bench) -> None:
    chained = issued("onem", rsa_key(), (bench.signer.certificate, bench.key))
    bench.refused(signed_by(bench, Signer(rsa_key(), chained)), "MSG00015", "certificate", rule="certificate.untrusted")


def test_the_authority_itself_as_signer(bench: Bench) -> None:
    authority, key = issuer(bench.bank)
    bench.refused(signed_by(bench, Signer(key, authority)), "MSG00015", "certificate")


@pytest.mark.parametrize(
    ("begin", "end", "rule"),
    [(-2 * DAY, -DAY, "certificate.expired"), (DAY, 2 * DAY, "certificate.not-yet-valid")],
)
def test_a_certificate_outside_its_time(bench: Bench, begin: timedelta, end: timedelta, rule: str) -> None:
    signer = Signer(rsa_key(), issued("onem", rsa_key(), issuer(bench.bank), begin=begin, end=end))
    bench.refused(signed_by(bench, signer), "MSG00015", "certificate", rule=rule)


def test_a_certificate_that_may_not_sign(bench: Bench) -> None:
    signer = Signer(rsa_key(), issued("onem", rsa_key(), issuer(bench.bank), usage(key_encipherment=True)))
    bench.refused(signed_by(bench, signer), "MSG00015", "certificate", rule="certificate.usage")


@pytest.mark.parametrize(
    "key",
    [
        ed25519.Ed25519PrivateKey.generate(),
        dsa.generate_private_key(2048),
        ec.generate_private_key(ec.SECP521R1()),
        ec.generate_private_key(ec.BrainpoolP256R1()),
        rsa.generate_private_key(65537, 1024),
    ],
    ids=["ed25519", "dsa", "p-521", "brainpool", "rsa-1024"],
)
def test_keys_of_other_kinds(bench: Bench, key: PrivateKey) -> None:
    token = token_of(issued("onem", key, issuer(bench.bank)))
    message = edited(bench.message(), lambda tree: setattr(one(tree, TOKEN), "text", token))
    got = bench.send(message)
    assert (got.code, got.status) == ("MSG00015", 500)
    assert got.information["reason"] in {"certificate", "registration"}


TOKENS: dict[str, Callable[[x509.Certificate], bytes]] = {
    "empty": lambda _: b"",
    "not-a-certificate": lambda _: b"\x30\x03\x02\x01\x00",
    "pem": lambda genuine: genuine.public_bytes(Encoding.PEM),
    "pkcs7": lambda genuine: pkcs7.serialize_certificates([genuine], Encoding.DER),
    "trailing": lambda genuine: genuine.public_bytes(Encoding.DER) + b"\x00",
    "cut": lambda genuine: genuine.public_bytes(Encoding.DER)[:-1],
    "two": lambda genuine: 2 * genuine.public_bytes(Encoding.DER),
    "huge": lambda _: b"\x30" * 20_000,
}


@pytest.mark.parametrize("kind", TOKENS)
def test_tokens_that_hold_no_certificate(bench: Bench, kind: str) -> None:
    token = base64.b64encode(TOKENS[kind](bench.signer.certificate)).decode()
    for text in (token, token + "*", token + "é"):
        message = edited(bench.message(), lambda tree, text=text: setattr(one(tree, TOKEN), "text", text))
        bench.refused(message, "MSG00015", "certificate", rule="certificate.form")


# Organisations and legal contexts.


def test_another_organisations_number(bank: Bank) -> None:
    bench = Bench(bank)
    for other in ("vdab", "onem-inspection", "demo-limited", "0000000196", "18/999", "0/0"):
        message = bench.signer.envelope(bench.body(organisation=other), datetime.now(UTC))
        got = bench.refused(message, "MSG00014", rule="organisation.certificate")
        assert got.payload.findtext("status/value") == "NO_RESULT"


@pytest.mark.parametrize(
    "context",
    [
        "NEO:SOCIAL_INSPECTION",
        "VDAB:DOSSIER_MANAGEMENT",
        "neo:unemployment",
        "NEO :UNEMPLOYMENT",
        "NEO:UNEMPLOYMENT-",
        "NEO:UNEMPLOYMENT:NEO:SOCIAL_INSPECTION",
    ],
)
def test_a_legal_context_of_another_and_lookalikes(bank: Bank, context: str) -> None:
    """PL-13: what may not be asked is not even looked up, and MSG00013 tells who asked what."""
    bench = Bench(bank)
    got = bench.refused(bench.around(bench.body(legal_context=context)), "MSG00013", rule="legal-context.operation")
    assert got.information == {
        "operation": "consultEmploymentInfos",
        "legalContext": context,
        "cbeNumber": "0206737484",
        "authenticated client": "urn:kruispunt:demo:onem",
        "URI": "/ForeignerSituationService/v1/consult",
    }


@pytest.mark.parametrize(
    "context",
    ["NEO:UNEMPLOYMENT ", " NEO:UNEMPLOYMENT", "NEO:UNEMPLOYMENT\u200b", "NEO\uff1aUNEMPLOYMENT", "*", "%", ""],
)
def test_legal_contexts_that_the_contract_does_not_know(bench: Bench, context: str) -> None:
    bench.refused(bench.around(bench.body(legal_context=context)), "MSG00004", rule="schema.invalid")


@pytest.mark.parametrize(
    "text",
    [
        "'; drop table log_entry; --",
        "\\x00' or '1'='1",
        '{"a":[1,2]},NULL',
        "</ticket><ssin>1</ssin>",
        "${jndi:ldap://127.0.0.1}",
        "a\n2026 forged line",
        "\u202e\u009b31m",
    ],
)
def test_injection_into_what_is_stored_and_repeated(bench: Bench, text: str) -> None:
    """The client's reference and the legal context are values everywhere: in the log, in the reply, in SQL."""
    got = bench.answered(bench.around(bench.body(ticket=text)))
    assert got.payload.findtext("informationCustomer/ticket") == text
    refused = bench.refused(bench.around(bench.body(legal_context=text)), "MSG00004")
    for entry in bench.bank.logged(got.ticket):
        assert entry.facts["client_reference"] == text
    for entry in bench.bank.logged(refused.ticket):
        assert entry.facts["legal_context"] == text


# The operation.


@pytest.mark.parametrize(
    "action",
    [
        "http://kszbcss.fgov.be/ForeignerSituationService/consultSpecialInfos",
        "http://kszbcss.fgov.be/TestConnectionServiceService/sendTestMessage",
        "http://kszbcss.fgov.be/ForeignerSituationService/v1/consultEmploymentInfos",
        "http://kszbcss.fgov.be/ForeignerSituationService/consultEmploymentInfos ",
        'http://kszbcss.fgov.be/ForeignerSituationService/consultEmploymentInfos", "x',
        "consultEmploymentInfos",
        "",
    ],
)
def test_a_soap_action_that_is_not_that_of_the_body(bench: Bench, action: str) -> None:
    """PL-03: what a proxy lets through by its SOAPAction must be what is done."""
    bench.refused(bench.message(), "MSG00051", soap_action=action)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ForeignerSituationService/v1/consult/",
        "//ForeignerSituationService/v1/consult",
        "/x/../ForeignerSituationService/v1/consult",
        "/ForeignerSituationService/v1/consult;x=1",
        "/foreignersituationservice/v1/consult",
        "/ForeignerSituationService/v1/consult%00",
        "/metrics",
        "/%1b[2J%0a%22forged%22:",
        "/" + "x" * 2_000,
    ],
)
def test_paths_that_are_no_service(bench: Bench, path: str) -> None:
    bench.refused(bench.message(), "MSG00052", path=path, rule="uri.unknown")


def test_a_request_of_another_service(bench: Bench) -> None:
    """Signed by the victim for the one, posted to the other."""
    echo = PERSONAS["echo"]
    body = bench.bank.body(echo.service, echo.operation, echo="x")
    bench.refused(bench.signer.envelope(body, datetime.now(UTC)), "MSG00004", rule="schema.element")


def test_a_signature_by_the_right_key_over_the_wrong_certificate(bench: Bench) -> None:
    """The key verifies, the certificate is another one of the same key: it is not registered."""
    twin = issued("onem", bench.key, issuer(bench.bank))

    def swap(tree: etree._Element) -> None:
        one(tree, TOKEN).text = token_of(twin)

    message = resigned(bench.message(), swap, bench.key)
    bench.refused(message, "MSG00015", "registration", rule="registration.signer")
