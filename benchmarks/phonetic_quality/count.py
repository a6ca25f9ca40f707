"""Counting: how many pairs a method finds, and how many it should not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import combinations

from benchmarks.phonetic_quality.methods import Method
from benchmarks.phonetic_quality.names import Pair, pairs, surnames
from kruispunt.registers.phonetics import fold


@dataclass(frozen=True, slots=True)
class Quality:
    """Pairs of one method."""

    found: int
    variants: int
    held_out_found: int
    held_out: int
    taken_as_one: int
    different: int
    false: int
    misses: tuple[Pair, ...]
    false_pairs: tuple[Pair, ...]

    @property
    def recall(self) -> float:
        """Of all variants, those held out included."""
        return (self.found + self.held_out_found) / (self.variants + self.held_out)


def quality(method: Method) -> Quality:
    variants, held_out, different = (pairs(file) for file in ("variants.txt", "variants_held_out.txt", "distinct.txt"))
    missed, held_out_missed = _missed(method, variants), _missed(method, held_out)
    false = _false_pairs(method, variants + held_out)
    return Quality(
        found=len(variants) - len(missed),
        variants=len(variants),
        held_out_found=len(held_out) - len(held_out_missed),
        held_out=len(held_out),
        taken_as_one=len(different) - len(_missed(method, different)),
        different=len(different),
        false=len(false),
        misses=(*missed, *held_out_missed),
        false_pairs=false,
    )


def _missed(method: Method, wanted: Iterable[Pair]) -> list[Pair]:
    return [pair for pair in wanted if not method(pair[0]) & method(pair[1])]


def _false_pairs(method: Method, known: Iterable[Pair]) -> tuple[Pair, ...]:
    variants = {frozenset(map(fold, pair)) for pair in known}
    sharing: dict[Hashable, list[str]] = defaultdict(list)
    for name in surnames():
        for code in method(name):
            sharing[code].append(name)
    together = {pair for names in sharing.values() for pair in combinations(sorted(names), 2)}
    return tuple(
        sorted(
            pair for pair in together if fold(pair[0]) != fold(pair[1]) and frozenset(map(fold, pair)) not in variants
        )
    )
