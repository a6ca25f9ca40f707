"""Lines follow a number that is replaced, and come back when that was wrong (RP-13, RP-15); history (RP-06)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import told as ground
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from told import ME, ONEM, fresh, known, load_lines, load_people, new_register, periods_of, register_of, span, told

from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period, merge
from kruispunt.registers import changes, people
from kruispunt.registers.facts import Told as PersonTold
from kruispunt.registers.people import State
from kruispunt.repertory.history import as_of, history
from kruispunt.repertory.lines import Key, Line
from kruispunt.repertory.register import Register, Told
from kruispunt.repertory.replacement import undo_replacement
from kruispunt.repertory.writing import Author, Operation, Verdict
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]
slow_ground = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
HORIZON = [ground.ORIGIN + timedelta(days=n) for n in range(-2, 35)]


def days(periods: Iterable[Period]) -> frozenset[date]:
    return frozenset(day for day in HORIZON for period in periods if period.contains(day))


async def replace(database: Database, old: Ssin, new: Ssin) -> None:
    await changes.replace(database, old, new, author="os-user:clerk")


async def stored(database: Database, ssin: Ssin) -> list[tuple[Any, ...]]:
    """Of a number itself, over all registers."""
    rows = await database.fetch(
        "SELECT owner, dossier_type, period FROM inscription WHERE ssin = $1 ORDER BY 1, 2, 3", ssins.to_int(ssin)
    )
    return [tuple(row) for row in rows]


def test_rp_15_lines_of_every_register_move_and_merge(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new = await known(database, 2)
        first, second = await new_register(database), await new_register(database)
        await first.inscribe([told(old, 0, 9), told(old, 30, 39), told(old, 0, 5, "1"), told(new, 10, 19)], ME)
        await second.inscribe([told(old, 0, None)], ME)
        await replace(database, old, new)
        assert await stored(database, old) == []
        assert await periods_of(first, new) == [span(0, 19), span(30, 39)]
        assert await periods_of(first, new, "1") == [span(0, 5)]
        assert await periods_of(second, new) == [span(0, None)]
        (outcome,) = await first.inscribe([told(old, 20, 29)], ME)
        assert (outcome.ssin, outcome.replaced, outcome.held) == (new, True, span(0, 39))
        (outcome,) = await first.delete([told(old, 0, 9)], ME)
        assert (outcome.ssin, outcome.replaced) == (new, True)
        assert await periods_of(first, old) == [span(10, 39)]

    ask(question)


def test_rp_15_lines_go_to_the_end_of_a_chain_and_a_repetition_changes_nothing(ask: Ask) -> None:
    async def question(database: Database) -> None:
        a, b, c, d = await known(database, 4)
        register = await new_register(database)
        await register.inscribe([told(a, 0, 1), told(b, 3, 4), told(c, 6, 7), told(d, 9, 9)], ME)
        await replace(database, b, c)
        await replace(database, a, b)
        assert await periods_of(register, c) == [span(0, 1), span(3, 4), span(6, 7)]
        await replace(database, c, d)
        assert await periods_of(register, d) == [span(0, 1), span(3, 4), span(6, 7), span(9, 9)]
        assert [await stored(database, each) for each in (a, b, c)] == [[], [], []]
        count = "SELECT count(*) FROM repertory_change"
        before = await database.fetchval(count), await stored(database, d)
        await load_people(database, *({"ssin": one, "replacedBy": other} for one, other in ((a, b), (b, c), (c, d))))
        assert (await database.fetchval(count), await stored(database, d)) == before

    ask(question)


def test_rp_15_lines_that_were_loaded_before_the_people_move_with_them(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new, gone = fresh(3)
        owner = ground.fresh_owner()
        await load_lines(database, owner, [(Key(ssin, ONEM, "902"), span(0, 9)) for ssin in (old, gone)])
        await load_people(database, {"ssin": old, "replacedBy": new}, {"ssin": new}, {"ssin": gone, "cancelled": True})
        register = register_of(database, owner)
        assert await register.consult([old]) == (Line(Key(new, ONEM, "902"), span(0, 9)),)
        assert await register.consult([gone]) == (Line(Key(gone, ONEM, "902"), span(0, 9)),)
        await load_lines(database, owner, [(Key(old, ONEM, "902"), span(10, 19))])
        assert await register.consult([new]) == (Line(Key(new, ONEM, "902"), span(0, 19)),)

    ask(question)


def test_rp_15_more_than_a_thousand_numbers_at_once(ask: Ask) -> None:
    async def question(database: Database) -> None:
        numbers, owner = fresh(1_100), ground.fresh_owner()
        (new,) = await known(database, 1)
        await load_lines(database, owner, [(Key(ssin, ONEM, "902"), span(n, n)) for n, ssin in enumerate(numbers)])
        await load_people(database, *({"ssin": ssin, "replacedBy": new} for ssin in numbers))
        assert await register_of(database, owner).consult([new]) == (Line(Key(new, ONEM, "902"), span(0, 1_099)),)

    ask(question)


REFUSE = """
    CREATE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$
