"""PL-05, PL-06: what is accepted, and by which rule everything else is refused."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from kruispunt.errors import AuthenticationRefused, Fault, InvalidRequest, InvalidSoapVersion, RefusalReason
from kruispunt.wss import verify as verify_module
from kruispunt.wss.policy import STRICT, Policy
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import token_of
from kruispunt.wss.verify import verify
from kruispunt.xml.namespaces import SOAP, SOAP12, WSSE, WSU
from kruispunt.xml.parse import parse
from signed_messages import (
    INNER,
    NOW,
    accepted,
    certificate,
    ec_key,
    ec_signer,
    edited,
    one,
    request,
    resigned,
    root,
    rsa_key,
    rsa_signer,
    rule,
    trust,
)


def test_what_was_signed_is_handed_back() -> None:
    tree = parse(request())
    signed = accepted(tree)
    assert signed.body is tree[1]
    assert signed.body.findtext(".//ssin") == "85673099811"
    assert signed.certificate.subject == "CN=rsa client"
    assert (signed.created, signed.expires) == (NOW, NOW + timedelta(minutes=5))
    assert signed.signature_value == one(tree, "//ds:SignatureValue").text
    assert len(signed.replay_key) == 32
    assert signed.confirms is None


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1])
def test_ecdsa_is_accepted(curve: type[ec.EllipticCurve]) -> None:
    assert accepted(request(ec_signer(curve))).certificate.subject == "CN=ec client"


def test_the_parts_of_the_security_header_may_stand_in_any_order() -> None:
    def turn(tree: etree._Element) -> None:
        security = one(tree, "//wsse:Security")
        security[:] = reversed(security)

    accepted(edited(request(), turn))


def test_other_headers_and_blanks_around_are_left_alone() -> None:
    def add(tree: etree._Element) -> None:
        tree[0].insert(0, etree.Element("{urn:other}Header"))
        tree[0].text = tree[0][0].tail = tree.text = "\n  "
        one(tree, "//wsse:Security").text = "\n"

    accepted(edited(request(), add))


def test_lines_may_be_wrapped_in_base64() -> None:
    def wrap(tree: etree._Element) -> None:
        for path in ("//ds:SignatureValue", "//wsse:BinarySecurityToken"):
            text = one(tree, path).text or ""
            lines = "\r\n".join(text[i : i + 64] for i in range(0, len(text), 64))
            one(tree, path).text = f"\n{lines}\n"

    signed = accepted(resigned(request(), wrap))
    assert "\n" not in signed.signature_value


def test_the_envelope_must_be_soap_1_1() -> None:
    later = request().replace(SOAP.encode(), SOAP12.encode())
    with pytest.raises(InvalidSoapVersion):
        accepted(later)
    for data in (b"<a/>", b"<Envelope/>", f"<s:Body xmlns:s='{SOAP}'/>".encode()):
        with pytest.raises(InvalidRequest) as error:
            accepted(data)
        assert error.value.rule == "soap.envelope"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<s:Header/>",
        "<s:Body/><s:Header/>",
        "<s:Header/><s:Body/><s:Body/>",
        "<s:Header/><s:Header/><s:Body/>",
        "<s:Header/><s:Body/><x/>",
    ],
)
def test_an_envelope_has_one_header_then_one_body(content: str) -> None:
    assert rule(f"<s:Envelope xmlns:s='{SOAP}'>{content}</s:Envelope>".encode()) == "soap.structure"


@pytest.mark.parametrize(
    "header",
    ["", "<s:Header/>", f"<s:Header><w:Security xmlns:w='{WSSE}'/></s:Header>"],
)
def test_an_unsigned_message_is_refused(header: str) -> None:
    data = f"<s:Envelope xmlns:s='{SOAP}'>{header}<s:Body>{INNER}</s:Body></s:Envelope>".encode()
    with pytest.raises(AuthenticationRefused) as error:
        accepted(data)
    assert error.value.rule == "signature.missing"
    assert error.value.information == (("reason", "signature"),)
    assert error.value.remedy


@pytest.mark.parametrize(
    ("created", "expires", "expected"),
    [
        (0, 300, None),
        (60, 300, None),
        (60.001, 300, "timestamp.future"),
        (-299.999, 300, None),
        (-300, 300, "timestamp.expired"),
        (-300, 299, "timestamp.expired"),
        (-10, 10, "timestamp.expired"),
        (-10, 11, None),
        (0, 300.001, "timestamp.life"),
        (0, 0, "timestamp.life"),
        (0, -1, "timestamp.life"),
    ],
)
def test_freshness(created: float, expires: float, expected: str | None) -> None:
    """`Created` at most 60 s ahead and 5 minutes old, `Expires` at most 5 minutes after it."""
    begin = NOW + timedelta(seconds=created)
    end = begin + timedelta(seconds=expires)

    def stamp(tree: etree._Element) -> None:
        for name, moment in (("Created", begin), ("Expires", end)):
            one(tree, f"//wsu:{name}").text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    data = resigned(request(), stamp)
    if expected is None:
        accepted(data)
    else:
        with pytest.raises(AuthenticationRefused) as error:
            accepted(data)
        assert (error.value.rule, error.value.reason) == (expected, RefusalReason.TIMESTAMP)


def test_tolerances_are_configurable() -> None:
    patient = Policy(age=timedelta(hours=1), life=timedelta(hours=2), ahead=timedelta(minutes=10))
    assert rule(request(now=NOW + timedelta(minutes=9))) == "timestamp.future"
    accepted(request(now=NOW + timedelta(minutes=9)), patient)


def test_an_old_message_is_refused_although_it_has_not_expired() -> None:
    def stretch(tree: etree._Element) -> None:
        one(tree, "//wsu:Expires").text = "2026-01-31T11:00:00Z"

    data = resigned(request(now=NOW - timedelta(minutes=6)), stretch)
    assert rule(data, Policy(life=timedelta(hours=2))) == "timestamp.expired"
    accepted(data, Policy(life=timedelta(hours=2), age=timedelta(minutes=7)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31T09:30:00",
        "2026-01-31T09:30:00+00:00",
        "2026-01-31T10:30:00+01:00",
        "2026-01-31 09:30:00Z",
        "2026-01-31T09:30:00z",
        " 2026-01-31T09:30:00Z",
        "2026-01-31T09:30Z",
        "2026-02-31T09:30:00Z",
        "2026-01-31T09:30:60Z",
        "20260131T093000Z",
        "2026-W05-6T09:30:00Z",
        "٢٠٢٦-01-31T09:30:00Z",
        "2026-01-31T09:30:00.Z",
        "2026-01-31T09:30:00,5Z",
    ],
)
def test_a_moment_has_one_form(text: str) -> None:
    def stamp(tree: etree._Element) -> None:
        one(tree, "//wsu:Created").text = text

    assert rule(resigned(request(), stamp)) == "timestamp.form"


@pytest.mark.parametrize("text", ["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.1Z", "2026-01-31T09:30:00.123456789Z"])
def test_fractions_of_a_second_are_optional(text: str) -> None:
    def stamp(tree: etree._Element) -> None:
        one(tree, "//wsu:Created").text = text
        one(tree, "//wsu:Expires").text = "2026-01-31T09:35:00Z"

    accepted(resigned(request(), stamp))


def test_certificates_are_refused_with_their_own_reason() -> None:
    key = rsa_key()
    stranger = Signer(key, certificate("stranger", key))
    old = Signer(key, certificate("old", key, root(), end=NOW - timedelta(days=1)))
    for signer, expected in ((stranger, "certificate.untrusted"), (old, "certificate.expired")):
        with pytest.raises(AuthenticationRefused) as error:
            accepted(request(signer))
        assert (error.value.rule, error.value.reason) == (expected, RefusalReason.CERTIFICATE)


def test_small_and_huge_keys_are_refused() -> None:
    assert rule(request(), Policy(min_rsa_bits=3072)) == "certificate.key"
    assert rule(request(), Policy(max_rsa_bits=1024)) == "certificate.key"
    assert rule(request(ec_signer()), Policy(curves=frozenset({"secp384r1"}))) == "certificate.key"


def test_a_key_of_1024_bits_is_refused() -> None:
    key = rsa_key(1024)
    weak = certificate("weak", key, root())

    def swap(tree: etree._Element) -> None:
        one(tree, "//wsse:BinarySecurityToken").text = token_of(weak)

    assert rule(resigned(request(), swap, key)) in {"certificate.key", "certificate.untrusted"}


def test_curves_of_another_family_are_refused() -> None:
    """secp256k1 has the size of P-256 and is not P-256."""
    key = ec_key(ec.SECP256K1)
    leaf = certificate("k1", key, root())

    def swap(tree: etree._Element) -> None:
        one(tree, "//wsse:BinarySecurityToken").text = token_of(leaf)

    assert rule(edited(request(ec_signer()), swap)) in {"certificate.key", "certificate.untrusted"}


def test_an_unsigned_token_is_accepted_only_by_name() -> None:
    def leave_out(tree: etree._Element) -> None:
        info = one(tree, "//ds:SignedInfo")
        info.remove(one(tree, "//ds:Reference[@URI='#X509-1']"))

    data = resigned(request(), leave_out)
    assert rule(data) == "signature.coverage"
    accepted(data, Policy(allow_unsigned_token=True))


@pytest.mark.parametrize("name", ["Body-1", "TS-1"])
def test_body_and_timestamp_must_be_signed_whatever_the_policy(name: str) -> None:
    def leave_out(tree: etree._Element) -> None:
        one(tree, "//ds:SignedInfo").remove(one(tree, f"//ds:Reference[@URI='#{name}']"))

    lenient = Policy(allow_unsigned_token=True, allow_sha1=True)
    assert rule(resigned(request(), leave_out), lenient) == "signature.coverage"


def test_the_policy_is_asked_by_fingerprint_and_only_for_trusted_signers() -> None:
    asked: list[str] = []

    def policy_for(fingerprint: str) -> Policy:
        asked.append(fingerprint)
        return STRICT

    signed = verify(parse(request()), trust(), NOW, policy_for)
    assert asked == [signed.certificate.fingerprint]
    stranger = Signer(rsa_key(), certificate("stranger", rsa_key()))
    with pytest.raises(AuthenticationRefused):
        verify(parse(request(stranger)), trust(), NOW, policy_for)
    assert len(asked) == 1


def work_done(data: bytes, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The elements that were canonicalised, in order, until the message was accepted or refused."""
    done: list[str] = []
    canonical = verify_module.canonical

    def counted(element: etree._Element, prefixes: tuple[str, ...] = ()) -> bytes:
        done.append(etree.QName(element).localname)
        return canonical(element, prefixes)

    with monkeypatch.context() as patch:
        patch.setattr(verify_module, "canonical", counted)
        try:
            accepted(data)
        except Fault:
            done.append("refused")
    return done


