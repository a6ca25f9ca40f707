"""Other data of a person in the CBSS register, and numbers that end (RP-12, RP-13)."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import TODAY, fresh, legal

from kruispunt.errors import DataError
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import people
from kruispunt.registers import person_lines as reading
from kruispunt.registers.amending import Refused, amend, amended, cancel_bis, replace_bis
from kruispunt.registers.changes import ChangeKind, changing
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.facts import Told
from kruispunt.registers.history import Change, history
from kruispunt.registers.legal_data import Dossier, LegalData, Origin
from kruispunt.registers.search import Found, NameCriteria, by_name
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
ME = "urn:example:application for onem, ticket 1"
ABROAD = {"legal": {"standard": {"country": {"code": "111"}, "modified": "2011-02-03"}}}
HERE = {"legal": {"standard": {"country": {"code": "150"}}}}
_LETTERS = itertools.product("bcdfgklmnprstvz", repeat=3)


def unheard() -> str:
    """A last name that no other test has."""
    return "".join(part + "o" for part in next(_LETTERS)).capitalize()


def load(ask: Ask, ssin: Ssin, register: str, **fields: Any) -> Ssin:
    line = reading.read({"ssin": ssin, "register": register, **fields}, today=TODAY, test_band=True)

    async def question(database: Database) -> None:
        async with changing(database, "os-user:tester", write_new=False) as changer:
            await changer.tell([Told.of(line)])

    ask(question)
    return ssin


def bis(ask: Ask, **told: Any) -> Ssin:
    (ssin,) = fresh(1, Kind.BIS)
    return load(ask, ssin, "bis", cbssRegister=legal(unheard(), **told))


def change(ask: Ask, ssin: Ssin, told: Mapping[str, Any], *removed: str) -> Any:
    return ask(lambda db: amend(db, ssin, told, removed, today=TODAY, test_band=True, author=ME))


def dossiers(ask: Ask, ssin: Ssin) -> Mapping[Origin, Dossier]:
    return ask(lambda database: look_up(database, [ssin]))[ssin].dossiers  # type: ignore[no-any-return]


def find(ask: Ask, last: str) -> tuple[Ssin, ...]:
    criteria = NameCriteria(last, PartialDate(1980, 2), "An", tolerance=0)
    found = ask(lambda database: by_name(database, criteria))
    assert isinstance(found, Found)
    return found.ssins


def cancel(ask: Ask, ssin: Ssin) -> Any:
    return ask(lambda database: cancel_bis(database, ssin, author=ME))


def swap(ask: Ask, ssin: Ssin, by: Ssin) -> Any:
    return ask(lambda database: replace_bis(database, ssin, by, author=ME))


def past(ask: Ask, ssin: Ssin) -> tuple[Change, ...]:
    found: tuple[Change, ...] = ask(lambda database: history(database, ssin))
    return found


def test_what_is_told_takes_the_place_of_what_was_held(ask: Ask) -> None:
    """RP-12, with history; IP-10: the former name still leads to the person, under today's."""
    ssin = bis(ask, address=ABROAD, civilState={"code": 10})
    (before,) = dossiers(ask, ssin).values()
    new_name = unheard()
    after = change(ask, ssin, {"name": {"lastName": new_name, "firstNames": ["An"]}, "decease": {"date": "2025-01-00"}})
    assert isinstance(after, LegalData)
    assert after.name.last == new_name
    assert after.name.modified == PartialDate.of(TODAY)
    assert after.former_names == (before.legal.name,)
    assert after.decease is not None
    assert (after.address, after.civil_state) == (before.legal.address, before.legal.civil_state)
    (held,) = dossiers(ask, ssin).values()
    assert held.legal == after
    (one,) = past(ask, ssin)
    assert (one.author, one.kind) == (ME, ChangeKind.CHANGED)
    assert set(one.fields) >= {"cbssRegister.name.lastName", "cbssRegister.decease", "cbssRegister.formerNames"}
    assert ssin in find(ask, new_name)
    assert ssin in find(ask, before.legal.name.last)


def test_birth_and_sex_change_and_the_number_stays(ask: Ask) -> None:
    """SS-06."""
    ssin = bis(ask)
    after = change(ask, ssin, {"birth": {"date": "1979-12-31"}, "gender": {"code": 1}})
    assert isinstance(after, LegalData)
    assert str(after.birth.date) == "1979-12-31"
    assert list(dossiers(ask, ssin)) == [Origin.KSZ]


def test_what_tells_nothing_new_writes_nothing(ask: Ask) -> None:
    ssin = bis(ask, address=ABROAD)
    held = json.loads(json.dumps(legal("x")))
    told = {"gender": held["gender"], "address": {"legal": {"standard": {"country": {"code": "111"}}}}}
    assert isinstance(change(ask, ssin, told), LegalData)
    assert past(ask, ssin) == ()


def test_data_can_be_removed_but_not_name_and_birth(ask: Ask) -> None:
    ssin = bis(ask, address=ABROAD, decease={"date": "2020-01-01"})
    after = change(ask, ssin, {}, "decease", "address")
    assert isinstance(after, LegalData)
    assert (after.decease, after.address, len(after.former_addresses)) == (None, None, 1)
    for name in ("name", "birth", "blocked", "inscription"):
        with pytest.raises(DataError):
            change(ask, ssin, {}, name)
    with pytest.raises(DataError, match="told as well"):
        change(ask, ssin, {"gender": {"code": 1}}, "gender")


