"""HA-11: a DGPH elsewhere, over real mutual TLS, in a process of its own (PL-35)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgph_process import file_xml
from handicap_files import PEOPLE, files, whole_file
from kruispunt.clock import SystemClock
from kruispunt.errors import SupplierFailureKind
from kruispunt.identifiers.ssin import Ssin, compute
from kruispunt.services.handi.file import SUPPLIER_NAME, DataGroup, HandicapFile
from kruispunt.services.handi.remote import REMOTE, RemoteDgph
from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.port import RemoteSupplier
from kruispunt.wss.sign import Signer
from supplier_elsewhere import Elsewhere, elsewhere

PROGRAM = Path(__file__).parents[1] / "dgph_process.py"
PERSON, OTHER, BIS = PEOPLE
SECONDS = 60


class Told:
    """What metrics would be told."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def supplier_failed(self, name: str, reason: str) -> None:
        assert name == SUPPLIER_NAME
        self.reasons.append(reason)

    def supplier_state(self, name: str, state: int) -> None:
        assert name == SUPPLIER_NAME


@pytest.fixture(scope="module")
def dgph_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with elsewhere(tmp_path_factory.mktemp("dgph") / "supplier", PROGRAM, SUPPLIER_NAME) as running:
        yield running


@pytest.fixture
def dgph(dgph_process: Elsewhere) -> Elsewhere:
    """It answers well, until told otherwise."""
    dgph_process.answer("well")
    return dgph_process


def run(dgph: Elsewhere, work: Callable[[RemoteDgph], Awaitable[None]], **limits: Any) -> Told:
    told = Told()

    async def all_of_it() -> None:
        signer = Signer.from_files(dgph.pki / "platform.key", dgph.pki / "platform.pem")
        signed = {"reply_signers": str(dgph.pki / "signing.pem"), "reply_confirmed": True}
        table = dgph.table(**{"failures": 1000, "read_seconds": SECONDS, "connect_seconds": 20, **signed, **limits})
        configuration = SupplierConfiguration.model_validate(table)
        remote = RemoteSupplier(SUPPLIER_NAME, configuration, signer, SystemClock(), told)
        try:
            await work(REMOTE.connect(remote))
        finally:
            await remote.close()

    asyncio.run(all_of_it())
    return told


def failure(dgph: Elsewhere, mode: str, body: str = "", **limits: Any) -> RemoteFailure:
    dgph.answer(mode, body)
    found: list[RemoteFailure] = []

    async def work(register: RemoteDgph) -> None:
        with pytest.raises(RemoteFailure) as failed:
            await register.consult([PERSON])
        found.append(failed.value)

    assert run(dgph, work, **limits).reasons == [found[0].reason.value]
    return found[0]


def only(file: HandicapFile, groups: frozenset[DataGroup]) -> HandicapFile:
    return HandicapFile(
        file.ssin,
        file.person,
        file.requests if DataGroup.EVOLUTION_OF_REQUEST in groups else (),
        file.recognitions if DataGroup.HANDICAP_RECOGNITION in groups else (),
        file.rights if DataGroup.RIGHTS in groups else (),
        file.cards if DataGroup.SOCIAL_CARDS in groups else (),
        file.payments if DataGroup.PAYMENTS in groups else (),
    )


# Right answers.


def test_a_whole_file_comes_as_values_and_the_request_is_signed(dgph: Elsewhere) -> None:
    async def work(register: RemoteDgph) -> None:
        assert repr(await register.consult([PERSON])) == repr({PERSON: whole_file()})
        assert await register.consult(PEOPLE) == {ssin: whole_file(ssin) for ssin in PEOPLE}
        assert await register.consult([]) == {}
        await REMOTE.test(register)

    before = len(dgph.seen)
    run(dgph, work)
    assert [(one["action"], one["trouble"]) for one in dgph.seen[before:]] == [
        ("consult", ""),
        ("consult", ""),
        ("test", ""),
    ]


@given(files)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_a_file_is_passed_on_uninterpreted(dgph: Elsewhere, file: HandicapFile) -> None:
    async def work(register: RemoteDgph) -> None:
        found = await register.consult(PEOPLE)
        assert repr(found) == repr({file.ssin: file})

    dgph.answer("body", file_xml(file))
    run(dgph, work)


@given(st.frozensets(st.sampled_from(DataGroup)), st.sampled_from(["well", "everything"]))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_what_was_not_asked_for_is_not_passed_on(dgph: Elsewhere, groups: frozenset[DataGroup], mode: str) -> None:
    """Data minimisation (HA-09): DGPH is not asked for more than is wanted, and what it adds stays here."""

    async def work(register: RemoteDgph) -> None:
        assert await register.consult([PERSON], groups) == {PERSON: only(whole_file(), groups)}

    dgph.answer(mode)
    run(dgph, work)
    assert dgph.seen[-1]["trouble"] == ""


def test_ha08_who_is_unknown_has_no_file_and_who_has_no_data_an_empty_one(dgph: Elsewhere) -> None:
    async def work(register: RemoteDgph) -> None:
        assert await register.consult([PERSON, OTHER]) == {OTHER: HandicapFile(OTHER)}

    dgph.answer("body", f"<file><ssin>{OTHER}</ssin></file>")
    run(dgph, work)


