"""Changing signed messages: with the signature as it was, or made anew so that nothing but the profile refuses them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from kruispunt.xml.namespaces import DS, EXC_C14N, SOAP, WSSE, WSU
from kruispunt.xml.parse import parse

NS: Final = {"s": SOAP, "wsse": WSSE, "wsu": WSU, "ds": DS, "ec": EXC_C14N}
ID: Final = f"{{{WSU}}}Id"
CERTIFICATE: Final = "//wsse:BinarySecurityToken"
"""Where the signer's certificate stands."""

Change = Callable[[etree._Element], object]


def every(tree: etree._Element, path: str) -> list[etree._Element]:
    """All elements at an XPath; prefixes as in `NS`."""
    found = tree.xpath(path, namespaces=NS)
    assert isinstance(found, list)
    return [element for element in found if isinstance(element, etree._Element)]


def one(tree: etree._Element, path: str) -> etree._Element:
    """The one element at an XPath."""
    (found,) = every(tree, path)
    return found


def c14n(element: etree._Element) -> bytes:
    """The exclusive canonical form."""
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def remove(element: etree._Element) -> None:
    """Takes an element out of its parent."""
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def replace(element: etree._Element, by: etree._Element) -> None:
    """Puts another element in the place of one."""
    parent = element.getparent()
    assert parent is not None
    parent.replace(element, by)


def texting(path: str, text: str) -> Change:
    """Puts a text into the one element at an XPath."""

    def change(tree: etree._Element) -> None:
        one(tree, path).text = text

    return change


def naming(path: str, algorithm: str) -> Change:
    """Names an algorithm in every element at an XPath."""

    def change(tree: etree._Element) -> None:
        for found in every(tree, path):
            found.set("Algorithm", algorithm)

    return change


def edited(data: bytes, change: Change) -> bytes:
    """The message after a change, with the signature as it was."""
    tree = parse(data)
    change(tree)
    return etree.tostring(tree)


def resigned(
    data: bytes,
    change: Change,
    key: rsa.RSAPrivateKey,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """The message after a change, every digest and the signature made anew: wrong by the profile alone."""
    tree = parse(data)
    change(tree)
    info = one(tree, "//ds:SignedInfo")
    for reference in info.iterfind(f"{{{DS}}}Reference"):
        name = reference.get("URI", "")[1:]
        targets = [e for e in tree.iter() if e.get(ID) == name]
        method = reference.find(f"{{{DS}}}DigestMethod")
        value = reference.find(f"{{{DS}}}DigestValue")
        if targets and method is not None and value is not None:
            sort = "sha1" if (method.get("Algorithm") or "").endswith("#sha1") else "sha256"
            value.text = base64.b64encode(hashlib.new(sort, c14n(targets[0])).digest()).decode()
    signature = key.sign(c14n(info), padding.PKCS1v15(), algorithm or hashes.SHA256())
    one(tree, "//ds:SignatureValue").text = base64.b64encode(signature).decode()
    return etree.tostring(tree)
