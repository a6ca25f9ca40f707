"""Demo people with handicap files: the same for the same seed, whole, and such as the import takes."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import kruispunt.services.handi
from handicap_files import PEOPLE
from kruispunt.demo.personas import Numbers
from kruispunt.demo.population import population
from kruispunt.demo.supplied import Supplied
from kruispunt.registers.jsonlines import ImportReport, read_lines
from kruispunt.services.foreigner_situation.service import SERVICE as OTHER_SERVICE
from kruispunt.services.handi.demo import people
from kruispunt.services.handi.file import AdultResult, CardType, ChildResult, IncomeCategory, IndependenceReduction
from kruispunt.services.handi.lines import Line, read

TODAY = date(2026, 11, 22)
SERVICE = replace(OTHER_SERVICE, folder=Path(kruispunt.services.handi.__file__).parent)
seeds = st.integers(0, 10**9)


def lines(seed: int = 1, count: int = 10_000) -> list[dict[str, Any]]:
    supplied = Supplied((OTHER_SERVICE, SERVICE), seed, TODAY)
    found = [row for demo in population(count, Numbers.BAND, seed) for row in supplied.of(demo.person)]
    assert {kind for kind, _ in found} == {people.KIND, "inscriptions"}
    known = {row["ssin"] for kind, row in found if kind == people.KIND}
    inscribed = [row["ssin"] for kind, row in found if kind == "inscriptions"]
    assert known > set(inscribed), "who is inscribed for the centre has a file"
    return [dict(row) for kind, row in found if kind == people.KIND]


def read_all(rows: list[dict[str, Any]]) -> list[Line]:
    report = ImportReport()
    source = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
    taken = list(read_lines(source, lambda fields: read(fields, today=TODAY, test_band=True), report))
    assert report.refused == []
    return taken


def test_the_import_takes_them_all_and_they_are_of_every_kind() -> None:
    taken = read_all(lines())
    assert 700 < len(taken) < 1_000
    assert len({line.ssin for line in taken}) == len(taken)
    kinds = Counter(
        "adult" if r.adult is not None else "child" for line in taken for r in line.recognitions or () if r is not None
    )
    assert kinds["adult"] > 400
    assert kinds["child"] > 3
    assert {card.type for line in taken for card in line.cards or ()} == set(CardType)
    assert {right.category_ivt for line in taken for right in line.rights or ()} == set(IncomeCategory)
    assert sum(any(r.recognition_pending for r in line.requests or ()) for line in taken) > 50
    assert any(not line.requests for line in taken), "somebody is known without any data (NO_DATA_FOUND)"


def test_the_same_seed_and_day_give_the_same_files_and_another_seed_others() -> None:
    assert lines(count=2_000) == lines(count=2_000)
    assert lines(count=2_000) != lines(seed=2, count=2_000)


def test_people_without_a_number_of_their_own_any_more_have_none() -> None:
    chance = random.Random(1)
    person = {"ssin": PEOPLE[0], "register": "national", "replacedBy": None, "cancelled": False}
    assert any(list(people.rows(person, chance, TODAY)) for _ in range(500))
    for change in ({"replacedBy": PEOPLE[1]}, {"cancelled": True}):
        assert not any(list(people.rows({**person, **change}, chance, TODAY)) for _ in range(500))


@given(
    seeds,
    st.none() | st.integers(0, 18),
    st.none() | st.sampled_from(IncomeCategory),
    st.none() | st.sets(st.sampled_from(CardType)),
    st.integers(0, 40),
)
def test_an_adult_is_as_chosen_and_hangs_together(
    seed: int, points: int | None, income: IncomeCategory | None, cards: set[CardType] | None, months: int
) -> None:
    chance = random.Random(seed)
    file = people.adult(PEOPLE[0], chance, TODAY, points=points, income=income, cards=cards, months=months)
    (recognition,) = file.recognitions
    result = recognition.adult
    assert isinstance(result, AdultResult)
    score = result.independence_reduction
    if isinstance(score, IndependenceReduction):
        parts = (score.mobility, score.nourishment, score.hygiene, score.household, score.supervision)
        assert sum(part or 0 for part in (*parts, score.social_skills)) == score.total_points
        assert points in (None, score.total_points)
    else:
        assert points in (None, 0)
    assert recognition.decision_date < TODAY
    assert all(request.request_date < TODAY for request in file.requests)
    if income is not None:
        assert all(right.category_ivt is income for right in file.rights)
    if cards is not None:
        assert {card.type for card in file.cards} == cards
    assert len(file.payments) <= months
    assert all(payment.month < TODAY.replace(day=1) for payment in file.payments)
    assert list(file.payments) == sorted(file.payments, key=lambda payment: payment.month)
    if not file.rights:
        assert file.payments == ()


@given(seeds, st.none() | st.integers(4, 36))
def test_a_child_has_the_points_of_its_pillars(seed: int, points: int | None) -> None:
    file = people.child(PEOPLE[0], random.Random(seed), TODAY, points=points)
    result = file.recognitions[0].child
    assert isinstance(result, ChildResult)
    pillars = result.pillars
    assert pillars is not None
    assert (pillars.pillar1 or 0) + (pillars.pillar2 or 0) + (pillars.pillar3 or 0) == pillars.total
    assert points in (None, pillars.total)
    assert len(read_all([json.loads(json.dumps(people.line_of(file)))])) == 1
