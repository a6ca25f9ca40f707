"""The messages of the attack suite at the level of `parse` and `verify`: the rule, the order of the work, and leniency.

Through the front door they are held by tests/front_door/test_attack_suite.py. Here every one also meets the loosest
policy that an operator can configure, and nothing is canonicalised before the profile itself has refused it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from attack_bench import bench
from kruispunt.attack import again, algorithms, key_info, parser, signature, wrapping
from kruispunt.attack.model import Answered, Attack, Means, Refused, Shot
from kruispunt.clock import FixedClock
from kruispunt.errors import AuthenticationRefused, Fault
from kruispunt.wss import verify as verify_module
from kruispunt.wss.policy import Policy
from kruispunt.xml.parse import parse
from signed_messages import NOW, accepted

LENIENT = Policy(allow_unsigned_token=True, allow_sha1=True)
ALLOWED = {"signature/method-rsa-sha1", "signature/digest-sha1", "signature/partial-without-token"}
"""What LENIENT lets in: that is what an operator asks for, by name."""
FREE = {
    "signature.algorithm",
    "signature.coverage",
    "signature.identifiers",
    "signature.key-info",
    "signature.missing",
    "signature.prefix-list",
    "signature.security-header",
    "signature.structure",
    "signature.token",
    "certificate.form",
    "certificate.untrusted",
}
"""Rules that are applied before anything is canonicalised."""
MOST = 4
"""Canonical forms: SignedInfo, Timestamp, token, Body."""
AFTER_THE_SIGNATURE = ("schema.", "soap.body")

FAMILIES = (wrapping.attacks, signature.attacks, algorithms.attacks, key_info.attacks, again.clocks, parser.attacks)
WITHIN = frozenset({Means.ECDSA})
ATTACKS = tuple(attack for family in FAMILIES for attack in family() if attack.needs <= WITHIN)


def outcome(data: bytes, policy: Policy) -> str:
    """The rule that refuses a message, or `accepted`; anything but a refusal is an error."""
    try:
        accepted(data, policy)
    except Fault as refusal:
        return refusal.rule
    return "accepted"


@pytest.fixture
def forms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is canonicalised, by element; the function itself stays the real one."""
    made: list[str] = []
    real = verify_module.canonical

    def counted(element: etree._Element, prefixes: tuple[str, ...] = ()) -> bytes:
        made.append(etree.QName(element).localname)
        return real(element, prefixes)

    monkeypatch.setattr(verify_module, "canonical", counted)
    return made


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_meets_its_rule_whatever_the_policy(attack: Attack, forms: list[str]) -> None:
    """No stylesheet or expression is evaluated, and no bomb is canonicalised: the names alone are enough."""
    for shot in attack.shots(bench()):
        strict = outcome(shot.data, Policy())
        assert len(forms) <= MOST
        if strict in FREE:
            assert forms == []
        lenient = outcome(shot.data, LENIENT)
        forms.clear()
        if isinstance(shot.expected, Answered) or _is_later(shot):
            assert (strict, lenient) == ("accepted", "accepted")
            continue
        assert strict != "accepted"
        assert lenient == ("accepted" if attack.name in ALLOWED else strict)
        assert isinstance(shot.expected, Refused)
        assert strict.startswith(shot.expected.rule)


def _is_later(shot: Shot) -> bool:
    """Rightly signed, and refused by what reads it."""
    return isinstance(shot.expected, Refused) and shot.expected.rule.startswith(AFTER_THE_SIGNATURE)


def test_nothing_internal_and_nothing_personal_is_told() -> None:
    told = 0
    for attack in ATTACKS:
        for shot in attack.shots(bench()):
            try:
                accepted(shot.data)
            except Fault as refusal:
                text = f"{refusal} {refusal.why} {refusal.remedy} {refusal.information}"
                assert "8567309" not in text
                assert "CN=" not in text
                told += 1
    assert told > 300


def test_the_bench_is_one_that_is_let_in() -> None:
    """Else everything would be refused for another reason; and a day later it is not."""
    assert outcome(bench().message(), Policy()) == "accepted"
    assert outcome(bench().message(bench().forged()), Policy()) == "accepted"
    later = replace(bench(), clock=FixedClock(NOW + timedelta(days=1)))
    with pytest.raises(AuthenticationRefused):
        accepted(later.message())
    assert parse(bench().message())[1][0].findtext("ssin") == "85673099811"
