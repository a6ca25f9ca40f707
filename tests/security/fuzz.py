"""Changed messages by the hundred thousand, against parser, signature, validation and authorisation.

    make fuzz MUTANTS=1000000            prints how many mutants were refused by which rule
    make fuzz ARGS="--seed 3 --only 42"  one mutant again

What must hold of each mutant:

- it is let in, or a `Refusal` is raised: nothing else ever is;
- what is let in is, whole and word for word, one of the messages that were signed: the Body that is processed, the
  Timestamp, the token, the key by which a replay is known, and everything that the steps after the signature read;
- the work is bounded: so many canonicalisations, of so many bytes.

A mutant follows from its seed and number alone. One that breaks a rule is shrunk and written to a file.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any, Final

from fuzz_corpus import MESSAGES, NOW, Told, bank, incoming, original
from lxml import etree

import kruispunt.wss.verify as verification
from in_process import TO_DECISION, TO_SIGNATURE, begin, walk
from kruispunt.errors import Refusal
from kruispunt.pipeline.context import Exchange
from kruispunt.pipeline.platform import Platform
from kruispunt.wss.canonical import NotCanonical, canonical
from kruispunt.xml.namespaces import SOAP, WSSE, WSU
from kruispunt.xml.parse import LIMITS
from mutations import BYTES, TEXT, TREES, Mutation

BATCH: Final = 1_000
LONGEST_SECONDS: Final = 1_200
"""For a batch, which takes one second or two: the process then ends with a trace of where it hangs."""
CANONICALISATIONS: Final = 4
"""SignedInfo, Timestamp, token, Body."""
CANONICAL_BYTES: Final = 64 * LIMITS.size

ACCEPTED, LATER, UNCHANGED = "accepted", "accepted, then refused by ", "unchanged"


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed of a message, told in two ways: in canonical form, and as nested tuples."""

    signer: str
    body: bytes
    shape: Any
    timestamp: bytes
    token: bytes
    """Empty for a client that need not sign it."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the steps behind the signature read."""

    operation: str
    claims: Any
    criteria: Any
    organisation: str
    data_groups: frozenset[str]


class Broken(Exception):
    """A mutant for which something did not hold."""


@dataclass(slots=True)
class Work:
    """How much was canonicalised for one mutant."""

    times: int = 0
    size: int = 0


@dataclass(slots=True)
class Findings:
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


