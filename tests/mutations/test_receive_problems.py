"""Whatever is wrong with a file is recognised, loads nothing of it, and has a name and an exit code (RP-18)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from telling import CODE, CONTEXT, MADE, NOW, OTHER, Subscriber, Telling, item, items, mutation, name, ssin

from kruispunt.client.signing import platform_trust
from kruispunt.demo.pki import Pki
from kruispunt.errors import ConfigurationError
from kruispunt.files.voucher import Voucher, content_of, sign_voucher, voucher_of
from kruispunt.receive.checking import Expected, verified
from kruispunt.receive.copy import Copy
from kruispunt.receive.folder import FolderSource
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.run import COPY, Desk, Outcome, alone, receive
from kruispunt.settings import Environment
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import PinnedCertificates
from signed_messages import certificate, rsa_key


def telling(sequence: int, **changes: object) -> Telling:
    return replace(Telling(sequence, (mutation(sequence, ssin(sequence), name("Peeters", "Anna")),)), **changes)  # type: ignore[arg-type]


def move(path: Path, to: Path) -> None:
    """A file and its voucher under another name."""
    voucher_of(path).replace(voucher_of(to))
    path.replace(to)


def of(subscriber: Subscriber, sequence: int) -> Path:
    return subscriber.folder / f"{CODE}-{sequence:010}.xml"


def lost(subscriber: Subscriber) -> None:
    of(subscriber, 3).unlink()
    voucher_of(of(subscriber, 3)).unlink()


def without_voucher(subscriber: Subscriber) -> None:
    voucher_of(of(subscriber, 3)).unlink()


def without_file(subscriber: Subscriber) -> None:
    of(subscriber, 3).unlink()


def truncated(subscriber: Subscriber) -> None:
    of(subscriber, 3).write_bytes(of(subscriber, 3).read_bytes()[:-30])


def altered(subscriber: Subscriber) -> None:
    of(subscriber, 3).write_bytes(of(subscriber, 3).read_bytes().replace(b"Peeters", b"Peiters"))


def longer(subscriber: Subscriber) -> None:
    of(subscriber, 3).write_bytes(of(subscriber, 3).read_bytes() + b"\n")


def repeated(subscriber: Subscriber) -> None:
    """An old file under a new number."""
    shutil.copy(of(subscriber, 2), of(subscriber, 3))
    shutil.copy(voucher_of(of(subscriber, 2)), voucher_of(of(subscriber, 3)))


def reordered(subscriber: Subscriber) -> None:
    aside = subscriber.folder / "aside"
    move(of(subscriber, 3), aside)
    move(of(subscriber, 4), of(subscriber, 3))
    move(aside, of(subscriber, 4))


def swapped(subscriber: Subscriber) -> None:
    """The vouchers alone."""
    vouchers = [voucher_of(of(subscriber, number)) for number in (3, 4)]
    contents = [path.read_bytes() for path in vouchers]
    for path, content in zip(vouchers, reversed(contents), strict=True):
        path.write_bytes(content)


def by_somebody_else(subscriber: Subscriber) -> None:
    telling(3).put(subscriber.folder, subscriber.pki.client("stranger"))


def not_signed(subscriber: Subscriber) -> None:
    voucher_of(of(subscriber, 3)).write_bytes(b"<voucher/>")


def changed_voucher(subscriber: Subscriber) -> None:
    path = voucher_of(of(subscriber, 3))
    path.write_bytes(path.read_bytes().replace(b"<numberOfRecords>1<", b"<numberOfRecords>2<"))


def put(**changes: object) -> Callable[[Subscriber], None]:
    return lambda subscriber: telling(3, **changes).put(subscriber.folder, subscriber.pki.signing) and None


def other_document(find: bytes, by: bytes) -> Callable[[Subscriber], None]:
    """Signed for by the platform, and still not what it should be."""

    def change(subscriber: Subscriber) -> None:
        document = telling(3).document()
        assert find in document
        subscriber.put(telling(3), document.replace(find, by))

    return change


WRONG: dict[str, tuple[Callable[[Subscriber], None], Problem]] = {
    "lost": (lost, Problem.MISSING),
    "voucher lost": (without_voucher, Problem.MISSING),
    "file lost": (without_file, Problem.MISSING),
    "truncated": (truncated, Problem.TRUNCATED),
    "altered": (altered, Problem.ALTERED),
    "longer": (longer, Problem.ALTERED),
    "repeated": (repeated, Problem.REPEATED),
    "reordered": (reordered, Problem.REORDERED),
    "vouchers swapped": (swapped, Problem.SWAPPED),
    "signed by somebody else": (by_somebody_else, Problem.UNSIGNED),
    "not signed": (not_signed, Problem.UNSIGNED),
    "voucher changed": (changed_voucher, Problem.UNSIGNED),
    "another subscription": (put(voucher={"subscription": "village"}), Problem.SUBSCRIPTION),
    "no subscription": (put(voucher={"subscription": None}), Problem.SUBSCRIPTION),
    "another environment": (put(environment=Environment.ACCEPTANCE), Problem.ENVIRONMENT),
    "another receiver": (put(receiver=OTHER), Problem.RECEIVER),
    "another sender": (put(sender=OTHER), Problem.SENDER),
    "another legal context": (put(legal_context="TEST:OTHER"), Problem.LEGAL_CONTEXT),
    "another kind": (put(kind="STREAM_ITEMS", records=()), Problem.KIND),
    "head of another subscription": (
        other_document(b"<subscription>town<", b"<subscription>city<"),
        Problem.HEAD,
    ),
    "head of another number": (other_document(b"<sequenceNumber>3<", b"<sequenceNumber>4<"), Problem.HEAD),
    "more records than told": (put(voucher={"records": 2}), Problem.RECORDS),
    "fewer records than told": (put(voucher={"records": 0}), Problem.RECORDS),
    "not by the schema": (other_document(b"</mutation>", b"<more/></mutation>"), Problem.SCHEMA),
    "ends too early": (other_document(b"</items>", b""), Problem.SCHEMA),
    "no XML": (other_document(b"<m:mutations", b"m:mutations"), Problem.SCHEMA),
    "document type": (other_document(b"<m:mutations", b"<!DOCTYPE m:mutations><m:mutations"), Problem.SCHEMA),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_rp_18_what_is_wrong_is_recognised_and_nothing_is_loaded(subscriber: Subscriber, wrong: str) -> None:
    for sequence in (1, 2, 3, 4):
        subscriber.put(telling(sequence))
    for sequence in (3, 4):
        move(of(subscriber, sequence), subscriber.folder.parent / f"{sequence}")
    assert subscriber.receive().problem is None
    before = subscriber.held
    for sequence in (3, 4):
        move(subscriber.folder.parent / f"{sequence}", of(subscriber, sequence))
    change, problem = WRONG[wrong]
    change(subscriber)
    outcome = subscriber.receive()
    assert (named(outcome), outcome.loaded) == ((problem, 3), [])
    assert subscriber.held == before, "nothing of it is loaded, and later files wait"
    told = outcome.problem
    assert told is not None
    assert not any(ssin(sequence) in str(told) for sequence in range(9)), "no message is about a person"
    assert [(row[0], row[2]) for row in subscriber.rows("trouble")] == [(3, problem.value)]
    since = subscriber.rows("trouble")[0][-1]
    assert named(subscriber.receive()) == (problem, 3)
    assert subscriber.rows("trouble")[0][-1] == since, "since when it stands in the way"
    for sequence in (3, 4):
        subscriber.put(telling(sequence))
    outcome = subscriber.receive()
    assert ([file.sequence for file in outcome.loaded], outcome.problem) == ([3, 4], None)
    assert subscriber.rows("trouble") == []


def named(outcome: Outcome) -> tuple[Problem | None, int | None]:
    return (None, None) if outcome.problem is None else (outcome.problem.problem, outcome.problem.sequence)


def test_rp_18_every_problem_has_an_exit_code_of_its_own() -> None:
    codes = [problem.exit_code for problem in Problem]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2, 130} & set(codes)


@dataclass(frozen=True)
class Altering(FolderSource):
    """Somebody else writes in the folder, when the file was just verified."""

    by: Callable[[bytes], bytes]

    def keep(self, sequence: int, file: Path, voucher: bytes) -> Path:
        file.write_bytes(self.by(file.read_bytes()))
        return super().keep(sequence, file, voucher)


@pytest.mark.parametrize(
    ("by", "problem"),
    [
        (lambda data: data.replace(b"Peeters", b"Peiters"), Problem.ALTERED),
        (lambda data: data + b"\n", Problem.ALTERED),
        (lambda data: data.replace(b"</items>", b""), Problem.TRUNCATED),
        (lambda data: data.replace(b"<m:mutations", b" m:mutations"), Problem.ALTERED),
    ],
)
def test_rp_18_what_is_loaded_are_the_bytes_that_were_verified(
    subscriber: Subscriber, by: Callable[[bytes], bytes], problem: Problem
) -> None:
    subscriber.put(telling(1))
    with alone(subscriber.into), Copy(subscriber.into / COPY) as copy:
        desk = Desk(copy, platform_trust(subscriber.pki.signing), Expected(CODE), 1, lambda: NOW)
        assert named(receive(desk, Altering(subscriber.folder, CODE, by))) == (problem, 1)
    assert (subscriber.rows("person"), subscriber.rows("received")) == ([], [])
    subscriber.put(telling(1))
    assert [file.sequence for file in subscriber.receive().loaded] == [1]


def test_rp_18_several_that_are_missing_are_named(subscriber: Subscriber) -> None:
    subscriber.put(telling(1))
    subscriber.put(telling(5))
    outcome = subscriber.receive()
    assert [file.sequence for file in outcome.loaded] == [1]
    assert outcome.problem is not None
    assert (outcome.problem.sequence, outcome.problem.until) == (2, 4)
    assert "files 2 to 4 are missing, and file 5 is there" in str(outcome.problem)
    subscriber.put(telling(2))
    assert named(subscriber.receive()) == (Problem.MISSING, 3)
    assert [row[:2] for row in subscriber.rows("trouble")] == [(3, 4)]


def test_rp_18_what_is_still_on_its_way_is_no_problem(subscriber: Subscriber) -> None:
    """The voucher comes after the file."""
    subscriber.put(telling(1))
    voucher_of(subscriber.put(telling(2))).unlink()
    outcome = subscriber.receive()
    assert ([file.sequence for file in outcome.loaded], outcome.problem) == ([1], None)


def test_rp_18_a_file_twice_does_no_harm(subscriber: Subscriber) -> None:
    for sequence in (1, 2):
        subscriber.put(telling(sequence))
    subscriber.receive()
    before = subscriber.held
    for sequence in (1, 2):
        subscriber.put(telling(sequence))
    assert subscriber.receive() == Outcome()
    assert subscriber.held == before


def test_rp_18_a_copy_is_of_one_subscription_environment_and_receiver(subscriber: Subscriber) -> None:
    subscriber.put(telling(1))
    subscriber.receive()
    for wrong in ({"environment": Environment.PRODUCTION}, {"receiver": OTHER}):
        with pytest.raises(ConfigurationError):
            subscriber.receive(**wrong)
    subscriber.put(telling(2, legal_context="TEST:OTHER"))
    assert named(subscriber.receive()) == (Problem.LEGAL_CONTEXT, 2)
    assert subscriber.receive(legal_context="TEST:OTHER").problem is None, "agreed to"
    subscriber.put(telling(3))
    assert named(subscriber.receive()) == (Problem.LEGAL_CONTEXT, 3), "from then on"
    assert subscriber.receive(legal_context=CONTEXT).problem is None


def test_rp_18_what_the_first_file_must_be_can_be_told(subscriber: Subscriber) -> None:
    subscriber.put(telling(1))
    for problem, expected in (
        (Problem.ENVIRONMENT, {"environment": Environment.PRODUCTION}),
        (Problem.RECEIVER, {"receiver": OTHER}),
        (Problem.LEGAL_CONTEXT, {"legal_context": "TEST:OTHER"}),
    ):
        assert named(subscriber.receive(**expected)) == (problem, 1)
    assert subscriber.rows("received") == []


def test_rp_18_a_file_of_items_may_hold_elements_of_any_name(subscriber: Subscriber) -> None:
    """What a payload holds is no record, whatever it is called."""
    space = 'xmlns:m="urn:kruispunt:files:mutations:v1"'
    inner = f'<m:streamItems {space}><items><item number="1"></item></items></m:streamItems>'
    subscriber.put(items(1, item(1, ssin(1), "R-1", inner), item(2, ssin(2), "R-2", "<item/>")))
    assert subscriber.receive().problem is None
    assert [(row[0], row[6]) for row in subscriber.rows("item")] == [("R-1", inner), ("R-2", "<item></item>")]


def test_rp_18_a_pinned_certificate_that_ended_is_good_for_what_it_signed_before(pki: Pki) -> None:
    """A file may be asked for again after the platform has a new certificate."""
    key, day = rsa_key(), timedelta(days=1)
    ended = certificate("ended", key, begin=MADE - 9 * day, end=MADE + day)
    trust = PinnedCertificates([ended])
    header = telling(3).header
    made = Voucher(header, "MUTATIONS", Environment.DEVELOPMENT, 1, content_of(pki.ca), CODE)
    assert verified(sign_voucher(made, Signer(key, ended), MADE), trust, NOW) == made
    for late in (MADE + 2 * day, NOW):
        with pytest.raises(NotReceived) as refused:
            verified(sign_voucher(made, Signer(key, ended), late), trust, NOW)
        assert refused.value.problem is Problem.UNSIGNED
    with pytest.raises(NotReceived) as refused:
        verified(sign_voucher(made, Signer(key, ended), NOW + day), trust, NOW)
    assert refused.value.problem is Problem.VOUCHER, "signed in the future"
