"""The questions that are asked, each about somebody else."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from time import perf_counter
from typing import Final

from benchmarks.search.population import COMMONEST, RARE_FIRST_NAME
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Ssin, from_int
from kruispunt.registers.dossiers import Found as Known
from kruispunt.registers.dossiers import look_up
from kruispunt.registers.legal_data import LegalData
from kruispunt.registers.people import State, find
from kruispunt.registers.search import AddressCriteria, NameCriteria, by_address, by_name, resolve
from kruispunt.storage.database import Database

Question = Callable[[], Awaitable[object]]

WARM_UP: Final = 50
_REPLY: Final = 80


@dataclass(frozen=True, slots=True)
class Answered:
    """How long the answers to one kind of question took, in µs."""

    name: str
    p50: float
    p99: float
    questions: int


async def ask_all(database: Database, count: int) -> list[Answered]:
    """Every kind of question, `count` times."""
    draw = random.Random(2)
    people = await _some(database, draw, count)
    kinds = _kinds(database, people, await _replaced(database, draw, count), draw)
    return [await timed(name, list(islice(chain.from_iterable(_again(questions)), count))) for name, questions in kinds]


async def timed(name: str, questions: Sequence[Question]) -> Answered:
    for question in questions[:WARM_UP]:
        await question()
    times = []
    for question in questions:
        began = perf_counter()
        await question()
        times.append((perf_counter() - began) * 1e6)
    times.sort()
    return Answered(name, times[len(times) // 2], times[len(times) * 99 // 100], len(times))


def _kinds(
    database: Database, people: Sequence[Known], replaced: Sequence[Ssin], draw: random.Random
) -> Iterator[tuple[str, list[Question]]]:
    ssins = [each.person.ssin for each in people]
    legal = [each.latest.legal for each in people if each.latest is not None]

    def named(*criteria: NameCriteria) -> list[Question]:
        return [lambda each=each: by_name(database, each) for each in criteria]  # type: ignore[misc]

    yield "state of a number", [lambda s=s: find(database, s) for s in ssins]  # type: ignore[misc]
    yield "look-up by SSIN, with the data", [lambda s=s: look_up(database, (s,)) for s in ssins]  # type: ignore[misc]
    yield "look-up of a replaced number", [lambda s=s: look_up(database, (s,)) for s in replaced]  # type: ignore[misc]
    yield (
        "by name: last name, first name, birth date",
        named(
            *(
                NameCriteria(p.name.last, p.birth.date, p.name.firsts[0])
                for p in legal
                if p.name.firsts and p.birth.date.day
            )
        ),
    )
    yield (
        "by name: the same without first name, ±30 days",
        named(*(NameCriteria(p.name.last, p.birth.date, tolerance=30) for p in legal if p.birth.date.day)),
    )
    years = [PartialDate(draw.randrange(1960, 1990)) for _ in ssins]
    yield (
        "by name: commonest surname, a year ±30 (too many)",
        named(*(NameCriteria(COMMONEST, year, tolerance=30) for year in years)),
    )
    yield (
        "by name: commonest surname, rare first name, a year ±30",
        named(*(NameCriteria(COMMONEST, year, RARE_FIRST_NAME, tolerance=30) for year in years)),
    )
    yield (
        "by address",
        [
            lambda each=each: by_address(database, each)  # type: ignore[misc]
            for each in (_address(p) for p in legal)
            if each is not None
        ],
    )
    eighty = [draw.sample(ssins, min(_REPLY, len(ssins))) for _ in range(max(1, len(ssins) // 10))]
    yield f"a reply of {_REPLY} people, with the data", [lambda e=e: resolve(database, e) for e in eighty]  # type: ignore[misc]


def _address(legal: LegalData) -> AddressCriteria | None:
    at = legal.last_belgian_address
    if at is None or at.street is None:
        return None
    return AddressCriteria(at.postal_code or "", at.street.code or "", at.house_number or "")


def _again(questions: list[Question]) -> Iterator[list[Question]]:
    while True:
        yield questions


async def _some(database: Database, draw: random.Random, count: int) -> list[Known]:
    """People whose data are there, at random."""
    rows = await database.fetch(
        "SELECT ssin FROM person WHERE state = 1 AND mod(ssin / 97, $1) = $2 LIMIT $3", 97, draw.randrange(97), count
    )
    ssins = [from_int(row[0]) for row in rows]
    draw.shuffle(ssins)
    return [known for known in (await look_up(database, ssins)).values() if known.latest is not None]


async def _replaced(database: Database, draw: random.Random, count: int) -> list[Ssin]:
    rows = await database.fetch(
        "SELECT ssin FROM person WHERE replaced_by IS NOT NULL AND state = $1 LIMIT $2", State.REPLACED.value, count
    )
    ssins = [from_int(row[0]) for row in rows]
    draw.shuffle(ssins)
    return ssins
