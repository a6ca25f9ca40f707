"""Workers killed while services write, through the running gateway (RP-04, RP-06, RP-12, RP-13, RP-15).

A client does one thing after the other about people of its own, and keeps what was acknowledged. Where a reply is lost
it goes on with another person: what it asked for last may have happened or not, but as a whole.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPException
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from bank import ORGANISATIONS, Bank, Got
from identify import load, number, person
from processes import kill, wait_until, workers
from serving import Serving
from test_person_service import query

from kruispunt.identifiers import cbe
from kruispunt.identifiers.ssin import Ssin, to_int
from kruispunt.repertory.lines import to_period
from kruispunt.services.inscription.service import SERVICE as INSCRIPTION
from kruispunt.services.person.service import SERVICE as PERSON
from kruispunt.services.register.service import SERVICE as REGISTER

CLIENTS = 6
KILLS = 3
BETWEEN = 12, 30
"""Fewest and most operations from one kill to the next."""
SPARE = CLIENTS * (KILLS + 2)
"""People: a client goes on with another one each time that a worker is killed."""
ORIGIN, DAYS = date(2020, 1, 1), 40
HORIZON = [ORIGIN + timedelta(days=n) for n in range(DAYS)]
LOST = (OSError, HTTPException)
CONTROL = "NEO:UNEMPLOYMENT"


@dataclass(slots=True)
class Record:
    """What one client knows of one person: the states that are possible, by what was acknowledged."""

    ssin: Ssin
    possible: list[Any]


@dataclass(slots=True)
class Load:
    """Clients that work on one server until it was killed often enough."""

    bank: Bank
    over: bool = False
    acknowledged: int = 0
    records: list[Record] = field(default_factory=list)

    def ask(
        self, service: Any, operation: str, as_: str, context: str, alter: Callable[[str], str], **asked: Any
    ) -> Got:
        wanted = service.operation(operation)
        ticket = secrets.token_hex(8)  # two messages of one millisecond would else be the same, and so a replay
        body = self.bank.body(service, wanted, organisation=as_, legal_context=context, ticket=ticket, **asked)
        message = self.bank.signer(as_).envelope(alter(body), datetime.now(UTC))
        got = self.bank.send(service, wanted, message, client=as_)
        if got.code != "MSG00003":  # what a worker says whose database did not answer
            assert got.code == "MSG00000", got.raw
            self.acknowledged += 1
        return got

    def work(self, people: Iterator[Ssin], begin: Callable[[Ssin], Any], step: Callable[[Any], Any]) -> None:
        """`step` gives, for a state, what to ask, and the state after it."""
        for ssin in people:
            record = Record(ssin, [begin(ssin)])
            self.records.append(record)
            while not self.over:
                ask, after = step(record.possible[0])
                if after is None:
                    break
                record.possible.append(after)
                try:
                    ask()
                except LOST:
                    break
                del record.possible[0]
            if self.over:
                return


def run(load: Load, seed: str, tasks: list[Callable[[], None]]) -> None:
    """All tasks at once, with kills between; a server that was killed is started again by its supervisor."""
    chance = random.Random(seed)
    with ThreadPoolExecutor(len(tasks)) as pool:
        running = [pool.submit(task) for task in tasks]
        try:
            for kills in range(KILLS + 1):
                enough = load.acknowledged + chance.randint(*BETWEEN)
                # A task that ended, ended badly: its result tells why.
                wait_until(
                    lambda enough=enough: load.acknowledged >= enough or any(t.done() for t in running), "it", 60
                )
                if kills < KILLS:
                    kill(workers(load.bank.process.pid))
        finally:
            load.over = True
        for each in running:
            each.result()


@pytest.fixture
def people(bank: Bank, tmp_path: Path) -> Iterator[Ssin]:
    """Numbers of nobody else, known to the registers."""
    birth = "1943-05-06"
    counters = [901 + each for each in range(SPARE)]
    load(bank, tmp_path, [person("Herstartvoorbeeld", birth, counter) for counter in counters])
    return iter([number(birth, counter) for counter in counters])


# ---- Lines ----------------------------------------------------------------------------------------------------------

Lines = dict[tuple[str, str], frozenset[date]]
"""Days by register (`vdab`, or `cbss` for the repertory of CBSS) and dossier type."""
PLACES = (("vdab", "GUIDANCE"), ("vdab", "INTAKE"), ("cbss", "902"))


def spelt(ssin: Ssin, kind: str, begin: date, end: date) -> str:
    return (
        f"<line><ssin>{ssin}</ssin><dossierType>{kind}</dossierType>"
        f"<period><beginDate>{begin}</beginDate><endDate>{end}</endDate></period></line>"
    )


def stored(bank: Bank, ssin: Ssin) -> Lines:
    owners = {cbe.to_int(cbe.CBSS): "cbss", int(ORGANISATIONS["vdab"]): "vdab"}
    found: Lines = {}
    for owner, kind, period in query(
        bank, f"SELECT owner, dossier_type, period FROM inscription WHERE ssin = {to_int(ssin)}"
    ):
        days = {
            ORIGIN + timedelta(days=n) for n in range(DAYS) if to_period(period).contains(ORIGIN + timedelta(days=n))
        }
        key = owners[owner], kind
        assert days.isdisjoint(found.get(key, ())), "lines of one key overlap"
        found[key] = found.get(key, frozenset()) | days
    return found


def test_rp_04_rp_06_lines_are_those_that_were_acknowledged(bank: Bank, tmp_path: Path, people: Iterator[Ssin]) -> None:
    """InscriptionService and RegisterService, insertions and deletions, of one line and of two at once."""

    def step_of(load: Load, chance: random.Random) -> Callable[[Any], Any]:
        def step(state: tuple[Ssin, Lines]) -> Any:
            ssin, lines = state
            first = ORIGIN + timedelta(days=chance.randrange(DAYS - 6))
            last = first + timedelta(days=chance.randrange(6))
            days = frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))
            adding = chance.random() < 0.6
            places = chance.choice([PLACES[:1], PLACES[:2], PLACES[2:]])
            after = dict(lines)
            for place in places:
                held = lines.get(place, frozenset())
                after[place] = held | days if adding else held - days
            if places == PLACES[2:]:
                name = "insertInscription" if adding else "deleteInscription"
                period = {"begin": str(first), "end": str(last)}
                return (lambda: load.ask(INSCRIPTION, name, "onem", CONTROL, str, ssin=ssin, role="902", **period)), (
                    ssin,
                    after,
                )
            text = "".join(spelt(ssin, kind, first, last) for _, kind in places)

            def with_lines(body: str) -> str:
                return body[: body.index("<lines>") + 7] + text + body[body.index("</lines>") :]

            name = "inscribe" if adding else "delete"
            blank = {"ssin": "", "dossierType": "", "begin": ""}
            return (lambda: load.ask(REGISTER, name, "vdab", "RAAS:REGISTER_MANAGEMENT", with_lines, **blank)), (
                ssin,
                after,
            )

        return step

    with Serving(bank, tmp_path / "mortal") as mortal:
        load = Load(mortal)
        tasks = []
        for n in range(CLIENTS):
            mine, step = list(islice(people, SPARE // CLIENTS)), step_of(load, random.Random(f"lines {n}"))
            tasks.append(lambda mine=mine, step=step: load.work(iter(mine), lambda ssin: (ssin, {}), step))
        run(load, "lines", tasks)
    for record in load.records:
        wanted = [{place: days for place, days in lines.items() if days} for _, lines in record.possible]
        assert stored(bank, record.ssin) in wanted, record.ssin
    assert sum(len(record.possible) == 2 for record in load.records) >= 1, "no reply was lost"


# ---- People ---------------------------------------------------------------------------------------------------------

People = tuple[int, str, int | None]
"""How often the person was changed, what became of the number (`active`, `cancelled`, `replaced`), and by which."""


def state_of(bank: Bank, ssin: Ssin) -> tuple[int, str, int | None]:
    """As the database has it, with what must go together checked."""
    ((state, replaced_by),) = query(bank, f"SELECT state, replaced_by FROM person WHERE ssin = {to_int(ssin)}")
    changes = query(bank, f"SELECT kind FROM person_change WHERE ssin = {to_int(ssin)} AND kind > 1")
    kinds = [row[0] for row in changes]
    name = {1: "active", 2: "replaced", 3: "cancelled"}[state]
    assert kinds.count(3) == (name == "replaced")
    assert kinds.count(4) == (name == "cancelled")
    documents = query(bank, f"SELECT document FROM dossier WHERE ssin = {to_int(ssin)}")
    told = kinds.count(2)
    assert told == 0 or all(f"Naam {told}" in row[0] and f"Voornaam {told}" in row[0] for row in documents)
    return told, name, replaced_by


@pytest.fixture
def foreigners(bank: Bank, tmp_path: Path) -> Iterator[Ssin]:
    """People with a BIS number: more of them, because each client also replaces and cancels."""
    births = [f"1943-07-{day:02d}" for day in range(1, 1 + 2 * CLIENTS)]
    each = [(birth, counter) for birth in births for counter in range(901, 901 + 2 * SPARE // CLIENTS)]
    load(bank, tmp_path, [person("Herstartvoorbeeld", birth, counter, "bis") for birth, counter in each])
    return iter([number(birth, counter, "bis") for birth, counter in each])


def test_rp_12_rp_13_rp_15_people_are_as_was_acknowledged(
    bank: Bank, tmp_path: Path, foreigners: Iterator[Ssin]
) -> None:
    """PersonService: updated, replaced, cancelled; lines go along in the same transaction or not at all."""
    context = "DEMO:PERSON_REGISTER"

    def step_of(load: Load, chance: random.Random, others: Iterator[Ssin]) -> Callable[[Any], Any]:
        def step(state: tuple[Ssin, People]) -> Any:
            ssin, (told, what, replaced_by) = state
            if what != "active":
                return None, None
            choice = chance.choice(["update"] * 6 + ["replace", "cancel"])
            if choice == "update":
                names = {"lastName": f"Naam {told + 1}", "givenNames": f"Voornaam {told + 1}"}
                return (lambda: load.ask(PERSON, "updatePerson", "onem", context, str, ssin=ssin, **names)), (
                    ssin,
                    (told + 1, what, replaced_by),
                )
            if choice == "cancel":
                return (lambda: load.ask(PERSON, "cancelSsin", "onem", context, str, ssin=ssin)), (
                    ssin,
                    (told, "cancelled", None),
                )
            other = next(others)
            return (lambda: load.ask(PERSON, "replaceSsin", "onem", context, str, ssin=ssin, replacedBy=other)), (
                ssin,
                (told, "replaced", to_int(other)),
            )

        return step

    def begin(load: Load, ssin: Ssin) -> tuple[Ssin, People]:
        """With a line, told until that is acknowledged."""
        while True:
            try:
                load.ask(
                    INSCRIPTION, "insertInscription", "onem", CONTROL, str, ssin=ssin, role="902", begin="2020-01-01"
                )
            except LOST:
                continue
            return ssin, (0, "active", None)

    with Serving(bank, tmp_path / "mortal") as mortal:
        load = Load(mortal)
        tasks = []
        for n in range(CLIENTS):
            mine, others = (list(islice(foreigners, 2 * SPARE // CLIENTS)) for _ in range(2))
            step = step_of(load, random.Random(f"people {n}"), iter(others))
            tasks.append(lambda mine=mine, step=step: load.work(iter(mine), lambda ssin: begin(load, ssin), step))
        run(load, "people", tasks)
    for record in load.records:
        found = state_of(bank, record.ssin)
        assert found in [state for _, state in record.possible], record.ssin
        place = found[2] or to_int(record.ssin)
        assert query(bank, f"SELECT count(*) FROM inscription WHERE ssin = {place}")[0][0] == 1, "its line is with it"
    assert sum(len(record.possible) == 2 for record in load.records) >= 1, "no reply was lost"
