"""Data minimisation as a property (HA-02, HA-03, HA-09, PL-14): whatever is asked and granted, and however much a
supplier says, nothing leaves that the organisation may not see in that context, nor anything of another person.

The requests are signed messages; they go through the real steps, except those that ask the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from handicap_files import PEOPLE, cards, files, payments, recognitions, requests, rights, some
from in_process import TO_DECISION, TO_SIGNATURE, begin, finish, platform, walk
from kruispunt.access.model import AccessTable, Grant, Organisation, Registration
from kruispunt.cli.calls import request_body
from kruispunt.errors import BusinessRefusal, SupplierFailure
from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.context import Exchange, Incoming, TlsClient
from kruispunt.pipeline.platform import Platform, mount
from kruispunt.pipeline.reply import compose
from kruispunt.pipeline.service import Operation
from kruispunt.pipeline.steps.consult import consult
from kruispunt.services.handi.file import ALL_GROUPS, DataGroup, HandicapFile, NoDataReason
from kruispunt.services.handi.service import SERVICE
from kruispunt.wss.current import CurrentSigner
from kruispunt.xml.namespaces import SOAP_ACTION
from kruispunt.xml.schemas import schema
from signed_messages import NOW, ec_signer, trust

SIGNER: Final = ec_signer()
PRINT: Final = hashlib.sha256(SIGNER.certificate.public_bytes(Encoding.DER)).hexdigest()
CENTRE: Final = Organisation("centre", "A centre", "0999999823", None, None, "0999999823", "test")
CONTEXT: Final = "PCSA:SOCIAL_INQUIRY"
ASKED: Final = PEOPLE[0]
TODAY: Final = NOW.date()
CONTRACT: Final = schema(SERVICE.folder / "contract" / SERVICE.schema)
FLAGS: Final = tuple(group for group in DataGroup if group is not DataGroup.PAYMENTS)
NOTHING: Final = {reason.value for reason in NoDataReason}

near = st.dates(date(TODAY.year - 3, 1, 1), date(TODAY.year + 1, 12, 31))
groups = st.frozensets(st.sampled_from(list(DataGroup)))


class Talkative:
    """A supplier that heeds nothing: whoever is asked about and whatever for, it tells all that it has."""

    def __init__(self, told: Mapping[Ssin, HandicapFile]) -> None:
        self._told = told
        self.asked: list[tuple[Sequence[Ssin], frozenset[DataGroup]]] = []

    async def consult(
        self, ssins: Sequence[Ssin], groups: frozenset[DataGroup] = ALL_GROUPS
    ) -> Mapping[Ssin, HandicapFile]:
        self.asked.append((tuple(ssins), groups))
        return self._told


@st.composite
def histories(draw: st.DrawFn) -> HandicapFile:
    """A file with many entries, so that something of each group would be told if it could be."""
    file: HandicapFile = draw(files)
    return replace(
        file,
        requests=file.requests + draw(some(requests)),
        recognitions=file.recognitions + draw(some(recognitions.map(lambda r: replace(r, start_date=date.min)))),
        rights=file.rights + draw(some(rights.map(lambda r: replace(r, begin_date=date.min, end_date=None)))),
        cards=file.cards + draw(some(cards.map(lambda c: replace(c, delivery_date=date.min, end_date=None)))),
        payments=file.payments
        + draw(some(st.builds(lambda p, day: replace(p, month=day.replace(day=1)), payments, near), 60)),
    )


@st.composite
def wanted(draw: st.DrawFn) -> tuple[Operation, dict[str, Any]]:
    operation = draw(st.sampled_from(SERVICE.operations))
    start, end = draw(near).isoformat(), draw(near).isoformat()
    if operation.name == "consultRightsAndPayments":
        return operation, {"beginDate": start, "endDate": end}
    asked = draw(groups)
    values: dict[str, Any] = {group.value: group in asked for group in FLAGS}
    values["referenceDate"] = draw(st.sampled_from(["", "today", draw(near).isoformat()]))
    if DataGroup.PAYMENTS in asked:
        values |= {"paymentsStartDate": start, "paymentsEndDate": end}
    return operation, values


def bank(granted: frozenset[str], supplier: Talkative) -> Platform:
    """A platform where one centre has one grant."""
    registration = Registration("urn:test:centre", PRINT, "centre", frozenset({"centre"}), frozenset({SERVICE.name}))
    grant = Grant(CONTEXT, granted, None, "test")
    grants = {(SERVICE.name, o.name, "centre", CONTEXT): grant for o in SERVICE.operations}
    made = platform((SERVICE,), AccessTable({"centre": CENTRE}, {PRINT: registration}, grants), trust(), NOW)
    return replace(
        made,
        mounted={SERVICE.path: mount(SERVICE, CONTRACT, supplier)},
        signer=CurrentSigner(SIGNER),
        observer=SimpleNamespace(supplier=lambda *_: None),  # type: ignore[arg-type]
    )


def answered(on: Platform, operation: Operation, values: dict[str, Any]) -> tuple[Exchange, etree._Element]:
    """What the centre is sent; the number is taken as known and inscribed."""
    body = request_body(SERVICE, operation, "0999999823", CONTEXT, {"ssin": ASKED, **values}, "test", NOW)
    action = f"{SOAP_ACTION}{SERVICE.name}/{operation.name}"
    incoming = Incoming(SERVICE.path, action, SIGNER.envelope(body, NOW), "192.0.2.1", TlsClient(PRINT, "CN=test"))
    exchange = begin(incoming, NOW)
    try:
        walk((*TO_SIGNATURE, *TO_DECISION), exchange, on)
        exchange.ssin = ASKED
        finish(consult(exchange, on))
    except (BusinessRefusal, SupplierFailure) as refusal:
        exchange.refusal = refusal
    return exchange, etree.fromstring(compose(exchange, on).body)[-1][0]


def with_information(reply: etree._Element) -> set[str]:
    """The groups of which a reply tells anything."""
    return {
        group.tag
        for file in reply.iter("file")
        for group in file
        if group.tag not in ("ssin", "addressHandicappedPerson") and [c.tag for c in group] != ["noDataReason"]
    }


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(granted=groups, ask=wanted(), own=histories(), other=histories())
def test_nothing_leaves_that_may_not_be_seen(
    granted: frozenset[DataGroup], ask: tuple[Operation, dict[str, Any]], own: HandicapFile, other: HandicapFile
) -> None:
    operation, values = ask
    other = replace(other, ssin=PEOPLE[1], person=None)
    supplier = Talkative({ASKED: replace(own, ssin=ASKED), PEOPLE[1]: other})
    exchange, reply = answered(bank(frozenset(g.value for g in granted), supplier), operation, values)
    asked = operation.data_groups(exchange.criteria)
    may = asked & {g.value for g in granted}
    told = with_information(reply)
    assert told <= may
    assert all(node.text in NOTHING for node in reply.iter("noDataReason"))
    if not operation.partial and asked - may:
        assert reply.findtext("status/code") == "MSG00050"
    if exchange.refusal is not None:
        assert not supplier.asked, "who is refused reaches no supplier"
        assert reply.find("file") is None
        return
    assert supplier.asked == [((ASKED,), frozenset(map(DataGroup, may)))]
    assert {node.text for node in reply.iter("ssin")} == {ASKED}
    assert (reply.findtext("status/value") == "DATA_FOUND") is bool(told)
    mine = {payment.amount for payment in own.payments} | {a for r in own.rights for a in amounts(r)}
    for name in ("amount", "monthAmount", "totalMonthAmount"):
        assert {node.text for node in reply.iter(name)} <= {format(amount, "f") for amount in mine}


def amounts(right: Any) -> tuple[Any, Any]:
    return right.month_amount, right.total_month_amount


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(ask=wanted(), other=histories())
def test_the_file_of_another_person_is_no_answer(ask: tuple[Operation, dict[str, Any]], other: HandicapFile) -> None:
    """Not even when the supplier gives it under the number that was asked: MSG00002, and nothing of it."""
    operation, values = ask
    supplier = Talkative({ASKED: replace(other, ssin=PEOPLE[1])})
    exchange, reply = answered(bank(frozenset(g.value for g in DataGroup), supplier), operation, values)
    if isinstance(exchange.refusal, BusinessRefusal):
        return
    assert reply.findtext(".//reasonCode") == "MSG00002"
    assert reply.find(".//file") is None
