"""A signature has one value, and a message one replay key, however it is spelt (PL-06, PL-07)."""

from __future__ import annotations

import base64

import pytest
from lxml import etree

from signed_messages import (
    accepted,
    ec_signer,
    edited,
    one,
    request,
    rule,
)


def test_the_replay_key_belongs_to_signer_and_content() -> None:
    message = request()
    assert accepted(message).replay_key == accepted(message).replay_key
    assert accepted(message).replay_key != accepted(request(inner="<a></a>")).replay_key
    # The same SignedInfo needs the same token, so another signer is another SignedInfo too.
    assert accepted(message).replay_key != accepted(request(ec_signer())).replay_key


@pytest.mark.parametrize("respell", ["r, n - s", "wrapped", "reindented"])
def test_a_respelt_signature_has_the_same_replay_key(respell: str) -> None:
    """PL-06: an ECDSA value (r, s) is as good as (r, n - s), and base64 can be wrapped."""
    n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def change(tree: etree._Element) -> None:
        value = one(tree, "//ds:SignatureValue")
        raw = base64.b64decode(value.text or "")
        if respell == "r, n - s":
            s = n - int.from_bytes(raw[32:], "big")
            value.text = base64.b64encode(raw[:32] + s.to_bytes(32, "big")).decode()
        elif respell == "wrapped":
            value.text = "\n" + "\n".join(value.text or "") + "\n"
        else:
            one(tree, "//wsse:Security").text = "\n\n"

    message = request(ec_signer())
    respelt = edited(message, change)
    assert respelt != message
    assert accepted(respelt).replay_key == accepted(message).replay_key


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_an_ecdsa_value_has_exactly_two_coordinates(length: int) -> None:
    def cut(tree: etree._Element) -> None:
        value = one(tree, "//ds:SignatureValue")
        raw = base64.b64decode(value.text or "")
        value.text = base64.b64encode((raw + bytes(64))[:length]).decode()

    assert rule(edited(request(ec_signer()), cut)) == "signature.value"


def test_an_ecdsa_value_is_not_padded() -> None:
    def pad(tree: etree._Element) -> None:
        value = one(tree, "//ds:SignatureValue")
        raw = base64.b64decode(value.text or "")
        value.text = base64.b64encode(raw[:32] + b"\0" + raw[32:]).decode()

    assert rule(edited(request(ec_signer()), pad)) == "signature.value"
