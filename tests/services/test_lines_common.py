"""What the services that write lines share: days, roles, outcomes, and what counts against probing (RP-02, PL-16)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from lxml import etree

from kruispunt.access.model import Registration
from kruispunt.clock import BELGIUM
from kruispunt.errors import InvalidRequest
from kruispunt.identifiers.ssin import Sex, Ssin
from kruispunt.periods import ALWAYS, Period
from kruispunt.pipeline.service import Outcome, StatusValue, ok_or_nok
from kruispunt.pipeline.steps.limit_volume import note_probing
from kruispunt.repertory import register
from kruispunt.repertory.identification import Field
from kruispunt.repertory.lines import NO_ORGANISATION
from kruispunt.repertory.writing import Verdict
from kruispunt.services._common.days import Days, period_of, read_day, read_days, read_moment, write_period
from kruispunt.services._common.inscription_xml import compose, read, write_number
from kruispunt.services._common.line_codes import DONE, LINE_CODES, NO_LINE, code_of, information_of, tells
from kruispunt.services._common.organisations import read_organisation, write_organisation
from kruispunt.services.register.asked import ToldLine
from kruispunt.services.register.handler import _outcome

NUMBER = "85673003360"


def xml(text: str) -> etree._Element:
    return etree.fromstring(text)


@pytest.mark.parametrize("text", ["2012-05-24", "2012-05-24+02:00", " 2012-05-24Z ", "2012-05-24-11:00"])
def test_a_day_is_the_one_that_is_written(text: str) -> None:
    assert read_day(text, "x") == date(2012, 5, 24)


@pytest.mark.parametrize("text", ["10000-01-01", "-0001-01-01", "0000-01-01", "2023-02-29"])
def test_a_day_that_no_calendar_here_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_day(text, "x")


def test_a_number_has_as_many_zeros_before_it_as_the_client_likes() -> None:
    """The schema admits them, and Python reads no number of thousands of digits."""
    zeros = "+" + "0" * 5_000
    asked = read(
        xml(
            f"<r><inscription><ssin>{NUMBER}</ssin><organization><sector> {zeros}18</sector><institution>{zeros}"
            f"</institution></organization><qualityCode>{zeros}902\n</qualityCode>"
            f"<identification><gender>{zeros}2</gender></identification></inscription></r>"
        ),
        "inscription",
    )
    assert (asked.organisation, asked.kind) == ("18/0", "902")
    assert asked.identification is not None
    assert asked.identification.sex is Sex.FEMALE


def test_a_moment_without_a_zone_is_belgian() -> None:
    assert read_moment("2026-07-01T12:00:00", "asOf") == datetime(2026, 7, 1, 12, tzinfo=BELGIUM)
    assert read_moment("2026-07-01T12:00:00.5-03:00", "asOf") == datetime(
        2026, 7, 1, 12, 0, 0, 500_000, timezone(timedelta(hours=-3))
    )
    assert read_moment("2026-07-01T10:00:00Z", "asOf") == datetime(2026, 7, 1, 10, tzinfo=UTC)


def test_ct01_the_end_of_a_day_is_the_beginning_of_the_next() -> None:
    assert read_moment("\n2026-02-28T24:00:00.000Z ", "asOf") == datetime(2026, 3, 1, tzinfo=UTC)
    assert read_moment("2026-12-31T24:00:00", "asOf") == datetime(2027, 1, 1, tzinfo=BELGIUM)
    with pytest.raises(InvalidRequest):
        read_moment("9999-12-31T24:00:00Z", "asOf")


def test_rp01_both_ends_of_a_period_belong_to_it() -> None:
    days = read_days(xml("<a><period><beginDate>2026-01-01</beginDate><endDate>2026-01-01</endDate></period></a>"))
    assert days is not None
    assert period_of(days) == Period.day(date(2026, 1, 1))
    assert period_of(Days(date(2026, 1, 2), date(2026, 1, 1))) is None
    assert period_of(None) == ALWAYS
    assert write_period(ALWAYS) == "<period><beginDate>0001-01-01</beginDate></period>"


@pytest.mark.parametrize(
    ("role", "element"),
    [
        ("902", "<qualityCode>902</qualityCode>"),
        ("0", "<qualityCode>0</qualityCode>"),
        ("001", "<inscriptionContext>001</inscriptionContext>"),
        ("1000", "<inscriptionContext>1000</inscriptionContext>"),
        ("NEO:RECORD-1", "<inscriptionContext>NEO:RECORD-1</inscriptionContext>"),
    ],
)
def test_a_dossier_type_goes_out_and_comes_in_as_the_same(role: str, element: str) -> None:
    written = compose("inscription", {"ssin": NUMBER, "role": role, "begin": "2026-01-01"})
    assert element in written
    assert read(xml(f"<r>{written}</r>"), "inscription").kind == role


def test_a_quality_code_is_a_number_however_it_is_written() -> None:
    asked = read(xml(f"<r><criteria><ssin>{NUMBER}</ssin><qualityCode> +001 </qualityCode></criteria></r>"), "criteria")
    assert asked.kind == "1"


@pytest.mark.parametrize("key", ["0206737484", "18/0", "999/999"])
def test_an_organisation_goes_out_and_comes_in_as_the_same(key: str) -> None:
    assert read_organisation(xml(f"<line>{write_organisation(key)}</line>")) == key


def test_rp02_the_reply_tells_the_number_that_is_used_instead() -> None:
    other = Ssin("85673003459")
    assert write_number(NUMBER, other) == f'<ssin replacedBy="{other}">{NUMBER}</ssin>'
    assert write_number(NUMBER, Ssin(NUMBER)) == write_number(NUMBER, None) == f"<ssin>{NUMBER}</ssin>"


def test_every_verdict_has_a_code_and_a_repetition_is_answered_as_the_first_time() -> None:
    codes = {verdict: code_of(register.Outcome(verdict)) for verdict in Verdict}
    assert codes[Verdict.DONE] is codes[Verdict.UNCHANGED] is DONE
    assert set(codes.values()) <= {*LINE_CODES, NO_LINE}
    assert {v for v, code in codes.items() if ok_or_nok(code.value) == "OK"} == {v for v in Verdict if v.accepted}
    assert ok_or_nok(StatusValue.NO_DATA_FOUND) == "OK"


def test_rp02_all_fields_that_differ_are_named_and_no_value() -> None:
    told = register.Outcome(Verdict.IDENTIFICATION_DIFFERS, Ssin(NUMBER), differing=tuple(Field))
    assert information_of(told) == tuple(("differs", name) for name in ("lastName", "firstName", "birthDate", "gender"))


def test_pl16_each_line_that_answers_a_guess_counts() -> None:
    """A thousand guesses in one request are a thousand guesses: at numbers, or at who a number is."""
    verdicts = [Verdict.SSIN_UNKNOWN] * 2 + [Verdict.SSIN_CANCELLED, Verdict.SSIN_INVALID]
    verdicts += [Verdict.IDENTIFICATION_DIFFERS, Verdict.DONE]
    assert [tells(register.Outcome(v)) for v in verdicts] == [True] * 5 + [False]
    lines = [ToldLine(NUMBER, NO_ORGANISATION, "902", None) for _ in verdicts]
    outcome = _outcome(lines, range(len(verdicts)), [register.Outcome(v) for v in verdicts])
    assert outcome.refused_numbers == 5
    assert noted(outcome) == 5
    assert noted(Outcome(DONE)) == 0


def noted(outcome: Outcome) -> int:
    """How many probes an exchange with that outcome counts as."""
    urns: list[str] = []

    class Probing:
        def refused(self, urn: str) -> None:
            urns.append(urn)

    class Exchange:
        requests: tuple[()] = ()
        refusal = None
        registration = Registration("urn:x", "", "", frozenset(), frozenset())

    class Platform:
        probing = Probing()

    exchange = cast("Any", Exchange())
    exchange.outcome = outcome
    note_probing(exchange, cast("Any", Platform()))
    return len(urns)
