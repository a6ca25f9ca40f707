"""Who a number stands for and whether the client may consult the person (PL-20 to PL-22, SS-07)."""

import io
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from told import load_lines

from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Kind, Ssin
from kruispunt.periods import ALWAYS, Period
from kruispunt.registers.importing import import_people
from kruispunt.registers.people import Register, State
from kruispunt.repertory.importing import import_lines
from kruispunt.repertory.integration import FIND_PERSON, FIND_SUBJECT, Subject, find_person, find_subject
from kruispunt.repertory.lines import Key
from kruispunt.storage.database import Database

Ask = Callable[[Callable[[Database], Awaitable[Any]]], Any]

TODAY = date(2025, 6, 15)
ONEM = organisation.parse("0206737484")
ACTIVE_FILE = Period.day(TODAY)
CODES = ("902", "1", "4")
PAST = Period.days(date(2020, 1, 1), date(2020, 12, 31))
PRESENT = Period.days(date(2020, 1, 1), None)


def number(day: int, counter: int = 900) -> Ssin:
    return ssins.compute(date(1943, 1, day), counter, test_band=True)


def load(ask: Ask, *lines: dict[str, object]) -> None:
    text = "".join(json.dumps({"register": "national", **each}) + "\n" for each in lines)

    async def question(database: Database) -> None:
        report = await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
        assert report.refused == []

    ask(question)


def known_to(ask: Ask, ssin: Ssin, period: Period, code: str = "902", organisation_key: str = ONEM) -> None:
    key = Key(ssin, organisation.parse(organisation_key), code)
    ask(lambda database: load_lines(database, cbe.CBSS, [(key, period)]))


def asked(
    ask: Ask,
    ssin: Ssin,
    *,
    known_as: tuple[str, ...] | None = CODES,
    during: Period = ACTIVE_FILE,
    by: str = ONEM,
) -> Subject | None:
    answer = ask(lambda database: find_subject(database, ssin, by, known_as, during))
    assert answer is None or isinstance(answer, Subject)
    return answer


def integrated(ask: Ask, ssin: Ssin, **how: Any) -> bool:
    subject = asked(ask, ssin, **how)
    assert subject is not None
    return subject.integrated


def test_ss_07_a_number_that_no_register_knows_is_nobody(ask: Ask) -> None:
    known_to(ask, number(1), PRESENT)
    assert asked(ask, number(1)) is None
    assert ask(lambda database: find_person(database, number(1))) is None


def test_ss_07_active_replaced_and_cancelled(ask: Ask) -> None:
    active, replaced, cancelled = (number(2, 900 + n) for n in range(3))
    bis = ssins.compute(date(1943, 1, 2), 900, kind=Kind.BIS)
    load(
        ask,
        {"ssin": active, "register": "rad"},
        {"ssin": replaced, "replacedBy": bis},
        {"ssin": bis, "register": "bis"},
        {"ssin": cancelled, "cancelled": True},
    )
    expected = {
        active: Subject(State.ACTIVE, Register.RAD, active, Register.RAD, integrated=False),
        replaced: Subject(State.REPLACED, Register.NATIONAL, bis, Register.BIS, integrated=False),
        cancelled: Subject(State.CANCELLED, Register.NATIONAL, None, None, integrated=False),
    }
    for each, subject in expected.items():
        assert asked(ask, each) == subject
        assert ask(lambda database, ssin=each: find_person(database, ssin)) == subject


def test_pl_20_active_file_asks_for_a_line_that_holds_today(ask: Ask) -> None:
    present, past, until_today, from_tomorrow = people = [number(3, 900 + n) for n in range(4)]
    load(ask, *({"ssin": each} for each in people))
    known_to(ask, present, PRESENT)
    known_to(ask, past, Period.days(date(2020, 1, 1), TODAY - timedelta(days=1)))
    known_to(ask, until_today, Period.days(date(2020, 1, 1), TODAY))
    known_to(ask, from_tomorrow, Period.days(TODAY + timedelta(days=1), None))
    assert [integrated(ask, each) for each in people] == [True, False, True, False]
    assert [integrated(ask, each, during=ALWAYS) for each in people] == [True] * 4


def test_pl_20_over_the_period_asked(ask: Ask) -> None:
    ssin = number(4)
    load(ask, {"ssin": ssin})
    known_to(ask, ssin, PAST)
    for during, expected in [
        (Period.days(date(2019, 1, 1), date(2019, 12, 31)), False),
        (Period.days(date(2019, 1, 1), date(2020, 1, 1)), True),
        (Period.days(date(2020, 5, 1), date(2020, 5, 1)), True),
        (Period.days(date(2020, 12, 31), None), True),
        (Period.days(date(2021, 1, 1), None), False),
        (Period.days(None, date(2019, 12, 31)), False),
        (Period.days(None, date(2020, 1, 1)), True),
    ]:
        assert integrated(ask, ssin, during=during) is expected


