"""A change is told when a record can carry it, and else it is none (RP-16): parts held against records."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import fresh, legal_data
from msgspec import Struct
from msgspec.structs import asdict, replace
from test_mutation_records import told

from kruispunt.mutations.records import Profile, Record
from kruispunt.registers import legal_json
from kruispunt.registers.facts import Facts
from kruispunt.registers.legal_data import (
    LegalAddress,
    Location,
    Origin,
)
from kruispunt.registers.parts import DATA, GROUPS, NO_PART, Part, parts_of
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine


@st.composite
def otherwise(draw: st.DrawFn, one: Any, two: Any) -> Any:
    """`one` with a single field, however deep, as `two` has it."""
    if isinstance(one, LegalAddress) and (one.standard is None) != (two.standard is None):
        return two  # exactly one of both
    names = [name for name, value in asdict(one).items() if value != getattr(two, name)]
    if not names:
        return one
    name = draw(st.sampled_from(names))
    old, new = getattr(one, name), getattr(two, name)
    if isinstance(old, Location) or isinstance(new, Location):
        # One without a code or a description, or with one of which the language is not told, looks like none.
        new = Location("11111" if old is None or old.code != "11111" else "22222")
    elif isinstance(old, Struct) and isinstance(new, Struct):
        new = draw(otherwise(old, new))
    return replace(one, **{name: new})


@settings(max_examples=150)
@given(st.data())
def test_rp_16_a_change_is_told_when_a_record_can_carry_it_and_else_it_is_none(data: st.DataObject) -> None:
    """What the registers count as changed, and what mutations write, are one rule."""
    register = data.draw(st.sampled_from((Register.NATIONAL, Register.RAD)))
    (ssin,) = fresh(1)
    legal = data.draw(legal_data(register, Origin.RR))
    other = data.draw(otherwise(legal, data.draw(legal_data(register, Origin.RR))))
    before, after = (PersonLine(ssin, register, national=each) for each in (legal, other))
    parts = parts_of(Facts.of(before), Facts.of(after))
    differing = Part(sum(each for each in GROUPS.values() if written(before, each) != written(after, each)))
    if Part.ACCESS in parts:
        assert written(before, DATA) != written(after, DATA), "of access alone that is told"
    else:
        assert parts == differing


def written(line: PersonLine, groups: Part) -> bytes:
    return Record(told(line, groups, [])).of(Profile(groups, groups))


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"address": {"temporary": {"address": "Kaai 1"}}}, NO_PART),
        ({"civilState": {"code": 20, "modified": "2020-01-02"}}, NO_PART),
        ({"civilState": {"code": 20, "partner": {"name": {"lastName": "Maes"}}}}, NO_PART),
        ({"civilState": {"code": 30}}, Part.CIVIL_STATE),
        ({"birth": {"date": "1980-02-00", "modified": "2020-01-02"}}, NO_PART),
        ({"decease": {"date": "2020-02-00", "modified": "2020-01-02"}}, NO_PART),
        ({"decease": None}, Part.DECEASE),
        ({"name": {"lastName": "Peeters", "complete": True}}, NO_PART),
        ({"name": {"lastName": "Peeters", "modified": "2020-01-02"}}, Part.NAME),
        ({"unreadable": ["temporaryAddress", "postAddressAbroad", "temporaryAddressAbroad"]}, NO_PART),
        ({"unreadable": ["something"]}, Part.ACCESS),
    ],
)
def test_rp_16_what_nobody_can_be_told_is_no_change(changed: dict[str, Any], parts: Part) -> None:
    (ssin,) = fresh(1)
    told_of = {"name": {"lastName": "Peeters"}, "birth": {"date": "1980-02-00"}, "civilState": {"code": 20}}
    told_of["decease"] = {"date": "2020-02-00"}
    old, new = (
        Facts.of(PersonLine(ssin, Register.NATIONAL, national=legal_json.read(fields, "line")))
        for fields in (told_of, told_of | changed)
    )
    assert parts_of(old, new) == parts
