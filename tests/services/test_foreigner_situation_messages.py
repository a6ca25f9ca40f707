"""FS-01 to FS-05 on paper: every request composed and every reply written is valid and canonical."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.service import Operation, Outcome, Reply
from kruispunt.services.foreigner_situation import messages
from kruispunt.services.foreigner_situation.codes import CODES, DATA_FOUND
from kruispunt.services.foreigner_situation.reasons import REASONS
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
from kruispunt.xml.build import element, is_carriable, wrap
from kruispunt.xml.schemas import schema

SCHEMA = schema(SERVICE.folder / "contract" / SERVICE.schema)
NUMBER = Ssin("85673003360")
CUSTOMER = (
    "<informationCustomer><customerIdentification><cbeNumber>0206737484</cbeNumber></customerIdentification>"
    "</informationCustomer>"
)
CBSS = (
    "<informationCBSS><ticketCBSS>0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b</ticketCBSS>"
    "<timestampReceive>2026-11-22T08:00:00.000Z</timestampReceive>"
    "<timestampReply>2026-11-22T08:00:00.004Z</timestampReply></informationCBSS>"
)
LEGAL_CONTEXT = "<legalContext>NEO:UNEMPLOYMENT</legalContext>"

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40).filter(is_carriable)
TEXT |= st.text(st.sampled_from("&<>\r\n\"']"), max_size=10)
DATE = st.from_regex(r"[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]", fullmatch=True, alphabet=st.characters(codec="ascii"))
WIDE_DATE = DATE | st.just("9999-00-00")
EXPIRATION = st.builds(Expiration, st.none() | WIDE_DATE, st.none() | TEXT)
CARD = st.builds(EmploymentCard, DATE, st.none() | DATE, st.none() | TEXT, TEXT, EXPIRATION)
PERMIT = st.builds(WorkPermit, DATE, st.none() | DATE, TEXT, EXPIRATION)
CODE = st.sampled_from(sorted(REASONS)) | TEXT
BASE = st.none() | st.just(NUMBER) | st.builds(FictionalNumber, TEXT)
INFO = st.builds(
    SpecialInfo,
    DATE,
    st.none() | DATE,
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | st.builds(Limosa, CODE, st.none() | CODE, BASE),
)
EMPLOYMENT = st.builds(Employment, st.lists(CARD, max_size=3).map(tuple), st.lists(PERMIT, max_size=3).map(tuple))


def operation(name: str) -> Operation:
    found = SERVICE.operation(name)
    assert found is not None
    return found


def request(name: str, values: dict[str, Any]) -> str:
    inner = CUSTOMER + LEGAL_CONTEXT + operation(name).compose(values)
    return f'<f:{name}Request xmlns:f="{SERVICE.namespace}">{inner}</f:{name}Request>'


def written(name: str, result: Any, *, outcome: bool = True, code: int = 0) -> str:
    criteria = operation(name).compose({"ssin": "85073003328"})
    chosen = CODES[code]
    status = wrap(
        "status",
        element("value", chosen.value.value) + element("code", chosen.code) + element("description", chosen.text),
    )
    reply = Reply(
        (CUSTOMER, LEGAL_CONTEXT, criteria),
        CBSS,
        status,
        NUMBER if outcome else None,
        Outcome(DATA_FOUND, result) if outcome else None,
    )
    inner = operation(name).write(reply)
    return f'<f:{name}Response xmlns:f="{SERVICE.namespace}">{inner}</f:{name}Response>'


def canonical(xml: str) -> str:
    return etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True, with_comments=False).decode()


@given(st.booleans(), st.booleans())
def test_fs01_what_is_composed_is_valid_and_read_back(cards: bool, permits: bool) -> None:
    xml = request("consultEmploymentInfos", {"ssin": NUMBER, "employmentCards": cards, "workPermits": permits})
    root = etree.fromstring(xml)
    assert SCHEMA.check(root) is None
    assert canonical(xml) == xml
    assert messages.read_employment(root) == EmploymentCriteria(NUMBER, cards, permits)


def test_fs04_what_is_composed_is_valid_and_read_back() -> None:
    xml = request("consultSpecialInfos", {"ssin": NUMBER})
    root = etree.fromstring(xml)
    assert SCHEMA.check(root) is None
    assert canonical(xml) == xml
    assert messages.read_special(root).ssin == NUMBER


@pytest.mark.parametrize(("written_as", "meant"), [("1", True), ("0", False), (" true\n", True), ("false", False)])
def test_fs01_every_form_of_a_boolean_is_read(written_as: str, meant: bool) -> None:
    xml = request("consultEmploymentInfos", {"ssin": NUMBER, "workPermits": False})
    root = etree.fromstring(xml.replace("<employmentCards>true<", f"<employmentCards>{written_as}<"))
    assert SCHEMA.check(root) is None
    assert messages.read_employment(root).employment_cards is meant


def test_ct03_a_request_may_name_its_types() -> None:
    typed = request("consultEmploymentInfos", {"ssin": NUMBER})
    typed = typed.replace(
        "<f:consultEmploymentInfosRequest ",
        '<f:consultEmploymentInfosRequest xmlns:t="http://kszbcss.fgov.be/types/ForeignerSituation/v1" '
        'xmlns:c="http://kszbcss.fgov.be/types/common/v3" '
        'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" '
        'i:type="t:ConsultEmploymentInfosRequestType" ',
    )
    for name, kind in [
        ("informationCustomer", "c:InformationCustomerType"),
        ("customerIdentification", "c:OrganizationIdentificationType"),
        ("cbeNumber", "c:CbeNumberType"),
        ("legalContext", "c:LegalContextType"),
        ("criteria", "t:EmploymentInfosCriteriaType"),
        ("ssin", "c:SsinType"),
        ("dataGroups", "t:DataGroupsType"),
    ]:
        typed = typed.replace(f"<{name}>", f'<{name} i:type="{kind}">')
    assert SCHEMA.check(etree.fromstring(typed)) is None


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("<ssin>85673003360</ssin>", ""),
        ("85673003360", "8567300336"),
        ("<workPermits>true</workPermits>", ""),
        ("<cbeNumber>0206737484</cbeNumber>", "<cbeNumber>0206737484</cbeNumber><sector>18</sector>"),
        (LEGAL_CONTEXT, ""),
        ("<criteria>", '<criteria a="b">'),
    ],
)
def test_a_request_that_breaks_the_contract_is_refused(part: str, instead: str) -> None:
    xml = request("consultEmploymentInfos", {"ssin": NUMBER})
    assert part in xml
    assert SCHEMA.check(etree.fromstring(xml.replace(part, instead))) is not None


@given(EMPLOYMENT)
def test_fs02_every_reply_with_cards_and_permits_is_valid_and_canonical(employment: Employment) -> None:
    xml = written("consultEmploymentInfos", employment)
    assert SCHEMA.check(etree.fromstring(xml)) is None
    assert canonical(xml) == xml


@given(st.lists(INFO, max_size=3).map(tuple))
def test_fs04_every_reply_with_special_infos_is_valid_and_canonical(infos: tuple[SpecialInfo, ...]) -> None:
    xml = written("consultSpecialInfos", infos)
    assert SCHEMA.check(etree.fromstring(xml)) is None
    assert canonical(xml) == xml


@pytest.mark.parametrize("name", ["consultEmploymentInfos", "consultSpecialInfos"])
@pytest.mark.parametrize("code", range(len(CODES)), ids=[code.code for code in CODES])
def test_fs09_a_reply_without_a_result_is_valid_under_every_code(name: str, code: int) -> None:
    for outcome in (True, False):
        root = etree.fromstring(written(name, None, outcome=outcome, code=code))
        assert SCHEMA.check(root) is None
        assert (root.find("ssin") is not None) == outcome
        assert root.find("result") is None


def test_pl11_the_order_of_a_reply_is_that_of_the_house() -> None:
    root = etree.fromstring(written("consultSpecialInfos", (SpecialInfo("2020-01-01", None, None, None, None),)))
    assert [child.tag for child in root] == [
        "informationCustomer",
        "informationCBSS",
        "legalContext",
        "criteria",
        "status",
        "ssin",
        "result",
    ]


def test_fs02_the_fields_stand_in_the_order_of_the_source() -> None:
    details = Expiration("9999-00-00", "c")
    employment = Employment(
        (EmploymentCard("2019-07-00", "2020-01-01", "1", "EC", details),),
        (WorkPermit("2019-07-01", None, "WP", Expiration(None, None)),),
    )
    told = written("consultEmploymentInfos", employment).rpartition("</ssin>")[2]
    assert told == (
        "<result><employmentCards><employmentCard><inceptionDate>2019-07-00</inceptionDate>"
        "<expiryDate>2020-01-01</expiryDate><duplicate>1</duplicate><cardNumber>EC</cardNumber>"
        "<expirationDetails><expiryDate>9999-00-00</expiryDate><comment>c</comment></expirationDetails>"
        "</employmentCard></employmentCards><workPermits><workPermit><inceptionDate>2019-07-01</inceptionDate>"
        "<permitNumber>WP</permitNumber><expirationDetails></expirationDetails></workPermit></workPermits></result>"
        "</f:consultEmploymentInfosResponse>"
    )


def test_fs04_reasons_and_base_number_are_written_as_the_source_tells() -> None:
    info = SpecialInfo("2019-02-10", None, "a", "b", Limosa("01010301", "99", FictionalNumber("F-1")))
    told = written("consultSpecialInfos", (info,)).rpartition("</ssin>")[2]
    assert told == (
        "<result><specialInfos><specialInfo><inceptionDate>2019-02-10</inceptionDate><comment1>a</comment1>"
        "<comment2>b</comment2><limosa><reason1><code>01010301</code>"
        '<description language="NL">Gezinshereniging met een Belg - Echtgenoot/partner</description>'
        '<description language="FR">Regroupement familial avec un Belge - Epoux/partenaire</description>'
        "</reason1>"
        "<reason2><code>99</code></reason2>"
        "<nrBase><fictionalIdentificationNumber>F-1</fictionalIdentificationNumber></nrBase>"
        "</limosa></specialInfo></specialInfos></result></f:consultSpecialInfosResponse>"
    )


def test_fs05_the_list_is_whole_and_fits_the_schema() -> None:
    assert len(REASONS) == 27
    assert (min(REASONS), max(REASONS)) == ("01000000", "01010700")
    assert [code for code, reason in REASONS.items() if reason.french is None] == ["01010700"]
    texts = [text for reason in REASONS.values() for text in (reason.dutch, reason.french) if text is not None]
    assert max(map(len, texts)) <= 100
    assert not any(slip in text for text in texts for slip in (" hercheur", "Ascendent", "Descendent", "/Partenaire"))


def test_fs03_the_wide_date_is_for_expiration_only() -> None:
    xml = written(
        "consultEmploymentInfos",
        Employment((EmploymentCard("9999-00-00", None, None, "1", Expiration(None, None)),)),
    )
    assert SCHEMA.check(etree.fromstring(xml)) is not None


@pytest.mark.parametrize("name", ["consultEmploymentInfos", "consultSpecialInfos"])
def test_pl26_a_fault_of_each_operation_is_valid(name: str) -> None:
    detail = (
        "<detail><severity>FATAL</severity><reasonCode>MSG00003</reasonCode>"
        "<diagnostic>Internal error</diagnostic>"
        "<authorCode>CBSS</authorCode></detail>"
    )
    xml = f'<f:{name}Fault xmlns:f="{SERVICE.namespace}">{CBSS}{detail}</f:{name}Fault>'
    assert SCHEMA.check(etree.fromstring(xml)) is None
