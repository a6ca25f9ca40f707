"""A wrong replacement is undone, whatever other replacements were made or undone before and after (RP-15)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from told import ME, ORIGIN, known, load_people, new_register, periods_of, span, told

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers import changes, people
from kruispunt.registers.people import State
from kruispunt.repertory.replacement import Undone, left_behind, undo_replacement
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]


async def replace(database: Database, old: Ssin, new: Ssin) -> None:
    await changes.replace(database, old, new, author="os-user:clerk")


async def undo(database: Database, old: Ssin) -> Undone:
    return await undo_replacement(database, old, ME)


def test_rp_15_lines_that_were_sent_on_to_a_third_number_come_back_too(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, wrong, wrong_too = await known(database, 3)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9), told(wrong, 5, 6), told(wrong_too, 8, 12)], ME)
        await replace(database, old, wrong)
        await load_people(database, {"ssin": old, "replacedBy": wrong_too})
        assert (await undo(database, old)).back_at == wrong_too
        await load_people(database, {"ssin": old})
        undone = await undo(database, old)
        assert (undone.left, undone.back_at, undone.lines) == (wrong_too, old, 1)
        assert await periods_of(register, old) == [span(0, 9)]
        assert await periods_of(register, wrong) == [span(5, 6)]
        assert await periods_of(register, wrong_too) == [span(8, 12)]

    ask(question)


def test_rp_15_a_replacement_by_a_third_number_is_undone_in_the_registers_as_well(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, wrong, wrong_too, last = await known(database, 4)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9)], ME)
        await replace(database, old, wrong)
        await load_people(database, {"ssin": old, "replacedBy": wrong_too})
        await undo(database, old)
        await replace(database, wrong_too, last)
        undone = await undo(database, old)
        assert (undone.left, undone.back_at) == (last, old)
        person = await people.find(database, old)
        assert person is not None
        assert person.state is State.ACTIVE
        assert await periods_of(register, old) == [span(0, 9)]
        assert await periods_of(register, last) == []

    ask(question)


def test_rp_15_what_was_taken_along_can_be_undone_by_itself(ask: Ask) -> None:
    """The lines of `earlier` went past `old`, came to it when that was undone, and are not its own either."""

    async def question(database: Database) -> None:
        earlier, old, new = await known(database, 3)
        register = await new_register(database)
        await register.inscribe([told(earlier, 0, 9), told(old, 5, 14)], ME)
        await replace(database, old, new)
        await replace(database, earlier, old)
        await undo(database, old)
        assert await periods_of(register, old) == [span(0, 14)]
        await undo(database, earlier)
        assert await periods_of(register, earlier) == [span(0, 9)]
        assert await periods_of(register, old) == [span(5, 14)]

    ask(question)


def test_rp_15_lines_are_followed_where_an_undoing_sent_those_they_went_with(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new, wrong, right = await known(database, 4)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9)], ME)
        await replace(database, old, new)
        await replace(database, new, wrong)
        await load_people(database, {"ssin": new, "replacedBy": right})
        await undo(database, new)
        assert await periods_of(register, right) == [span(0, 9)]
        undone = await undo(database, old)
        assert (undone.left, undone.back_at, undone.lines) == (right, old, 1)
        assert await periods_of(register, old) == [span(0, 9)]
        assert await periods_of(register, right) == []

    ask(question)


def test_rp_15_a_day_that_two_wrong_replacements_brought_goes_with_the_second_undoing(ask: Ask) -> None:
    async def question(database: Database) -> None:
        first, second, new = await known(database, 3)
        register = await new_register(database)
        await register.inscribe([told(first, 0, 9), told(second, 0, 9)], ME)
        await replace(database, first, new)
        await replace(database, second, new)
        await undo(database, first)
        assert await periods_of(register, new) == [span(0, 9)]
        await undo(database, second)
        assert await periods_of(register, new) == []
        assert await periods_of(register, first) == await periods_of(register, second) == [span(0, 9)]

    ask(question)


def test_rp_15_what_an_undoing_brought_is_not_taken_by_another_one(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new, other = await known(database, 3)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9), told(other, 0, 9)], ME)
        await replace(database, old, new)
        await load_people(database, {"ssin": old})
        await replace(database, other, old)
        await undo(database, old)
        await undo(database, other)
        assert await periods_of(register, other) == [span(0, 9)]
        assert await periods_of(register, old) == [span(0, 9)]

    ask(question)


def test_rp_15_what_was_deleted_and_inscribed_anew_since_stays_at_the_new_number(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new = await known(database, 2)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9)], ME)
        await replace(database, old, new)
        await register.delete([told(new, 3, 6)], ME)
        await register.inscribe([told(new, 5, 6)], ME)
        await undo(database, old)
        assert await periods_of(register, old) == [span(0, 2), span(7, 9)]
        assert await periods_of(register, new) == [span(5, 6)]

    ask(question)


def test_rp_15_who_takes_a_replacement_back_is_told_of_lines_that_stay(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new, other, earlier, bare = await known(database, 5)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9), told(earlier, 5, 14)], ME)
        await replace(database, bare, new)
        await replace(database, old, new)
        await replace(database, earlier, bare)
        assert await left_behind(database, [old, bare]) == ()
        again = {"ssin": old, "replacedBy": new}
        assert (await load_people(database, again)).redirected == []
        report = await load_people(database, {"ssin": old}, {"ssin": bare, "replacedBy": other}, {"ssin": new})
        assert sorted(report.redirected) == sorted([old, bare])
        assert set(await left_behind(database, report.redirected)) == {old, earlier}
        await undo(database, old)
        await undo(database, earlier)
        assert await left_behind(database, [old, bare]) == ()
        assert await periods_of(register, other) == [span(5, 14)]

    ask(question)


def test_rp_15_what_an_undoing_of_an_earlier_version_did_not_find_can_be_undone(ask: Ask) -> None:
    """It looked at the number that the lines had left, moved none, and counted the replacement as undone."""

    async def question(database: Database) -> None:
        old, new, right, other = await known(database, 4)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9)], ME)
        await replace(database, old, new)
        await replace(database, new, right)
        await load_people(database, {"ssin": old})
        await database.execute(
            "INSERT INTO repertory_change (id, author, operation, old, new, undoes)"
            " SELECT nextval('repertory_change_id'), 'tests', 4, new, old, id FROM repertory_change WHERE old = $1",
            int(old),
        )
        assert await left_behind(database, [old]) == (old,)
        await load_people(database, {"ssin": old, "replacedBy": other})
        assert (await undo(database, old)).back_at == other, "where the registers say, and not active"
        await load_people(database, {"ssin": old})
        undone = await undo(database, old)
        assert (undone.left, undone.back_at, undone.lines) == (other, old, 1)
        assert await periods_of(register, old) == [span(0, 9)]
        assert await periods_of(register, right) == []

    ask(question)


NUMBERS, DAYS = 4, 5
which = st.integers(0, NUMBERS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("inscribe"), which, st.integers(0, DAYS - 1)),
        st.tuples(st.just("tell"), which, which),
        st.tuples(st.just("undo"), which, which),
    ),
    min_size=4,
    max_size=16,
)


async def days_of(database: Database, owner: str, ssin: Ssin) -> set[int]:
    """What stands at a number itself, without a look at what became of it; days counted from ORIGIN."""
    rows = await database.fetch("SELECT period FROM inscription WHERE owner = $1 AND ssin = $2", int(owner), int(ssin))
    return {number for number in range(DAYS) for row in rows if _day(number) in _all(row[0])}


def _day(number: int) -> date:
    return span(number, number).first or ORIGIN


def _all(period: Any) -> list[date]:
    return [day for day in map(_day, range(DAYS)) if period.lower <= day < period.upper]


@given(steps=steps, order=st.permutations(range(NUMBERS)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rp_15_when_all_is_undone_each_number_has_what_was_inscribed_at_it(
    ask: Ask, steps: list[tuple[str, int, int]], order: list[int]
) -> None:
    """Registers are told anything in any order, circles too, and undone in between; then all was wrong."""

    async def question(database: Database) -> None:
        numbers = await known(database, NUMBERS)
        register = await new_register(database)
        own: dict[Ssin, set[int]] = {ssin: set() for ssin in numbers}
        for what, one, other in steps:
            ssin = numbers[one]
            if what == "inscribe":
                person = await people.find(database, ssin)
                assert person is not None
                if person.final_ssin is not None and other not in await days_of(
                    database, register.owner, person.final_ssin
                ):
                    await register.inscribe([told(ssin, other, other)], ME)
                    own[person.final_ssin].add(other)
            elif what == "tell":
                await load_people(database, {"ssin": ssin} | ({} if one == other else {"replacedBy": numbers[other]}))
            else:
                await undo_if_any(database, ssin)
        await load_people(database, *({"ssin": ssin} for ssin in numbers))
        for place in order:
            while await undo_if_any(database, numbers[place]):
                pass
        assert {ssin: await days_of(database, register.owner, ssin) for ssin in numbers} == own

    ask(question)


async def undo_if_any(database: Database, ssin: Ssin) -> bool:
    try:
        await undo(database, ssin)
    except DataError:
        return False
    return True
