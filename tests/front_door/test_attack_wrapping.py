"""Signature wrapping, stripping and tampering, through the front door (PL-05, PL-08).

What the signature profile says of each is tested at its functions too; here each is an exchange: the right code, a
signed fault, the right log, no supplier.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import pytest
from attacker import FORGED, Bench
from bank import Bank
from lxml import etree

from kruispunt.clock import to_text
from kruispunt.wss.trust import token_of
from kruispunt.xml.namespaces import DS, SOAP, WSU
from signed_messages import edited, one

ID = f"{{{WSU}}}Id"


def forged_body(bench: Bench, name: str | None) -> etree._Element:
    """A Body that asks about somebody else."""
    body = etree.fromstring(f'<s:Body xmlns:s="{SOAP}">{bench.body(ssin=FORGED)}</s:Body>')
    if name is not None:
        body.set(ID, name)
    return body


def test_what_is_attacked_below_is_answered_when_it_is_left_alone(bench: Bench) -> None:
    got = bench.answered(bench.message())
    assert got.payload.find("result") is not None


def test_a_victim_may_ask_about_the_forged_number(bank: Bank) -> None:
    """Otherwise the attacks would be refused for another reason."""
    bench = Bench(bank)
    bench.answered(bench.signer.envelope(bench.body(ssin=FORGED), datetime.now(UTC)))


@pytest.mark.parametrize("name", [None, "Body-1", "Body-2"], ids=["no-id", "same-id", "other-id"])
@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("header", "MSG00015"),
        ("wrapper", "MSG00015"),
        ("security", "MSG00015"),
        ("object", "MSG00015"),
        ("body", "MSG00015"),
        ("envelope", "MSG00004"),
    ],
)
def test_a_signed_body_that_was_moved(bench: Bench, place: str, code: str, name: str | None) -> None:
    def wrap(tree: etree._Element) -> None:
        signed, forged = tree[1], forged_body(bench, name)
        tree.replace(signed, forged)
        homes = {
            "header": lambda: tree[0],
            "wrapper": lambda: etree.SubElement(tree[0], "{urn:x}Wrapper"),
            "security": lambda: one(tree, "//wsse:Security"),
            "object": lambda: etree.SubElement(one(tree, "//ds:Signature"), f"{{{DS}}}Object"),
            "body": lambda: forged,
            "envelope": lambda: tree,
        }
        homes[place]().append(signed)

    bench.refused(edited(bench.message(), wrap), code, "signature" if code == "MSG00015" else "")


@pytest.mark.parametrize("first", [True, False])
def test_two_bodies(bench: Bench, first: bool) -> None:
    message = edited(bench.message(), lambda tree: tree.insert(1 if first else 2, forged_body(bench, "Body-1")))
    bench.refused(message, "MSG00004", rule="soap.structure")


def test_a_whole_signed_envelope_inside_another(bench: Bench) -> None:
    inner = bench.message().decode()
    outer = f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body>{bench.body(ssin=FORGED)}</s:Body></s:Envelope>'
    bench.refused(outer.replace("<s:Header/>", f"<s:Header>{inner}</s:Header>").encode(), "MSG00015", "signature")


def test_a_second_request_beside_the_signed_one(bench: Bench) -> None:
    message = edited(bench.message(), lambda tree: tree[1].insert(0, etree.fromstring(bench.body(ssin=FORGED))))
    bench.refused(message, "MSG00015", "signature", rule="signature.digest")


def test_an_expired_timestamp_that_was_moved_with_a_fresh_one_in_its_place(bench: Bench) -> None:
    """A recorded message of an hour ago, to be brought to life."""
    now = datetime.now(UTC)

    def swap(tree: etree._Element) -> None:
        signed = one(tree, "//wsu:Timestamp")
        fresh = copy.deepcopy(signed)
        one(fresh, "wsu:Created").text = to_text(now)
        one(fresh, "wsu:Expires").text = to_text(now + timedelta(minutes=5))
        signed.getparent().replace(signed, fresh)
        tree[0].append(signed)

    old = bench.signer.envelope(bench.body(), now - timedelta(hours=1))
    bench.refused(old, "MSG00015", "timestamp", rule="timestamp.expired")
    bench.refused(edited(old, swap), "MSG00015", "signature", rule="signature.digest")


def test_a_timestamp_that_lives_ten_years(bench: Bench) -> None:
    def stretch(tree: etree._Element) -> None:
        one(tree, "//wsu:Expires").text = "2046-01-31T09:30:00Z"

    bench.refused(edited(bench.message(), stretch), "MSG00015", "timestamp")
    bench.refused(bench.resigned(stretch), "MSG00015", "timestamp", rule="timestamp.life")


def test_the_signature_stripped(bench: Bench) -> None:
    for path in (
        "//wsse:Security",
        "//ds:Signature",
        "//wsu:Timestamp",
        "//wsse:BinarySecurityToken",
        "/s:Envelope/s:Header",
    ):

        def strip(tree: etree._Element, path: str = path) -> None:
            found = one(tree, path)
            found.getparent().remove(found)

        bench.refused(edited(bench.message(), strip), "MSG00015", "signature")


@pytest.mark.parametrize("name", ["Body-1", "TS-1", "X509-1"])
def test_a_part_that_is_not_signed(bench: Bench, name: str) -> None:
    def leave_out(tree: etree._Element) -> None:
        one(tree, "//ds:SignedInfo").remove(one(tree, f"//ds:Reference[@URI='#{name}']"))

    bench.refused(bench.resigned(leave_out), "MSG00015", "signature", rule="signature.coverage")


def test_a_changed_number(bench: Bench) -> None:
    changed = bench.message().replace(bench.ssin.encode(), FORGED.encode())
    bench.refused(changed, "MSG00015", "signature", rule="signature.digest")


@pytest.mark.parametrize(
    ("other", "reason", "rule"),
    [
        ("stranger", "registration", "registration.signer"),
        ("onem-ecdsa", "signature", "signature.algorithm"),
        ("tester", "signature", "signature.value"),
        ("signing", "registration", "registration.signer"),
    ],
)
def test_a_token_that_was_exchanged_for_anothers(bench: Bench, other: str, reason: str, rule: str) -> None:
    token = token_of(bench.bank.signer(other).certificate)
    message = edited(bench.message(), lambda tree: setattr(one(tree, "//wsse:BinarySecurityToken"), "text", token))
    bench.refused(message, "MSG00015", reason, rule=rule)


def test_decoys_with_the_identifier_of_a_signed_part(bench: Bench) -> None:
    """Found by position, never by identifier: the genuine Body elsewhere does not help a changed one."""
    for attribute in (ID, "Id", "ID", "{http://www.w3.org/XML/1998/namespace}id"):

        def decoy(tree: etree._Element, attribute: str = attribute) -> None:
            genuine = copy.deepcopy(tree[1])
            one(tree, "//ssin").text = FORGED
            fake = etree.Element("decoy", {attribute: "Body-1"})
            fake.extend(genuine)
            tree[0].insert(0, fake)

        bench.refused(edited(bench.message(), decoy), "MSG00015", "signature", rule="signature.digest")
