"""A replacement that is undone is told, whatever was distributed while it was corrected (RP-15, RP-16)."""

from __future__ import annotations

import pytest
from choosing_ground import DAY, alpha, stage
from mutation_ground import OWNERS, at, fresh, inscribe, legal, on, people_told, table, tell

from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing
from kruispunt.mutations.kinds import Kind
from kruispunt.registers import changes
from kruispunt.registers.parts import DATA, Part
from kruispunt.repertory.replacement import undo_replacement
from kruispunt.repertory.writing import Author
from kruispunt.storage.database import Database

KINDS = (Kind.IDENTIFICATION, Kind.REPLACEMENT, Kind.CANCELLATION)
WHOLE = Part.REPLACEMENT | DATA & ~Part.DECEASE


async def people(database: Database) -> list[Ssin]:
    """Three, of whom a subscriber that is pushed to knows the first."""
    await stage(database, alpha(kinds=KINDS, pushed=True))
    numbers = fresh(3)
    await tell(database, *({"ssin": each, "nationalRegister": legal()} for each in numbers), written=False)
    await inscribe(database, OWNERS["alpha"], numbers[0])
    return numbers


async def told(database: Database) -> dict[Ssin, tuple[int, list[Ssin]]]:
    """Of whom a round tells now."""
    fixed = await choosing.fix_round(database, table(), now=at(DAY))
    assert fixed is not None
    found = await people_told(database, fixed.id)
    return {ssin: (parts, replaced) for ssin, (parts, replaced, _) in found.items()}


async def undo(database: Database, ssin: Ssin) -> None:
    await undo_replacement(database, ssin, Author("tests"))


def test_rp_15_what_was_corrected_before_it_was_undone_is_told_when_the_lines_come_back(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        old, new, other = await people(database)
        await changes.replace(database, old, new, author="tests")
        assert await told(database) == {new: (WHOLE, [old])}
        await tell(database, {"ssin": old, "nationalRegister": legal(), "replacedBy": other})
        assert await told(database) == {}, "whoever has lines at the wrong number may know that person alone"
        await tell(database, {"ssin": old, "nationalRegister": legal()})
        assert await told(database) == {}
        await undo(database, old)
        assert await told(database) == {old: (WHOLE, [])}

    on(fresh_dsn, question)


def test_rp_15_lines_that_come_back_to_another_number_are_told_with_it(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        old, new, other = await people(database)
        await changes.replace(database, old, new, author="tests")
        await told(database)
        await tell(database, {"ssin": old, "nationalRegister": legal(), "replacedBy": other})
        await told(database)
        await undo(database, old)
        assert await told(database) == {other: (WHOLE, [old])}

    on(fresh_dsn, question)


@pytest.mark.parametrize("corrected_before", [True, False])
def test_rp_15_it_is_told_with_what_else_happened_since(fresh_dsn: str, *, corrected_before: bool) -> None:
    async def question(database: Database) -> None:
        old, new, _ = await people(database)
        await changes.replace(database, old, new, author="tests")
        await told(database)
        if corrected_before:
            await tell(database, {"ssin": old, "nationalRegister": legal()})
            assert await told(database) == {}
        await undo(database, old)
        await tell(database, {"ssin": old, "nationalRegister": legal("Maes")})
        assert await told(database) == {old: (WHOLE, [])}

    on(fresh_dsn, question)


@pytest.mark.parametrize("corrected_before", [True, False])
def test_rp_15_of_whom_it_takes_along_it_is_told_which_number_they_have_now(
    fresh_dsn: str, *, corrected_before: bool
) -> None:
    """Their lines went past the number that was wrongly replaced: nobody was told that it came in their place."""

    async def question(database: Database) -> None:
        old, new, other = await people(database)
        (earlier,) = fresh(1)
        await tell(database, {"ssin": earlier, "nationalRegister": legal()}, written=False)
        await inscribe(database, OWNERS["alpha"], earlier)
        await changes.replace(database, old, new, author="tests")
        await changes.replace(database, earlier, old, author="tests")
        assert await told(database) == {new: (WHOLE, sorted([old, earlier]))}
        if corrected_before:
            await tell(database, {"ssin": old, "nationalRegister": legal(), "replacedBy": other})
            assert await told(database) == {}
        await undo(database, old)
        now = {other: (WHOLE, sorted([old, earlier]))} if corrected_before else {old: (WHOLE, [earlier])}
        assert await told(database) == now

    on(fresh_dsn, question)


def test_rp_15_a_number_that_was_cancelled_instead_is_told_as_cancelled(fresh_dsn: str) -> None:
    async def question(database: Database) -> None:
        old, new, _ = await people(database)
        await changes.replace(database, old, new, author="tests")
        await told(database)
        await tell(database, {"ssin": old, "nationalRegister": legal(), "cancelled": True})
        assert await told(database) == {}
        await undo(database, old)
        assert await told(database) == {old: (Part.REPLACEMENT | Part.CANCELLATION, [])}

    on(fresh_dsn, question)
