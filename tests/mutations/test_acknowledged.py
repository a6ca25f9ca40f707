"""Notes of subscribers that come by SFTP: each counts once, and a wrong one not at all (RP-18)."""

from __future__ import annotations

import asyncio
import grp
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from fetching import CA, save
from file_rows import digest, publish, subscribe
from structlog.testing import capture_logs

from kruispunt.errors import DataError
from kruispunt.files.voucher import Content, voucher_of
from kruispunt.mutations import folder
from kruispunt.mutations.acknowledged import FOLDER, SUFFIX, collect, take
from kruispunt.mutations.layout import name_of
from kruispunt.storage.database import Database
from revocation_pki import issue
from signed_messages import usage

T = TypeVar("T")
CONTENT = b"<mutations/>"


class Ground:
    """A folder, and a database with three files of a subscription."""

    def __init__(self, directory: Path, dsn: str) -> None:
        self.directory = directory
        self._dsn = dsn
        self.notes = directory / "one" / FOLDER

    def ask(self, question: Callable[[Database], Awaitable[T]]) -> T:
        async def open_and_ask() -> T:
            database = await Database.open(self._dsn, size=4)
            try:
                return await question(database)
            finally:
                await database.close()

        return asyncio.run(open_and_ask())

    def take(self) -> int:
        return self.ask(lambda database: take(database, self.directory))

    def note(self, sequence: int, content: str = "", code: str = "one") -> Path:
        path = self.notes / (name_of(code, sequence) + SUFFIX)
        path.write_text(content)
        return path

    def collected(self) -> dict[int, str | None]:
        rows = self.ask(lambda d: d.fetch("select sequence, collector from mutation_file where code = 'one'"))
        return {row["sequence"]: row["collector"] for row in rows}


@pytest.fixture
def ground(fresh_dsn: str, tmp_path: Path, signing: Path) -> Iterator[Ground]:
    found = Ground(tmp_path, fresh_dsn)
    found.notes.mkdir(parents=True)

    async def begin(database: Database) -> None:
        for code in ("one", "other"):
            await subscribe(database, code)
        for sequence in (1, 2, 3):
            await publish(database, signing, "one", sequence, Content(len(CONTENT), digest(CONTENT)))
        await publish(database, signing, "other", 1, Content(len(CONTENT), digest(CONTENT)))

    found.ask(begin)
    return found


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the pair of the platform."""
    home = tmp_path_factory.mktemp("signing")
    save(home, "signing", issue("signing", CA, usage(digital_signature=True)))
    return home


def test_a_note_counts_once_and_goes(ground: Ground) -> None:
    empty, full = ground.note(1), ground.note(3, digest(CONTENT) + "\n")
    assert ground.take() == 2
    assert ground.collected() == {1: "folder", 2: None, 3: "folder"}
    assert not empty.exists()
    assert not full.exists()
    ground.note(1)
    assert ground.take() == 0
    assert ground.take() == 0


@pytest.mark.parametrize("content", [digest(b"another"), "no checksum", "x" * 10_000, digest(CONTENT) + "0"])
def test_a_note_with_another_checksum_is_told_and_does_not_count(ground: Ground, content: str) -> None:
    path = ground.note(2, content)
    with capture_logs() as lines:
        assert ground.take() == 0
    assert [(line["code"], line["sequence"]) for line in lines] == [("mutations.note", 2)]
    assert ground.collected()[2] is None
    assert not path.exists()


def test_a_note_about_no_file_is_told(ground: Ground) -> None:
    ground.note(99)
    with capture_logs() as lines:
        assert ground.take() == 0
    assert [line["sequence"] for line in lines] == [99]


@pytest.mark.parametrize(
    "name",
    [
        "other-0000000001.xml.ack",
        "one-1.xml.ack",
        "one-0000000001.xml",
        "one-0000000001.ack",
        "xone-0000000001.xml.ack",
        "one-0000000001.xml.ack.part",
        ".one-0000000001.xml.ack",
        "one-000000000x.xml.ack",
        "one-\u0660000000001.xml.ack",
        "one-00000000001.xml.ack",
    ],
)
def test_other_names_are_left_alone(ground: Ground, name: str) -> None:
    """Also one that is a number in another spelling; and nobody speaks for another subscription."""
    (ground.notes / name).write_text("")
    with capture_logs() as lines:
        assert ground.take() == 0
    assert lines == []
    assert (ground.notes / name).exists()
    assert ground.ask(lambda d: d.fetchval("select count(*) from mutation_file where collected is not null")) == 0


@pytest.mark.parametrize("what", ["link", "pipe"])
def test_what_is_no_file_is_no_note(ground: Ground, what: str) -> None:
    """Nothing is read through a link, and a pipe keeps nobody waiting."""
    secret = ground.directory / "secret"
    secret.write_text(digest(CONTENT))
    path = ground.notes / (name_of("one", 1) + SUFFIX)
    if what == "link":
        path.symlink_to(secret)
    else:
        os.mkfifo(path)
    for told in (1, 0):
        with capture_logs() as lines:
            assert ground.take() == 0
        assert len(lines) == told
    assert secret.read_text() == digest(CONTENT)


def test_a_folder_is_no_note_and_nothing_is_said_of_it(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be removed as a note is: it would be told again with every turn, and take the places of notes."""
    monkeypatch.setattr("kruispunt.mutations.acknowledged.MOST", 2)
    for sequence in (1, 2, 9_999_999_999):
        (ground.notes / (name_of("one", sequence) + SUFFIX) / "full").mkdir(parents=True)
    ground.note(3)
    with capture_logs() as lines:
        assert ground.take() == 1
    assert lines == []
    assert ground.collected() == {1: None, 2: None, 3: "folder"}


