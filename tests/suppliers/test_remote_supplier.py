"""A supplier elsewhere, over real mutual TLS, in a process of its own, that answers in every way (PL-35)."""

from __future__ import annotations

import pytest
from worker_line import CARD, PERMIT, SSIN, Line, failure, run, signed

from kruispunt.errors import SupplierFailureKind
from kruispunt.identifiers.ssin import Ssin
from kruispunt.services.foreigner_situation.situation import (
    Employment,
    FictionalNumber,
    Limosa,
    SpecialInfo,
)
from kruispunt.suppliers.failure import Reason, RemoteFailure
from supplier_elsewhere import Elsewhere

# Right answers.


def test_data_come_as_values_and_the_request_is_signed(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        assert await line.ask() == Employment((CARD,), (PERMIT,))
        infos = await line.register.special_infos(SSIN)
        assert infos == (SpecialInfo("2020-01-15", None, "", None, Limosa("01010301", None, None)),)
        await line.register.test()

    before = len(supplier.seen)
    run(supplier, work, **signed(supplier), reply_confirmed=True)
    seen = supplier.seen[before:]
    assert [(one["action"], one["trouble"]) for one in seen] == [("employment", ""), ("specialInfos", ""), ("test", "")]
    assert {one["connection"] for one in seen} == {seen[0]["connection"]}, "the connection is kept"
    assert seen[0]["headers"]["accept-encoding"] == "identity"
    assert "cookie" not in seen[-1]["headers"]


def test_nothing_is_asked_when_nothing_is_wanted(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        assert await line.register.employment(SSIN, cards=False, permits=False) == Employment()

    before = len(supplier.seen)
    run(supplier, work)
    assert len(supplier.seen) == before


def test_no_data(supplier: Elsewhere) -> None:
    async def work(line: Line) -> None:
        assert await line.ask() == Employment()
        assert await line.register.special_infos(SSIN) == ()

    supplier.answer("empty")
    run(supplier, work)


@pytest.mark.parametrize(("cards", "permits"), [(True, False), (False, True)])
def test_what_was_not_asked_for_is_not_passed_on(supplier: Elsewhere, cards: bool, permits: bool) -> None:
    """Whoever may see cards only sees no permits, whatever the supplier sends."""

    async def work(line: Line) -> None:
        got = await line.register.employment(SSIN, cards=cards, permits=permits)
        assert got == Employment((CARD,) if cards else (), (PERMIT,) if permits else ())

    supplier.answer("everything")
    run(supplier, work)


def infos(supplier: Elsewhere, body: str) -> tuple[SpecialInfo, ...]:
    found: list[tuple[SpecialInfo, ...]] = []

    async def work(line: Line) -> None:
        found.append(await line.register.special_infos(SSIN))

    supplier.answer("body", f"<r:SpecialInfos>{body}</r:SpecialInfos>")
    run(supplier, work)
    return found[0]


def info(date: str = "", rest: str = "") -> str:
    return f'<r:SpecialInfo Type="202" Status="x"><r:Date>{date}</r:Date>{rest}</r:SpecialInfo>'


def test_nothing_is_interpreted(supplier: Elsewhere) -> None:
    """FS-03: order, blanks, empty texts and odd values go through."""
    first = info("<r:Year>99</r:Year>", "<r:Graphic2>  &lt;b&gt; &amp; é </r:Graphic2>")
    second = info("<r:Century>18</r:Century><r:Month>13</r:Month><r:Day>31</r:Day>", "<r:DelDate></r:DelDate>")
    third = info("<r:Century>20</r:Century>")
    assert infos(supplier, first + second + third) == (
        SpecialInfo("0099-00-00", None, None, "  <b> & é ", None),
        SpecialInfo("1800-13-31", "0000-00-00", None, None, None),
        SpecialInfo("2000-00-00", None, None, None, None),
    )


@pytest.mark.parametrize(
    ("number", "base"), [("85673099812", Ssin("85673099812")), ("99999999999", FictionalNumber("99999999999"))]
)
def test_somebody_else_s_number_is_passed_on(supplier: Elsewhere, number: str, base: object) -> None:
    reason = "<r:Code>77</r:Code><r:Label>unknown</r:Label>"
    limosa = (
        f"<r:Limosa><r:Reason1>{reason}</r:Reason1><r:Reason2>{reason}</r:Reason2><r:NationalNumber>"
        f"<r:NationalNumber>{number}</r:NationalNumber><r:Sex>1</r:Sex></r:NationalNumber></r:Limosa>"
    )
    assert infos(supplier, info(rest=limosa))[0].limosa == Limosa("77", "77", base)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        info("<r:Month>77</r:Month>"),
        info("<r:Month>1</r:Month>"),
        info("<r:Century>21</r:Century>"),
        info("<r:Month>\u0661\u0662</r:Month>"),
        info(rest="<r:Graphic2>b</r:Graphic2><r:Graphic1>a</r:Graphic1>"),
        info(rest="<r:More></r:More>"),
        "<r:SpecialInfo></r:SpecialInfo>",
        "",
    ],
)
def test_what_breaks_the_schema_or_cannot_be_carried_is_refused_whole(supplier: Elsewhere, body: str) -> None:
    with pytest.raises(RemoteFailure) as failed:
        infos(supplier, info("<r:Century>20</r:Century>") + body if body else body)
    assert failed.value.reason is Reason.SCHEMA
    assert failed.value.kind is SupplierFailureKind.SCHEMA


