"""Revocation lists: which are used, and what they say (PL-08, RFC 5280 §5 and §6.3)."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from kruispunt.clock import FixedClock
from kruispunt.errors import AuthenticationRefused, ConfigurationError, DataError, RefusalReason
from kruispunt.wss.crl import MAX_CRL_BYTES, read_lists
from kruispunt.wss.revocation import Revocation, RevocationRules
from kruispunt.wss.trust import TrustStore, token_of
from revocation_pki import DAY, HOUR, NOW, Issued, authority, crl_points, issue, revocation_list, url

CA = authority()
ALICE = issue("alice", CA)
BOB = issue("bob", CA)
Reason = x509.ReasonFlags


def opened(directory: Path | None, clock: FixedClock, issuer: Issued = CA) -> Revocation:
    trust = TrustStore([issuer.certificate])
    return Revocation(RevocationRules(directory=directory), trust, [issuer.certificate], clock)


def verdict(
    certificate: Issued, directory: Path | None, now: datetime = NOW, issuer: Issued = CA, then: Any = None
) -> str:
    """`good`, or the rule that refuses; `then` changes the directory and is followed by another look."""

    async def judge() -> str:
        revocation = opened(directory, FixedClock(now), issuer)
        await revocation._look()
        if then is not None:
            said(revocation, certificate, now, issuer)
            then()
            await revocation._look()
        return said(revocation, certificate, now, issuer)

    return asyncio.run(judge())


def said(revocation: Revocation, certificate: Issued, now: datetime, issuer: Issued = CA) -> str:
    trusted = TrustStore([issuer.certificate]).trusted(token_of(certificate.certificate), now)
    try:
        revocation.check(trusted, now)
    except AuthenticationRefused as refusal:
        return refusal.rule if refusal.reason is RefusalReason.CERTIFICATE else ""
    return "good"


def why(data: bytes, issuer: Issued = CA) -> str:
    with pytest.raises(DataError) as refused:
        read_lists(data, [issuer.certificate], "here")
    return refused.value.what


def pem(der: bytes) -> bytes:
    return b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(der) + b"-----END X509 CRL-----\n"


@pytest.mark.parametrize("form", [lambda der: der, pem, lambda der: pem(der) + pem(revocation_list(CA))])
def test_revoked_and_good(tmp_path: Path, form: Callable[[bytes], bytes]) -> None:
    (tmp_path / "issuer.crl").write_bytes(form(revocation_list(CA, {ALICE.serial: None}, x509.CRLNumber(2))))
    assert verdict(ALICE, tmp_path) == "certificate.revoked"
    assert verdict(BOB, tmp_path) == "good"


@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.remove_from_crl])
def test_every_reason_revokes_on_hold_included(tmp_path: Path, reason: Reason) -> None:
    (tmp_path / "issuer.crl").write_bytes(revocation_list(CA, {ALICE.serial: reason}))
    assert verdict(ALICE, tmp_path) == "certificate.revoked"


def test_removal_is_no_revocation(tmp_path: Path) -> None:
    (tmp_path / "issuer.crl").write_bytes(revocation_list(CA, {ALICE.serial: Reason.remove_from_crl}))
    assert verdict(ALICE, tmp_path) == "good"


def test_nothing_published_nothing_asked(tmp_path: Path) -> None:
    assert verdict(ALICE, None) == "good"
    assert verdict(ALICE, tmp_path) == "good"


def test_named_source_without_information_fails_closed(tmp_path: Path) -> None:
    assert verdict(issue("carol", CA, crl_points("http://crl.invalid/ca.crl")), tmp_path) == (
        "certificate.revocation-unknown"
    )
    assert verdict(issue("dave", CA, crl_points("ldap://crl.invalid/ca")), None) == "certificate.revocation-unknown"


def test_expired_list_and_one_that_is_too_old_fail_closed(tmp_path: Path) -> None:
    file = tmp_path / "issuer.crl"
    file.write_bytes(revocation_list(CA, next_update=NOW + 20 * DAY))
    assert verdict(ALICE, tmp_path) == "good"
    assert verdict(ALICE, tmp_path, NOW + 6 * DAY) == "good"
    assert verdict(ALICE, tmp_path, NOW + 7 * DAY) == "certificate.revocation-unknown"  # revocation_max_age_seconds
    file.write_bytes(revocation_list(CA, next_update=NOW + HOUR))
    assert verdict(ALICE, tmp_path, NOW + HOUR) == "certificate.revocation-unknown"  # nextUpdate
    file.write_bytes(revocation_list(CA, this_update=NOW + HOUR))
    assert verdict(ALICE, tmp_path) == "certificate.revocation-unknown"  # of a time to come


def test_a_verdict_ends_with_what_it_rests_upon(tmp_path: Path) -> None:
    (tmp_path / "issuer.crl").write_bytes(revocation_list(CA, next_update=NOW + HOUR / 60))

    async def judge() -> tuple[str, str]:
        revocation = opened(tmp_path, FixedClock(NOW))
        await revocation._look()
        return said(revocation, ALICE, NOW), said(revocation, ALICE, NOW + HOUR / 60)

    assert asyncio.run(judge()) == ("good", "certificate.revocation-unknown")


def test_the_newest_list_holds_even_when_an_older_one_lives_longer(tmp_path: Path) -> None:
    (tmp_path / "old.crl").write_bytes(revocation_list(CA, this_update=NOW - DAY, next_update=NOW + 5 * DAY))
    (tmp_path / "new.crl").write_bytes(
        revocation_list(CA, {ALICE.serial: Reason.certificate_hold}, next_update=NOW + HOUR)
    )
    assert verdict(ALICE, tmp_path) == "certificate.revoked"
    assert verdict(ALICE, tmp_path, NOW + HOUR) == "certificate.revocation-unknown"
    (tmp_path / "newer.crl").write_bytes(revocation_list(CA, this_update=NOW - HOUR / 2))
    assert verdict(ALICE, tmp_path) == "good"  # no longer on hold


def test_changes_of_the_directory(tmp_path: Path) -> None:
    file = tmp_path / "issuer.crl"
    revoking = revocation_list(CA, {ALICE.serial: None}, this_update=NOW - HOUR / 2)
    assert verdict(ALICE, tmp_path, then=lambda: file.write_bytes(revoking)) == "certificate.revoked"
    # What is half written, or not a CRL at all, takes nothing back.
    assert verdict(ALICE, tmp_path, then=lambda: file.write_bytes(revoking[:-9])) == "certificate.revoked"
    file.write_bytes(revoking)
    # An issuer that has published does not become one that does not.
    assert verdict(ALICE, tmp_path, then=file.unlink) == "certificate.revocation-unknown"
    # Only files called like lists count: others are half copied, or of an editor.
    (tmp_path / ".issuer.crl").write_bytes(revoking)
    (tmp_path / "issuer.crl.tmp").write_bytes(revoking)
    assert verdict(ALICE, tmp_path) == "good"


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "issuer.crl"
    file.write_bytes(revocation_list(CA))
    reads = []
    monkeypatch.setattr("kruispunt.wss.shelf.read_lists", lambda *a: reads.append(a) or read_lists(*a))

    async def look() -> None:
        revocation = opened(tmp_path, FixedClock(NOW))
        for _ in range(3):
            await revocation._look()
        os.utime(file, ns=(1, 1))
        await revocation._look()

    asyncio.run(look())
    assert len(reads) == 2


def test_absent_directory_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="crl_dir"):
        asyncio.run(opened(tmp_path / "absent", FixedClock(NOW)).open())


def test_forged_and_foreign_lists_are_refused(tmp_path: Path) -> None:
    other = authority("Another issuer")
    same_name = authority()
    assert "not that of the issuer" in why(revocation_list(CA, {ALICE.serial: None}, signed_by=same_name.key))
    assert "not trusted here" in why(revocation_list(other, {ALICE.serial: None}))
    der = revocation_list(CA, {ALICE.serial: None})
    assert "not that of the issuer" in why(der[:-1] + bytes([der[-1] ^ 1]))
    # A trusted issuer says nothing of another one's certificates, whatever the serial number.
    (tmp_path / "other.crl").write_bytes(revocation_list(other, {ALICE.serial: None}))

    async def judge() -> str:
        trust = TrustStore([CA.certificate, other.certificate])
        rules = RevocationRules(directory=tmp_path)
        revocation = Revocation(rules, trust, [CA.certificate, other.certificate], FixedClock(NOW))
        await revocation._look()
        return said(revocation, ALICE, NOW)

    assert asyncio.run(judge()) == "good"


def test_renewed_issuer_and_namesake_are_told_apart(tmp_path: Path) -> None:
    namesake = authority()
    (tmp_path / "namesake.crl").write_bytes(revocation_list(namesake, {ALICE.serial: None}))
    (tmp_path / "issuer.crl").write_bytes(revocation_list(CA))

    async def judge() -> str:
        both = [namesake.certificate, CA.certificate]
        revocation = Revocation(RevocationRules(directory=tmp_path), TrustStore(both), both, FixedClock(NOW))
        await revocation._look()
        return said(revocation, ALICE, NOW)

    assert asyncio.run(judge()) == "good"


def distribution(**given: Any) -> x509.IssuingDistributionPoint:
    values: dict[str, Any] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**values, **given})


@pytest.mark.parametrize(
    ("extension", "told"),
    [
        (x509.DeltaCRLIndicator(1), "delta CRL"),
        (distribution(indirect_crl=True), "indirect CRL"),
        (distribution(only_some_reasons=frozenset({Reason.key_compromise})), "some reasons"),
        (distribution(only_contains_attribute_certs=True), "attribute certificates"),
        (distribution(full_name=[x509.DNSName("crl.invalid")]), "named by no URL"),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1"), b"\x05\x00"), "unknown critical"),
    ],
)
def test_lists_that_say_too_little_are_refused(extension: x509.ExtensionType, told: str) -> None:
    assert told in why(revocation_list(CA, {ALICE.serial: None}, extension))


def test_what_is_no_list_is_refused() -> None:
    assert "no CRL" in why(b"")
    assert "no CRL" in why(b"garbage")
    assert "larger" in why(b"0" * (MAX_CRL_BYTES + 1))
    whole = pem(revocation_list(CA))
    assert "not whole" in why(whole + whole[:-30])
    silent = authority(crl_sign=False)
    assert "cRLSign" in why(revocation_list(silent), silent)


def test_lists_in_parts_hold_for_the_certificates_of_that_part(tmp_path: Path) -> None:
    here, there = "http://crl.invalid/1.crl", "http://crl.invalid/2.crl"
    carol = issue("carol", CA, crl_points(here))
    (tmp_path / "2.crl").write_bytes(revocation_list(CA, {}, distribution(full_name=[url(there)])))
    assert verdict(carol, tmp_path) == "certificate.revocation-unknown"
    (tmp_path / "1.crl").write_bytes(revocation_list(CA, {carol.serial: None}, distribution(full_name=[url(here)])))
    assert verdict(carol, tmp_path) == "certificate.revoked"
    (tmp_path / "1.crl").write_bytes(revocation_list(CA, {}, distribution(full_name=[url(here)])))
    assert verdict(carol, tmp_path) == "good"
    (tmp_path / "1.crl").write_bytes(revocation_list(CA, {}, distribution(only_contains_ca_certs=True)))
    assert verdict(carol, tmp_path) == "certificate.revocation-unknown"


def test_good_costs_no_second_judgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "issuer.crl").write_bytes(revocation_list(CA))

    async def judge() -> None:
        revocation = opened(tmp_path, FixedClock(NOW))
        await revocation._look()
        assert said(revocation, ALICE, NOW) == "good"
        monkeypatch.setattr(revocation, "_judge", None)
        assert said(revocation, ALICE, NOW) == "good"
        await revocation.admit(
            TrustStore([CA.certificate]).trusted(token_of(ALICE.certificate), NOW).fingerprint, "not even looked at"
        )

    asyncio.run(judge())


def test_off_checks_nothing(tmp_path: Path) -> None:
    named = issue("carol", CA, crl_points("http://crl.invalid/ca.crl"))
    revocation = Revocation(None, TrustStore([CA.certificate]), [CA.certificate], FixedClock(NOW))
    assert said(revocation, named, NOW) == "good"