def test_strangers_get_no_expensive_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 5: certificate and signature over SignedInfo before any digest, the Body last."""
    everything = ["SignedInfo", "BinarySecurityToken", "Timestamp", "Body"]
    assert work_done(request(), monkeypatch) == everything
    stranger = Signer(rsa_key(), certificate("stranger", rsa_key()))
    assert work_done(request(stranger), monkeypatch) == ["refused"]
    unsigned = edited(request(), lambda tree: tree[0].clear())
    assert work_done(unsigned, monkeypatch) == ["refused"]
    other = rsa_key(_number=5)
    badly = resigned(request(), lambda tree: None, other)
    assert work_done(badly, monkeypatch) == ["SignedInfo", "refused"]
    stale = request(now=NOW - timedelta(hours=1))
    assert work_done(stale, monkeypatch) == ["SignedInfo", "refused"]
    moved = edited(request(), lambda tree: one(tree, "//wsu:Timestamp").set("x", "y"))
    assert work_done(moved, monkeypatch) == [*everything[:3], "refused"]


def test_the_body_is_digested_last_wherever_its_reference_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(tree: etree._Element) -> None:
        one(tree, "//ds:SignedInfo").insert(2, one(tree, "//ds:Reference[@URI='#Body-1']"))

    assert work_done(resigned(request(), first), monkeypatch)[-1] == "Body"


def test_a_signature_confirmation_belongs_in_a_reply() -> None:
    reply = rsa_signer().envelope(INNER, NOW, confirm="c2lnbmF0dXJl")
    assert accepted(reply, reply=True).confirms == "c2lnbmF0dXJl"
    assert rule(reply) == "signature.security-header"
    assert accepted(request(), reply=True).confirms is None
    assert accepted(rsa_signer().envelope(INNER, NOW, confirm=""), reply=True).confirms == ""


def test_a_signature_confirmation_must_be_signed() -> None:
    reply = rsa_signer().envelope(INNER, NOW, confirm="c2lnbmF0dXJl")
    changed = reply.replace(b'Value="c2lnbmF0dXJl"', b'Value="YW5vdGhlcg=="')
    assert rule(changed, reply=True) == "signature.digest"

    def leave_out(tree: etree._Element) -> None:
        one(tree, "//ds:SignedInfo").remove(one(tree, "//ds:Reference[@URI='#SC-1']"))

    assert rule(resigned(reply, leave_out), reply=True) == "signature.coverage"


@pytest.mark.parametrize("path", ["//s:Body", "//wsu:Timestamp", "//wsse:BinarySecurityToken"])
def test_the_three_parts_need_identifiers(path: str) -> None:
    def drop(tree: etree._Element) -> None:
        del one(tree, path).attrib[f"{{{WSU}}}Id"]

    def double(tree: etree._Element) -> None:
        one(tree, path).set(f"{{{WSU}}}Id", "TS-1" if "Time" not in path else "Body-1")

    for change in (drop, double):
        assert rule(edited(request(), change)) == "signature.identifiers"


def test_identifiers_elsewhere_are_never_looked_at() -> None:
    def scatter(tree: etree._Element) -> None:
        for name in ("Body-1", "TS-1", "X509-1"):
            tree[0].append(etree.Element("decoy", {f"{{{WSU}}}Id": name, "Id": name, "ID": name}))

    accepted(edited(request(), scatter))


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_message_is_refused_and_never_an_error(data: st.DataObject) -> None:
    """Whatever a stranger sends: accepted with what was signed, or one of the refusals."""
    message = bytearray(request(ec_signer()))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(message) - 1))
        message[place] = data.draw(st.sampled_from(b"<>&\"' /=#A1z-\xc3\0") | st.integers(0, 255))
    try:
        signed = accepted(bytes(message))
    except Fault:
        return
    assert etree.tostring(signed.body[0], method="c14n", exclusive=True).decode() == INNER


def test_a_certificate_has_one_spelling() -> None:
    """The count of unused bits before its signature is signed by nobody."""
    certificate = ec_signer().certificate
    der = bytearray(base64.b64decode(token_of(certificate)))
    der[-len(certificate.signature) - 1] = 1
    with pytest.raises(AuthenticationRefused) as refusal:
        trust().trusted(base64.b64encode(bytes(der)).decode(), NOW)
    assert refusal.value.rule == "certificate.form"


@pytest.mark.filterwarnings("ignore:Parsed a serial number:Warning")
@settings(max_examples=300)
@given(st.data())
def test_a_damaged_certificate_is_refused_and_never_an_error(data: st.DataObject) -> None:
    der = bytearray(base64.b64decode(token_of(ec_signer().certificate)))
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(AuthenticationRefused):
        trust().trusted(base64.b64encode(bytes(der)).decode(), NOW)
