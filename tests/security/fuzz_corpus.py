"""The signed messages that the fuzzer starts from, and who signed them.

They lie in `corpus/`, so that the same seed gives the same mutants everywhere; no private key does. Written anew by

    PYTHONPATH=tests:tests/security python -m fuzz_corpus
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from in_process import platform
from kruispunt.access.files import load
from kruispunt.access.model import AccessTable, Registration
from kruispunt.cli.calls import request_body
from kruispunt.configured import rows_of
from kruispunt.pipeline.context import Incoming, TlsClient
from kruispunt.pipeline.platform import Platform
from kruispunt.services.discovery import discover
from kruispunt.wss.canonical import canonical
from kruispunt.wss.sign import PrivateKey, Signer
from kruispunt.wss.trust import TrustStore
from kruispunt.xml.namespaces import COMMON, DS, EXC_C14N, SOAP, SOAP_ACTION, WSU, XSD, XSI

CORPUS: Final = Path(__file__).with_name("corpus")
NOW: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
SERVICES: Final = {s.folder.name: s for s in discover()}
FOREIGNER, ECHO = "foreigner_situation", "test_connection"


@dataclass(frozen=True, slots=True)
class Told:
    """One message of the corpus: who signs it, what it asks, and which prefixes its PrefixLists name."""

    name: str
    signer: str
    service: str
    operation: str
    prefixes: tuple[str, ...] = ()


MESSAGES: Final = (
    Told("rsa", "rsa", FOREIGNER, "consultEmploymentInfos"),
    Told("rsa-other", "rsa", FOREIGNER, "consultEmploymentInfos"),
    Told("rsa-special", "rsa", FOREIGNER, "consultSpecialInfos"),
    Told("rsa-prefix-list", "rsa", FOREIGNER, "consultEmploymentInfos", ("common", "xsd", "xsi")),
    Told("rsa-typed", "rsa", FOREIGNER, "consultEmploymentInfos"),
    Told("rsa-echo", "rsa", ECHO, "sendTestMessage"),
    Told("ecdsa", "ecdsa", FOREIGNER, "consultEmploymentInfos"),
    Told("ecdsa-prefix-list", "ecdsa", FOREIGNER, "consultSpecialInfos", ("#default", "xsd")),
    Told("legacy", "legacy", FOREIGNER, "consultEmploymentInfos"),
)
SIGNERS: Final = ("rsa", "ecdsa", "legacy")
"""`legacy` need not sign its token. All three are ONEM's."""


def fingerprint(signer: str) -> str:
    return hashlib.sha256(_certificate(signer).public_bytes(Encoding.DER)).hexdigest()


def access() -> AccessTable:
    """The grants and organisations that ship, and the three signers."""
    shipped = load(None, rows_of(tuple(SERVICES.values())))
    names = frozenset(s.name for s in SERVICES.values())
    registrations = [
        Registration(
            urn=f"urn:test:{name}",
            fingerprint=fingerprint(name),
            owner="onem",
            acts_for=frozenset({"onem"}),
            services=names,
            unsigned_token=name == "legacy",
        )
        for name in SIGNERS
    ]
    return AccessTable(shipped.organisations, {r.fingerprint: r for r in registrations}, shipped.grants)


def bank() -> Platform:
    return platform(tuple(SERVICES.values()), access(), TrustStore([_certificate("ca")]), NOW)


def incoming(told: Told, data: bytes) -> Incoming:
    """A message as it comes in, over the TLS connection of its signer."""
    service = SERVICES[told.service]
    tls = TlsClient(fingerprint(told.signer), "CN=test")
    return Incoming(service.path, f"{SOAP_ACTION}{service.name}/{told.operation}", data, "192.0.2.1", tls)


def original(told: Told) -> bytes:
    return (CORPUS / f"{told.name}.xml").read_bytes()


def _certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((CORPUS / f"{name}.pem").read_bytes())


# Writing the corpus.

