"""Keys and tokens that are not the signer's: KeyInfo that leads elsewhere, tokens exchanged, doubled or malformed."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from lxml import etree

from kruispunt.attack.bench import Bench
from kruispunt.attack.certificates import DAY, certificate, own_key
from kruispunt.attack.edit import CERTIFICATE, ID, edited, one, replace, texting
from kruispunt.attack.model import Attack, Means, Refused, Shot
from kruispunt.wss.trust import token_of
from kruispunt.xml.namespaces import DS, WSSE

X509: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#"

_STRUCTURE: Final = Refused("MSG00015", "signature", "signature.structure")
_KEY_INFO: Final = Refused("MSG00015", "signature", "signature.key-info")
_TOKEN: Final = Refused("MSG00015", "signature", "signature.token")
_FORM: Final = Refused("MSG00015", "certificate", "certificate.form")

CONTENTS: Final[dict[str, tuple[str, str, Refused]]] = {
    "empty": ("nothing", "", _STRUCTURE),
    "key-value": ("a KeyValue", "<ds:KeyValue/>", _STRUCTURE),
    "x509-data": ("an X509Data", "<ds:X509Data/>", _STRUCTURE),
    "key-name": ("a KeyName", "<ds:KeyName>x</ds:KeyName>", _STRUCTURE),
    "retrieval-method": ("a RetrievalMethod with an address", '<ds:RetrievalMethod URI="{trap}"/>', _STRUCTURE),
    "no-reference": ("an empty SecurityTokenReference", "<w:SecurityTokenReference/>", _STRUCTURE),
    "key-identifier": (
        "a KeyIdentifier",
        "<w:SecurityTokenReference><w:KeyIdentifier/></w:SecurityTokenReference>",
        _STRUCTURE,
    ),
    "embedded": ("an embedded token", "<w:SecurityTokenReference><w:Embedded/></w:SecurityTokenReference>", _STRUCTURE),
    "issuer-serial": (
        "issuer and serial number",
        "<w:SecurityTokenReference><ds:X509Data><ds:X509IssuerSerial/></ds:X509Data></w:SecurityTokenReference>",
        _STRUCTURE,
    ),
    "timestamp": (
        "a reference to the Timestamp",
        '<w:SecurityTokenReference><w:Reference URI="#TS-1"/></w:SecurityTokenReference>',
        _KEY_INFO,
    ),
    "nowhere": (
        "a reference to an id that does not exist",
        '<w:SecurityTokenReference><w:Reference URI="#other"/></w:SecurityTokenReference>',
        _KEY_INFO,
    ),
    "empty-uri": (
        "a reference to the whole document",
        '<w:SecurityTokenReference><w:Reference URI=""/></w:SecurityTokenReference>',
        _KEY_INFO,
    ),
    "address": (
        "a reference to an address",
        '<w:SecurityTokenReference><w:Reference URI="{trap}"/></w:SecurityTokenReference>',
        _KEY_INFO,
    ),
    "other-type": (
        "a reference to the token as something else",
        '<w:SecurityTokenReference><w:Reference URI="#X509-1" ValueType="urn:x"/></w:SecurityTokenReference>',
        _KEY_INFO,
    ),
    "two-references": (
        "two references",
        '<w:SecurityTokenReference><w:Reference URI="#X509-1"/><w:Reference URI="#other"/></w:SecurityTokenReference>',
        _STRUCTURE,
    ),
    "reference-and-key": (
        "the right reference and a KeyValue",
        '<w:SecurityTokenReference><w:Reference URI="#X509-1"/></w:SecurityTokenReference><ds:KeyValue/>',
        _STRUCTURE,
    ),
}
"""What stands in KeyInfo, by name."""

TOKENS: Final[dict[str, tuple[str, Callable[[x509.Certificate], bytes]]]] = {
    "empty": ("nothing", lambda _: b""),
    "no-certificate": ("DER of something else", lambda _: b"\x30\x03\x02\x01\x00"),
    "pem": ("the certificate in PEM form", lambda genuine: genuine.public_bytes(Encoding.PEM)),
    "pkcs7": ("the certificate in a PKCS#7 bag", lambda genuine: pkcs7.serialize_certificates([genuine], Encoding.DER)),
    "trailing": ("the certificate and a byte more", lambda genuine: genuine.public_bytes(Encoding.DER) + b"\x00"),
    "cut": ("the certificate without its last byte", lambda genuine: genuine.public_bytes(Encoding.DER)[:-1]),
    "two": ("the certificate twice", lambda genuine: 2 * genuine.public_bytes(Encoding.DER)),
    "huge": ("20,000 openings of a sequence", lambda _: b"\x30" * 20_000),
}
"""What the token holds, by name."""


def attacks() -> Iterator[Attack]:
    """All of them."""
    for name, (told, content, expected) in CONTENTS.items():
        yield Attack(f"key-info/{name}", f"KeyInfo holds {told}.", partial(_key_info, content, expected))
    for name, (told, make) in TOKENS.items():
        yield Attack(f"key-info/token-{name}", f"The token holds {told}, in three spellings.", partial(_token, make))
    for name, attribute, value in (
        ("type-path", "ValueType", X509 + "X509PKIPathv1"),
        ("type-empty", "ValueType", ""),
        ("encoding", "EncodingType", "urn:hex"),
    ):
        yield Attack(
            f"key-info/token-{name}",
            f"The token's {attribute} is {value or 'empty'}.",
            partial(_attribute, attribute, value),
        )
    yield Attack("key-info/token-in-pieces", "An element stands inside the token.", _pieces)
    yield Attack(
        "key-info/second-token",
        "A token of the attacker's with the same id stands first, and the attacker's key signed.",
        _second,
    )
    for means, told, expected in (
        (Means.STRANGER, "a stranger's", Refused("MSG00015", "registration", "registration.signer")),
        (Means.OTHER, "another client's", Refused("MSG00015", "signature", "signature.value")),
        (Means.ECDSA, "one with an ECDSA key", Refused("MSG00015", "signature", "signature.algorithm")),
    ):
        yield Attack(
            f"key-info/token-of-{means.name.lower()}",
            f"The token is exchanged for {told}; the signature stays.",
            partial(_exchanged, means, expected),
            frozenset({means}),
        )


def _key_info(content: str, expected: Refused, bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        inner = content.replace("{trap}", bench.trap)
        replace(
            one(tree, "//ds:KeyInfo"),
            etree.fromstring(f'<ds:KeyInfo xmlns:ds="{DS}" xmlns:w="{WSSE}">{inner}</ds:KeyInfo>'),
        )

    yield Shot(bench.edited(change), expected)


def _token(make: Callable[[x509.Certificate], bytes], bench: Bench) -> Iterator[Shot]:
    token = base64.b64encode(make(bench.victim.certificate)).decode()
    for text in (token, token + "*", token + "é"):
        yield Shot(bench.edited(texting(CERTIFICATE, text)), _FORM)


def _attribute(name: str, value: str, bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.resigned(lambda tree: one(tree, CERTIFICATE).set(name, value)), _TOKEN)


def _pieces(bench: Bench) -> Iterator[Shot]:
    def split(tree: etree._Element) -> None:
        token = one(tree, CERTIFICATE)
        child = etree.SubElement(token, "x")
        child.tail, token.text = token.text, ""

    yield Shot(bench.resigned(split), _TOKEN)


def _second(bench: Bench) -> Iterator[Shot]:
    key = own_key()
    own = certificate("attacker", key, begin=bench.now - DAY, end=bench.now + DAY)

    def add(tree: etree._Element) -> None:
        token = copy.deepcopy(one(tree, CERTIFICATE))
        token.text = token_of(own)
        token.set(ID, one(tree, CERTIFICATE).get(ID, ""))
        tree[0].insert(0, token)

    yield Shot(bench.resigned(add, by=key), Refused("MSG00015", "signature", "signature.value"))


def _exchanged(means: Means, expected: Refused, bench: Bench) -> Iterator[Shot]:
    token = token_of(bench.means[means].certificate)
    message = bench.message()
    yield Shot(edited(message, texting(CERTIFICATE, token)), expected)
