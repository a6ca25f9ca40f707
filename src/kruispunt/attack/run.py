"""Playing the suite: a question that is answered first and last, the attacks between, and a verdict on each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from kruispunt.attack.bench import Bench
from kruispunt.attack.judge import Judge
from kruispunt.attack.model import Answered, Attack, Family, Shot
from kruispunt.attack.wire import Trap, Wire
from kruispunt.errors import KruispuntError


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attack."""

    attack: Attack
    expected: str
    came_back: str
    """The answers in a few words, each kind once with its number."""
    trouble: str
    """Empty: it was held."""

    @property
    def held(self) -> bool:
        return not self.trouble


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. It was preceded and followed by a question that was answered."""

    results: tuple[Result, ...]
    left_out: tuple[Attack, ...]
    """For want of a certificate that they need."""

    @property
    def passed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.held)

    def of(self, family: Family) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.attack.family is family)


def run(
    attacks: Sequence[Attack],
    bench: Bench,
    wire: Wire,
    judge: Judge,
    trap: Trap,
    tell: Callable[[Result], object] = lambda _: None,
) -> Report:
    """Plays the attacks in their order; `tell` is given each result.

    Raises KruispuntError when a right question is not answered, before or after them: then nothing is proved.
    """
    playable = [attack for attack in attacks if attack.needs <= bench.means.keys()]
    _control(bench, wire, judge, "before the suite")
    results = []
    for attack in playable:
        result = play(attack, bench, wire, judge, trap)
        tell(result)
        results.append(result)
    _control(bench, wire, judge, "after the suite")
    return Report(tuple(results), tuple(a for a in attacks if a not in playable))


def play(attack: Attack, bench: Bench, wire: Wire, judge: Judge, trap: Trap) -> Result:
    """One attack, up to the first thing that goes wrong."""
    expected, came_back, trouble = [], [], ""
    for shot in attack.shots(bench):
        answer = wire.send(shot)
        expected.append(str(shot.expected))
        came_back.append("answered" if str(answer) == "MSG00000" else str(answer))
        trouble = judge.trouble(shot, answer)
        if trouble:
            break
    if not trouble and trap.knocked():
        trouble = "the server fetched what a message named"
    return Result(attack, _counted(expected), _counted(came_back), trouble)


def _counted(told: Sequence[str]) -> str:
    """`a, a, b` as `2 × a, b`; neighbours only, so that the order can be read."""
    groups = [(text, len(list(group))) for text, group in groupby(told)]
    return ", ".join(text if number == 1 else f"{number} × {text}" for text, number in groups)


def _control(bench: Bench, wire: Wire, judge: Judge, when: str) -> None:
    """The victim's question, and what the attacker wants it to be, asked by the victim: both are answered."""
    asked = (("a right question", bench.body()), ("the question that forgers put in its place", bench.forged()))
    for what, body in asked:
        answer = wire.send(Shot(bench.message(body), Answered()))
        trouble = judge.unanswered(answer)
        if trouble:
            raise KruispuntError(
                f"{what} is not answered {when}: {trouble}. The suite proves nothing against a server that refuses "
                "everything: check certificates, organisation, legal context and numbers"
            )
