"""The attack suite, one attack at a time, against a bank whose log and suppliers can be looked at.

`kruispunt attack` sees what comes back. Here it is seen too what is logged, that no supplier was reached, and that what
ends before SOAP is no exchange at all (PL-05 to PL-09, and the tables of platform.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from attacker import VICTIM, check_log
from bank import Bank, Got, ReadLog

from kruispunt.attack.answer import Answer
from kruispunt.attack.bench import Bench
from kruispunt.attack.judge import Judge
from kruispunt.attack.model import Answered, AsValue, Attack, Refused, Shot
from kruispunt.attack.suite import suite
from kruispunt.attack.wire import Trap, Wire, find
from kruispunt.cli.stage import demo_forms, demo_stage
from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.clock import SystemClock

SUITE = suite(demo_forms({}, SystemClock()))


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything for the attacks on the victim."""

    bench: Bench
    wire: Wire
    judge: Judge
    attacks: Mapping[str, Attack]
    read_log: ReadLog


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    with Trap() as trap:
        yield trap


@pytest.fixture(scope="module")
def scene(bank: Bank, trap: Trap) -> Iterator[Scene]:
    stage = demo_stage(bank.directory, VICTIM.id)
    bench = replace(stage.bench, trap=trap.url)
    judge = Judge(bench, ClientSecurity(bench.victim.signer, platform_trust(stage.platform)))
    attacks = {attack.name: attack for attack in suite(bench.forms)}
    with Wire(find(bank.url), bench) as wire, bank.open_log() as read_log:
        yield Scene(bench, wire, judge, attacks, read_log)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
@pytest.mark.parametrize("attack", SUITE, ids=lambda attack: attack.name)
def test_an_attack_is_held(bank: Bank, trap: Trap, scene: Scene, attack: Attack) -> None:
    """The right refusal, signed; the right entries in the log; no supplier reached; nothing fetched."""
    exchanges, asked = bank.work
    sent: list[tuple[Shot, Answer]] = []
    for shot in scene.attacks[attack.name].shots(scene.bench):
        answer = scene.wire.send(shot)
        assert scene.judge.trouble(shot, answer) == "", f"{attack.what} {answer}"
        sent.append((shot, answer))
    assert sent
    assert not trap.knocked()
    soap = [(shot, Got(answer.status, answer.headers, answer.raw)) for shot, answer in sent if answer.is_soap]
    exchanges_then, asked_then = bank.work
    # What ends before SOAP is no exchange; every other shot is one.
    assert exchanges_then == exchanges + len(soap)
    answered = sum(isinstance(shot.expected, Answered) for shot, _ in sent)
    values = sum(isinstance(shot.expected, AsValue) for shot, _ in sent)
    assert asked + answered <= asked_then <= asked + answered + values, "the supplier was reached"
    _check_entries(scene.read_log, soap)


def _check_entries(read_log: ReadLog, soap: list[tuple[Shot, Got]]) -> None:
    """Every ticket that was told has its two entries, with the rule that the attack is to meet."""
    tickets = [answer.ticket for _, answer in soap]
    logged = read_log(tickets)
    for shot, answer in soap:
        rule = shot.expected.rule if isinstance(shot.expected, Refused) else ""
        check_log(logged[answer.ticket], shot.data, answer, rule)


def test_names_are_unique() -> None:
    names = [attack.name for attack in SUITE]
    assert len(set(names)) == len(names)
    assert all(attack.what.endswith(".") and "\n" not in attack.what for attack in SUITE)
