"""What of a person changed: what a change keeps for those who are told of it (RP-16)."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import TODAY, belgian, fresh, legal, legal_data
from msgspec.structs import replace

from kruispunt.identifiers.ssin import Kind, Ssin, to_int
from kruispunt.registers import amending, changes, legal_json
from kruispunt.registers.facts import Facts
from kruispunt.registers.history import history
from kruispunt.registers.importing import import_people
from kruispunt.registers.legal_data import (
    AddressInformation,
    Birth,
    CivilState,
    Decease,
    LegalData,
    Name,
    Origin,
    Unreadable,
)
from kruispunt.registers.parts import DATA, GROUPS, NUMBER, WHOLE, Part, named, parts_between, parts_of
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.registers.registering import Registered, declaration, register
from kruispunt.repertory.replacement import undo_replacement
from kruispunt.repertory.writing import Author
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
(NUMBER_OF_ALL,) = fresh(1)
OTHERS = fresh(2)
UNSAID = (Unreadable.TEMPORARY_ADDRESS, Unreadable.POST_ADDRESS_ABROAD, Unreadable.TEMPORARY_ADDRESS_ABROAD)
ATTRIBUTES = {
    Part.NAME: "name",
    Part.BIRTH: "birth",
    Part.GENDER: "gender",
    Part.NATIONALITY: "nationality",
    Part.CIVIL_STATE: "civil_state",
    Part.DECEASE: "decease",
    Part.ADDRESS: "address",
    Part.INSCRIPTION: "inscription",
}


@st.composite
def lines(draw: st.DrawFn) -> PersonLine:
    """Anything that can be told of one national number, in use or not."""
    kind = draw(st.sampled_from((Register.NATIONAL, Register.RAD)))
    national = draw(st.none() | legal_data(kind, Origin.RR))
    cbss = draw(st.none() | legal_data(kind, Origin.KSZ)) if kind is Register.RAD else None
    by = draw(st.none() | st.none() | st.sampled_from(OTHERS))
    return PersonLine(NUMBER_OF_ALL, kind, by, draw(st.booleans()) if by is None else False, national, cbss)


@st.composite
def successors(draw: st.DrawFn, line: PersonLine) -> PersonLine:
    """The same with some groups told otherwise, or anything else at all."""
    other = draw(lines())
    if draw(st.booleans()):
        return other

    def mixed(one: LegalData | None, two: LegalData | None) -> LegalData | None:
        if one is None or two is None:
            return one
        chosen = draw(st.sets(st.sampled_from((*ATTRIBUTES.values(), "blocked", "unreadable", "former_names"))))
        return replace(one, **{name: getattr(two, name) for name in chosen})

    return replace(line, national=mixed(line.national, other.national), cbss=mixed(line.cbss, other.cbss))


def given_groups(line: PersonLine | None) -> dict[Part, object]:
    """What anybody is given of a number, from the parsed documents."""
    if line is None or line.replaced_by is not None or line.cancelled:
        return {}
    legal = line.national if line.cbss is None else line.cbss
    if legal is not None and (legal.blocked or Unreadable.EVERYTHING in legal.unreadable):
        return {}
    groups = {} if legal is None else {part: tellable(getattr(legal, name)) for part, name in ATTRIBUTES.items()}
    hides = legal is not None and Unreadable.INSCRIPTION in legal.unreadable
    inscription = (line.register, line.cbss is None, None if hides else groups.get(Part.INSCRIPTION))
    return {part: value for part, value in {**groups, Part.INSCRIPTION: inscription}.items() if value is not None}


def tellable(held: object) -> object:
    """What of a group a record has a place for."""
    if isinstance(held, Name):
        return replace(held, complete=None)
    if isinstance(held, Birth | Decease):
        return replace(held, modified=None)
    if isinstance(held, CivilState):
        return held.code
    return held.legal if isinstance(held, AddressInformation) else held


def hidden(line: PersonLine | None) -> object:
    if line is None or line.replaced_by is not None or line.cancelled:
        return None
    legal = line.national if line.cbss is None else line.cbss
    if legal is None:
        return frozenset()
    if legal.blocked:
        return "blocked"
    unreadable = {each for each in legal.unreadable if each not in UNSAID}
    return frozenset({Unreadable.EVERYTHING} if Unreadable.EVERYTHING in unreadable else unreadable)


@settings(max_examples=200)
@given(st.data())
def test_rp_16_who_had_the_groups_and_is_told_those_of_a_change_has_them_after(data: st.DataObject) -> None:
    before = data.draw(st.none() | lines())
    after = data.draw(lines() if before is None else successors(before))
    old_facts, new_facts = None if before is None else Facts.of(before), Facts.of(after)
    parts = parts_of(old_facts, new_facts)
    assert parts_between(None if old_facts is None else old_facts.line, new_facts.line) == parts
    told = DATA if parts & (NUMBER | Part.ACCESS) else parts & DATA
    old, new = given_groups(before), given_groups(after)
    reader = {part: value for part, value in old.items() if part not in told}
    reader |= {part: value for part, value in new.items() if part in told}
    assert reader == new
    if not parts & (NUMBER | Part.ACCESS):
        assert all(old.get(part) != new.get(part) for part in Part if part in parts & DATA), "more than changed"
    if hidden(before) is not None and hidden(after) is not None:
        assert (Part.ACCESS in parts) == (hidden(before) != hidden(after))


@settings(max_examples=100)
@given(lines())
def test_nothing_changed_is_no_part(line: PersonLine) -> None:
    assert parts_of(Facts.of(line), Facts.of(line)) == Part(0)


def facts(**fields: Any) -> Facts:
    return Facts.of(PersonLine(NUMBER_OF_ALL, fields.pop("register", Register.NATIONAL), **fields))


def told(**fields: Any) -> LegalData:
    return legal_json.read(legal(**fields), "line")


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        (None, facts(), Part.NEW | Part.INSCRIPTION),
        (None, facts(cancelled=True), Part.NEW | Part.CANCELLATION),
        (None, facts(replaced_by=OTHERS[0]), Part.NEW | Part.REPLACEMENT),
        (facts(), facts(cancelled=True), Part.CANCELLATION),
        (facts(), facts(replaced_by=OTHERS[0]), Part.REPLACEMENT),
        (facts(replaced_by=OTHERS[1]), facts(replaced_by=OTHERS[0]), Part.REPLACEMENT),
        (facts(cancelled=True), facts(replaced_by=OTHERS[0]), Part.REPLACEMENT | Part.CANCELLATION),
        (facts(replaced_by=OTHERS[0]), facts(), Part.REPLACEMENT | DATA),
        (facts(cancelled=True), facts(), Part.CANCELLATION | DATA),
        (facts(national=told()), facts(national=told(last="Maes")), Part.NAME),
        (facts(national=told()), facts(national=told(decease={"date": "2024-05-00"})), Part.DECEASE),
        (facts(national=told()), facts(national=told(formerNames=[{"lastName": "Maes"}])), Part(0)),
        (facts(national=told()), facts(national=told(blocked=True)), Part.ACCESS),
        (facts(national=told(blocked=True)), facts(national=told(last="Maes", blocked=True)), Part(0)),
        (facts(national=told(blocked=True)), facts(national=told(last="Maes")), Part.ACCESS | Part.NAME),
        (facts(national=told()), facts(national=told(unreadable=["legalAddressDetails"])), Part.ACCESS),
        (facts(national=told()), facts(national=told(unreadable=["postAddressAbroad"])), Part(0)),
        (
            facts(national=told(blocked=True)),
            facts(national=told(blocked=True, unreadable=["something"])),
            Part(0),
        ),
        (
            facts(national=told(unreadable=["everything"])),
            facts(national=told(last="Maes", unreadable=["everything"])),
            Part(0),
        ),
        (
            facts(national=told(unreadable=["inscription"])),
            facts(national=told(inscription={"register": 2}, unreadable=["inscription"])),
            Part(0),
        ),
        (facts(national=told()), facts(national=told(), register=Register.RAD), Part.INSCRIPTION),
        (
            facts(national=told(), cbss=told(), register=Register.RAD),
            facts(national=told(last="Maes"), cbss=told(), register=Register.RAD),
            Part(0),
        ),
        (facts(cancelled=True, national=told()), facts(cancelled=True, national=told(last="Maes")), Part(0)),
    ],
)
def test_rp_16_the_parts_of_a_change(before: Facts | None, after: Facts, parts: Part) -> None:
    assert parts_of(before, after) == parts


def test_every_group_has_a_name_that_documents_use_and_every_part_one_to_read() -> None:
    assert sum(GROUPS.values()) == DATA
    assert named(WHOLE)[:3] == ("new", "replacement", "cancellation")
    assert "civil state" in named(DATA)


def kept(ask: Ask, ssin: Ssin) -> list[Part]:
    found = ask(lambda database: history(database, ssin))
    rows = ask(
        lambda database: database.fetch(
            "SELECT parts FROM person_change WHERE ssin = $1 ORDER BY sequence", to_int(ssin)
        )
    )
    assert [change.parts for change in found] == [Part(row[0]) for row in rows]
    return [change.parts for change in found]


def load(ask: Ask, *people: Mapping[str, Any], changes: bool = False) -> None:
    text = "".join(json.dumps({"register": "national", **line}) + "\n" for line in people)
    ask(
        lambda database: import_people(
            database, io.BytesIO(text.encode()), today=TODAY, test_band=True, author="tests", changes=changes
        )
    )


def test_rp_15_rp_16_every_way_to_change_people_keeps_what_changed(ask: Ask) -> None:
    silent, fresh_one, other = fresh(3)
    load(ask, {"ssin": silent, "nationalRegister": legal()}, {"ssin": other})
    load(ask, {"ssin": fresh_one, "nationalRegister": legal()}, changes=True)
    load(ask, {"ssin": silent, "nationalRegister": legal(address=belgian())})
    assert kept(ask, silent) == [Part.ADDRESS]
    assert kept(ask, fresh_one) == [Part.NEW | Part.NAME | Part.BIRTH | Part.GENDER | Part.INSCRIPTION]
    line = PersonLine(silent, Register.NATIONAL, national=told(last="Maes", address=belgian()))
    ask(lambda database: changes.update(database, line, author="tests"))
    ask(lambda database: changes.replace(database, silent, other, author="tests"))
    ask(lambda database: undo_replacement_of(database, silent, other))
    ask(lambda database: changes.cancel(database, silent, author="tests"))
    assert kept(ask, silent)[1:] == [Part.NAME, Part.REPLACEMENT, Part.REPLACEMENT | DATA, Part.CANCELLATION]


async def undo_replacement_of(database: Database, old: Ssin, new: Ssin) -> None:
    """With a line that moved, so that there is something to undo."""
    assert to_int(old) != to_int(new)
    await database.execute(
        "INSERT INTO repertory_change (id, author, operation, old, new) "
        "VALUES (nextval('repertory_change_id'), 'tests', 3, $1, $2)",
        to_int(old),
        to_int(new),
    )
    await undo_replacement(database, old, Author("tests"))


def test_rp_11_rp_12_rp_13_so_do_the_commands_of_the_cbss_register(ask: Ask) -> None:
    fields = {"name": {"lastName": "Ozturk", "firstNames": ["Deniz"]}, "birth": {"date": "1979-03-05"}}

    async def question(database: Database) -> tuple[Ssin, Ssin]:
        numbers = []
        for last in ("Ozturkmen", "Velasquezada"):
            told_of = declaration({**fields, "name": {"lastName": last}}, today=date(2025, 6, 15), test_band=True)
            given_one = await register(database, told_of, author="tests", sees_all=True)
            assert isinstance(given_one, Registered)
            numbers.append(given_one.ssin)
        first, second = numbers
        gender = {"gender": {"code": 2}}
        await amending.amend(database, first, gender, today=date(2025, 6, 15), test_band=True, author="tests")
        assert await amending.replace_bis(database, first, second, author="tests") is None
        assert await amending.cancel_bis(database, second, author="tests") is None
        return first, second

    first, second = ask(question)
    new = Part.NEW | Part.NAME | Part.BIRTH | Part.INSCRIPTION
    assert kept(ask, first) == [new, Part.GENDER, Part.REPLACEMENT]
    assert kept(ask, second) == [new, Part.CANCELLATION]


def test_a_bis_number_that_is_loaded_keeps_its_parts_too(ask: Ask) -> None:
    (ssin,) = fresh(1, Kind.BIS)
    load(ask, {"ssin": ssin, "register": "bis", "cbssRegister": legal()}, changes=True)
    load(ask, {"ssin": ssin, "register": "bis", "cbssRegister": legal(gender={"code": 1})})
    assert kept(ask, ssin)[1] == Part.GENDER
