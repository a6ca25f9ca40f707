"""What ForeignerSituationService decides: codes, checks and handlers, with a register in memory."""

from __future__ import annotations

import ast
import asyncio
from datetime import date
from pathlib import Path

import pytest

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.service import Call, Outcome, StatusValue
from kruispunt.services.foreigner_situation import handler
from kruispunt.services.foreigner_situation.codes import CODES, DATA_FOUND, NO_DATA_FOUND
from kruispunt.services.foreigner_situation.service import SERVICE
from kruispunt.services.foreigner_situation.situation import (
    Employment,
    EmploymentCard,
    EmploymentCriteria,
    Expiration,
    FictionalNumber,
    Limosa,
    SpecialInfo,
    WorkPermit,
)

PERSON = Ssin("85673003360")
SPOUSE = Ssin("85073003328")
CARD = EmploymentCard("2019-07-00", None, None, "EC", Expiration("9999-00-00", None))
PERMIT = WorkPermit("2019-07-01", None, "WP", Expiration(None, None))


class Held:
    """A ForeignerRegister that holds one person's situation."""

    def __init__(self, employment: Employment, infos: tuple[SpecialInfo, ...] = ()) -> None:
        self._employment = employment
        self._infos = infos
        self.asked: list[tuple[Ssin, bool, bool]] = []

    async def employment(self, ssin: Ssin, cards: bool, permits: bool) -> Employment:
        self.asked.append((ssin, cards, permits))
        return Employment(self._employment.cards if cards else (), self._employment.permits if permits else ())

    async def special_infos(self, ssin: Ssin) -> tuple[SpecialInfo, ...]:
        return self._infos


def consult(name: str, register: Held, *groups: str) -> Outcome:
    operation = SERVICE.operation(name)
    assert operation is not None
    assert operation.handle is not None
    call = Call(None, PERSON, frozenset(groups), date(2026, 11, 22), "CN=test")
    return asyncio.run(_await(operation.handle, call, register))


async def _await(handle: object, call: Call, register: Held) -> Outcome:
    return await handle(call, register)  # type: ignore[operator, no-any-return]


def info(base: Ssin | FictionalNumber | None) -> SpecialInfo:
    return SpecialInfo("2020-01-01", None, None, None, Limosa("01010301", None, base))


@pytest.mark.parametrize(
    ("groups", "asked"),
    [
        (("employmentCards", "workPermits"), (True, True)),
        (("employmentCards",), (True, False)),
        (("workPermits",), (False, True)),
    ],
)
def test_fs02_the_register_is_asked_once_for_the_groups_asked(
    groups: tuple[str, ...], asked: tuple[bool, bool]
) -> None:
    register = Held(Employment((CARD,), (PERMIT,)))
    outcome = consult("consultEmploymentInfos", register, *groups)
    assert register.asked == [(PERSON, *asked)]
    assert outcome.code is DATA_FOUND
    assert outcome.result == Employment((CARD,) if asked[0] else (), (PERMIT,) if asked[1] else ())


def test_fs09_nothing_in_the_groups_asked_is_no_data_found() -> None:
    outcome = consult("consultEmploymentInfos", Held(Employment((CARD,))), "workPermits")
    assert outcome == Outcome(NO_DATA_FOUND)
    assert consult("consultSpecialInfos", Held(Employment())) == Outcome(NO_DATA_FOUND)


def test_pl30_every_base_number_counts_as_a_subject_once() -> None:
    infos = (info(SPOUSE), info(FictionalNumber("F-1")), info(None), info(SPOUSE))
    outcome = consult("consultSpecialInfos", Held(Employment(), infos))
    assert outcome.code is DATA_FOUND
    assert outcome.result == infos
    assert outcome.subjects == (SPOUSE,)


def test_fs01_nothing_asked_is_refused() -> None:
    with pytest.raises(BusinessRefusal) as refusal:
        handler.check_employment(EmploymentCriteria(PERSON, False, False))
    assert refusal.value.business_rule is Rule.NOTHING_ASKED
    assert SERVICE.code_for(Rule.NOTHING_ASKED).code == "MSG00040"
    handler.check_employment(EmploymentCriteria(PERSON, False, True))
    handler.check_employment(EmploymentCriteria(PERSON, True, False))


def test_fs01_data_groups_are_those_that_are_true() -> None:
    assert handler.employment_groups(EmploymentCriteria(PERSON, True, False)) == {"employmentCards"}
    assert handler.employment_groups(EmploymentCriteria(PERSON, True, True)) == {
        "employmentCards",
        "workPermits",
    }
    special = SERVICE.operation("consultSpecialInfos")
    assert special is not None
    assert special.data_groups(None) == {"specialInfos"}


def test_fs06_no_operation_takes_a_bis_number() -> None:
    assert not any(operation.bis_allowed for operation in SERVICE.operations)


def test_fs09_the_codes_are_those_of_the_source_and_one_of_ours() -> None:
    by_value = {value: {c.code for c in CODES if c.value is value} for value in StatusValue}
    assert by_value == {
        StatusValue.DATA_FOUND: {"MSG00000"},
        StatusValue.NO_DATA_FOUND: {"MSG00100"},
        StatusValue.NO_RESULT: {
            *("MSG00005", "MSG00007", "MSG00011", "MSG00012", "MSG00013", "MSG00014", "MSG00040"),
            *("REG00004", "REG00101"),
        },
    }
    assert len(CODES) == len({c.code for c in CODES})
    assert [c.code for c in CODES if c.source == "ours"] == ["MSG00040"]
    assert all(c.remedy for c in CODES if c.value is StatusValue.NO_RESULT)
    assert all(c.text and len(c.text) <= 256 and c.source for c in CODES)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule.ORGANISATION, "MSG00014"),
        (Rule.LEGAL_CONTEXT, "MSG00013"),
        (Rule.DATA_GROUP, "REG00101"),
        (Rule.NOTHING_ASKED, "MSG00040"),
        (Rule.SSIN_STRUCTURE, "MSG00011"),
        (Rule.SSIN_BIS, "REG00004"),
        (Rule.SSIN_UNKNOWN, "MSG00005"),
        (Rule.SSIN_CANCELLED, "MSG00007"),
        (Rule.NOT_INTEGRATED, "MSG00012"),
    ],
)
def test_fs09_every_rule_that_can_refuse_has_its_code(rule: Rule, code: str) -> None:
    assert SERVICE.code_for(rule).code == code


def test_fs06_a_replaced_number_is_followed_so_no_code_refuses_it() -> None:
    assert not any(c.rule is Rule.SSIN_REPLACED for c in CODES)


def test_the_readme_tells_every_code() -> None:
    readme = (SERVICE.folder / "README.md").read_text(encoding="utf-8")
    assert [c.code for c in CODES if f"| {c.code} |" not in readme] == []


@pytest.mark.parametrize("service_folder", sorted(SERVICE.folder.parent.glob("[!_]*/handler.py")), ids=str)
def test_a_handler_imports_no_xml_no_driver_and_no_clock(service_folder: Path) -> None:
    tree = ast.parse(service_folder.read_text(encoding="utf-8"))
    modules = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    forbidden = (
        "lxml",
        "asyncpg",
        "psycopg",
        "kruispunt.storage",
        "kruispunt.clock",
        "kruispunt.xml",
        "time",
    )
    assert not [m for m in modules if m.startswith(forbidden)]
