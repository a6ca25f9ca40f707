"""Where everything stands in a signed message: found by position, never by an identifier.

The places are fixed: one Envelope with one Header and one Body; in the Header one Security; in it one
BinarySecurityToken, one Timestamp and one Signature, in any order; in the Signature nothing but SignedInfo,
SignatureValue and a KeyInfo that names that token. References are compared with the identifiers of those very
elements; an identifier anywhere else is never looked at. So there is nothing to wrap a signed element in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from lxml import etree

from kruispunt.errors import AuthenticationRefused, InvalidRequest, InvalidSoapVersion, NotUnderstood, RefusalReason
from kruispunt.wss.policy import (
    BASE64_BINARY,
    DIGEST_METHODS,
    MAX_PREFIX_LIST_CHARACTERS,
    MAX_PREFIXES,
    SIGNATURE_METHODS,
    X509_V3,
    DigestMethod,
    SignatureMethod,
)
from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, SOAP12, WSSE, WSSE11, WSU

_ENVELOPE: Final = f"{{{SOAP}}}Envelope"
_HEADER: Final = f"{{{SOAP}}}Header"
_BODY: Final = f"{{{SOAP}}}Body"
_ACTOR: Final = f"{{{SOAP}}}actor"
_MUST_UNDERSTAND: Final = f"{{{SOAP}}}mustUnderstand"
_NEXT_ACTOR: Final = "http://schemas.xmlsoap.org/soap/actor/next"
_SECURITY: Final = f"{{{WSSE}}}Security"
_TOKEN: Final = f"{{{WSSE}}}BinarySecurityToken"
_TIMESTAMP: Final = f"{{{WSU}}}Timestamp"
_SIGNATURE: Final = f"{{{DS}}}Signature"
_CONFIRMATION: Final = f"{{{WSSE11}}}SignatureConfirmation"
_ID: Final = f"{{{WSU}}}Id"
_INCLUSIVE: Final = f"{{{EXC_C14N}}}InclusiveNamespaces"
_REFERENCE: Final = f"{{{DS}}}Reference"

_SIGNATURE_PARTS: Final = [f"{{{DS}}}SignedInfo", f"{{{DS}}}SignatureValue", f"{{{DS}}}KeyInfo"]
_METHODS: Final = [f"{{{DS}}}CanonicalizationMethod", f"{{{DS}}}SignatureMethod"]
_REFERENCE_PARTS: Final = [f"{{{DS}}}Transforms", f"{{{DS}}}DigestMethod", f"{{{DS}}}DigestValue"]
_TRANSFORM: Final = [f"{{{DS}}}Transform"]
_TOKEN_REFERENCE: Final = [f"{{{WSSE}}}SecurityTokenReference"]
_DIRECT_REFERENCE: Final = [f"{{{WSSE}}}Reference"]
_MOMENTS: Final = [f"{{{WSU}}}Created", f"{{{WSU}}}Expires"]


@dataclass(frozen=True, slots=True)
class Reference:
    """What one `ds:Reference` claims about one of the elements that were found by position."""

    target: etree._Element
    method: DigestMethod
    digest: str
    """Base64, without blanks."""
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Secured:
    """The parts of one signed message; nothing of it is verified yet."""

    body: etree._Element
    token: str
    """Base64 of the certificate, without blanks."""
    created: str
    expires: str
    signed_info: etree._Element
    prefixes: tuple[str, ...]
    """`InclusiveNamespaces` of the canonicalisation of SignedInfo."""
    method: SignatureMethod
    value: str
    """The signature, base64 without blanks."""
    references: tuple[Reference, ...]
    """One for each of Timestamp, token (unless it is unsigned) and confirmation; the Body's is the last."""
    token_is_signed: bool
    confirms: str | None
    """A reply only: the value of the request's signature that it answers; empty for an unsigned request."""