def test_more_than_a_hundred_people_are_several_requests(dgph: Elsewhere) -> None:
    people = [compute(date(1980, 1, 1 + n % 28), 900 + n // 28, test_band=True) for n in range(201)]

    async def work(register: RemoteDgph) -> None:
        found = await register.consult(people, frozenset({DataGroup.SOCIAL_CARDS}))
        assert list(found) == people

    before = len(dgph.seen)
    run(dgph, work, max_reply_bytes=4 * 1024 * 1024)
    assert [one["trouble"] for one in dgph.seen[before:]] == [""] * 3


PLAIN = frozenset({DataGroup.EVOLUTION_OF_REQUEST, DataGroup.RIGHTS, DataGroup.PAYMENTS})


def test_white_space_around_days_numbers_and_flags_means_nothing(dgph: Elsewhere) -> None:
    async def work(register: RemoteDgph) -> None:
        assert await register.consult([PERSON]) == {PERSON: only(whole_file(), PLAIN)}

    tags = "|".join(("legislation", "requestDate", "appeal", "totalMonthAmount", "beginDate", "yearMonth", "amount"))
    spread = re.sub(rf"<({tags})>([^<]*)<", r"<\1> \2\n<", file_xml(whole_file(), PLAIN))
    dgph.answer("body", spread)
    run(dgph, work)


# Wrong answers: the three kinds of MSG00002.


@pytest.mark.parametrize(
    ("mode", "reason", "kind"),
    [
        ("schema", Reason.SCHEMA, SupplierFailureKind.SCHEMA),
        ("other-element", Reason.SCHEMA, SupplierFailureKind.SCHEMA),
        ("fault", Reason.FAULT, SupplierFailureKind.FAULT),
        ("other-person", Reason.OTHER_PERSON, SupplierFailureKind.UNEXPECTED),
        ("http-500", Reason.STATUS, SupplierFailureKind.UNEXPECTED),
        ("garbage", Reason.NOT_SOAP, SupplierFailureKind.UNEXPECTED),
        ("close", Reason.CLOSED, SupplierFailureKind.UNEXPECTED),
        ("too-large", Reason.TOO_LARGE, SupplierFailureKind.UNEXPECTED),
        ("tampered", Reason.SIGNATURE, SupplierFailureKind.UNEXPECTED),
        ("unsigned", Reason.SIGNATURE, SupplierFailureKind.UNEXPECTED),
    ],
)
def test_every_wrong_answer_has_its_reason(
    dgph: Elsewhere, mode: str, reason: Reason, kind: SupplierFailureKind
) -> None:
    failed = failure(dgph, mode)
    assert (failed.reason, failed.kind, failed.supplier) == (reason, kind, SUPPLIER_NAME)
    assert not re.search("[0-9]{11}", str(failed)), "nothing about a person"


def test_silence_meets_the_time_limit_and_repeated_it_cuts_off(dgph: Elsewhere) -> None:
    assert failure(dgph, "hang", read_seconds=0.3).reason is Reason.TIMEOUT

    async def work(register: RemoteDgph) -> None:
        reasons = []
        for _ in range(4):
            with pytest.raises(RemoteFailure) as failed:
                await register.consult([PERSON])
            reasons.append(failed.value.reason)
        assert reasons == [Reason.TIMEOUT, Reason.TIMEOUT, Reason.CUT_OFF, Reason.CUT_OFF]

    before = len(dgph.seen)
    run(dgph, work, read_seconds=0.3, failures=2)
    assert len(dgph.seen) == before + 2, "nothing reaches it then"


SSIN = f"<ssin>{PERSON}</ssin>"
CARD = "<deliveryDate>2020-01-01</deliveryDate><cardNumber>0000000001</cardNumber><cardType>PARKINGCARD</cardType>"


@pytest.mark.parametrize(
    "body",
    [
        "<file></file>",
        f"<file>{SSIN}<more></more></file>",
        f"<file>{SSIN}</file><file>{SSIN}</file>",
        f"<file>{SSIN}<rights><noDataReason>no data in db</noDataReason></rights></file>",
        f"<file>{SSIN}<socialCards>{CARD}</socialCards><rights></rights></file>",
        f"<file>{SSIN}<socialCards>{CARD.replace('2020-01-01', '0000-01-01')}</socialCards></file>",
        f"<file>{SSIN}<socialCards>{CARD.replace('2020-01-01', '2020-02-30')}</socialCards></file>",
        f"<file>{SSIN}<socialCards>{CARD.replace('2020-01-01', '2020-01-01Z')}</socialCards></file>",
        f"<file>{SSIN}<socialCards>{CARD.replace('PARKINGCARD', 'BUSCARD')}</socialCards></file>",
        f"<file>{SSIN}<socialCards>{CARD.replace('0000000001', '1')}</socialCards></file>",
        f"<file>{SSIN}<payments><yearMonth>0000-01</yearMonth><amount>1</amount>"
        "<cancelledPayment>false</cancelledPayment></payments></file>",
        f"<file>{SSIN}<payments><yearMonth>2020-01</yearMonth><amount>1.005</amount>"
        "<cancelledPayment>false</cancelledPayment></payments></file>",
        f"<file>{SSIN}<payments><yearMonth>2020-01</yearMonth><amount>1234567890</amount>"
        "<cancelledPayment>false</cancelledPayment></payments></file>",
    ],
)
def test_what_breaks_the_schema_or_cannot_be_carried_is_refused_whole(dgph: Elsewhere, body: str) -> None:
    failed = failure(dgph, "body", body)
    assert failed.reason is Reason.SCHEMA
    assert not re.search("[0-9]{11}", failed.detail)


def test_one_person_too_many_refuses_the_whole_reply(dgph: Elsewhere) -> None:
    body = file_xml(whole_file(PERSON)) + file_xml(HandicapFile(Ssin(OTHER)))
    assert failure(dgph, "body", body).reason is Reason.OTHER_PERSON
