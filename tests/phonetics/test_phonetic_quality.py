"""The quality of the phonetic code on Belgian surnames, beside what else there is (`benchmarks/phonetic_quality`)."""

import pytest
from benchmarks.phonetic_quality.count import Quality, quality
from benchmarks.phonetic_quality.methods import METHODS, soundex
from benchmarks.phonetic_quality.names import pairs, surnames

from kruispunt.registers.phonetics import cologne

OURS = "kruispunt"


@pytest.fixture(scope="module")
def found() -> dict[str, Quality]:
    return {name: quality(method) for name, method in METHODS.items()}


def test_at_least_95_of_100_variants_are_found(found: dict[str, Quality]) -> None:
    assert found[OURS].recall >= 0.95
    assert found[OURS].found / found[OURS].variants >= 0.95


def test_pairs_that_no_rule_was_made_for_are_found_as_well(found: dict[str, Quality]) -> None:
    assert found[OURS].held_out_found / found[OURS].held_out >= 0.9


def test_more_variants_and_fewer_false_pairs_than_any_other_method(found: dict[str, Quality]) -> None:
    ours = found.pop(OURS)
    assert len(found) == 3
    assert ours.recall > max(each.recall for each in found.values())
    assert ours.false < min(each.false for each in found.values())
    assert ours.taken_as_one < min(each.taken_as_one for each in found.values())


def test_the_lists_are_as_large_as_they_say() -> None:
    assert len(pairs("variants.txt")) >= 300
    assert len(pairs("distinct.txt")) >= 100
    assert len(surnames()) == len(set(surnames())) == 924


def test_the_methods_beside_it_are_what_their_authors_describe() -> None:
    assert {name: soundex(name) for name in ("Robert", "Rupert", "Tymczak", "Pfister", "Honeyman", "Ashcraft")} == {
        "Robert": "r163",
        "Rupert": "r163",
        "Tymczak": "t522",
        "Pfister": "p236",
        "Honeyman": "h555",
        "Ashcraft": "a261",
    }
    assert cologne("Müller-Lüdenscheidt") == "65752682"
    assert cologne("Breschnew") == "17863"
    assert cologne("Wikipedia") == "3412"
    assert METHODS["Double Metaphone"]("Schmidt") == {"XMT", "SMT"}