def locate(root: etree._Element, *, reply: bool = False) -> Secured:
    """Find every part of a signed message, or refuse it; no digest and no signature is computed here.

    A `reply` may carry a `SignatureConfirmation` (WS-Security 1.1), which must then be signed too. Raises
    InvalidSoapVersion, InvalidRequest for what is no SOAP message, and AuthenticationRefused for what is not
    signed as the profile says.
    """
    header, body = _envelope(root)
    parts = _security(header, reply=reply)
    token, timestamp, signature = parts[_TOKEN], parts[_TIMESTAMP], parts[_SIGNATURE]
    confirmation = parts.get(_CONFIRMATION)
    _check_token(token)
    created, expires = _exactly(timestamp, _MOMENTS)
    if len(created) or len(expires):
        _misplaced(timestamp)
    signed_info, value, key_info = _exactly(signature, _SIGNATURE_PARTS)
    targets = _identified(token, timestamp, body, confirmation)
    _check_key_info(key_info, token)
    children = list(signed_info)
    if [child.tag for child in children[:2]] != _METHODS:
        _misplaced(signed_info)
    references = _references(children[2:], targets)
    if targets and (len(targets) > 1 or next(iter(targets.values())) is not token):
        missing = ", ".join(sorted(_name(target) for target in targets.values()))
        raise refused("signature.coverage", f"the signature does not cover: {missing}", "SignedInfo", _COVER)
    if not references or references[-1].target is not body:
        references = _with_body_last(references, body)
    return Secured(
        body=body,
        token=_text(token),
        created=created.text or "",
        expires=expires.text or "",
        signed_info=signed_info,
        prefixes=_canonicalisation(children[0]),
        method=_signature_method(children[1]),
        value=_text(value),
        references=references,
        token_is_signed=not targets,
        confirms=None if confirmation is None else confirmation.get("Value", ""),
    )


def body_of(root: etree._Element) -> etree._Element:
    """The Body of a SOAP 1.1 message, not verified yet: to find out what is asked, never to read it.

    Raises as `locate` does for what is no SOAP 1.1 message, and for one without a Header.
    """
    return _envelope(root)[1]


def check_understood(root: etree._Element) -> None:
    """Refuses a header that must be understood and is not (SOAP 1.1, section 4.2.3); `root` is as `body_of` wants it.

    That is any but Security which is marked and addressed to nobody or to the next actor. Raises NotUnderstood.
    """
    for block in root[0]:
        if block.tag != _SECURITY and block.get(_MUST_UNDERSTAND, "").strip() == "1" and _is_for_us(block):
            raise NotUnderstood(
                "soap.must-understand",
                "a header other than Security has mustUnderstand, and the platform knows no other",
                element="Header",
                remedy="Leave that header out, WS-Addressing included, or send it without mustUnderstand.",
            )


def refused(rule: str, why: str, element: str, remedy: str = "") -> AuthenticationRefused:
    """The refusal of a signature."""
    return AuthenticationRefused(RefusalReason.SIGNATURE, rule, why, element=element, remedy=remedy)


def _envelope(root: etree._Element) -> tuple[etree._Element, etree._Element]:
    """Header and Body; a message without a Header is one without a signature."""
    if root.tag != _ENVELOPE:
        if root.tag == f"{{{SOAP12}}}Envelope":
            raise InvalidSoapVersion(
                "soap.version", "the message is SOAP 1.2", element="Envelope", remedy="Send SOAP 1.1."
            )
        raise InvalidRequest("soap.envelope", "the root element is not an Envelope of SOAP 1.1")
    tags = [child.tag for child in root]
    if tags == [_HEADER, _BODY]:
        return root[0], root[1]
    if tags == [_BODY]:
        _unsigned()
    raise InvalidRequest(
        "soap.structure",
        "an Envelope must hold one Header, then one Body, and nothing else",
        element="Envelope",
    )


def _security(header: etree._Element, *, reply: bool) -> dict[str, etree._Element]:
    """The children of the one Security header, by name."""
    found = [block for block in header if block.tag == _SECURITY]
    if not found:
        _unsigned()
    security = found[0]
    if len(found) > 1 or not _is_for_us(security):
        raise refused(
            "signature.security-header",
            "there must be one Security header, addressed to the platform: no second one, no other actor",
            "Security",
        )
    parts = {str(child.tag): child for child in security}
    if _SIGNATURE not in parts:
        _unsigned()
    if len(parts) != len(security) or parts.keys() - _optional(reply) != _REQUIRED:
        raise refused(
            "signature.security-header",
            "the Security header must hold one BinarySecurityToken, one Timestamp and one Signature",
            "Security",
            _COVER,
        )
    return parts


def _is_for_us(block: etree._Element) -> bool:
    return block.get(_ACTOR, "") in ("", _NEXT_ACTOR)


_REQUIRED: Final = {_TOKEN, _TIMESTAMP, _SIGNATURE}


def _optional(reply: bool) -> set[str]:
    return {_CONFIRMATION} if reply else set()


def _unsigned() -> NoReturn:
    raise refused("signature.missing", "the message is not signed", "Security", _COVER)


def _check_token(token: etree._Element) -> None:
    if len(token) or token.get("ValueType") != X509_V3 or token.get("EncodingType", BASE64_BINARY) != BASE64_BINARY:
        raise refused(
            "signature.token",
            "the BinarySecurityToken must be one X.509 certificate (ValueType X509v3) in base64",
            "BinarySecurityToken",
        )


