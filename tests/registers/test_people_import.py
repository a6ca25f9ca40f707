"""Import of people, and the ends of chains (SS-07 to SS-09). Every test has a birth date of its own."""

import io
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.registers import importing, people
from kruispunt.registers.importing import import_people
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.registers.people import Person, Register, State
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
TODAY = date(2025, 6, 15)
DAYS = itertools.count()
"""Numbers are never removed, so each example of a property takes new ones."""


def numbers(birth: date, count: int) -> list[Ssin]:
    return [ssins.compute(birth, 900 + n, test_band=True) for n in range(count)]


def line(ssin: str, **fields: object) -> dict[str, object]:
    return {"ssin": ssin, "register": "national", **fields}


def file_of(*lines: Mapping[str, object]) -> io.BytesIO:
    return io.BytesIO("".join(json.dumps(each) + "\n" for each in lines).encode())


def load(ask: Ask, *lines: Mapping[str, object]) -> ImportReport:
    async def question(database: Database) -> ImportReport:
        return await import_people(database, file_of(*lines), today=TODAY, test_band=True)

    report = ask(question)
    assert isinstance(report, ImportReport)
    return report


def found(ask: Ask, wanted: Sequence[Ssin]) -> dict[Ssin, Person]:
    async def question(database: Database) -> Mapping[Ssin, Person]:
        return await people.find_many(database, wanted)

    return dict(ask(question))


def versions(ask: Ask, wanted: Sequence[Ssin]) -> list[Any]:
    """Where each row lies: a row that was written again lies elsewhere."""

    async def question(database: Database) -> list[Any]:
        rows = await database.fetch(
            "SELECT ssin, ctid::text, xmin::text FROM person WHERE ssin = ANY($1::bigint[]) ORDER BY ssin",
            [ssins.to_int(each) for each in wanted],
        )
        return [tuple(row) for row in rows]

    answer = ask(question)
    assert isinstance(answer, list)
    return answer


def test_ss_08_the_three_registers(ask: Ask) -> None:
    birth = date(1931, 1, 1)
    national, rad, *_ = numbers(birth, 2)
    bis = ssins.compute(birth, 900, kind=Kind.BIS)
    report = load(ask, line(national), line(rad, register="rad"), line(bis, register="bis"))
    assert (report.accepted, report.refused_count) == (3, 0)
    registers = {each.ssin: each.register for each in found(ask, [national, rad, bis]).values()}
    assert registers == {national: Register.NATIONAL, rad: Register.RAD, bis: Register.BIS}


def test_ss_07_active_replaced_cancelled_and_unknown(ask: Ask) -> None:
    active, replaced, cancelled, lost, unknown = wanted = numbers(date(1931, 1, 2), 5)
    load(
        ask,
        line(replaced, replacedBy=active),
        line(active, replacedBy=None, cancelled=False),
        line(cancelled, cancelled=True),
        line(lost, replacedBy=unknown),
    )
    assert found(ask, wanted) == {
        active: Person(active, Register.NATIONAL, State.ACTIVE, None, active),
        replaced: Person(replaced, Register.NATIONAL, State.REPLACED, active, active),
        cancelled: Person(cancelled, Register.NATIONAL, State.CANCELLED, None, None),
        lost: Person(lost, Register.NATIONAL, State.CANCELLED, unknown, None),
    }