"""


def test_rp_15_a_replacement_that_fails_moves_nothing(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new = await known(database, 2)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9)], ME)
        await database.execute(REFUSE)
        await database.execute(
            "CREATE TRIGGER refuse_move BEFORE INSERT ON inscription FOR EACH ROW"
            f" WHEN (NEW.ssin = {ssins.to_int(new)}) EXECUTE FUNCTION refuse_move()"
        )
        try:
            with pytest.raises(asyncpg.RaiseError, match="refused by the test"):
                await replace(database, old, new)
        finally:
            await database.execute("DROP FUNCTION refuse_move CASCADE")
        person = await people.find(database, old)
        assert person is not None
        assert person.state is State.ACTIVE
        assert await periods_of(register, old) == [span(0, 9)]
        assert await stored(database, new) == []

    ask(question)


def test_rp_06_history_tells_who_when_what_and_any_past_state(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new = await known(database, 2)
        register = await new_register(database)
        moments: list[datetime] = []

        async def pause() -> None:
            moments.append(await database.fetchval("SELECT clock_timestamp()"))

        await pause()
        await register.inscribe([told(old, 0, 9)], ME)
        await pause()
        await register.inscribe([told(old, 5, 19)], Author("urn:example:other"))
        await pause()
        await register.delete([told(old, 3, 4)], ME)
        await pause()
        await register.inscribe([told(new, 0, 2)], ME)
        await replace(database, old, new)
        await pause()
        key, new_key = Key(old, told(old, 0, 0).organisation, "902"), Key(new, told(new, 0, 0).organisation, "902")
        first, second, third, fourth = await history(database, register.owner, old)
        assert [c.operation for c in (first, second, third, fourth)] == [
            *(Operation.INSCRIBED, Operation.INSCRIBED, Operation.DELETED, Operation.REPLACED)
        ]
        assert [(c.author, c.ticket) for c in (first, second, third, fourth)] == [
            *((ME.name, ME.ticket), ("urn:example:other", None), (ME.name, ME.ticket), ("os-user:clerk", None))
        ]
        whole, left = Line(key, span(0, 19)), (Line(key, span(0, 2)), Line(key, span(5, 19)))
        assert (first.ended, first.made) == ((), (Line(key, span(0, 9)),))
        assert (second.ended, second.made) == (first.made, (whole,))
        assert (third.ended, third.made) == ((whole,), left)
        assert (fourth.ended, fourth.made, fourth.replaced) == (left, (), (old, new))
        states = [await as_of(database, register.owner, old, moment) for moment in moments]
        assert states == [(), first.made, (whole,), left, ()]
        assert await as_of(database, register.owner, new, moments[-1]) == (
            *(Line(new_key, span(0, 2)), Line(new_key, span(5, 19))),
        )
        assert (await history(database, register.owner, new))[-1].made == (Line(new_key, span(5, 19)),)
        assert moments[0] < first.at < moments[1] < second.at < moments[2] < third.at < moments[3]
        assert first.at.tzinfo is UTC
        (further,) = await known(database, 1)
        exchange = changes.Exchange("urn:example:service", ME.ticket or "")
        async with changes.changing(database, "urn:example:service for somebody", exchange=exchange) as changer:
            facts = (await changer.known([ssins.to_int(new)]))[ssins.to_int(new)]
            await changer.tell([PersonTold(facts._replace(replaced_by=ssins.to_int(further)))])
        last = (await history(database, register.owner, new))[-1]
        assert (last.author, last.ticket, last.ended) == (
            "urn:example:service",
            ME.ticket,
            (Line(new_key, span(0, 2)), Line(new_key, span(5, 19))),
        )
        assert await history(database, ground.fresh_owner(), old) == ()
        assert await as_of(database, ground.fresh_owner(), old, moments[1]) == ()

    ask(question)


def test_rp_06_the_history_is_never_altered(ask: Ask) -> None:
    async def question(database: Database) -> None:
        for statement in (
            "UPDATE repertory_change SET author = 'x'",
            "DELETE FROM repertory_change",
            "TRUNCATE repertory_change",
            "UPDATE inscription_history SET ended = 1",
            "DELETE FROM inscription_history",
            "TRUNCATE inscription_history",
        ):
            with pytest.raises(asyncpg.RaiseError, match="never altered"):
                await database.execute(statement)

    ask(question)


def test_rp_15_a_wrong_replacement_is_undone_in_all_registers(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, new = await known(database, 2)
        first, second = await new_register(database), await new_register(database)
        await first.inscribe([told(old, 0, 9), told(old, 20, 29), told(new, 5, 14)], ME)
        await second.inscribe([told(old, 0, None)], ME)
        await replace(database, old, new)
        await first.delete([told(new, 7, 8)], ME)
        await first.inscribe([told(new, 40, 49)], ME)
        undone = await undo_replacement(database, old, ME)
        assert (undone.left, undone.back_at, undone.lines) == (new, old, 4)
        person = await people.find(database, old)
        assert person is not None
        assert person.state is State.ACTIVE
        assert await periods_of(first, old) == [span(0, 6), span(9, 9), span(20, 29)]
        assert await periods_of(first, new) == [span(5, 6), span(9, 14), span(40, 49)]
        assert await periods_of(second, old) == [span(0, None)]
        assert await periods_of(second, new) == []
        last = (await history(database, first.owner, old))[-1]
        assert (last.operation, last.author, last.replaced) == (Operation.UNDONE, ME.name, (new, old))
        with pytest.raises(DataError, match="came back already"):
            await undo_replacement(database, old, ME)
        await replace(database, old, new)
        assert await periods_of(second, new) == [span(0, None)]
        await undo_replacement(database, old, ME)
        assert await periods_of(second, old) == [span(0, None)]

    ask(question)


def test_rp_15_undoing_goes_over_later_replacements(ask: Ask) -> None:
    """The first link of a chain was wrong, the later ones were not; and what the old number itself replaced since."""

    async def question(database: Database) -> None:
        earlier, old, new, last, right = await known(database, 5)
        register = await new_register(database)
        await register.inscribe(
            [told(earlier, 50, 59), told(old, 0, 9), told(new, 8, 12), told(last, 2, 3), told(right, 9, 30)], ME
        )
        await replace(database, old, new)
        await replace(database, new, last)
        await replace(database, earlier, old)
        await replace(database, right, last)
        assert await periods_of(register, last) == [span(0, 30), span(50, 59)]
        await undo_replacement(database, old, ME)
        assert await periods_of(register, old) == [span(0, 9), span(50, 59)]
        assert await periods_of(register, last) == [span(2, 3), span(8, 30)]
        assert await periods_of(register, earlier) == await periods_of(register, old)

    ask(question)


def test_rp_15_lines_go_where_the_registers_were_corrected_to(ask: Ask) -> None:
    async def question(database: Database) -> None:
        old, wrong, right = await known(database, 3)
        register = await new_register(database)
        await register.inscribe([told(old, 0, 9), told(wrong, 20, 29)], ME)
        await replace(database, old, wrong)
        await load_people(database, {"ssin": old, "replacedBy": right})
        undone = await undo_replacement(database, old, ME)
        assert (undone.left, undone.back_at) == (wrong, right)
        assert await periods_of(register, old) == await periods_of(register, right) == [span(0, 9)]
        assert await periods_of(register, wrong) == [span(20, 29)]
        with pytest.raises(DataError, match="no lines moved"):
            await undo_replacement(database, right, ME)

    ask(question)


@st.composite
def spans(draw: st.DrawFn) -> Period:
    begin = draw(st.integers(0, 30))
    return span(begin, draw(st.none() | st.integers(begin, 30)))


few = st.lists(spans(), max_size=3)


@given(before=st.tuples(few, few, few), since=few, deleted=few)
@slow_ground
def test_rp_15_replacement_and_undoing_lose_and_invent_no_day(
    ask: Ask, before: tuple[list[Period], list[Period], list[Period]], since: list[Period], deleted: list[Period]
) -> None:
    """Against day sets: a chain of two replacements, lines inscribed and deleted since, and the first undone."""

    async def question(database: Database) -> None:
        numbers = await known(database, 3)
        old, new, last = numbers
        register = await new_register(database)
        for ssin, periods in zip(numbers, before, strict=True):
            await register.inscribe([Told(ssin, "902", period) for period in periods], ME)
        olds, news, lasts = map(days, before)
        await replace(database, old, new)
        assert days(await periods_of(register, new)) == olds | news
        await replace(database, new, last)
        assert days(await periods_of(register, last)) == olds | news | lasts
        await register.delete([Told(last, "902", period) for period in deleted], ME)
        await register.inscribe([Told(last, "902", period) for period in since], ME)
        now = ((olds | news | lasts) - days(deleted)) | days(since)
        stands = await periods_of(register, last)
        assert days(stands) == now
        assert tuple(stands) == merge(stands)
        if olds:
            await undo_replacement(database, old, ME)
            back = olds - days(deleted)
            assert days(await periods_of(register, old)) == back
            assert days(await periods_of(register, last)) == now - (back - news - lasts)
        else:
            with pytest.raises(DataError, match="no lines moved"):
                await undo_replacement(database, old, ME)

    ask(question)


def test_rp_06_simultaneous_replacements_and_changes_leave_each_day_once(ask: Ask, dsn: str) -> None:
    """Two connections change people and lines at once, over a chain; all days end at its end."""

    async def question(database: Database) -> None:
        register = await new_register(database)
        chain = await known(database, 6)
        others = [await Database.open(dsn, size=2) for _ in range(2)]

        async def lines(other: Database, offset: int) -> None:
            mine = register_of(other, register.owner)
            for step in range(30):
                (outcome,) = await mine.inscribe([told(chain[step % 6], 2 * step + offset, 2 * step + offset)], ME)
                assert outcome.verdict is Verdict.DONE

        async def replacing() -> None:
            for old, new in itertools.pairwise(chain):
                await replace(database, old, new)

        try:
            await asyncio.gather(lines(others[0], 0), lines(others[1], 1), replacing())
        finally:
            for other in others:
                await other.close()
        assert [await stored(database, ssin) for ssin in chain[:-1]] == [[]] * 5
        assert await periods_of(register, chain[-1]) == [span(0, 59)]

    ask(question)


def test_the_repertory_of_cbss_is_a_register_like_another(ask: Ask) -> None:
    async def question(database: Database) -> None:
        (ssin,) = await known(database, 1)
        await load_lines(database, cbe.CBSS, [(Key(ssin, ONEM, "902"), span(0, 9))])
        register = Register(database, cbe.CBSS, today=lambda: ground.TODAY, test_band=True)
        (outcome,) = await register.inscribe([told(ssin, 10, 19, organisation=ONEM)], ME)
        assert outcome.held == span(0, 19)

    ask(question)
