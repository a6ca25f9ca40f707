"""Messages that were seen before: on any worker, at once, and respelt (PL-06). After a restart: test_crashes.py."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from attacker import Bench, check_refusal
from bank import Bank, Got
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from processes import holder, workers

from kruispunt.client.transport import Connection
from kruispunt.securitylog.entry import Kind
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import SOAP_ACTION
from signed_messages import NS, edited, one

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
VALUE = "//ds:SignatureValue"


def ask(bench: Bench, connection: Connection, message: bytes) -> Got:
    victim = bench.victim
    action = f"{SOAP_ACTION}{victim.service.name}/{victim.operation.name}"
    return Got(*connection.post(victim.service.path, action, message))


@contextmanager
def one_connection_per_worker(bench: Bench) -> Iterator[list[Connection]]:
    """Connections until the kernel has given one to each worker."""
    bank = bench.bank
    waiting = workers(bank.process.pid)
    assert len(waiting) == 2
    found: list[Connection] = []
    with ExitStack() as stack:
        while waiting:
            connection = stack.enter_context(bank.connect(bench.victim.client))
            assert connection.get(bench.victim.service.path + "?wsdl")[0] == 200
            assert connection._connection.sock is not None
            worker = holder(connection._connection.sock, workers(bank.process.pid))
            if worker in waiting:
                waiting.remove(worker)
                found.append(connection)
        yield found


def test_the_same_bytes_on_every_worker(bench: Bench) -> None:
    message = bench.message()
    with one_connection_per_worker(bench) as connections:
        first = ask(bench, connections[0], message)
        assert first.code == "MSG00000"
        for connection in connections:
            asked = bench.bank.supplier_calls
            again = ask(bench, connection, message)
            check_refusal(bench.bank, message, again, "MSG00015", "replay", "replay.seen")
            assert bench.bank.supplier_calls == asked


@pytest.mark.parametrize("copies", [2, 8])
def test_the_same_bytes_at_once(bench: Bench, copies: int) -> None:
    """On both workers, and several on each: exactly one is answered, whoever comes first."""
    for _ in range(3):
        message = bench.message()
        asked = bench.bank.supplier_calls
        with ExitStack() as stack:
            pairs = [stack.enter_context(one_connection_per_worker(bench)) for _ in range(copies // 2)]
            codes = together(bench, [c for pair in pairs for c in pair], message)
        assert sorted(codes) == ["MSG00000"] + ["MSG00015"] * (copies - 1)
        assert bench.bank.supplier_calls == asked + 1


def together(bench: Bench, connections: list[Connection], message: bytes) -> list[str]:
    codes: list[str] = []
    ready = threading.Barrier(len(connections))

    def send(connection: Connection) -> None:
        ready.wait()
        got = ask(bench, connection, message)
        bench.bank.verify(got.raw)
        codes.append(got.code)

    threads = [threading.Thread(target=send, args=(c,)) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


def respelt_base64(text: str) -> list[str]:
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return [lines, lines.replace("\n", "&#13;\n"), f" \t{text}\n", " ".join(text)]


def test_a_signature_value_in_other_blanks(bench: Bench) -> None:
    """XML Schema allows blanks in base64: the same signature, in other bytes."""
    message = bench.message()
    bench.answered(message)
    value = one(etree.fromstring(message), VALUE).text or ""
    for spelling in respelt_base64(value):
        respelt = message.replace(value.encode(), spelling.encode())
        assert respelt != message
        bench.refused(respelt, "MSG00015", "replay", rule="replay.seen")


def test_a_signature_value_with_bits_that_nobody_reads(bench: Bench) -> None:
    """The last characters of base64 before the padding carry bits that most decoders ignore."""
    message = bench.message()
    bench.answered(message)
    value = one(etree.fromstring(message), VALUE).text or ""
    assert value.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = value[:-3] + alphabet[alphabet.index(value[-3]) ^ 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(value)
    got = bench.send(edited(message, lambda tree: setattr(one(tree, VALUE), "text", other)))
    assert got.code == "MSG00015"
    assert got.information["reason"] in {"replay", "signature"}


def test_an_rsa_signature_as_another_number(bench: Bench) -> None:
    """s + n verifies in arithmetic, and s with a zero byte before it is the same number."""
    message = bench.message()
    bench.answered(message)
    value = base64.b64decode(one(etree.fromstring(message), VALUE).text or "")
    public = bench.signer.certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    number, modulus = int.from_bytes(value, "big"), public.public_numbers().n
    for other in (number + modulus, number):
        text = base64.b64encode(other.to_bytes(257, "big")).decode()
        changed = edited(message, lambda tree, text=text: setattr(one(tree, VALUE), "text", text))
        bench.refused(changed, "MSG00015", "signature", rule="signature.value")


def ecdsa_message(bench: Bench) -> bytes:
    signer: Signer = bench.bank.signer("onem-ecdsa")
    return signer.envelope(bench.body(), datetime.now(UTC))


def mirrored(message: bytes) -> bytes:
    """(r, n - s) verifies wherever (r, s) does, and nobody needs the key to compute it."""

    def respell(tree: etree._Element) -> None:
        value = base64.b64decode(one(tree, VALUE).text or "")
        s = P256_ORDER - int.from_bytes(value[32:], "big")
        one(tree, VALUE).text = base64.b64encode(value[:32] + s.to_bytes(32, "big")).decode()

    return edited(message, respell)


@pytest.mark.parametrize("genuine_first", [True, False])
def test_a_mirrored_ecdsa_signature(bank: Bank, genuine_first: bool) -> None:
    bench = Bench(bank)
    genuine = ecdsa_message(bench)
    first, second = (genuine, mirrored(genuine)) if genuine_first else (mirrored(genuine), genuine)
    bench.answered(first, client="onem-ecdsa")
    bench.refused(second, "MSG00015", "replay", client="onem-ecdsa", rule="replay.seen")


def test_everything_respelt_that_is_not_signed(bench: Bench) -> None:
    """Another Header around it, other quotes and prefixes, comments, a declaration: still the same message."""
    message = bench.message()
    bench.answered(message)

    def more_header(tree: etree._Element) -> None:
        etree.SubElement(tree[0], "{urn:x}Other").text = "new"

    def reference_elsewhere(tree: etree._Element) -> None:
        one(tree, "//ds:KeyInfo").tail = "\n"
        one(
            tree,
            "//ds:KeyInfo//wsse:Reference",
        ).attrib.pop("ValueType", None)

    def other_order(tree: etree._Element) -> None:
        security = one(tree, "//wsse:Security")
        security[:] = sorted(security, key=lambda part: str(part.tag), reverse=True)

    for respelt in (
        b'<?xml version="1.0" encoding="utf-8"?>\n' + message,
        b"\xef\xbb\xbf" + message + b"\n<!-- once more -->\n",
        message.replace(b"<soapenv:Header>", b"<soapenv:Header><!-- x -->"),
        edited(message, more_header),
        edited(message, reference_elsewhere),
        edited(message, other_order),
        message.replace(b"soapenv:Header", b"e:Header").replace(
            b"<e:Header", f'<e:Header xmlns:e="{NS["s"]}"'.encode()
        ),
    ):
        assert respelt != message
        bench.refused(respelt, "MSG00015", "replay", rule="replay.seen")


def test_what_was_refused_for_its_address_may_be_sent_again(bench: Bench) -> None:
    """Only what was let in counts as seen: a wrong SOAPAction is no reason to sign anew."""
    message = bench.message()
    bench.refused(message, "MSG00051", soap_action="x")
    bench.answered(message)


def test_a_replay_is_logged_with_who_signed_it(bench: Bench) -> None:
    message = bench.message()
    bench.answered(message)
    got = bench.refused(message, "MSG00015", "replay")
    incoming, outgoing = bench.bank.logged(got.ticket)
    assert (incoming.kind, outgoing.kind) == (Kind.INCOMING, Kind.OUTGOING)
    assert incoming.facts["application"] == f"urn:kruispunt:demo:{bench.victim.client}"
    assert incoming.facts["signer"] == incoming.facts["tls_client"]
    assert incoming.facts["subjects"] == []
