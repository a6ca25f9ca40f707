"""The floor, and two libraries that can be installed, at the same work: verify a request, sign a reply.

The libraries are used as kindly as they allow: keys and certificate are read before, the request is parsed by the same
hardened parser, and the reply comes to them as a tree. They check less than this package does: no closed profile, no
freshness, no replay; and nothing of the rest of an exchange is in their figures.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import SignatureReference, XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from kruispunt.wss.canonical import canonical
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import DS, WSSE, WSU
from kruispunt.xml.parse import parse

Work = Callable[[], object]
_EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
_SIGNATURE, _SECURITY, _ID = f"{{{DS}}}Signature", f"{{{WSSE}}}Security", f"{{{WSU}}}Id"
_SIGNED = (f"{{{WSSE}}}BinarySecurityToken", f"{{{WSU}}}Timestamp", "{http://schemas.xmlsoap.org/soap/envelope/}Body")


class Peers:
    """Work to be timed, over one request of a client and one reply of the platform."""

    def __init__(self, pki: Path, request: bytes, reply_body: str) -> None:
        self._request = request
        self._client = x509.load_pem_x509_certificate((pki / "onem.pem").read_bytes())
        self._key_file, self._certificate_file = pki / "signing.key", pki / "signing.pem"
        reply = Signer.from_files(self._key_file, self._certificate_file).envelope(reply_body, datetime.now(UTC))
        self._reply = reply

    def floor(self) -> Work:
        """One verification and one signature with RSA-2048 over a SignedInfo, by `cryptography` alone."""
        key = self._key()
        signed_info = canonical(next(parse(self._reply).iter(f"{{{DS}}}SignedInfo")))
        pkcs1, sha256, public = padding.PKCS1v15(), hashes.SHA256(), key.public_key()
        value = key.sign(signed_info, pkcs1, sha256)

        def work() -> None:
            public.verify(value, signed_info, pkcs1, sha256)
            key.sign(signed_info, pkcs1, sha256)

        return work

    def xmlsec(self) -> Work:
        """With the `xmlsec` package, Python's binding of the C library of that name."""
        theirs = xmlsec.Key.from_memory(_pem(self._client), xmlsec.constants.KeyDataFormatCertPem)
        ours = xmlsec.Key.from_file(str(self._key_file), xmlsec.constants.KeyDataFormatPem)

        reply = parse(self._reply)

        def work() -> None:
            request = parse(self._request)
            _xmlsec(theirs, request).verify(next(request.iter(_SIGNATURE)))
            _xmlsec(ours, reply).sign(next(reply.iter(_SIGNATURE)))
            etree.tostring(reply)

        return work

    def signxml(self) -> Work:
        """With the `signxml` package, Python over lxml and `cryptography`."""
        key = self._key()
        certificate = [x509.load_pem_x509_certificate(self._certificate_file.read_bytes())]
        signer = XMLSigner(
            method=SignatureConstructionMethod.detached, signature_algorithm="rsa-sha256", c14n_algorithm=_EXCLUSIVE
        )
        reply = parse(self._reply)
        names = [element.get(_ID) for element in reply.iter(*_SIGNED)]
        references = [SignatureReference(URI=f"#{name}", c14n_method=_EXCLUSIVE) for name in names]
        security = next(reply.iter(_SECURITY))
        key_info = next(reply.iter(f"{{{DS}}}KeyInfo"))
        security.remove(next(security.iter(_SIGNATURE)))
        expected = SignatureConfiguration(expect_references=len(references))

        def work() -> None:
            request = parse(self._request)
            XMLVerifier().verify(request, x509_cert=self._client, id_attribute="Id", expect_config=expected)
            signature = signer.sign(
                reply,
                key=key,
                cert=certificate,
                reference_uri=references,
                key_info=key_info,
                id_attribute="Id",
            )
            security.append(signature)
            etree.tostring(reply)
            security.remove(signature)

        return work

    def _key(self) -> RSAPrivateKey:
        key = load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        return key


def _xmlsec(key: xmlsec.Key, tree: etree._Element) -> xmlsec.SignatureContext:
    context = xmlsec.SignatureContext()
    context.key = key
    for element in tree.iter(*_SIGNED):
        context.register_id(element, "Id", WSU)
    return context


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
