"""Who is told of whom, held against a plain model (RP-15, RP-16): random people, lines, chains and subscriptions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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

from kruispunt.identifiers import cbe
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing, defining, subscriptions
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.entitlement import entitled
from kruispunt.mutations.kinds import Kind
from kruispunt.mutations.subscriptions import Definition, Subscription
from kruispunt.periods import Period
from kruispunt.registers.parts import DATA, NO_PART, Part, parts_between
from kruispunt.storage.database import Database

_FIRST_DAY = date(2025, 7, 1)
_EXAMPLES = itertools.count()
_KINDS = ("902", "1")
_NAMES = ("alpha", "beta")
_SIZE = 6


@dataclass(frozen=True)
class Telling:
    """One line about a number: everything there is."""

    who: int
    last: str
    street: str | None
    by: int | None
    cancelled: bool
    died: bool


@dataclass(frozen=True)
class Inscribing:
    who: int
    owner: str
    kind: str
    known_to: str
    ended: bool


tellings = st.builds(
    Telling,
    st.integers(0, _SIZE - 1),
    st.sampled_from(("Maes", "Peeters")),
    st.sampled_from((None, "7")),
    st.none() | st.none() | st.integers(0, _SIZE),
    st.sampled_from((False, False, False, True)),
    st.sampled_from((False, False, False, True)),
)
phases = st.lists(st.lists(tellings, min_size=1, max_size=3), max_size=2)
day_told = st.lists(st.lists(tellings, min_size=2, max_size=5), min_size=1, max_size=3)
inscriptions = st.lists(
    st.builds(
        Inscribing,
        st.integers(0, _SIZE - 1),
        st.sampled_from(_NAMES),
        st.sampled_from(_KINDS),
        st.sampled_from(("", *(OWNERS[name] for name in _NAMES))),
        st.booleans(),
    ),
    min_size=5,
    max_size=12,
)
wanted = st.lists(
    st.builds(
        lambda name, owner, known_to, types, active, kinds: (name, owner, known_to, types, active, tuple(kinds)),
        st.sampled_from(_NAMES),
        st.sampled_from(_NAMES),
        st.booleans(),
        st.none() | st.none() | st.sampled_from(((_KINDS[0],), _KINDS)),
        st.booleans(),
        st.sets(st.sampled_from(Kind), min_size=1),
    ),
    min_size=2,
    max_size=6,
)


@pytest.fixture(scope="module")
def dsn_of_model(server: Any, template: str) -> Iterator[str]:
    """A database of its own: the days of a distribution follow each other."""
    with server.database(template) as dsn:
        yield dsn


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted, inscriptions, phases, day_told, inscriptions, phases, st.sets(st.sampled_from(Kind), max_size=2))
def test_rp_15_rp_16_a_distribution_tells_what_the_model_tells(
    dsn_of_model: str,
    wants: list[tuple[Any, ...]],
    first_lines: list[Inscribing],
    before: list[list[Telling]],
    told: list[list[Telling]],
    more_lines: list[Inscribing],
    after: list[list[Telling]],
    withdrawn: set[Kind],
) -> None:
    numbers = fresh(_SIZE + 1)  # the last one is known to no register
    day = _FIRST_DAY + timedelta(days=2 * next(_EXAMPLES))

    async def question(database: Database) -> None:
        await prepare(database, wants, day)
        for number in numbers[:4]:
            await tell(database, {"ssin": number, "nationalRegister": legal()}, written=False)
        await set_clock(database, at(day - timedelta(days=1)))
        await inscribe_all(database, numbers, first_lines)
        await tell_all(database, numbers, before)
        full = table()
        await choosing.fix(database, full, day - timedelta(days=1), now=at(day))
        await set_clock(database, at(day))
        await tell_all(database, numbers, told)
        await inscribe_all(database, numbers, more_lines)
        await set_clock(database, at(day + timedelta(days=1)))
        await tell_all(database, numbers, after)
        rights = table(names=[kind.value for kind in Kind if kind not in withdrawn])
        subscribed = await subscriptions.every(database)
        fixed = await choosing.fix(database, rights, day, now=at(day + timedelta(days=1)))
        model = await Model.read(database, fixed)
        expected = model.told(
            {each: entitled(rights, each.organisation, CONTEXT, each.kinds, None) for each in subscribed}
        )
        assert await people_told(database, fixed.id) == expected
        files = await database.fetch("SELECT code FROM mutation_file WHERE distribution = $1 ORDER BY id", fixed.id)
        assert [row[0] for row in files] == [each.code for each in subscribed], "each gets a file, an empty one too"

    on(dsn_of_model, question)


async def prepare(database: Database, wants: Sequence[tuple[Any, ...]], day: date) -> None:
    await registers(database)
    for each in await subscriptions.every(database):
        await defining.end(database, each.code)
    for owner in (OWNERS[name] for name in _NAMES):
        for kind in _KINDS:
            for known_to in ("", *(OWNERS[name] for name in _NAMES)):
                await database.execute(
                    """
                    INSERT INTO dossier_type (owner, organisation, code, name, author) VALUES ($1, $2, $3, $3, 'tests')
                    ON CONFLICT DO NOTHING
                    """,
                    *(cbe.to_int(owner), known_to, kind),
                )
    definitions = [
        Definition(
            f"of-{day}-{n}",
            name,
            CONTEXT,
            OWNERS[owner],
            OWNERS[name] if known_to else None,
            types,
            active,
            kinds,
        )
        for n, (name, owner, known_to, types, active, kinds) in enumerate(wants)
    ]
    await define(database, *definitions)


async def inscribe_all(database: Database, numbers: Sequence[Ssin], lines: Sequence[Inscribing]) -> None:
    for each in lines:
        period = Period.days(date(2020, 1, 1), date(2020, 12, 31) if each.ended else None)
        await inscribe(database, OWNERS[each.owner], numbers[each.who], each.kind, each.known_to, period)


async def tell_all(database: Database, numbers: Sequence[Ssin], imports: Sequence[Sequence[Telling]]) -> None:
    for each in imports:
        await tell(database, *(line_of(numbers, telling) for telling in each))


def line_of(numbers: Sequence[Ssin], told: Telling) -> dict[str, Any]:
    died = {"decease": {"date": "2025-05-01"}} if told.died else {}
    line: dict[str, Any] = {"ssin": numbers[told.who], "nationalRegister": legal(told.last, told.street, **died)}
    if told.by is not None and told.by != told.who:
        return {**line, "replacedBy": numbers[told.by]}
    return {**line, "cancelled": told.cancelled}


@dataclass
class Model:
    """The same by following one number at a time, in Python."""

    day: date
    changed: Mapping[Ssin, Part]
    then: Mapping[Ssin, Mapping[str, Any]]
    """What each number was when the day ended; numbers that no register knew are not among them."""
    now: Mapping[Ssin, Mapping[str, Any]]
    lines: Sequence[tuple[int, Ssin, str, str, Any]]
    died: set[Ssin]
    """Of whom a register held a decease when the day ended, or ever before."""

    @classmethod
    async def read(cls, database: Database, fixed: Distribution) -> Model:
        rows = await database.fetch("SELECT sequence, ssin, before, after FROM person_change WHERE ssin IS NOT NULL")
        rows = sorted(rows, key=lambda row: row[0])
        now = {
            ssins.from_int(ssin): {
                "by": None if by is None else ssins.from_int(by),
                "cancelled": by is None and state == 3,
            }
            for ssin, by, state in await database.fetch("SELECT ssin, replaced_by, state FROM person")
        }
        then = dict(now)
        for row in reversed(rows):
            if row[0] > fixed.changes_upto:
                ssin = ssins.from_int(row[1])
                then.pop(ssin, None)
                if row[2] is not None:
                    line = json.loads(row[2])
                    then[ssin] = {"by": line.get("replacedBy"), "cancelled": line.get("cancelled", False)}
        within = [row for row in rows if fixed.changes_from < row[0] <= fixed.changes_upto]
        changed = {}
        for ssin in {row[1] for row in within}:
            own = [row for row in within if row[1] == ssin]
            changed[ssins.from_int(ssin)] = parts_between(own[0][2], own[-1][3])
        died = {
            ssins.from_int(row[1])
            for row in rows
            for line in row[2:]
            if row[0] <= fixed.changes_upto and line and "decease" in json.loads(line).get("nationalRegister", {})
        }
        lines = [
            (owner, ssins.from_int(ssin), known_to, kind, period)
            for owner, ssin, known_to, kind, period in await database.fetch(
                "SELECT owner, ssin, organisation, dossier_type, period FROM inscription"
            )
        ]
        assert fixed.day is not None
        return cls(fixed.day, {ssin: parts for ssin, parts in changed.items() if parts}, then, now, lines, died)

    def told(self, rights: Mapping[Subscription, Any]) -> dict[Ssin, tuple[int, list[Ssin], set[str]]]:
        people: dict[Ssin, tuple[Part, list[Ssin]]] = {}
        for ssin, parts in self.changed.items():
            end = self.end(self.then, ssin) or ssin
            if end == ssin or Part.REPLACEMENT in parts:
                known, replaced = people.get(end, (NO_PART, []))
                people[end] = (known | parts, sorted([*replaced, ssin] if end != ssin else replaced))
        result = {}
        for end, (parts, replaced) in people.items():
            if replaced and self.then[end]["by"] is None and not self.then[end]["cancelled"]:
                parts |= DATA
            if Part.DECEASE in parts and not self.died & {end, *replaced}:
                parts &= ~Part.DECEASE
            codes = {each.code for each, right in rights.items() if parts & right.parts and self.knows(each, end)}
            if codes:
                result[end] = (parts.value, replaced, codes)
        return result

    def knows(self, each: Subscription, end: Ssin) -> bool:
        holders = set(self.holders(end))
        return any(
            owner == cbe.to_int(each.owner)
            and ssin in holders
            and each.known_to in (None, known_to)
            and (each.dossier_types is None or kind in each.dossier_types)
            and (
                not each.active_only or (period.lower <= self.day and (period.upper is None or self.day < period.upper))
            )
            for owner, ssin, known_to, kind, period in self.lines
        )

    def holds(self, period: Any) -> bool:
        return bool(period.lower <= self.day and (period.upper is None or self.day < period.upper))

    def holders(self, end: Ssin) -> Iterator[Ssin]:
        yield end
        last = self.end(self.now, end)
        if last is not None and self.in_use(last):
            yield last
        elif self.end(self.then, end) is not None and end in self.now:
            yield from (ssin for ssin in self.now if end in self.chain(self.now, ssin))
            if self.then.get(end, {}).get("by") is None:
                yield from self.chain(self.now, end)

    def in_use(self, ssin: Ssin) -> bool:
        return ssin in self.now and self.now[ssin]["by"] is None and not self.now[ssin]["cancelled"]

    def end(self, people: Mapping[Ssin, Mapping[str, Any]], ssin: Ssin) -> Ssin | None:
        """The last number of the chain that is known; None in a circle."""
        chain = self.chain(people, ssin)
        last = chain[-1]
        following = people.get(last, {}).get("by")
        return None if following in chain else last

    @staticmethod
    def chain(people: Mapping[Ssin, Mapping[str, Any]], ssin: Ssin) -> list[Ssin]:
        chain = [ssin]
        while (following := people.get(chain[-1], {}).get("by")) in people and following not in chain:
            chain.append(Ssin(following))
        return chain