_SSINS: Final = {"rsa-other": "77643092051"}
_ENVELOPE: Final = (
    f'<s:Envelope xmlns:s="{SOAP}" xmlns:wsu="{WSU}" xmlns:xsi="{XSI}" xmlns:xsd="{XSD}" xmlns:common="{COMMON}">\n'
    ' <s:Header>\n  <a:Action xmlns:a="http://www.w3.org/2005/08/addressing">urn:x</a:Action>\n </s:Header>\n'
    ' <s:Body wsu:Id="id-7">{}</s:Body>\n</s:Envelope>'
)


def write() -> None:
    """Makes new keys, certificates and messages; the keys are forgotten."""
    from signed_messages import CA, certificate, ec_key, rsa_key, usage

    root_key = ec_key(_number=1)
    root = certificate("Test root", root_key, None, CA, usage(key_cert_sign=True), begin=NOW - timedelta(days=1))
    keys: dict[str, PrivateKey] = {"rsa": rsa_key(), "ecdsa": ec_key(), "legacy": rsa_key(2048, 2)}
    certificates = {name: certificate(name, key, (root, root_key)) for name, key in keys.items()}
    CORPUS.mkdir(exist_ok=True)
    for name, one in {"ca": root, **certificates}.items():
        (CORPUS / f"{name}.pem").write_bytes(one.public_bytes(Encoding.PEM))
    for told in MESSAGES:
        message = _message(told, Signer(keys[told.signer], certificates[told.signer]), keys[told.signer])
        (CORPUS / f"{told.name}.xml").write_bytes(message)


def _message(told: Told, signer: Signer, key: PrivateKey) -> bytes:
    body = _body(told)
    if told.name in ("rsa", "rsa-other", "ecdsa"):
        return signer.envelope(body, NOW)
    if told.name == "rsa-typed":
        body = body.replace("<legalContext>", '<legalContext xsi:type="common:LegalContextType">')
    envelope = etree.fromstring(_ENVELOPE.format(body).encode())
    signer.sign_tree(envelope, NOW)
    if told.prefixes or told.name == "legacy":
        _sign_anew(envelope, told, key)
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=told.name != "legacy")


def _body(told: Told) -> str:
    service = SERVICES[told.service]
    operation = service.operation(told.operation)
    assert operation is not None
    values: dict[str, Any] = {"ssin": _SSINS.get(told.name, "85673099811"), "echo": 'é & <b> ]]&gt; "quoted"\n  two'}
    body = request_body(service, operation, "0206737484", "NEO:UNEMPLOYMENT", values, told.name, NOW)
    if told.prefixes:
        body = body.replace("<legalContext>", '<legalContext xsi:type="common:LegalContextType">')
    return body


def _sign_anew(envelope: etree._Element, told: Told, key: PrivateKey) -> None:
    """As a toolkit does that writes PrefixLists, or that does not sign its token."""
    ns = {"ds": DS, "wsu": WSU}
    (info,) = envelope.xpath("//ds:SignedInfo", namespaces=ns)
    references = list(info)[2:]
    if told.name == "legacy":
        info.remove(references.pop(0))
    if told.prefixes:
        for place in info.iter(f"{{{DS}}}CanonicalizationMethod", f"{{{DS}}}Transform"):
            listed = etree.SubElement(place, f"{{{EXC_C14N}}}InclusiveNamespaces", nsmap={"ec": EXC_C14N})
            listed.set("PrefixList", " ".join(told.prefixes))
    for reference in references:
        (target,) = envelope.xpath("//*[@wsu:Id=$name]", namespaces=ns, name=reference.get("URI")[1:])
        digest = hashlib.sha256(canonical(target, told.prefixes)).digest()
        reference[2].text = base64.b64encode(digest).decode()
    (value,) = envelope.xpath("//ds:SignatureValue", namespaces=ns)
    value.text = base64.b64encode(_signature(key, canonical(info, told.prefixes))).decode()


def _signature(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


if __name__ == "__main__":
    write()