def test_a_folder_of_notes_that_is_a_link_is_not_followed(ground: Ground) -> None:
    elsewhere = ground.directory / "elsewhere"
    ground.notes.rename(elsewhere)
    (elsewhere / (name_of("one", 1) + SUFFIX)).write_text("")
    ground.notes.symlink_to(elsewhere)
    assert ground.take() == 0
    assert len(list(elsewhere.iterdir())) == 1


def test_many_notes_are_taken_in_turns(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kruispunt.mutations.acknowledged.MOST", 2)
    for sequence in (1, 2, 3):
        ground.note(sequence)
    assert [ground.take(), ground.take()] == [2, 1]


def test_two_who_take_at_once_count_each_note_once(ground: Ground) -> None:
    for sequence in (1, 2, 3):
        ground.note(sequence)

    async def both(database: Database) -> int:
        return sum(await asyncio.gather(*(take(database, ground.directory) for _ in range(4))))

    assert ground.ask(both) == 3


def test_an_operator_says_that_a_file_was_collected(ground: Ground) -> None:
    assert ground.ask(lambda d: collect(d, "one", 2, "os-user:someone"))
    assert not ground.ask(lambda d: collect(d, "one", 2, "os-user:another"))
    assert ground.collected()[2] == "os-user:someone"
    with pytest.raises(DataError, match="has no file 9"):
        ground.ask(lambda d: collect(d, "one", 9, "os-user:someone"))


def test_files_may_be_read_by_the_group_of_their_folder_where_it_may_read_the_folder(tmp_path: Path) -> None:
    """Default: by the owner alone. So an account of SFTP reads its own folder, and nobody another one."""
    path = tmp_path / "one" / name_of("one", 1)
    folder.make_folders(tmp_path, [path.parent])
    group = next(g.gr_gid for g in grp.getgrall() if g.gr_gid != os.getgid()) if os.geteuid() == 0 else os.getgid()
    for shared in (False, True):
        if shared:
            os.chown(path.parent, -1, group)
            path.parent.chmod(0o2750)
        draft = tmp_path / "draft"
        draft.touch(mode=0o600)
        draft.write_bytes(CONTENT)
        folder.place(draft, path, None)
        folder.place_voucher(tmp_path, path, b"<voucher/>")
        for each in (path, voucher_of(path)):
            found = each.stat()
            assert oct(found.st_mode & 0o777) == ("0o640" if shared else "0o600")
            assert not shared or found.st_gid == group