def test_pl_21_quality_codes_and_organisations_count(ask: Ask) -> None:
    ssin = number(5)
    load(ask, {"ssin": ssin})
    known_to(ask, ssin, PRESENT, code="7")
    known_to(ask, ssin, PRESENT, code="902", organisation_key="18/2")
    assert not integrated(ask, ssin)
    assert not integrated(ask, ssin, known_as=())
    assert integrated(ask, ssin, known_as=None)
    assert integrated(ask, ssin, known_as=("1", "7"))
    assert integrated(ask, ssin, by="18/2")
    assert not integrated(ask, ssin, by="18/0", known_as=None, during=ALWAYS)


def test_pl_20_lines_of_other_registers_do_not_count(ask: Ask) -> None:
    ssin = number(6)
    load(ask, {"ssin": ssin})
    key = Key(ssin, ONEM, "902")
    ask(lambda database: load_lines(database, cbe.compute(2_067_374), [(key, PRESENT)]))
    assert not integrated(ask, ssin, known_as=None, during=ALWAYS)


def test_pl_22_lines_under_every_number_of_the_chain_count(ask: Ask) -> None:
    first, second, final, stranger = chain = [number(7, 900 + n) for n in range(4)]
    load(
        ask,
        {"ssin": first, "replacedBy": second},
        {"ssin": second, "replacedBy": final},
        {"ssin": final},
        {"ssin": stranger},
    )
    assert [integrated(ask, each) for each in chain] == [False] * 4
    known_to(ask, first, PRESENT)
    assert [integrated(ask, each) for each in chain] == [True, True, True, False]
    assert [integrated(ask, each, known_as=("1",)) for each in chain] == [False] * 4


def test_pl_22_a_line_under_the_final_number_counts_for_those_before(ask: Ask) -> None:
    first, final = chain = [number(8, 900 + n) for n in range(2)]
    load(ask, {"ssin": first, "replacedBy": final}, {"ssin": final})
    known_to(ask, final, PRESENT)
    assert [integrated(ask, each) for each in chain] == [True, True]


def test_ss_07_a_cancelled_number_is_never_integrated(ask: Ask) -> None:
    cancelled, lost, unknown = people = [number(9, 900 + n) for n in range(3)]
    load(ask, {"ssin": cancelled, "cancelled": True}, {"ssin": lost, "replacedBy": unknown})
    for each in people:
        known_to(ask, each, PRESENT)
    assert not integrated(ask, cancelled, known_as=None, during=ALWAYS)
    assert not integrated(ask, lost, known_as=None, during=ALWAYS)


CROWD = 20_000


@pytest.fixture(scope="module")
def crowd() -> list[Ssin]:
    """Numbers of a day each, far from those of the tests; every tenth is replaced by the next."""
    return [
        ssins.compute(date(1960, 1, 1) + timedelta(days=n // 99), 900 + n % 99, test_band=True) for n in range(CROWD)
    ]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("codes", [r"E'902\n1\n4'", "NULL"])
def test_the_question_finds_its_rows_by_index_however_many_there_are(ask: Ask, crowd: list[Ssin], codes: str) -> None:
    replaced = crowd[0]

    async def question(database: Database) -> list[dict[str, Any]]:
        people = "".join(
            json.dumps({"ssin": a, "register": "national", "replacedBy": b if n % 10 == 0 else None}) + "\n"
            for n, (a, b) in enumerate(zip(crowd, [*crowd[1:], None], strict=True))
        )
        lines = "".join(
            json.dumps({"organisation": ONEM, "ssin": each, "dossierType": "902", "begin": "2020-01-01"}) + "\n"
            for each in crowd
        )
        await import_people(database, io.BytesIO(people.encode()), today=TODAY, test_band=True)
        await import_lines(database, io.BytesIO(lines.encode()), today=TODAY, test_band=True)
        async with database.connection() as connection, connection.transaction():
            await connection.execute("ANALYZE person")
            await connection.execute("ANALYZE inscription")
            await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            await connection.execute(f"PREPARE person_only (bigint[]) AS {FIND_PERSON}")
            await connection.execute(f"PREPARE subject (bigint[], text[], text[], date[], date[]) AS {FIND_SUBJECT}")
            plans = []
            for statement in (
                f"person_only('{{{replaced}}}')",
                f"subject('{{{replaced}}}', '{{{ONEM}}}', array[{codes}], '{{2025-06-15}}', '{{2025-06-16}}')",
                f"subject('{{{replaced}}}', '{{nobody}}', array[{codes}], '{{NULL}}', '{{NULL}}')",
            ):
                text = await connection.fetchval(
                    f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {statement}"
                )
                plans.append(json.loads(text)[0]["Plan"])
            await connection.execute("DEALLOCATE person_only")
            await connection.execute("DEALLOCATE subject")
            return plans

    for plan in ask(question):
        kinds = {node["Node Type"] for node in nodes(plan)}
        assert not {kind for kind in kinds if "Seq Scan" in kind}
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 40
        assert plan["Actual Rows"] == 1