# Wrong answers.


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("schema", Reason.SCHEMA),
        ("other-element", Reason.SCHEMA),
        ("other-person", Reason.OTHER_PERSON),
        ("fault", Reason.FAULT),
        ("fault-200", Reason.FAULT),
        ("http-500", Reason.STATUS),
        ("well-but-500", Reason.STATUS),
        ("http-404", Reason.STATUS),
        ("redirect", Reason.STATUS),
        ("garbage", Reason.NOT_SOAP),
        ("doctype", Reason.NOT_SOAP),
        ("other-xml", Reason.NOT_SOAP),
        ("two-elements", Reason.NOT_SOAP),
        ("page", Reason.NOT_SOAP),
        ("compressed", Reason.NOT_SOAP),
        ("no-http", Reason.CLOSED),
        ("close", Reason.CLOSED),
        ("too-large", Reason.TOO_LARGE),
        ("many-elements", Reason.TOO_LARGE),
    ],
)
def test_every_wrong_answer_has_its_reason(supplier: Elsewhere, mode: str, reason: Reason) -> None:
    failed = failure(supplier, mode)
    assert failed.reason is reason
    assert failed.kind is {
        Reason.SCHEMA: SupplierFailureKind.SCHEMA,
        Reason.FAULT: SupplierFailureKind.FAULT,
    }.get(reason, SupplierFailureKind.UNEXPECTED)
    assert "85673099811" not in str(failed), "nothing about a person"


@pytest.mark.parametrize("mode", ["hang", "slow"])
def test_silence_and_dribble_meet_the_same_time_limit(supplier: Elsewhere, mode: str) -> None:
    assert failure(supplier, mode, read_seconds=0.3, connect_seconds=5).reason is Reason.TIMEOUT


@pytest.mark.parametrize("mode", ["unsigned", "stranger-signs", "confirms-another", "tampered"])
def test_a_reply_that_is_not_signed_as_it_must_be(supplier: Elsewhere, mode: str) -> None:
    assert failure(supplier, mode, **signed(supplier)).reason is Reason.SIGNATURE


def test_an_unsigned_fault_is_not_believed_where_signatures_are_asked_for(supplier: Elsewhere) -> None:
    assert failure(supplier, "fault", **signed(supplier)).reason is Reason.FAULT
    stranger = {"reply_signers": str(supplier.pki / "stranger.pem")}
    assert failure(supplier, "fault", **stranger).reason is Reason.SIGNATURE


def test_confirmation_only_where_it_is_asked_for(supplier: Elsewhere) -> None:
    assert failure(supplier, "confirms-nothing", **signed(supplier), reply_confirmed=True).reason is Reason.SIGNATURE

    async def work(line: Line) -> None:
        assert (await line.ask()).cards

    run(supplier, work, **signed(supplier))
    supplier.answer("unsigned")
    run(supplier, work)


def test_no_connection(supplier: Elsewhere) -> None:
    failed = failure(supplier, "well", url="https://localhost:1/")
    assert failed.reason is Reason.CONNECT
    other = failure(supplier, "well", ca=str(supplier.pki / "stranger.pem"))
    assert other.reason is Reason.CONNECT
    assert "not trusted" in other.detail


def test_a_host_that_the_certificate_does_not_name(supplier: Elsewhere) -> None:
    failed = failure(supplier, "well", url=f"https://127.0.0.2:{supplier.port}/")
    assert failed.reason is Reason.CONNECT