class Fuzzer:
    """Holds the platform and what was really signed."""

    def __init__(self) -> None:
        self._bank: Platform = bank()
        self._prefixes: dict[bytes, tuple[str, ...]] = {}
        self._signed: dict[bytes, Signed] = {}
        self._read: dict[bytes, Read] = {}
        self._work = Work()
        for told in MESSAGES:
            exchange = begin(incoming(told, original(told)), NOW)
            walk(TO_SIGNATURE, exchange, self._bank)
            assert exchange.signed is not None
            key = exchange.signed.replay_key
            self._prefixes[key] = told.prefixes
            self._signed[key] = self._facts(exchange)
            walk(TO_DECISION, exchange, self._bank)
            self._read[key] = _read(exchange)

    def outcome(self, told: Told, data: bytes) -> str:
        """The rule by which a mutant of `told` is refused, or `accepted`; raises Broken."""
        exchange = begin(incoming(told, data), NOW)
        self._work.times = self._work.size = 0
        try:
            walk(TO_SIGNATURE, exchange, self._bank)
        except Refusal as refusal:
            return refusal.rule
        except Exception as error:
            raise Broken(f"not refused but crashed: {error!r}") from error
        finally:
            self._check_work()
        return self._held(exchange)

    def _held(self, exchange: Exchange) -> str:
        """What was let in is what was signed."""
        assert exchange.signed is not None
        key = exchange.signed.replay_key
        if key not in self._signed:
            raise Broken("let in, and could be sent twice: no original has this replay key")
        try:
            facts = self._facts(exchange)
        except (NotCanonical, ValueError) as error:
            raise Broken(f"let in, and differs from what was signed: {error!r}") from error
        if facts != self._signed[key]:
            raise Broken(f"let in, and differs from what was signed: {facts} is not {self._signed[key]}")
        try:
            walk(TO_DECISION, exchange, self._bank)
        except Refusal as refusal:
            return LATER + refusal.rule
        except Exception as error:
            raise Broken(f"let in, then crashed: {error!r}") from error
        if _read(exchange) != self._read[key]:
            raise Broken(f"let in, and read as {_read(exchange)} instead of {self._read[key]}")
        return ACCEPTED

    def _facts(self, exchange: Exchange) -> Signed:
        signed = exchange.signed
        assert signed is not None
        prefixes = self._prefixes.get(signed.replay_key, ())
        (security,) = exchange.root.findall(f"{{{SOAP}}}Header/{{{WSSE}}}Security")
        (timestamp,) = security.findall(f"{{{WSU}}}Timestamp")
        (token,) = security.findall(f"{{{WSSE}}}BinarySecurityToken")
        registration = exchange.registration
        unsigned = registration is not None and registration.unsigned_token
        return Signed(
            signer=signed.certificate.fingerprint,
            body=canonical(signed.body, prefixes),
            shape=_shape(signed.body),
            timestamp=canonical(timestamp, prefixes),
            token=b"" if unsigned else canonical(token, prefixes),
        )

    def _check_work(self) -> None:
        if self._work.times > CANONICALISATIONS or self._work.size > CANONICAL_BYTES:
            raise Broken(f"too much work: {self._work}")

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts what the verification canonicalises; the function itself stays the real one."""
        real = verification.canonical

        def counted(element: etree._Element, prefixes: tuple[str, ...] = ()) -> bytes:
            form = real(element, prefixes)
            self._work.times += 1
            self._work.size += len(form)
            return form

        verification.canonical = counted
        try:
            yield
        finally:
            verification.canonical = real


def _shape(element: etree._Element) -> Any:
    """An element as its reader meets it: names with their namespaces, attributes, texts."""
    return (
        element.tag,
        tuple(sorted(element.attrib.items())),
        element.text or "",
        tuple((_shape(child), child.tail or "") for child in element),
    )


def _read(exchange: Exchange) -> Read:
    return Read(
        operation="" if exchange.operation is None else exchange.operation.name,
        claims=exchange.claims,
        criteria=exchange.criteria,
        organisation="" if exchange.organisation is None else exchange.organisation.code,
        data_groups=exchange.data_groups,
    )


@dataclass(frozen=True, slots=True)
class Case:
    """One mutant: what it is made of, and the changes in their order, each with the seed of its chance."""

    seed: int
    number: int
    told: Told
    other: Told
    changes: tuple[tuple[Mutation, str], ...]

    def mutant(self, changes: Sequence[tuple[Mutation, str]] | None = None) -> bytes:
        data = _original(self.told)
        for change, seed in self.changes if changes is None else changes:
            data = change(data, Random(seed), _original(self.other)) or b" "
        return data


@cache
def _original(told: Told) -> bytes:
    return original(told)


def case(seed: int, number: int) -> Case:
    """The same for the same numbers, everywhere."""
    chance = Random(f"{seed}/{number}")
    changes = []
    for nth in range(chance.choice((1, 1, 1, 2, 2, 3))):
        kind = chance.choices((BYTES, TEXT, TREES), (2, 3, 5))[0]
        changes.append((chance.choice(kind), f"{seed}/{number}/{nth}"))
    return Case(seed, number, chance.choice(MESSAGES), chance.choice(MESSAGES), tuple(changes))


def run(seed: int, first: int, count: int, keep: Path | None = None) -> Findings:
    """`count` mutants of a seed from number `first` on."""
    fuzzer, findings = Fuzzer(), Findings()
    with fuzzer.counting():
        for number in range(first, first + count):
            if (number - first) % BATCH == 0:
                faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True, file=sys.__stderr__)
            one = case(seed, number)
            try:
                mutant = one.mutant()
                outcome = UNCHANGED if mutant == _original(one.told) else fuzzer.outcome(one.told, mutant)
                findings.outcomes[outcome] += 1
            except Broken as broken:
                findings.outcomes["BROKEN"] += 1
                findings.broken.append(_report(fuzzer, one, broken, keep))
    faulthandler.cancel_dump_traceback_later()
    return findings


def shrink(fuzzer: Fuzzer, one: Case) -> tuple[tuple[Mutation, str], ...]:
    """The fewest of its changes, in their order, that still break something."""
    changes = one.changes
    for change in one.changes:
        fewer = tuple(c for c in changes if c != change)
        try:
            fuzzer.outcome(one.told, one.mutant(fewer))
        except Broken:
            changes = fewer
    return changes


def _report(fuzzer: Fuzzer, one: Case, broken: Broken, keep: Path | None) -> str:
    changes = shrink(fuzzer, one)
    directory = keep or Path(tempfile.mkdtemp(prefix="kruispunt-fuzz-"))
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{one.seed}-{one.number}.xml"
    file.write_bytes(one.mutant(changes))
    names = ", ".join(getattr(change, "__name__", "?") for change, _ in changes)
    return f"{file}: --seed {one.seed} --only {one.number}: {one.told.name} after {names}: {broken}"


def _tell(total: Findings, wanted: int) -> None:
    """How far it is, on standard error: a million mutants take half an hour."""
    end = "\r" if sys.stderr.isatty() else "\n"
    done = total.outcomes.total()
    print(f"{done:9,} of {wanted:,} mutants, {len(total.broken)} broken", end=end, file=sys.stderr, flush=True)


def _task(arguments: tuple[int, int, int, Path]) -> Findings:
    return run(*arguments)


def main() -> int:
    """Zero when everything held."""
    parser = argparse.ArgumentParser(description="Fuzz the way of a message up to the decision.")
    parser.add_argument("--mutants", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="number of one mutant")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "kruispunt-fuzz")
    asked = parser.parse_args()
    if asked.only is not None:
        tasks = [(asked.seed, asked.only, 1, asked.keep)]
    else:
        step = 10 * BATCH
        tasks = [
            (asked.seed, first, min(step, asked.mutants - first), asked.keep) for first in range(0, asked.mutants, step)
        ]
    total = Findings()
    with get_context("spawn").Pool(min(asked.processes, len(tasks))) as pool:
        for findings in pool.imap_unordered(_task, tasks):
            total.outcomes.update(findings.outcomes)
            total.broken += findings.broken
            _tell(total, asked.mutants)
    for outcome, count in total.outcomes.most_common():
        print(f"{count:9,} {outcome}")
    print(f"{total.outcomes.total():9,} mutants, {len(total.broken)} broken")
    for broken in total.broken:
        print(broken)
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
