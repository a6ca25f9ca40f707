"""The XML of HandiService: every reply that can be made is valid, every valid request can be read (CT-01)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from handicap_files import PEOPLE, files, whole_file
from kruispunt.pipeline.service import Operation, Outcome, Reply
from kruispunt.services.handi.codes import DATA_FOUND
from kruispunt.services.handi.criteria import AskedPeriod, FileCriteria, RightsCriteria, file_groups
from kruispunt.services.handi.file import DataGroup, Description, HandicapFile, Language
from kruispunt.services.handi.messages import compose_file, read_file, read_rights
from kruispunt.services.handi.service import SERVICE
from kruispunt.services.handi.told import MOST_FILES, at_reference_date, over_period
from kruispunt.xml.schemas import schema
from kruispunt.xml.values import read_boolean, read_date

CONTRACT = schema(SERVICE.folder / "contract" / SERVICE.schema)
TODAY = date(2026, 11, 22)
EVERY = frozenset(g.value for g in DataGroup)
FLAGS = [g for g in DataGroup if g is not DataGroup.PAYMENTS]
CUSTOMER = (
    "<informationCustomer><customerIdentification><cbeNumber>0999999823</cbeNumber></customerIdentification>"
    "</informationCustomer>"
)
CONTEXT = "<legalContext>PCSA:SOCIAL_INQUIRY</legalContext>"
CBSS = (
    "<informationCBSS><ticketCBSS>019a6f5e-7c1b-7e0f-8d3a-5f2b8c9d0e1f</ticketCBSS>"
    "<timestampReceive>2026-11-22T10:00:00.000Z</timestampReceive>"
    "<timestampReply>2026-11-22T10:00:00.001Z</timestampReply></informationCBSS>"
)
STATUS = "<status><value>DATA_FOUND</value><code>MSG00000</code></status>"
FILE, RIGHTS = SERVICE.operations
WANTED = compose_file({"ssin": PEOPLE[0], "referenceDate": "2026-11-22"})
PERIOD = RIGHTS.compose({"ssin": PEOPLE[0], "beginDate": "2024-01-01", "endDate": "2024-12-31"})


def response(operation: Operation, criteria: str, *told: Any) -> etree._Element:
    """What an operation writes, as a tree. Raises when it is not valid."""
    outcome = Outcome(DATA_FOUND, told)
    inner = operation.write(Reply((CUSTOMER, CONTEXT, criteria), CBSS, STATUS, PEOPLE[0], outcome))
    name = f"s:{operation.name}Response"
    text = f'<{name} xmlns:s="{SERVICE.namespace}">{inner}</{name}>'
    tree = etree.fromstring(text)
    assert CONTRACT.check(tree) is None
    alone = etree.tostring(tree, method="c14n", exclusive=True)
    assert alone == text.encode(), "a reply is signed as it is written: it must be canonical"
    return tree


def request(operation: Operation, inner: str) -> etree._Element:
    name = f"s:{operation.name}Request"
    tree = etree.fromstring(f'<{name} xmlns:s="{SERVICE.namespace}">{CUSTOMER}{CONTEXT}{inner}</{name}>')
    assert CONTRACT.check(tree) is None
    return tree


days = st.dates()


@settings(max_examples=200)
@given(files, days, days, days)
def test_every_file_makes_valid_replies_in_canonical_form(file: HandicapFile, day: date, one: date, two: date) -> None:
    period = AskedPeriod(min(one, two), max(one, two))
    criteria = FileCriteria(file.ssin, day, frozenset(FLAGS), period)
    response(FILE, WANTED, at_reference_date(file, criteria, file_groups(criteria))[0])
    for groups in (EVERY, frozenset({"rights"}), frozenset({"payments"})):
        response(RIGHTS, PERIOD, *over_period(file, period, groups)[:MOST_FILES])


def test_a_hundred_files_are_valid_and_one_more_is_not() -> None:
    told = over_period(whole_file(), AskedPeriod(date(2020, 1, 1), date(2020, 12, 31)), EVERY)
    assert len(response(RIGHTS, PERIOD, *told * 50).findall("file")) == 50 * len(told)
    with pytest.raises(AssertionError):
        response(RIGHTS, PERIOD, *told[:1] * 101)


def test_everything_of_a_file_is_told_as_it_is_held() -> None:
    file = whole_file()
    criteria = FileCriteria(file.ssin, TODAY, frozenset(FLAGS), AskedPeriod(date(2020, 1, 1), date(2020, 12, 31)))
    told = response(FILE, WANTED, at_reference_date(file, criteria, EVERY)[0]).find("file")
    assert told is not None
    assert told.findtext("addressHandicappedPerson/lastName") == "Peeters <& Zoon>"
    address = told.find("addressHandicappedPerson/address")
    assert address is not None
    assert address.get("class") == "belgianAddress"
    assert [(n.get("language"), n.text) for n in address.findall("countryName")] == [
        ("NL", "België"),
        ("FR", "Belgique"),
        ("DE", "Belgique"),
    ]
    assert told.findtext("evolutionOfRequest/requestDate") == "2024-02-03"
    assert [c.findtext("cardNumber") for c in told.findall("socialCards")] == ["0000000001"]
    assert [p.findtext("yearMonth") for p in told.findall("payments")] == ["2020-08", "2020-09"]
    assert told.findtext("payments[2]/amount") == "6250000"
    assert told.findtext("rights/monthAmount") == "-0.05"


def test_ha04_texts_go_through_as_the_supplier_has_them() -> None:
    """Neither translated nor filled up; a language that is not told stays untold."""
    file = whole_file()
    assert file.person is not None
    assert file.person.address is not None
    names = (Description("Löwen", Language.DE), Description("Lovanium", None))
    address = replace(file.person.address, city_names=names, street_names=())
    odd = replace(file, person=replace(file.person, address=address))
    criteria = FileCriteria(file.ssin, TODAY, frozenset(FLAGS), None)
    tree = response(FILE, WANTED, at_reference_date(odd, criteria, EVERY - {"payments"})[0])
    assert [(n.get("language"), n.text) for n in tree.iter("cityName")] == [("DE", "Löwen"), (None, "Lovanium")]
    assert not list(tree.iter("streetName"))


def test_spelling_of_the_real_service() -> None:
    """diminuationIndependence and diminuationEarnings, and startDate where others have beginDate."""
    file = whole_file()
    criteria = FileCriteria(file.ssin, date(2020, 7, 1), frozenset(FLAGS), None)
    tree = response(FILE, WANTED, at_reference_date(file, criteria, EVERY - {"payments"})[0])
    assert tree.find("file/handicapRecognition/resultRecognitionAdult/diminuationIndependence/totalPoints") is not None
    assert tree.find("file/handicapRecognition/resultRecognitionAdult/diminuationEarnings") is not None
    assert "<startDate>" in compose_file({"ssin": PEOPLE[0], "paymentsStartDate": "2024-01-01"})
    assert "<beginDate>" in PERIOD


@given(st.sets(st.sampled_from(FLAGS)), st.booleans(), st.booleans(), days, days, days)
def test_a_request_is_read_as_it_was_composed(
    groups: set[DataGroup], moment: bool, paid: bool, day: date, start: date, end: date
) -> None:
    values: dict[str, Any] = {"ssin": PEOPLE[0], **{g.value: g in groups for g in FLAGS}}
    values["referenceDate"] = day.isoformat() if moment else ""
    if paid:
        values |= {"paymentsStartDate": start.isoformat(), "paymentsEndDate": end.isoformat()}
    assert read_file(request(FILE, compose_file(values))) == FileCriteria(
        PEOPLE[0],
        day if moment else None,
        frozenset(groups) if moment else frozenset(),
        AskedPeriod(start, end) if paid else None,
    )
    inner = RIGHTS.compose({"ssin": PEOPLE[0], "beginDate": start.isoformat(), "endDate": end.isoformat()})
    assert read_rights(request(RIGHTS, inner)) == RightsCriteria(PEOPLE[0], AskedPeriod(start, end))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-22", date(2026, 11, 22)),
        ("2026-11-22Z", date(2026, 11, 22)),
        ("2026-11-22+14:00", date(2026, 11, 22)),
        ("0001-01-01", date.min),
        ("-0044-03-15", date.min),
        ("12026-01-01", date.max),
        ("999999-12-31-05:00", date.max),
        ("99999999999999-01-01", date.max),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_every_date_that_the_schema_takes_is_read(text: str, day: date) -> None:
    inner = WANTED.replace("2026-11-22", text)
    criteria = read_file(request(FILE, inner))
    assert criteria.reference_date == read_date(text) == day


@pytest.mark.parametrize("text", ["2023-02-29", "1900-02-29", "2026-04-31", "2026-00-01", "2026-1-1"])
def test_a_day_that_is_in_no_calendar_is_refused_by_the_schema(text: str) -> None:
    """So that reading never meets one."""
    name = "s:consultFileRequest"
    inner = WANTED.replace("2026-11-22", text)
    tree = etree.fromstring(f'<{name} xmlns:s="{SERVICE.namespace}">{CUSTOMER}{CONTEXT}{inner}</{name}>')
    assert "referenceDate" in str(CONTRACT.check(tree))


def test_white_space_around_a_date_is_no_part_of_it() -> None:
    assert read_date(" 2026-11-22\n") == date(2026, 11, 22)


@pytest.mark.parametrize("text", ["", "2026-13", "tomorrow", "2026-11-22T00:00:00", "+2026-11-22"])
def test_what_is_no_date_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="xsd:date"):
        read_date(text)


@pytest.mark.parametrize(("text", "value"), [("true", True), (" 1\t", True), ("false", False), ("0", False)])
def test_booleans(text: str, value: bool) -> None:
    assert read_boolean(text) is value


def test_legal_contexts_of_every_edition_are_accepted() -> None:
    """CT-01: the type is open, whatever an edition enumerates."""
    for context in ("assitance to individuals", "sickness fund - compulsory healthcare", "VSB:TABH", "THAB", "X"):
        tree = request(FILE, WANTED)
        tree.find("legalContext").text = context
        assert (CONTRACT.check(tree) is None) is (len(context) > 1)
