"""Time and repetition: Timestamps that are wrong, and messages that were answered before (PL-06)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Final

from lxml import etree

from kruispunt.attack.bench import Bench
from kruispunt.attack.edit import Change, edited, every, one, texting
from kruispunt.attack.model import Answered, Attack, Means, Refused, Shot
from kruispunt.clock import to_text
from kruispunt.xml.namespaces import SOAP, WSU

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
VALUE: Final = "//ds:SignatureValue"
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_REPLAY: Final = Refused("MSG00015", "replay", "replay.seen")
_CREATED: Final = f"{{{WSU}}}Created"


def _stale(rule: str) -> Refused:
    return Refused("MSG00015", "timestamp", f"timestamp.{rule}")


# Clocks.

OFFSETS: Final = {
    "ahead-two-minutes": (timedelta(minutes=2), "future"),
    "ahead-an-hour": (timedelta(hours=1), "future"),
    "ahead-ten-years": (timedelta(days=3652), "future"),
    "behind-six-minutes": (timedelta(minutes=-6), "expired"),
    "behind-an-hour": (timedelta(hours=-1), "expired"),
    "behind-ten-years": (timedelta(days=-3652), "expired"),
}
"""How far the signer's clock is off, and the rule that refuses it."""

MOMENTS: Final = {
    "no-zone": "2026-01-31T09:30:00",
    "offset": "2026-01-31T10:30:00+01:00",
    "lower-case": "2026-01-31t09:30:00z",
    "date-only": "2026-01-31",
    "leap-second": "2026-06-30T23:59:60Z",
    "hour-24": "2026-01-31T24:00:00Z",
    "february-30": "2026-02-30T09:30:00Z",
    "year-of-five-digits": "12026-01-31T09:30:00Z",
    "before-christ": "-2026-01-31T09:30:00Z",
    "comma": "2026-01-31T09:30:00,5Z",
    "arabic-digits": "٢٠٢٦-01-31T09:30:00Z",
    "epoch": "1769851800",
    "empty": "",
}
"""Texts that are no moment of the profile."""


def clocks() -> Iterator[Attack]:
    """Timestamps, all of them signed by the victim."""
    for name, (offset, rule) in OFFSETS.items():
        yield Attack(
            f"clock/{name}",
            f"The signer's clock is {name.replace('-', ' ').replace('ahead ', '').replace('behind ', '')} "
            f"{'ahead' if offset > timedelta() else 'behind'}.",
            partial(_off, offset, rule),
        )
    for name, life in (("lives-ten-years", timedelta(days=3652)), ("lives-six-minutes", timedelta(minutes=6))):
        yield Attack(f"clock/{name}", f"The Timestamp {name.replace('-', ' ')}.", partial(_living, life, "life"))
    yield Attack("clock/expires-at-once", "Expires is Created.", partial(_living, timedelta(), "life"))
    yield Attack(
        "clock/expires-before", "Expires lies before Created.", partial(_living, timedelta(minutes=-5), "life")
    )
    for name, text in MOMENTS.items():
        yield Attack(f"clock/form-{name}", f"Created is {text!r}.", partial(_written, text))
    yield Attack("clock/stretched", "Expires is moved by ten years, without a new signature.", _stretched)
    for name, told in (("Created", "twice"), ("Expires", "twice"), ("Created", "missing"), ("Expires", "missing")):
        yield Attack(
            f"clock/{name.lower()}-{told}", f"{name} is {told} in the Timestamp.", partial(_counted, name, told)
        )
    yield Attack("clock/other-order", "Expires stands before Created.", _turned)


def _off(offset: timedelta, rule: str, bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.victim.signer.envelope(bench.body(), bench.now + offset), _stale(rule))


