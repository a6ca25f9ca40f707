"""Demo people: reproducible, nobody, whole, and of every kind (IP-16, SS-03, SS-08)."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date
from functools import lru_cache
from typing import Any

import pytest

from kruispunt.demo import names, places
from kruispunt.demo.personas import Numbers
from kruispunt.demo.population import FIRST_COUNTER, PERSONA_COUNTERS, Demo, population
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import person_lines
from kruispunt.registers.legal_data import LegalData, LinguisticRegime, Subregister
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine

TODAY = date(2026, 11, 22)
COUNT = 6_000


@lru_cache(maxsize=2)
def people(numbers: Numbers) -> list[Demo]:
    return list(population(COUNT, numbers, 7))


@lru_cache(maxsize=1)
def lines() -> list[PersonLine]:
    return [person_lines.read(dict(each.person), today=TODAY, test_band=True) for each in people(Numbers.BAND)]


def national() -> list[LegalData]:
    return [line.national for line in lines() if line.national is not None]


def cbss() -> list[LegalData]:
    return [line.cbss for line in lines() if line.register is Register.BIS and line.cbss is not None]


def test_the_same_seed_makes_the_same_people_and_another_one_others() -> None:
    def text(seed: int) -> str:
        return json.dumps([(each.person, each.lines, each.situation) for each in population(300, Numbers.BAND, seed)])

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_as_many_as_were_asked_each_with_a_number_of_its_own() -> None:
    for numbers in Numbers:
        assert len({each.person["ssin"] for each in people(numbers)}) == COUNT


@pytest.mark.parametrize("numbers", Numbers)
def test_pl_27_numbers_are_nobodys_and_not_of_personas(numbers: Numbers) -> None:
    for each in people(numbers):
        ssin = Ssin(each.person["ssin"])
        assert int(ssin[6:9]) >= FIRST_COUNTER + PERSONA_COUNTERS
        assert ssins.is_test_band(ssin) == (numbers is Numbers.BAND and ssins.kind(ssin) is Kind.NATIONAL)
        ssins.validate(ssin, today=TODAY, test_band=True)


def test_ss_03_number_birth_and_sex_agree_in_the_national_register() -> None:
    for line in lines():
        if line.national is not None:
            assert ssins.birth_date(line.ssin) == line.national.birth.date
            assert line.national.gender is not None
            assert ssins.sex(line.ssin) is line.national.gender.code


def test_everybody_is_taken_and_has_a_name() -> None:
    assert all(line.national is not None or line.cbss is not None for line in lines())


def test_ss_08_every_register_and_subregister_occurs() -> None:
    assert {line.register for line in lines()} == set(Register)
    found = {legal.inscription.register for legal in (*national(), *cbss()) if legal.inscription is not None}
    found |= {line.cbss.inscription.register for line in lines() if line.cbss is not None and line.cbss.inscription}
    assert found == set(Subregister)


def test_chains_end_in_the_same_person_under_another_number() -> None:
    by_number = {line.ssin: line for line in lines()}
    replaced = [line for line in lines() if line.replaced_by in by_number]
    assert len(replaced) > COUNT // 100
    for line in replaced:
        assert line.replaced_by is not None
        after = by_number[line.replaced_by]
        (held, *_), (then, *_) = list(line.dossiers), list(after.dossiers)
        assert (held.legal.name.last, held.legal.birth.date.year) == (then.legal.name.last, then.legal.birth.date.year)
    assert any(by_number[line.replaced_by].replaced_by for line in replaced if line.replaced_by)


def test_families_live_at_one_address_under_one_name() -> None:
    homes = Counter(
        (str(legal.address.legal.standard), legal.name.last)
        for legal in national()
        if legal.address is not None and legal.address.legal is not None and legal.address.legal.standard is not None
    )
    assert max(homes.values()) >= 4
    assert sum(count > 1 for count in homes.values()) > COUNT // 20


def test_partners_are_each_others() -> None:
    by_number = {line.ssin: line.national for line in lines()}
    couples = 0
    for line in lines():
        state = None if line.national is None else line.national.civil_state
        if state is not None and state.partner is not None and state.partner.ssin in by_number:
            other = by_number[state.partner.ssin]
            assert other is not None
            assert other.civil_state is not None
            assert other.civil_state.partner is not None
            assert other.civil_state.partner.ssin == line.ssin
            assert state.partner.name is not None
            assert state.partner.name.last == other.name.last
            couples += 1
    assert couples > COUNT // 10


def test_everything_that_can_be_shown_occurs() -> None:
    occurs: dict[str, Any] = {
        "former name": any(legal.former_names for legal in national()),
        "former address": any(legal.former_addresses for legal in national()),
        "decease": any(legal.decease for legal in national()),
        "no day of birth": any(legal.birth.date.month and not legal.birth.date.day for legal in (*national(), *cbss())),
        "no month of birth": any(not legal.birth.date.month for legal in (*national(), *cbss())),
        "diplomatic post": any(a.address and a.address.legal and a.address.legal.diplomatic for a in national()),
        "post abroad": any(legal.address and legal.address.post_abroad for legal in national()),
        "temporary": any(legal.address and legal.address.temporary for legal in national()),
        "temporary abroad": any(legal.address and legal.address.temporary_abroad for legal in national()),
        "blocked": any(legal.blocked for legal in national()),
        "unreadable": any(legal.unreadable for legal in national()),
        "no first name": any(not legal.name.firsts for legal in cbss()),
        "no sex": any(legal.gender is None for legal in cbss()),
        "three first names": any(len(legal.name.firsts) == 3 for legal in national()),
        "diacritics": any(not legal.name.last.isascii() for legal in national()),
        "cancelled": any(line.cancelled for line in lines()),
    }
    assert all(occurs.values()), {name for name, found in occurs.items() if not found}


def test_places_are_municipalities_of_every_regime_that_occurs() -> None:
    rows = list(names.table("municipalities.tsv"))
    assert len({row[0] for row in rows}) == len(rows) > 80
    for code, postal_code, _, thousands, *descriptions in rows:
        assert (len(code), len(postal_code)) == (5, 4)
        assert int(thousands) > 0
        assert any(each != "-" for each in descriptions)
    chance = random.Random(1)
    regimes = {places.municipality(chance).regime for _ in range(2_000)}
    assert regimes == set(LinguisticRegime) - {LinguisticRegime.GERMAN}


def test_a_street_is_the_same_wherever_it_is_named() -> None:
    place = places.municipality(random.Random(1))
    assert places.street(place, 1042) == places.street(place, 1042)
    assert places.street(place, 1042)["code"] == "1042"
