"""What is fixed for a day: changes, chains, rights, and lines that count (RP-15, RP-16)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from choosing_ground import ALL, DAY, NEXT, alpha, fix, rename, stage
from mutation_ground import (
    CONTEXT,
    OWNERS,
    at,
    define,
    fresh,
    inscribe,
    legal,
    on,
    people_told,
    registers,
    set_clock,
    table,
    tell,
)

from kruispunt.access.model import ControlKind, IntegrationControl
from kruispunt.mutations import choosing, defining
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.subscriptions import Definition
from kruispunt.periods import Period
from kruispunt.registers import changes
from kruispunt.registers.parts import DATA, Part
from kruispunt.storage.database import Database

LIVING = DATA & ~Part.DECEASE


def test_rp_16_only_people_in_the_register_are_told_of(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        (mine,) = await stage(database, people=1)
        (stranger,) = fresh(1)
        await tell(database, {"ssin": stranger, "nationalRegister": legal()}, written=False)
        await inscribe(database, OWNERS["beta"], stranger)
        for number in (mine, stranger):
            await rename(database, number, "Maes")
        assert await fix(database, DAY) == {mine: (Part.NAME, [], {"alpha-people"})}

    on(fresh_dsn, question)


def test_rp_16_a_subscription_names_parts_dossier_types_and_active_lines(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        definitions = [
            alpha("decease", [Kind.DECEASE]),
            alpha("address", [Kind.ADDRESS]),
            alpha("active", [Kind.IDENTIFICATION], active_only=True),
            alpha("typed", [Kind.IDENTIFICATION], dossier_types=("1",)),
        ]
        await set_clock(database, at(DAY))
        await registers(database)
        first, second, third = fresh(3)
        await tell(database, *({"ssin": each, "nationalRegister": legal()} for each in (first, second, third)))
        await inscribe(database, OWNERS["alpha"], first, "902", period=Period.days(DAY, DAY))
        await inscribe(database, OWNERS["alpha"], second, "1", period=Period.days(NEXT, None))
        await inscribe(database, OWNERS["alpha"], third, "902", period=Period.days(None, DAY - timedelta(days=1)))
        await define(database, *definitions)
        await choosing.fix(database, table(), DAY - timedelta(days=1), now=at(DAY))
        await choosing.fix(database, table(), DAY, now=at(NEXT))
        await set_clock(database, at(NEXT))
        decease = {"decease": {"date": "2025-06-14"}}
        await tell(database, {"ssin": first, "nationalRegister": legal("Maes")})
        await tell(database, {"ssin": second, "nationalRegister": legal("Maes", "8")})
        await tell(database, {"ssin": third, "nationalRegister": legal("Maes", **decease)})
        told = await fix(database, NEXT)
        assert {ssin: codes for ssin, (_, _, codes) in told.items()} == {
            second: {"address", "active", "typed"},
            third: {"decease"},
        }

    on(fresh_dsn, question)


def test_what_was_changed_back_is_not_told_and_several_changes_are_one(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        back, partly = await stage(database, people=2)
        for last in ("Maes", "Peeters"):
            await rename(database, back, last)
        await tell(database, {"ssin": partly, "nationalRegister": legal("Maes")})
        await tell(database, {"ssin": partly, "nationalRegister": legal("Peeters", "9")})
        assert await fix(database, DAY) == {partly: (Part.ADDRESS, [], {"alpha-people"})}

    on(fresh_dsn, question)


def test_rp_15_a_person_replaced_and_changed_is_told_once_under_the_number_in_use(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        first, second, last = await stage(database, people=3)
        await rename(database, first, "Maes")
        await changes.replace(database, first, second, author="tests")
        await changes.replace(database, second, last, author="tests")
        await rename(database, last, "Claes")
        parts = Part.REPLACEMENT | LIVING
        assert await fix(database, DAY) == {last: (parts, sorted([first, second]), {"alpha-people"})}
        await set_clock(database, at(NEXT))
        await changes.cancel(database, last, author="tests")
        assert await fix(database, NEXT) == {last: (Part.CANCELLATION, [], {"alpha-people"})}

    on(fresh_dsn, question)


def test_rp_15_a_chain_without_a_valid_end_is_told_under_its_last_number(fresh_dsn: str) -> None:
    beta = Definition("beta-people", "beta", CONTEXT, kinds=ALL)

    async def question(database: Database) -> None:
        first, second, third = await stage(database, alpha(), beta, people=3)
        await inscribe(database, OWNERS["beta"], first)
        await tell(
            database,
            {"ssin": first, "replacedBy": second},
            {"ssin": second, "replacedBy": third},
            {"ssin": third, "cancelled": True},
        )
        told = await fix(database, DAY)
        parts = Part.REPLACEMENT | Part.CANCELLATION
        assert told == {third: (parts, sorted([first, second]), {"alpha-people", "beta-people"})}
        await set_clock(database, at(NEXT))
        await tell(database, {"ssin": third, "replacedBy": first})
        assert await fix(database, NEXT) == {third: (parts, [], {"alpha-people"})}, "a circle: each under itself"

    on(fresh_dsn, question)


def test_a_number_that_was_replaced_after_the_day_is_told_as_it_stood(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        old, new = await stage(database, people=2)
        await rename(database, old, "Maes")
        await set_clock(database, at(NEXT, 1))
        await changes.replace(database, old, new, author="tests")
        fixed = await choosing.fix(database, table(), DAY, now=at(NEXT, 2))
        assert await people_told(database, fixed.id) == {old: (Part.NAME, [], {"alpha-people"})}
        assert await fix(database, NEXT) == {new: (Part.REPLACEMENT | LIVING, [old], {"alpha-people"})}

    on(fresh_dsn, question)


def test_rp_16_what_is_granted_on_the_day_decides(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        decease, numbers = alpha("alpha-decease", [Kind.DECEASE]), alpha("alpha-numbers", [Kind.CANCELLATION])
        one, two = await stage(database, alpha(), decease, numbers, people=2)
        await rename(database, one, "Maes")
        await tell(database, {"ssin": two, "nationalRegister": legal("Maes", "7")})
        told = await fix(database, DAY, names=["identification", "address"], groups=["name"])
        assert told == {
            one: (Part.NAME, [], {"alpha-people"}),
            two: (Part.NAME | Part.ADDRESS, [], {"alpha-people"}),
        }
        rows = await database.fetch("SELECT code, parts, groups FROM mutation_file ORDER BY code")
        assert [tuple(row) for row in rows] == [
            ("alpha-decease", 0, 0),
            ("alpha-numbers", 0, 0),
            ("alpha-people", Part.NAME | Part.ACCESS, Part.NAME),
        ]
        await set_clock(database, at(NEXT))
        await rename(database, one, "Claes", street="3")
        assert await fix(database, NEXT, names=["identification", "address"], groups=["birth"]) == {}
        rows = await database.fetch("SELECT sequence FROM mutation_file WHERE code = 'alpha-people' ORDER BY id")
        assert [row[0] for row in rows] == [1, 2]

    on(fresh_dsn, question)


def test_integration_control_of_a_row_narrows_the_lines(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        mine, other, past = await stage(database, people=3)
        await inscribe(database, OWNERS["alpha"], other, "1")
        await database.execute("DELETE FROM inscription WHERE ssin = $1 AND dossier_type = '902'", int(other))
        await database.execute(
            "UPDATE inscription SET period = daterange(NULL, '2025-06-15') WHERE ssin = $1", int(past)
        )
        for day, control, expected in (
            (DAY, IntegrationControl(ControlKind.ACTIVE, ("902",)), {mine}),
            (NEXT, IntegrationControl(ControlKind.ANY, ("902",)), {mine, past}),
            (NEXT + timedelta(days=1), IntegrationControl(ControlKind.OVERLAP, None), {mine, other}),
            (NEXT + timedelta(days=2), None, {mine, other, past}),
        ):
            await set_clock(database, at(day))
            for number in (mine, other, past):
                await rename(database, number, f"Of {day}")
            assert set(await fix(database, day, integration=control)) == expected

    on(fresh_dsn, question)


def test_a_long_chain_and_a_day_without_subscriptions(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        numbers = await stage(database, people=400)
        await tell(database, *({"ssin": one, "replacedBy": two} for one, two in pairwise(numbers)))
        told = await fix(database, DAY)
        assert list(told) == [numbers[-1]]
        assert told[numbers[-1]][1] == sorted(numbers[:-1])
        await set_clock(database, at(NEXT))
        await tell(database, {"ssin": numbers[-1], "cancelled": True})
        assert list(await fix(database, NEXT)) == [numbers[-1]]
        await defining.end(database, "alpha-people")
        assert await fix(database, NEXT + timedelta(days=1)) == {}

    on(fresh_dsn, question)


def test_rp_16_nobody_is_told_a_decease_of_the_living(fresh_dsn: str) -> None:
    decease = alpha("decease", [Kind.DECEASE])

    async def question(database: Database) -> None:
        old, new, back, blocked = await stage(database, alpha(), decease, people=4)
        died = {"decease": {"date": "2025-05-01"}}
        (dead, dead_new, withdrawn, withdrawn_new, dead_blocked) = fresh(5)
        await set_clock(database, at(DAY - timedelta(days=20)))
        for each in (dead, withdrawn, dead_blocked):
            await tell(database, {"ssin": each, "nationalRegister": legal(**died)}, written=False)
        for each in (dead_new, withdrawn_new):
            await tell(database, {"ssin": each, "nationalRegister": legal()}, written=False)
        for each in (dead, withdrawn, dead_blocked):
            await inscribe(database, OWNERS["alpha"], each)
        await changes.cancel(database, back, author="tests")
        await choosing.fix(database, table(), DAY - timedelta(days=1), now=at(DAY))
        await set_clock(database, at(DAY))
        await changes.replace(database, old, new, author="tests")
        await tell(database, {"ssin": dead_new, "nationalRegister": legal(**died)})
        await changes.replace(database, dead, dead_new, author="tests")
        await changes.replace(database, withdrawn, withdrawn_new, author="tests")
        await rename(database, back, "Maes")
        await tell(database, {"ssin": blocked, "nationalRegister": legal(blocked=True)})
        await tell(database, {"ssin": dead_blocked, "nationalRegister": legal(blocked=True, **died)})
        whole = Part.REPLACEMENT | DATA
        assert await fix(database, DAY) == {
            new: (Part.REPLACEMENT | LIVING, [old], {"alpha-people"}),
            dead_new: (whole, [dead], {"alpha-people", "decease"}),
            withdrawn_new: (whole, [withdrawn], {"alpha-people", "decease"}),
            back: (Part.CANCELLATION | LIVING, [], {"alpha-people"}),
            blocked: (Part.ACCESS, [], {"alpha-people"}),
            dead_blocked: (Part.ACCESS | Part.DECEASE, [], {"alpha-people", "decease"}),
        }
        await set_clock(database, at(NEXT))
        await rename(database, new, "Claes", **died)
        await rename(database, blocked, "Peeters", **died)
        assert await fix(database, NEXT) == {
            new: (Part.NAME | Part.DECEASE, [], {"alpha-people", "decease"}),
            blocked: (Part.ACCESS | Part.DECEASE, [], {"alpha-people", "decease"}),
        }

    on(fresh_dsn, question)


def test_rp_16_a_decease_that_is_told_after_the_day_is_none_of_the_day(fresh_dsn: str) -> None:
    decease = alpha("decease", [Kind.DECEASE])

    async def question(database: Database) -> None:
        old, new = await stage(database, alpha(), decease, people=2)
        await changes.replace(database, old, new, author="tests")
        await set_clock(database, at(NEXT, 1))
        await rename(database, new, "Peeters", decease={"date": "2025-06-15"})
        assert await fix(database, DAY) == {new: (Part.REPLACEMENT | LIVING, [old], {"alpha-people"})}
        assert await fix(database, NEXT) == {new: (Part.DECEASE, [], {"alpha-people", "decease"})}

    on(fresh_dsn, question)