def test_ss_07_find_one(ask: Ask) -> None:
    known, unknown = numbers(date(1931, 1, 3), 2)
    load(ask, line(known))
    person = ask(lambda database: people.find(database, known))
    assert person.state is State.ACTIVE
    assert ask(lambda database: people.find(database, unknown)) is None


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_ss_07_a_long_chain_across_registers(ask: Ask, order: str) -> None:
    month = 2 if order == "forward" else 3
    chain = [ssins.compute(date(1931, month, 1 + n // 90), 900 + n % 90, test_band=True) for n in range(700)]
    end = ssins.compute(date(1931, month, 1), 900, kind=Kind.BIS)
    lines = [line(a, replacedBy=b) for a, b in zip(chain, [*chain[1:], end], strict=True)]
    lines.append(line(end, register="bis"))
    load(ask, *(lines if order == "forward" else reversed(lines)))
    ends = {(each.state, each.final_ssin) for each in found(ask, chain).values()}
    assert ends == {(State.REPLACED, end)}
    load(ask, line(end, register="bis", cancelled=True))
    assert {each.state for each in found(ask, chain).values()} == {State.CANCELLED}


def test_ss_07_a_circle_is_survived_and_cancelled(ask: Ask) -> None:
    first, second, third, outside, apart = wanted = numbers(date(1931, 4, 1), 5)
    load(
        ask,
        line(first, replacedBy=second),
        line(second, replacedBy=third),
        line(third, replacedBy=first),
        line(outside, replacedBy=first),
        line(apart),
    )
    known = found(ask, wanted)
    assert {known[each].state for each in (first, second, third, outside)} == {State.CANCELLED}
    assert known[apart].state is State.ACTIVE
    load(ask, line(third, replacedBy=apart))
    known = found(ask, wanted)
    assert {known[each].final_ssin for each in wanted} == {apart}


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_ss_07_a_circle_that_a_later_file_closes_is_cancelled(ask: Ask, length: int) -> None:
    circle = numbers(date(1931, 4, 1 + length), length)
    load(ask, *(line(a, replacedBy=b) for a, b in itertools.pairwise(circle)), line(circle[-1]))
    assert {each.final_ssin for each in found(ask, circle).values()} == {circle[-1]}
    load(ask, line(circle[-1], replacedBy=circle[0]))
    ends = {(each.state, each.final_ssin) for each in found(ask, circle).values()}
    assert ends == {(State.CANCELLED, None)}


def test_a_file_that_is_sent_twice_changes_nothing(ask: Ask) -> None:
    a, b, c, d, e = wanted = numbers(date(1931, 5, 1), 5)
    lines = [
        line(a, replacedBy=b),
        line(b, replacedBy=c),
        line(c),
        line(d, cancelled=True),
        line(e, replacedBy=d),
    ]
    load(ask, *lines)
    before = versions(ask, wanted)
    assert len(before) == len(wanted)
    report = load(ask, *lines)
    assert report.accepted == len(lines)
    assert versions(ask, wanted) == before


def test_the_last_line_about_a_number_holds(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = wanted = numbers(date(1931, 6, 1), 3)
    lines = [line(a, cancelled=True), line(a, replacedBy=b), line(b), line(c), line(a, replacedBy=c)]
    load(ask, *lines)
    assert found(ask, wanted)[a].final_ssin == c
    monkeypatch.setattr(importing, "BATCH", 2)
    load(ask, line(a), *lines)
    assert found(ask, wanted)[a].final_ssin == c


def test_bad_lines_are_reported_and_good_ones_applied(ask: Ask) -> None:
    birth = date(1931, 7, 1)
    good, other, *_ = numbers(birth, 2)
    bis = ssins.compute(birth, 900, kind=Kind.BIS)
    wrong = good[:9] + f"{int(good[9:]) % 97 + 1:02d}"
    report = load(
        ask,
        line(good),
        {"register": "national"},
        {"ssin": good},
        line(good, register="foreigners"),
        line(bis),
        line(bis, register="rad"),
        line(good, register="bis"),
        line(wrong),
        line(good, replacedBy=wrong),
        line(good, replacedBy=good),
        line(good, replacedBy=other, cancelled=True),
        line(good, name="X"),
        line(good, cancelled="yes"),
        {"ssin": int(good), "register": "national"},
    )
    assert report.accepted == 1
    assert [number for number, _ in report.refused] == list(range(2, 15))
    assert [why.split(":")[0] for _, why in report.refused] == [
        *("ssin", "register", "register", "register", "register", "register", "ssin", "replacedBy"),
        *("replacedBy", "cancelled"),
        "unknown field 'name'; known are cancelled, cbssRegister, nationalRegister, register, replacedBy, ssin",
        *("cancelled", "ssin"),
    ]
    assert not any(good in why or wrong in why for _, why in report.refused)
    assert found(ask, [good])[good].state is State.ACTIVE


def test_the_test_band_is_refused_in_production(ask: Ask) -> None:
    (number,) = numbers(date(1931, 8, 1), 1)

    async def question(database: Database) -> ImportReport:
        return await import_people(database, file_of(line(number)), today=TODAY)

    report = ask(question)
    assert (report.accepted, report.refused_count) == (0, 1)
    assert found(ask, [number]) == {}


def test_the_documented_example_is_taken(ask: Ask) -> None:
    assert importing.__doc__
    example = next(each for each in importing.__doc__.splitlines() if each.strip().startswith("{"))
    assert load(ask, json.loads(example)) == ImportReport(accepted=1)


def test_an_empty_file_is_an_import(ask: Ask) -> None:
    assert load(ask) == ImportReport()


class BreaksOff(io.BytesIO):
    """A file whose disk fails after its lines."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line:
            raise OSError("the disk failed")
        return line


def test_an_import_that_is_broken_off_leaves_nothing(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    wanted = numbers(date(1931, 9, 1), 5)
    source = BreaksOff(file_of(*map(line, wanted)).getvalue())
    with pytest.raises(DataError, match="cannot be read: the disk failed"):
        ask(lambda database: import_people(database, source, today=TODAY, test_band=True))
    assert found(ask, wanted) == {}


Facts = dict[int, tuple[int | None, bool]]
"""By number: its replacement, and whether it was cancelled."""

facts_of_a_file = st.dictionaries(
    st.integers(0, 7),
    st.one_of(st.just((None, False)), st.just((None, True)), st.integers(0, 9).map(lambda target: (target, False))),
    max_size=8,
)


def end_of(told: Facts, number: int) -> int | None:
    """The checker: follows the links one by one."""
    seen: set[int] = set()
    while number in told and number not in seen:
        seen.add(number)
        replacement, cancelled = told[number]
        if replacement is None:
            return None if cancelled else number
        number = replacement
    return None


@given(files=st.lists(facts_of_a_file, min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ss_07_chains_agree_with_a_checker_that_follows_each_link(ask: Ask, files: list[Facts]) -> None:
    pool = numbers(date(1901, 1, 1) + timedelta(days=next(DAYS)), 10)

    async def question(database: Database) -> None:
        told: Facts = {}
        for facts in files:
            usable = {n: (to, dead) for n, (to, dead) in facts.items() if to != n}
            told |= usable
            lines = [
                line(pool[n], replacedBy=None if to is None else pool[to], cancelled=dead)
                for n, (to, dead) in usable.items()
            ]
            await import_people(database, file_of(*lines), today=TODAY, test_band=True)
            known = await people.find_many(database, pool)
            ends = {pool.index(each.ssin): each.final_ssin for each in known.values()}
            expected = {n: end_of(told, n) for n in told}
            assert ends == {n: None if end is None else pool[end] for n, end in expected.items()}
            for n, end in expected.items():
                state = State.CANCELLED if end is None else State.ACTIVE if end == n else State.REPLACED
                assert known[pool[n]].state is state

    ask(question)
