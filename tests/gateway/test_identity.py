"""A pair is taken over as a whole, or the old one stays (PL-08)."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from kruispunt.clock import FixedClock
from kruispunt.demo.pki import DemoClient, Pki, create_pki
from kruispunt.gateway.identity import Pair, PairWatch, read_pair

NOW = datetime.now(UTC)


class Watched:
    """Two files under watch, and what was taken over."""

    def __init__(self, pki: Pki, folder: Path, *, now: datetime = NOW, production: bool = False) -> None:
        self.pki = pki
        self.files = folder / "x.pem", folder / "x.key"
        self.taken: list[Pair] = []
        self.put("one")
        self.watch = self.watching(now, production)

    def watching(self, now: datetime, production: bool = False) -> PairWatch:
        certificate = read_pair(*self.files).certificate
        return PairWatch("tls", self.files, self.taken.append, FixedClock(now), production, certificate)

    def put(self, name: str, *which: int) -> None:
        sources = self.pki.client(name), Pki.key_of(self.pki.client(name))
        for i in which or (0, 1):
            shutil.copy(sources[i], self.files[i])

    def look(self, times: int) -> list[Any]:
        with capture_logs() as lines:
            for _ in range(times):
                self.watch.look()
        return [(line["event"], line.get("cause", "")) for line in lines]

    @property
    def names(self) -> list[str]:
        return [pair.certificate.subject.rfc4514_string().split(",")[0] for pair in self.taken]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return create_pki(tmp_path_factory.mktemp("pki"), (DemoClient("one"), DemoClient("two")))


@pytest.fixture
def watched(pki: Pki, tmp_path: Path) -> Watched:
    return Watched(pki, tmp_path)


def test_what_is_there_at_the_start_is_no_news(watched: Watched) -> None:
    assert watched.look(5) == []
    assert set(watched.names) == {"CN=one"}


def test_a_new_pair_is_taken_once(watched: Watched) -> None:
    watched.look(2)
    watched.put("two")
    assert watched.look(5) == [("another certificate is in force", "")]
    assert watched.names[1:] == ["CN=two"]


def test_files_that_changed_before_the_first_look(watched: Watched) -> None:
    """Between the start, which read them, and the watch."""
    watched.put("two")
    assert watched.look(5) == [("another certificate is in force", "")]
    assert watched.names[-1] == "CN=two"


def test_a_half_written_pair_is_waited_for(watched: Watched) -> None:
    watched.look(2)
    watched.put("two", 0)
    assert watched.look(1) == []
    watched.put("two", 1)
    assert watched.look(2) == [("another certificate is in force", "")]


def test_a_pair_that_stays_wrong_is_told_once(watched: Watched) -> None:
    watched.look(2)
    watched.put("two", 0)
    ((event, cause),) = watched.look(10)
    assert event == "new files cannot be used; the old ones stay in force"
    assert "is not the key of" in cause
    watched.files[0].unlink()
    ((_, cause),) = watched.look(10)
    assert "x.pem" in cause
    watched.put("one")
    assert watched.look(5) == []
    assert set(watched.names) == {"CN=one"}


def test_the_mode_of_the_key_counts(watched: Watched) -> None:
    watched.look(2)
    watched.put("two")
    watched.files[1].chmod(0o640)
    ((_, cause),) = watched.look(5)
    assert "chmod 600" in cause
    watched.files[1].chmod(0o600)
    assert watched.look(5) == [("another certificate is in force", "")]


def test_a_certificate_that_is_not_valid_yet_is_taken_when_it_is(watched: Watched) -> None:
    watched.watch = watched.watching(NOW - timedelta(days=2))
    watched.look(2)
    watched.put("two")
    ((_, cause),) = watched.look(5)
    assert "is valid from" in cause
    assert watched.taken == []
    watched.watch._clock = FixedClock(NOW)
    assert watched.look(1) == [("another certificate is in force", "")]
    assert watched.names == ["CN=two"]


def test_an_expired_certificate_is_not_taken(watched: Watched) -> None:
    watched.look(2)
    watched.watch._clock = FixedClock(NOW + timedelta(days=500))
    watched.put("two")
    ((_, cause),) = watched.look(5)
    assert "is valid from" in cause


def test_the_demo_is_not_taken_in_production(pki: Pki, tmp_path: Path) -> None:
    watched = Watched(pki, tmp_path, production=True)
    watched.put("two")
    ((_, cause),) = watched.look(5)
    assert "demo PKI" in cause
    assert watched.taken == []
