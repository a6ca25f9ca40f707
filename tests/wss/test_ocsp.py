"""Responders and distribution points, asked over HTTP: a real server in a thread (PL-08, RFC 6960)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from kruispunt.clock import FixedClock
from kruispunt.errors import AuthenticationRefused, DataError
from kruispunt.wss import fetch as fetching
from kruispunt.wss import inquiries
from kruispunt.wss import revocation as revocation_module
from kruispunt.wss.fetch import fetch
from kruispunt.wss.ocsp import MAX_RESPONSE_BYTES
from kruispunt.wss.revocation import Revocation, RevocationRules
from kruispunt.wss.trust import TrustStore, token_of
from revocation_pki import (
    DAY,
    HOUR,
    NOW,
    RESPONDER_USE,
    Issued,
    Web,
    authority,
    crl_points,
    issue,
    ocsp_response,
    responders,
    revocation_list,
    web,
)
from signed_messages import usage

CA = authority()
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
NOT_KNOWN = "certificate.revocation-unknown"


@pytest.fixture
def responder() -> Iterator[Web]:
    with web() as found:
        yield found


class Asker:
    """A Revocation with a clock that can be moved."""

    def __init__(self, directory: Path | None = None, **rules: Any) -> None:
        self.clock = FixedClock(NOW)
        self.trust = TrustStore([CA.certificate])
        given = {"ocsp": True, "directory": directory, **rules}
        self.revocation = Revocation(RevocationRules(**given), self.trust, [CA.certificate], self.clock)

    async def said(self, certificate: Issued) -> str:
        token = token_of(certificate.certificate)
        print_ = certificate.certificate.fingerprint(hashes.SHA256()).hex()
        try:
            await self.revocation.admit(print_, token)
        except AuthenticationRefused as refusal:
            return refusal.rule
        return "good"


def run(work: Callable[[Asker], Awaitable[Any]], directory: Path | None = None, **rules: Any) -> Any:
    async def whole() -> Any:
        asker = Asker(directory, **rules)
        await asker.revocation._look()
        try:
            return await work(asker)
        finally:
            await asker.revocation.close()

    return asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came")


def client(responder: Web, name: str = "client") -> Issued:
    return issue(name, CA, responders(responder.address + "/ocsp"))


def judged(responder: Web, certificate: Issued, answer: bytes | None) -> str:
    responder.answering = lambda _path, _body: answer
    said: str = run(lambda asker: asker.said(certificate))
    return said


@pytest.mark.parametrize(
    ("status", "expected"), [(GOOD, "good"), (REVOKED, "certificate.revoked"), (UNKNOWN, NOT_KNOWN)]
)
@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256()])
def test_what_the_responder_says(responder: Web, status: Any, expected: str, digest: Any) -> None:
    certificate = client(responder)
    assert judged(responder, certificate, ocsp_response(certificate, CA, status, digest=digest)) == expected
    (path, body), *rest = responder.asked
    asked = ocsp.load_der_ocsp_request(body)
    assert (path, asked.serial_number, rest) == ("/ocsp", certificate.serial, [])


def test_an_answer_is_kept_and_asked_for_again_in_time(responder: Web) -> None:
    certificate = client(responder)
    answers = [ocsp_response(certificate, CA), ocsp_response(certificate, CA, REVOKED, this_update=NOW)]
    responder.answering = lambda _path, _body: answers.pop(0)

    async def work(asker: Asker) -> list[str]:
        said = [await asker.said(certificate) for _ in range(3)]
        asker.clock.moment += inquiries.AGAIN_AT_MOST
        said.append(await asker.said(certificate))  # what is known holds while it is asked again
        asker.revocation._inquiries.start_due()
        (inquiry,) = asker.revocation._inquiries._known.values()
        await until(lambda: not answers and inquiry.task is None)
        said.append(await asker.said(certificate))
        return said

    assert run(work) == ["good"] * 4 + ["certificate.revoked"]
    assert len(responder.asked) == 2


def test_stale_answer_and_fail_closed_after_its_end(responder: Web) -> None:
    certificate = client(responder)
    past = ocsp_response(certificate, CA, this_update=NOW - DAY, next_update=NOW - HOUR)
    assert judged(responder, certificate, past) == NOT_KNOWN
    to_come = ocsp_response(certificate, CA, this_update=NOW + HOUR)
    assert judged(responder, certificate, to_come) == NOT_KNOWN
    old = ocsp_response(certificate, CA, this_update=NOW - 8 * DAY, next_update=NOW + DAY)
    assert judged(responder, certificate, old) == NOT_KNOWN
    endless = ocsp_response(certificate, CA, next_update=None)
    assert judged(responder, certificate, endless) == "good"

    async def work(asker: Asker) -> list[str]:
        said = [await asker.said(certificate)]
        responder.answering = lambda _path, _body: b"garbage"
        asker.clock.moment = NOW + DAY
        said.append(await asker.said(certificate))
        return said

    responder.answering = lambda _path, _body: ocsp_response(certificate, CA)
    assert run(work) == ["good", NOT_KNOWN]


def test_older_answer_takes_nothing_back(responder: Web) -> None:
    certificate = client(responder)
    answers = [ocsp_response(certificate, CA, REVOKED), ocsp_response(certificate, CA, this_update=NOW - DAY)]
    responder.answering = lambda _path, _body: answers.pop(0)

    async def work(asker: Asker) -> list[str]:
        said = [await asker.said(certificate)]
        asker.clock.moment += 2 * HOUR
        trusted = asker.trust.trusted(token_of(certificate.certificate), asker.clock.now())
        assert await asker.revocation.learn(trusted)
        return [*said, await asker.said(certificate)]

    assert run(work) == ["certificate.revoked"] * 2
    assert not answers


def test_hanging_responder_holds_up_nothing_else(responder: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation_module, "WAIT_SECONDS", 0.2)
    hanging, known = client(responder, "hanging"), issue("known", CA)

    async def work(asker: Asker) -> list[str]:
        waiting = asyncio.create_task(asker.said(hanging))
        await until(lambda: bool(responder.asked))
        others = [await asker.said(known) for _ in range(3)]  # the event loop goes on
        assert not waiting.done() or waiting.result() == NOT_KNOWN
        return [*others, await waiting]

    responder.answering = lambda _path, _body: None
    assert run(work) == ["good"] * 3 + [NOT_KNOWN]


def test_responder_that_never_ends_is_given_up_and_left_alone_for_a_while(
    responder: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.1)
    certificate = client(responder)

    async def work(asker: Asker) -> list[str]:
        return [await asker.said(certificate) for _ in range(3)]

    responder.answering = lambda _path, _body: None
    assert run(work) == [NOT_KNOWN] * 3
    assert len(responder.asked) == 1


def test_wrong_answers(responder: Web) -> None:
    certificate, other = client(responder), client(responder, "other")
    stranger = authority()  # of the same name, with another key
    spoilt = ocsp_response(certificate, CA)
    for answer in (
        b"",
        b"garbage",
        ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER),
        ocsp_response(other, CA),
        spoilt[:-1] + bytes([spoilt[-1] ^ 1]),  # the last byte is the signature's
        ocsp_response(certificate, CA, by=stranger),
        ocsp_response(certificate, CA, by=stranger, named=True),
        ocsp_response(certificate, stranger, by=CA),
        ocsp_response(certificate, CA, nonce=b"of somebody else"),
        b"0" * (MAX_RESPONSE_BYTES + 1),
    ):
        assert judged(responder, certificate, answer) == NOT_KNOWN
    assert judged(responder, certificate, ocsp_response(certificate, CA, named=True)) == "good"
    responder.status = 404
    assert judged(responder, certificate, ocsp_response(certificate, CA)) == NOT_KNOWN


def test_repeated_nonce(responder: Web) -> None:
    certificate = client(responder)

    def repeating(_path: str, body: bytes) -> bytes:
        sent = ocsp.load_der_ocsp_request(body).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        return ocsp_response(certificate, CA, nonce=sent)

    responder.answering = repeating
    assert run(lambda asker: asker.said(certificate)) == "good"


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ((RESPONDER_USE, x509.OCSPNoCheck()), "good"),
        ((RESPONDER_USE, usage(digital_signature=True)), "good"),
        ((), NOT_KNOWN),
        ((x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]),), NOT_KNOWN),
        ((x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),), NOT_KNOWN),
        ((RESPONDER_USE, usage(key_encipherment=True)), NOT_KNOWN),
        ((RESPONDER_USE, crl_points("http://crl.invalid/ca.crl")), NOT_KNOWN),
    ],
)
def test_delegated_responder(responder: Web, extensions: Any, expected: str) -> None:
    certificate, delegate = client(responder), issue("responder", CA, *extensions)
    assert judged(responder, certificate, ocsp_response(certificate, CA, by=delegate)) == expected


def test_delegate_of_another_issuer_and_one_that_expired(responder: Web) -> None:
    certificate = client(responder)
    foreign = issue("responder", authority("Another issuer"), RESPONDER_USE)
    expired = issue("responder", CA, RESPONDER_USE, end=NOW - DAY)
    for delegate in (foreign, expired):
        assert judged(responder, certificate, ocsp_response(certificate, CA, by=delegate)) == NOT_KNOWN


def test_revoked_delegate(responder: Web, tmp_path: Path) -> None:
    certificate, delegate = client(responder), issue("responder", CA, RESPONDER_USE, x509.OCSPNoCheck())
    expired = {"this_update": NOW - 2 * DAY, "next_update": NOW + DAY}
    (tmp_path / "ca.crl").write_bytes(revocation_list(CA, {delegate.serial: None}, **expired))
    # The list says nothing bad of the client itself, which is what counts; the responder's word is not taken.
    responder.answering = lambda _path, _body: ocsp_response(certificate, CA, REVOKED, by=delegate)

    async def work(asker: Asker) -> tuple[str, int]:
        said = await asker.said(certificate)
        asker.revocation._inquiries.start_due()
        trusted = asker.trust.trusted(token_of(certificate.certificate), NOW)
        await asker.revocation.learn(trusted)
        return said, len(asker.revocation._answers)

    assert run(work, tmp_path) == ("good", 0)
    assert responder.asked


def test_delegate_whose_list_is_out_of_date_is_not_believed(responder: Web, tmp_path: Path) -> None:
    certificate, delegate = client(responder), issue("responder", CA, RESPONDER_USE)
    (tmp_path / "ca.crl").write_bytes(revocation_list(CA, this_update=NOW - DAY, next_update=NOW - HOUR))
    responder.answering = lambda _path, _body: ocsp_response(certificate, CA, by=delegate)
    assert run(lambda asker: asker.said(certificate), tmp_path) == NOT_KNOWN
    assert run(lambda asker: asker.said(certificate)) == "good"


def test_revoked_by_either_source_is_revoked(responder: Web, tmp_path: Path) -> None:
    certificate = client(responder)
    responder.answering = lambda _path, _body: ocsp_response(certificate, CA)
    (tmp_path / "ca.crl").write_bytes(revocation_list(CA, {certificate.serial: None}))
    assert run(lambda asker: asker.said(certificate), tmp_path) == "certificate.revoked"

    async def work(asker: Asker) -> tuple[str, str]:
        first = await asker.said(certificate)  # the list suffices; the responder is asked in the background
        trusted = asker.trust.trusted(token_of(certificate.certificate), NOW)
        await asker.revocation.learn(trusted)
        await until(lambda: bool(asker.revocation._answers))
        return first, await asker.said(certificate)

    (tmp_path / "ca.crl").write_bytes(revocation_list(CA))
    responder.answering = lambda _path, _body: ocsp_response(certificate, CA, REVOKED)
    assert run(work, tmp_path) == ("good", "certificate.revoked")


def test_responders_are_left_alone_when_only_lists_count(responder: Web, tmp_path: Path) -> None:
    certificate = client(responder)
    assert run(lambda asker: asker.said(certificate), ocsp=False) == NOT_KNOWN
    (tmp_path / "ca.crl").write_bytes(revocation_list(CA))
    assert run(lambda asker: asker.said(certificate), tmp_path, ocsp=False) == "good"
    assert not responder.asked


def test_lists_are_fetched_only_when_allowed(responder: Web) -> None:
    certificate = issue("client", CA, crl_points(responder.address + "/ca.crl"))
    responder.answering = lambda _path, _body: revocation_list(CA, {certificate.serial: None})
    assert run(lambda asker: asker.said(certificate)) == NOT_KNOWN
    assert not responder.asked
    assert run(lambda asker: asker.said(certificate), fetch_crls=True) == "certificate.revoked"
    assert [path for path, _ in responder.asked] == ["/ca.crl"]
    for wrong in (b"garbage", revocation_list(CA, next_update=NOW - HOUR / 2), revocation_list(authority())):
        responder.answering = lambda _path, _body, wrong=wrong: wrong
        assert run(lambda asker: asker.said(certificate), fetch_crls=True) == NOT_KNOWN


def test_first_requests_of_many_share_one_question(responder: Web) -> None:
    certificate = client(responder)
    responder.answering = lambda _path, _body: ocsp_response(certificate, CA)

    async def work(asker: Asker) -> list[str]:
        return list(await asyncio.gather(*(asker.said(certificate) for _ in range(50))))

    assert run(work) == ["good"] * 50
    assert len(responder.asked) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://localhost/",
        "file:///etc/passwd",
        "http://user:secret@localhost/",
        "http://localhost/a b",
        "http://localhost/\r\nX: y",
        "http://localhost:99999/",
        "http:///nowhere",
        "http://" + "a" * 3000,
    ],
)
def test_addresses_that_are_not_asked(address: str) -> None:
    with pytest.raises(DataError, match="URL"):
        asyncio.run(fetch(address, 1000))


def test_redirects_are_not_followed_and_large_answers_are_cut_off(responder: Web) -> None:
    responder.answering = lambda _path, _body: b"x" * 1001
    with pytest.raises(DataError, match="too large"):
        asyncio.run(fetch(responder.address, 1000))
    assert asyncio.run(fetch(responder.address, 1001)) == b"x" * 1001
    responder.status = 302
    with pytest.raises(DataError, match="302"):
        asyncio.run(fetch(responder.address, 1001))