@pytest.mark.parametrize(
    "told",
    [
        {"blocked": True},
        {"inscription": {"register": 1}},
        {"formerNames": []},
        {"address": HERE},
        {"civilState": {"code": 11}},
        {"civilState": {"code": 20, "partner": {}}},
        {"name": {"lastName": "Ж"}},
        {"name": {"lastName": "Good", "complete": True}},
        {"birth": {"date": "2999-01-01"}},
        {"gender": {"code": True}},
        {"gender": "1"},
        {"address": {"legal": {"standard": {"country": {"code": "111"}}, "diplomatic": {"address": "x"}}}},
    ],
)
def test_what_breaks_a_rule_changes_nothing(ask: Ask, told: dict[str, Any]) -> None:
    ssin = bis(ask)
    with pytest.raises(DataError):
        change(ask, ssin, told)
    assert past(ask, ssin) == ()


def test_of_a_rad_person_the_cbss_data_change_alone(ask: Ask) -> None:
    """SS-08: the National Register's data stay as they are."""
    (ssin,) = fresh(1)
    load(ask, ssin, "rad", nationalRegister=legal(unheard(), address=HERE))
    before = dossiers(ask, ssin)
    after = change(ask, ssin, {"civilState": {"code": 30}})
    held = dossiers(ask, ssin)
    assert held[Origin.KSZ].legal == after
    assert held[Origin.RR] == before[Origin.RR]


def test_a_number_without_data_wants_name_and_birth(ask: Ask) -> None:
    (ssin,) = fresh(1, Kind.BIS)
    load(ask, ssin, "bis")
    with pytest.raises(DataError, match=r"person\.name: missing"):
        change(ask, ssin, {"birth": {"date": "1980-01-01"}})
    after = change(ask, ssin, {"birth": {"date": "1980-01-01"}, "name": {"lastName": unheard()}})
    assert isinstance(after, LegalData)
    assert after.inscription is not None


def test_numbers_that_are_not_active_or_not_ours_are_refused(ask: Ask) -> None:
    """RP-12: not those of the National Register."""
    gone, old, new = (bis(ask) for _ in range(3))
    (national, rad, unknown), (unknown_bis,) = fresh(3), fresh(1, Kind.BIS)
    load(ask, national, "national", nationalRegister=legal(unheard()))
    load(ask, rad, "rad", nationalRegister=legal(unheard()))
    assert cancel(ask, gone) is None
    assert swap(ask, old, new) is None
    told = {"civilState": {"code": 10}}
    refused = {unknown: Refused.UNKNOWN, gone: Refused.CANCELLED, old: Refused.REPLACED, national: Refused.NOT_OURS}
    for ssin, expected in refused.items():
        assert change(ask, ssin, told) is expected
        assert cancel(ask, ssin) is expected
        assert swap(ask, ssin, new) is expected
    assert cancel(ask, rad) is Refused.NOT_OURS
    for other, expected in (
        (unknown_bis, Refused.OTHER_UNKNOWN),
        (gone, Refused.OTHER_ENDED),
        (old, Refused.OTHER_ENDED),
    ):
        assert swap(ask, new, other) is expected
    with pytest.raises(DataError, match="itself"):
        swap(ask, new, new)
    assert [each.kind for each in past(ask, old)] == [ChangeKind.REPLACED]
    assert past(ask, new) == ()


def test_chains_grow_and_two_who_replace_each_other_at_once_make_no_circle(ask: Ask) -> None:
    """RP-13; SS-07."""
    one, two = bis(ask), bis(ask)

    async def question(database: Database) -> tuple[Refused | None, Refused | None]:
        return await asyncio.gather(
            replace_bis(database, one, two, author=ME), replace_bis(database, two, one, author=ME)
        )

    outcomes = ask(question)
    assert sorted(map(str, outcomes)) in (["None", "Refused.OTHER_ENDED"], ["None", "Refused.REPLACED"])
    last, other = (two, one) if outcomes[0] is None else (one, two)
    third = bis(ask)
    assert swap(ask, last, third) is None
    person = ask(lambda db: people.find(db, other))
    assert isinstance(person, people.Person)
    assert (person.state, person.replaced_by, person.final_ssin) == (people.State.REPLACED, last, third)


groups = st.fixed_dictionaries(
    {},
    optional={
        "name": st.builds(lambda last: {"lastName": last}, st.sampled_from("ABC")),
        "gender": st.builds(lambda code: {"code": code}, st.sampled_from((1, 2))),
        "civilState": st.builds(lambda code: {"code": code}, st.sampled_from((10, 20))),
        "address": st.builds(
            lambda code: {"legal": {"standard": {"country": {"code": code}}}}, st.sampled_from(("111", "129"))
        ),
    },
)


@given(st.lists(groups, max_size=5))
def test_of_a_series_the_last_that_was_told_holds_and_what_gave_way_is_kept(series: list[dict[str, Any]]) -> None:
    held: dict[str, Any] = {"name": {"lastName": "Z"}, "birth": {"date": "1980-01-01"}}
    names = ["Z"]
    last: dict[str, Any] = {}
    for told in series:
        untouched = json.dumps(held)
        after = amended(held, told, (), today=date(2025, 1, 1))
        assert json.dumps(held) == untouched
        assert amended(after, told, (), today=date(2026, 1, 1)) == after
        held, last = after, {**last, **told}
        if "name" in told and told["name"]["lastName"] != names[-1]:
            names.append(told["name"]["lastName"])
    for name in ("gender", "civilState"):
        assert held.get(name, {}).get("code") == last.get(name, {}).get("code")
    assert [each["lastName"] for each in (held["name"], *held.get("formerNames", ()))] == names[::-1]
