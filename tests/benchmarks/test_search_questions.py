"""The benchmark of searches, small: it asks what it says, and finds people."""

import asyncio

from benchmarks.search.population import COMMONEST, Population
from benchmarks.search.run import measure

from kruispunt.identifiers.ssin import Kind, is_test_band, kind


def test_every_kind_of_question_is_answered(fresh_dsn: str) -> None:
    answered, facts = asyncio.run(measure(fresh_dsn, people=3_000, questions=40))
    assert len({each.name for each in answered}) == len(answered) >= 9
    assert {each.questions for each in answered[:9]} == {40}
    assert all(0 < each.p50 <= each.p99 for each in answered)
    assert facts["name keys a person"] > 1


def test_people_are_nobody_and_the_same_each_time() -> None:
    first, second = (list(Population(5_000).lines()) for _ in range(2))
    assert first == second
    assert len({line.ssin for line in first}) == 5_000
    assert all(is_test_band(line.ssin) or (kind(line.ssin) is Kind.BIS and int(line.ssin[6:9]) > 900) for line in first)
    named = [data.name.last for line in first if (data := line.national or line.cbss)]
    assert 1 / 1_000 < named.count(COMMONEST) / len(named) < 1 / 100
