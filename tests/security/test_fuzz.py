"""A hundred thousand changed messages, in every ordinary run; a million by `make fuzz` (PL-05, PL-06, PL-09)."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import fuzz
import pytest
from fuzz import ACCEPTED, Broken, Fuzzer, case, run, shrink
from fuzz_corpus import MESSAGES, NOW, bank, incoming, original

import kruispunt.wss.verify as verification
import mutations
from in_process import TO_DECISION, TO_SIGNATURE, begin, walk
from kruispunt.pipeline.chain import STEPS

EACH = 10_000
REFUSED_BY = {
    "xml.encoding",
    "xml.doctype",
    "xml.processing-instruction",
    "xml.well-formed",
    "soap.envelope",
    "soap.structure",
    "soap-action.other",
    "signature.missing",
    "signature.security-header",
    "signature.structure",
    "signature.identifiers",
    "signature.token",
    "signature.key-info",
    "signature.algorithm",
    "signature.prefix-list",
    "signature.coverage",
    "signature.canonical",
    "signature.value",
    "signature.digest",
    "certificate.form",
    "certificate.untrusted",
    "timestamp.form",
    "timestamp.life",
}
"""Each seed gets this far, or it would prove little."""


@pytest.mark.parametrize("seed", range(10))
def test_no_changed_message_is_taken_for_what_was_signed(seed: int, tmp_path: Path) -> None:
    findings = run(seed, 0, EACH, tmp_path)
    assert findings.broken == []
    assert findings.outcomes.total() == EACH
    assert findings.outcomes.keys() >= REFUSED_BY
    # What is not signed may change: blanks, prefixes, other headers, the order of what stands in the Security header.
    assert findings.outcomes[ACCEPTED] > EACH // 50


def test_the_steps_are_those_of_the_pipeline() -> None:
    assert (*TO_SIGNATURE, *TO_DECISION) == STEPS[: len(TO_SIGNATURE) + len(TO_DECISION)]


@pytest.mark.parametrize("told", MESSAGES, ids=lambda told: told.name)
def test_what_the_mutants_come_from_is_let_in(told: Any) -> None:
    exchange = begin(incoming(told, original(told)), NOW)
    walk((*TO_SIGNATURE, *TO_DECISION), exchange, bank())
    assert exchange.criteria


def _digest(count: int) -> str:
    return hashlib.sha256(b"".join(case(5, number).mutant() for number in range(count))).hexdigest()


def test_a_seed_gives_the_same_mutants_in_every_process() -> None:
    here = Path(__file__).parent
    code = (
        f"import sys; sys.path[:0] = {[str(here), str(here.parent)]!r}; import test_fuzz; print(test_fuzz._digest(300))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == _digest(300)


# The fuzzer notices what it is there for.


def _found(count: int, keep: Path) -> list[str]:
    return run(0, 0, count, keep).broken


def test_a_digest_that_nobody_checks_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(verification, "_check_digest", lambda _reference: None)
    found = _found(400, tmp_path)
    assert any("differs from what was signed" in text for text in found)
    file, _, rest = found[0].partition(": --seed 0 --only ")
    assert Path(file).read_bytes()
    assert rest


def test_a_signature_that_nobody_checks_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(verification, "_check_value", lambda *_: None)
    assert any("could be sent twice" in text for text in _found(400, tmp_path))


def test_a_crash_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if the place where a namespace is relative had been forgotten."""
    monkeypatch.setattr(verification, "NotCanonical", KeyError)
    assert any("crashed: NotCanonical" in text for text in _found(2_000, tmp_path))


def test_too_much_work_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fuzz, "CANONICALISATIONS", 3)
    assert any("too much work" in text for text in _found(100, tmp_path))


def test_a_failing_mutant_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not matter is left out; the rest still fails."""
    monkeypatch.setattr(verification, "_check_digest", lambda _reference: None)
    fuzzer = Fuzzer()
    shorter = 0
    for number in range(400):
        one = case(0, number)
        try:
            fuzzer.outcome(one.told, one.mutant())
        except Broken:
            kept = shrink(fuzzer, one)
            shorter += len(kept) < len(one.changes)
            with pytest.raises(Broken):
                fuzzer.outcome(one.told, one.mutant(kept))
    assert shorter


def test_every_mutation_changes_something() -> None:
    """A mutation that never does would be none."""
    idle = {*mutations.BYTES, *mutations.TEXT, *mutations.TREES}
    for number in range(2_000):
        one = case(1, number)
        for change in one.changes:
            if change[0] in idle and one.mutant([change]) != original(one.told):
                idle.discard(change[0])
    assert idle == set()
