"""Files over HTTPS: what breaks off goes on, what is wrong is recognised, nothing is waited for without end (RP-18)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from shaky_platform import Shaky, shaky_platform
from telling import CODE, Subscriber, Telling, address, mutation, name, ssin

from kruispunt.client.signing import platform_trust
from kruispunt.client.transport import tls_context
from kruispunt.demo.pki import Pki
from kruispunt.errors import ConfigurationError
from kruispunt.files.voucher import voucher_of
from kruispunt.receive.checking import Expected
from kruispunt.receive.copy import Copy
from kruispunt.receive.https import ATTEMPTS, LONGEST_PAUSE, HttpsSource, Waiting
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.run import COPY, FILES, Desk, Outcome, alone, fetch_again, receive

RECORDS = tuple(
    mutation(n, ssin(n), name("Peeters", "Anna"), address("Kerkstraat"), told="name address") for n in range(1, 2_000)
)


@dataclass
class Online:
    """A subscriber that fetches from a shaky platform, and a clock that only waits on paper."""

    subscriber: Subscriber
    platform: Shaky
    waited: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def put(self, sequence: int, *records: str) -> None:
        self.subscriber.put(Telling(sequence, records or RECORDS[sequence : sequence + 1]))

    @contextlib.contextmanager
    def desk(self, code: str = CODE, client: str = "town") -> Iterator[tuple[Desk, HttpsSource]]:
        pki, into = self.subscriber.pki, self.subscriber.into
        context = tls_context(pki.ca, pki.client(client), Pki.key_of(pki.client(client)))
        waiting = Waiting(lambda: self.seconds, self.waited.append)
        source = HttpsSource(self.platform.url, context, code, into / FILES, waiting)
        with alone(into), source, Copy(into / COPY) as copy:
            trust = platform_trust(pki.signing)
            yield Desk(copy, trust, Expected(code), 1, lambda: datetime.now(UTC)), source

    def receive(self, **which: str) -> Outcome:
        with self.desk(**which) as (desk, source):
            return receive(desk, source)

    @property
    def parts(self) -> list[Any]:
        return list(self.subscriber.files.glob("*.part"))


@pytest.fixture
def online(subscriber: Subscriber) -> Iterator[Online]:
    with shaky_platform(subscriber.folder, subscriber.pki) as platform:
        yield Online(subscriber, platform)


def problem(outcome: Outcome) -> tuple[Problem | None, int | None]:
    return (None, None) if outcome.problem is None else (outcome.problem.problem, outcome.problem.sequence)


def sequences(outcome: Outcome) -> list[int]:
    return [file.sequence for file in outcome.loaded]


def test_rp_18_files_are_fetched_verified_loaded_kept_and_acknowledged(online: Online) -> None:
    for sequence in range(1, 4):
        online.put(sequence)
    outcome = online.receive()
    assert (sequences(outcome), outcome.problem) == ([1, 2, 3], None)
    assert online.platform.acknowledged == {file.sequence: file.sha256 for file in outcome.loaded}
    for path in online.platform.files(CODE).values():
        kept = online.subscriber.files / path.name
        assert kept.read_bytes() == path.read_bytes()
        assert voucher_of(kept).read_bytes() == voucher_of(path).read_bytes()
        assert kept.stat().st_mode & 0o077 == 0
    assert (online.parts, online.waited) == ([], [])
    assert online.receive() == Outcome()


def test_rp_18_more_files_than_one_list_holds(online: Online, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kruispunt.receive.https.PAGE", 2)
    for sequence in range(1, 6):
        online.put(sequence)
    assert sequences(online.receive()) == [1, 2, 3, 4, 5]
    assert sum("limit=2" in seen for seen in online.platform.seen) == 4


def test_rp_18_a_fetch_that_breaks_off_goes_on_where_it_was(online: Online) -> None:
    online.put(1, *RECORDS)
    size = online.platform.files(CODE)[1].stat().st_size
    online.platform.cuts = [1_000, 50_000, size - 60_000]
    assert online.receive().problem is None
    fetched = [seen for seen in online.platform.seen if seen.partition(" bytes=")[0].endswith("/files/1")]
    assert [seen.partition("bytes=")[2] for seen in fetched] == ["", "1000-", "51000-", f"{size - 9_000}-"]
    assert online.waited == [1.0, 2.0, 4.0]


def test_rp_18_a_later_run_goes_on_too(online: Online) -> None:
    online.put(1, *RECORDS)
    online.platform.cuts = [1_000] * ATTEMPTS
    assert problem(online.receive()) == (Problem.UNREACHABLE, None)
    assert [path.stat().st_size for path in online.parts] == [1_000 * ATTEMPTS]
    assert len(online.waited) == ATTEMPTS - 1
    online.platform.seen.clear()
    assert online.receive().problem is None
    assert f"GET /mutations/v1/subscriptions/{CODE}/files/1 bytes={1_000 * ATTEMPTS}-" in online.platform.seen


def test_rp_18_what_came_whole_is_not_fetched_again(online: Online) -> None:
    """The run before died between the last byte and its check."""
    online.put(1, *RECORDS)
    path = online.platform.files(CODE)[1]
    online.subscriber.files.mkdir(parents=True)
    (online.subscriber.files / f"{path.name}.part").write_bytes(path.read_bytes())
    assert online.receive().problem is None
    assert not [seen for seen in online.platform.seen if seen.partition(" bytes=")[0].endswith("/files/1")]


def test_rp_18_a_platform_without_ranges_is_asked_for_all_of_it(online: Online) -> None:
    online.put(1, *RECORDS)
    online.platform.ranges = False
    online.platform.cuts = [1_000, 2_000]
    assert online.receive().problem is None


def test_rp_18_a_platform_that_always_sends_parts_is_not_asked_for_ever(online: Online) -> None:
    online.put(1, *RECORDS)
    online.platform.cuts = [1_000]
    online.platform.partial = True
    assert problem(online.receive()) == (Problem.ANSWER, None)
    online.platform.partial = False
    assert online.receive().problem is None


def test_rp_18_the_last_files_of_a_subscription_that_ended_can_be_fetched(online: Online) -> None:
    online.put(1)
    online.platform.ended = True
    assert sequences(online.receive()) == [1]


@pytest.mark.parametrize("left", [b"", b"x" * 500, b"x" * 5_000_000], ids=["empty", "other bytes", "too much"])
def test_rp_18_what_is_left_of_another_file_is_noticed(online: Online, left: bytes) -> None:
    online.put(1, *RECORDS)
    online.subscriber.files.mkdir(parents=True)
    (online.subscriber.files / f"{online.platform.files(CODE)[1].name}.part").write_bytes(left)
    assert online.receive().problem is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda data: data[:-10], Problem.TRUNCATED),
        (lambda data: data + b" ", Problem.ALTERED),
        (lambda data: data.replace(b"Anna", b"Anne", 1), Problem.ALTERED),
    ],
    ids=["truncated", "longer", "altered"],
)
def test_rp_18_other_bytes_are_recognised_and_not_kept(online: Online, change: Any, what: Problem) -> None:
    for sequence in (1, 2):
        online.put(sequence)
    online.platform.change = change
    for _ in range(2):
        assert problem(online.receive()) == (what, 1)
        assert online.platform.acknowledged == {}
        assert online.parts == []
    online.platform.change = bytes
    assert sequences(online.receive()) == [1, 2]


def test_rp_18_a_file_that_is_not_in_the_list_is_missing(online: Online) -> None:
    for sequence in range(1, 5):
        online.put(sequence)
    online.platform.hidden = {2, 3}
    outcome = online.receive()
    assert (sequences(outcome), problem(outcome)) == ([1], (Problem.MISSING, 2))
    assert outcome.problem is not None
    assert outcome.problem.until == 3


def test_rp_18_a_file_that_is_not_kept_any_more_can_be_asked_for(online: Online) -> None:
    online.put(1)
    online.platform.gone = {1}
    outcome = online.receive()
    assert problem(outcome) == (Problem.MISSING, 1)
    assert "kruispunt receive again 1" in str(outcome.problem)
    with online.desk() as (desk, source):
        with pytest.raises(NotReceived) as missing:
            fetch_again(desk, source, 1)
        assert missing.value.problem is Problem.MISSING
        source.request(1)
    assert online.platform.requested == [1]
    online.platform.gone = set()
    assert sequences(online.receive()) == [1]


def test_rp_18_an_earlier_file_comes_again_and_is_not_loaded(online: Online) -> None:
    for sequence in (1, 2):
        online.put(sequence)
    online.receive()
    before = online.subscriber.held
    for path in online.subscriber.files.iterdir():
        path.unlink()
    with online.desk() as (desk, source):
        assert fetch_again(desk, source, 1).read_bytes() == online.platform.files(CODE)[1].read_bytes()
    assert online.subscriber.held == before
    online.subscriber.put(Telling(1, RECORDS[7:8]))
    with online.desk() as (desk, source), pytest.raises(NotReceived) as another:
        fetch_again(desk, source, 1)
    assert another.value.problem is Problem.REPEATED


def test_rp_18_a_platform_that_went_back_is_noticed(online: Online) -> None:
    for sequence in (1, 2):
        online.put(sequence)
    online.receive()
    online.platform.last = 1
    assert problem(online.receive())[0] is Problem.REPEATED


def test_rp_18_an_acknowledgement_that_was_lost_is_sent_again(online: Online, monkeypatch: pytest.MonkeyPatch) -> None:
    online.put(1)

    def lost(*_: object) -> None:
        raise NotReceived(Problem.UNREACHABLE, "lost")

    with monkeypatch.context() as patched:
        patched.setattr(HttpsSource, "acknowledge", lost)
        assert problem(online.receive()) == (Problem.UNREACHABLE, None)
    assert online.platform.acknowledged == {}
    assert online.receive() == Outcome()
    assert list(online.platform.acknowledged) == [1]


def test_rp_18_a_platform_that_has_another_file_under_the_number_is_noticed(online: Online) -> None:
    online.put(1)
    online.platform.acknowledged = {1: "0" * 64}
    outcome = online.receive()
    assert (sequences(outcome), problem(outcome)) == ([1], (Problem.REPEATED, 1))
    online.platform.acknowledged = {}
    assert online.receive().problem is None
    assert online.subscriber.rows("trouble") == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_rp_18_a_platform_that_is_away_is_asked_again_within_bounds(online: Online, status: int) -> None:
    online.put(1)
    online.platform.statuses = [(status, {"Retry-After": "7"}), (status, {"Retry-After": "999999"}), (status, {})]
    assert online.receive().problem is None
    assert online.waited == [7.0, LONGEST_PAUSE, 4.0]
    online.platform.statuses = [(status, {})] * 100
    outcome = online.receive()
    assert problem(outcome) == (Problem.UNREACHABLE, None)
    assert 100 - len(online.platform.statuses) == ATTEMPTS


@pytest.mark.parametrize("status", [401, 403, 404])
def test_rp_18_who_is_refused_is_told_what_the_platform_says(online: Online, status: int) -> None:
    online.platform.statuses = [(status, {})]
    outcome = online.receive()
    assert problem(outcome) == (Problem.REFUSED, None)
    assert "Not now: Come back" in str(outcome.problem)
    assert online.waited == []


def test_rp_18_somebody_else_s_subscription_is_told_as_not_there(online: Online) -> None:
    assert problem(online.receive(code="village")) == (Problem.REFUSED, None)


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b'{"items": 1}', b'{"items": [1]}', b"<html/>", b'{"items": [' + b" " * 2_000_000 + b"]}"],
    ids=["empty", "array", "number", "numbers", "html", "too long"],
)
def test_rp_18_an_answer_that_is_none_is_refused(online: Online, answer: bytes) -> None:
    online.platform.answer = answer
    assert problem(online.receive()) == (Problem.ANSWER, None)


def test_rp_18_a_list_out_of_order_is_refused(online: Online) -> None:
    online.put(1)
    with online.desk() as (_, source):
        online.platform.answer = b'{"items": [{"code": "town"}, {"sequence": 2}, {"sequence": 1}]}'
        with pytest.raises(NotReceived) as strange:
            list(source.offered(0))
    assert strange.value.problem is Problem.ANSWER


@pytest.mark.parametrize("status", [301, 302, 307])
def test_rp_18_no_redirect_is_followed(online: Online, status: int) -> None:
    online.platform.statuses = [(status, {"Location": f"{online.platform.url}/mutations/v1/subscriptions"})]
    assert problem(online.receive()) == (Problem.ANSWER, None)
    assert len(online.platform.seen) == 1


def test_rp_18_a_platform_that_sends_too_slowly_is_not_waited_for(online: Online) -> None:
    online.put(1, *RECORDS)
    ticking = iter(range(0, 10**9, 10_000))

    def clock() -> float:
        """Slow as soon as the file itself was asked for."""
        asked = any(seen.partition(" bytes=")[0].endswith("/files/1") for seen in online.platform.seen)
        return float(next(ticking)) if asked else 0.0

    with online.desk() as (desk, source):
        source._waiting = Waiting(clock, online.waited.append)
        outcome = receive(desk, source)
    assert problem(outcome) == (Problem.UNREACHABLE, None)
    assert "sends too slowly" in str(outcome.problem)


def test_rp_18_the_platform_is_known_by_its_tls_certificate(online: Online, subscriber: Subscriber) -> None:
    online.put(1)
    context = tls_context(
        subscriber.pki.client("town"), subscriber.pki.client("town"), Pki.key_of(subscriber.pki.client("town"))
    )
    waiting = Waiting(lambda: 0.0, online.waited.append)
    source = HttpsSource(online.platform.url, context, CODE, subscriber.files, waiting)
    with source, pytest.raises(NotReceived, match="certificate is not trusted") as refused:
        list(source.offered(0))
    assert refused.value.problem is Problem.UNREACHABLE
    assert online.platform.seen == []


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "localhost:1", "https://", "https://a:b@localhost", "https://x/?y"]
)
def test_rp_18_an_address_that_is_none_is_refused(subscriber: Subscriber, url: str) -> None:
    context = tls_context(subscriber.pki.ca, subscriber.pki.client("town"), Pki.key_of(subscriber.pki.client("town")))
    with pytest.raises(ConfigurationError):
        HttpsSource(url, context, CODE, subscriber.files, Waiting(lambda: 0.0, lambda _: None))