def _identified(*elements: etree._Element | None) -> dict[str, etree._Element]:
    """The elements that must be signed, by what a reference to them looks like."""
    present = [element for element in elements if element is not None]
    targets = {"#" + element.get(_ID, ""): element for element in present}
    if len(targets) != len(present) or "#" in targets:
        raise refused(
            "signature.identifiers",
            "Body, Timestamp and BinarySecurityToken need a wsu:Id each, all different",
            "wsu:Id",
            "Give each of the three a wsu:Id of its own.",
        )
    return targets


def _check_key_info(key_info: etree._Element, token: etree._Element) -> None:
    (reference,) = _exactly(_exactly(key_info, _TOKEN_REFERENCE)[0], _DIRECT_REFERENCE)
    if (
        len(reference)
        or reference.get("URI") != "#" + token.get(_ID, "")
        or reference.get("ValueType", X509_V3) != X509_V3
    ):
        raise refused(
            "signature.key-info",
            "KeyInfo must refer to the BinarySecurityToken of the message",
            "KeyInfo",
            "Use a SecurityTokenReference with a direct Reference to the token.",
        )


def _references(elements: list[etree._Element], targets: dict[str, etree._Element]) -> tuple[Reference, ...]:
    """Read the references; each takes its target out of `targets`, so that what is left is not covered."""
    references = []
    for element in elements:
        target = targets.pop(element.get("URI", ""), None)
        if target is None or element.tag != _REFERENCE:
            raise refused(
                "signature.coverage",
                "SignedInfo may refer to Body, Timestamp and BinarySecurityToken once each, and to nothing else",
                "Reference",
                _COVER,
            )
        transforms, method, value = _exactly(element, _REFERENCE_PARTS)
        (transform,) = _exactly(transforms, _TRANSFORM)
        references.append(Reference(target, _digest_method(method), _text(value), _canonicalisation(transform)))
    return tuple(references)


def _with_body_last(references: tuple[Reference, ...], body: etree._Element) -> tuple[Reference, ...]:
    """The Body may be large: it is digested once everything else was found good."""
    return tuple(sorted(references, key=lambda reference: reference.target is body))


def _canonicalisation(element: etree._Element) -> tuple[str, ...]:
    """The prefix list of a CanonicalizationMethod or Transform, which must be exclusive canonicalisation."""
    if element.get("Algorithm") != EXC_C14N:
        raise refused(
            "signature.algorithm",
            "only exclusive canonicalisation without comments is allowed, as the one transform",
            _name(element),
            f"Use {EXC_C14N} as canonicalisation and as the only transform.",
        )
    children = list(element)
    if not children:
        return ()
    if len(children) > 1 or children[0].tag != _INCLUSIVE or len(children[0]):
        _misplaced(element)
    text = children[0].get("PrefixList", "")
    prefixes = tuple(text.split())
    if len(text) > MAX_PREFIX_LIST_CHARACTERS or len(prefixes) > MAX_PREFIXES:
        raise refused(
            "signature.prefix-list",
            f"a PrefixList may name {MAX_PREFIXES} prefixes, in {MAX_PREFIX_LIST_CHARACTERS} characters",
            "InclusiveNamespaces",
            "Leave InclusiveNamespaces out.",
        )
    return prefixes


def _signature_method(element: etree._Element) -> SignatureMethod:
    method = SIGNATURE_METHODS.get(element.get("Algorithm", ""))
    if method is None:
        raise refused(
            "signature.algorithm",
            "the signature method is not allowed; RSA and ECDSA with SHA-256 or more are",
            "SignatureMethod",
            "Sign with rsa-sha256 or ecdsa-sha256.",
        )
    if len(element):
        _misplaced(element)
    return method


def _digest_method(element: etree._Element) -> DigestMethod:
    method = DIGEST_METHODS.get(element.get("Algorithm", ""))
    if method is None:
        raise refused(
            "signature.algorithm",
            "the digest method is not allowed; SHA-256, SHA-384 and SHA-512 are",
            "DigestMethod",
            "Use sha256.",
        )
    if len(element):
        _misplaced(element)
    return method


def _exactly(element: etree._Element, tags: list[str]) -> list[etree._Element]:
    """The children of `element`, which must be these, in this order."""
    children = list(element)
    if [child.tag for child in children] != tags:
        _misplaced(element)
    return children


def _text(element: etree._Element) -> str:
    """The text of a base64 value without the blanks that XML Schema allows in it."""
    if len(element):
        _misplaced(element)
    text = element.text or ""
    return "".join(text.split())


def _misplaced(element: etree._Element) -> NoReturn:
    name = _name(element)
    raise refused(
        "signature.structure", f"{name} does not hold exactly what the signature profile allows", name, _COVER
    )


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


_COVER: Final = (
    "Sign Body, Timestamp and BinarySecurityToken (WS-Security X.509 token profile), and nothing else,"
    " with exclusive canonicalisation."
)