def _living(life: timedelta, rule: str, bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        now = bench.now
        one(tree, "//wsu:Created").text = to_text(now)
        one(tree, "//wsu:Expires").text = to_text(now + life)

    yield Shot(bench.resigned(change), _stale(rule))


def _written(text: str, bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.resigned(texting("//wsu:Created", text)), _stale("form"))


def _stretched(bench: Bench) -> Iterator[Shot]:
    until = to_text(bench.now + timedelta(days=3652))
    message = bench.edited(texting("//wsu:Expires", until))
    yield Shot(message, _stale("life"))


def _counted(name: str, told: str, bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        found = one(tree, f"//wsu:{name}")
        stamp = found.getparent()
        assert stamp is not None
        if told == "missing":
            stamp.remove(found)
        else:
            etree.SubElement(stamp, found.tag).text = found.text
            stamp[:] = sorted(stamp, key=lambda moment: moment.tag != _CREATED)

    yield Shot(bench.resigned(change), Refused("MSG00015", "signature", "signature.structure"))


def _turned(bench: Bench) -> Iterator[Shot]:
    def change(tree: etree._Element) -> None:
        stamp = one(tree, "//wsu:Timestamp")
        stamp[:] = list(reversed(stamp))

    yield Shot(bench.resigned(change), Refused("MSG00015", "signature", "signature.structure"))


# Replays.


def replays() -> Iterator[Attack]:
    """A message that was answered, once more; each in a spelling of its own."""
    for name, told, respell in SPELLINGS:
        yield Attack(f"replay/{name}", f"{told}", partial(_again, respell))
    yield Attack("replay/many-connections", "The same bytes, over eight TLS sessions.", _sessions)
    yield Attack(
        "replay/carried-by-stranger",
        "The same bytes, over the connection of somebody whom nobody registered.",
        _stranger,
        frozenset({Means.STRANGER}),
    )
    yield Attack(
        "replay/unread-bits", "Bits of the SignatureValue that base64 does not read are changed.", _unread_bits
    )
    yield Attack(
        "replay/rsa-plus-modulus", "The RSA signature as the same number plus the modulus.", partial(_number, True)
    )
    yield Attack("replay/rsa-longer", "The RSA signature with a zero byte before it.", partial(_number, False))
    for name, told, first in (
        ("genuine-first", "The mirror of an ECDSA signature, after the genuine one.", True),
        ("mirror-first", "The genuine ECDSA signature, after its mirror.", False),
    ):
        yield Attack(f"replay/ecdsa-{name}", told, partial(_mirrored, first), frozenset({Means.ECDSA}))


def _again(respell: Callable[[bytes], bytes], bench: Bench) -> Iterator[Shot]:
    message = bench.message()
    yield Shot(message, Answered())
    yield Shot(respell(message), _REPLAY)


def _sessions(bench: Bench) -> Iterator[Shot]:
    message = bench.message()
    yield Shot(message, Answered())
    for _ in range(8):
        yield Shot(message, _REPLAY, over=bench.tls(bench.victim))


def _stranger(bench: Bench) -> Iterator[Shot]:
    message = bench.message()
    yield Shot(message, Answered())
    expected = Refused("MSG00015", "registration", "registration.tls")
    yield Shot(message, expected, over=bench.tls(bench.means[Means.STRANGER]))


def _value(message: bytes) -> str:
    return one(etree.fromstring(message), VALUE).text or ""


def _valued(message: bytes, text: str) -> bytes:
    return edited(message, texting(VALUE, text))


def _number(plus: bool, bench: Bench) -> Iterator[Shot]:
    message = bench.message()
    yield Shot(message, Answered())
    number = int.from_bytes(base64.b64decode(_value(message)), "big")
    modulus = bench.key.public_key().public_numbers().n
    other = (number + modulus if plus else number).to_bytes(bench.key.key_size // 8 + 1, "big")
    changed = _valued(message, base64.b64encode(other).decode())
    yield Shot(changed, Refused("MSG00015", "signature", "signature.value"))


def _unread_bits(bench: Bench) -> Iterator[Shot]:
    message = bench.message()
    yield Shot(message, Answered())
    value = _value(message)
    if not value.endswith("=="):
        # A signature of 384 bytes, by a key of 3,072 bits, leaves no bits over.
        return
    other = value[:-3] + _BASE64[_BASE64.index(value[-3]) ^ 1] + "=="
    yield Shot(_valued(message, other), _REPLAY)


def _mirrored(genuine_first: bool, bench: Bench) -> Iterator[Shot]:
    ecdsa = bench.means[Means.ECDSA]
    genuine = bench.message(signer=ecdsa)
    value = base64.b64decode(_value(genuine))
    s = P256_ORDER - int.from_bytes(value[32:], "big")
    mirror = _valued(genuine, base64.b64encode(value[:32] + s.to_bytes(32, "big")).decode())
    first, second = (genuine, mirror) if genuine_first else (mirror, genuine)
    context = bench.tls(ecdsa)
    yield Shot(first, Answered(), over=context)
    yield Shot(second, _REPLAY, over=context)


def _in_lines(message: bytes, end: str) -> bytes:
    value = _value(message)
    lines = end.join(value[at : at + 64] for at in range(0, len(value), 64))
    return message.replace(value.encode(), lines.encode())


def _blanks(message: bytes) -> bytes:
    value = _value(message)
    return message.replace(value.encode(), f" \t{' '.join(value)}\n".encode())


def _commented(message: bytes) -> bytes:
    value = _value(message)
    return message.replace(value.encode(), f"{value[:9]}<!-- x -->{value[9:]}".encode())


def _more_header(tree: etree._Element) -> None:
    etree.SubElement(tree[0], "{urn:x}Other").text = "new"


def _bare_reference(tree: etree._Element) -> None:
    one(tree, "//ds:KeyInfo").tail = "\n"
    one(tree, "//ds:KeyInfo//wsse:Reference").attrib.pop("ValueType", "")


def _other_order(tree: etree._Element) -> None:
    security = one(tree, "//wsse:Security")
    security[:] = sorted(security, key=lambda part: str(part.tag), reverse=True)


def _moved_namespaces(tree: etree._Element) -> None:
    for signature in every(tree, "//ds:Signature"):
        signature.tail = "\n  "


def _tree(change: Change) -> Callable[[bytes], bytes]:
    return lambda message: edited(message, change)


def _prefix(message: bytes) -> bytes:
    renamed = message.replace(b"soapenv:Header", b"e:Header")
    return renamed.replace(b"<e:Header", f'<e:Header xmlns:e="{SOAP}"'.encode())


SPELLINGS: Final[tuple[tuple[str, str, Callable[[bytes], bytes]], ...]] = (
    ("same-bytes", "The same bytes.", lambda message: message),
    ("value-in-lines", "The SignatureValue in lines.", lambda message: _in_lines(message, "\n")),
    (
        "value-in-lines-cr",
        "The SignatureValue in lines that end with a carriage return.",
        lambda m: _in_lines(m, "&#13;\n"),
    ),
    ("value-with-blanks", "The SignatureValue with blanks everywhere.", _blanks),
    ("value-with-comment", "A comment inside the SignatureValue.", _commented),
    ("declaration", "An XML declaration before it.", lambda m: b'<?xml version="1.0" encoding="utf-8"?>\n' + m),
    (
        "byte-order-mark",
        "A byte order mark before it, a comment behind.",
        lambda m: b"\xef\xbb\xbf" + m + b"\n<!-- x -->\n",
    ),
    ("comment", "A comment in the Header.", lambda m: m.replace(b"<soapenv:Header>", b"<soapenv:Header><!-- x -->")),
    ("another-header", "Another element in the Header.", _tree(_more_header)),
    ("bare-reference", "KeyInfo without its optional attribute.", _tree(_bare_reference)),
    ("other-order", "The Security header in another order.", _tree(_other_order)),
    ("blanks-around", "Blanks around the Signature.", _tree(_moved_namespaces)),
    ("other-prefix", "Another prefix for the Header.", _prefix),
)
"""What is not signed may be written in another way: it is the same message all the same."""
