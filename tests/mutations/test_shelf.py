"""What is opened below the folder of files, whatever somebody planted there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kruispunt.mutations.layout import name_of
from kruispunt.mutations.shelf import Missing, open_file

CONTENT = b"<mutations/>"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with one file, beside a secret."""
    (tmp_path / "shelf" / "code").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"x" * len(CONTENT))
    return tmp_path / "shelf"


def place(shelf: Path, code: str = "code") -> Path:
    return shelf / code / name_of("code", 1)


def open_and_read(shelf: Path) -> bytes:
    descriptor = open_file(shelf, "code", 1, len(CONTENT))
    with os.fdopen(descriptor, "rb") as file:
        assert not os.get_inheritable(file.fileno())
        return file.read()


def test_a_file_is_opened(shelf: Path) -> None:
    place(shelf).write_bytes(CONTENT)
    assert open_and_read(shelf) == CONTENT
    assert name_of("code", 1) == "code-0000000001.xml"
    assert name_of("code", 999_999_999_999_999) == "code-999999999999999.xml"


def test_the_folder_itself_may_be_a_link_of_the_operators(shelf: Path) -> None:
    place(shelf).write_bytes(CONTENT)
    (shelf.parent / "link").symlink_to(shelf)
    assert open_and_read(shelf.parent / "link") == CONTENT


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("what", ["link", "relative link", "pipe", "socket", "folder", "larger", "smaller", "device"])
def test_nothing_else_in_its_place_is_opened(shelf: Path, what: str) -> None:
    path, secret = place(shelf), shelf.parent / "secret"
    match what:
        case "link":
            path.symlink_to(secret)
        case "relative link":
            path.symlink_to("../../secret")
        case "pipe":
            os.mkfifo(path)
        case "socket":
            before = Path.cwd()
            os.chdir(path.parent)
            try:
                with socket.socket(socket.AF_UNIX) as listening:
                    listening.bind(path.name)
            finally:
                os.chdir(before)
        case "folder":
            path.mkdir()
        case "larger" | "smaller":
            path.write_bytes(CONTENT + b"x" if what == "larger" else CONTENT[1:])
        case "device":
            path.symlink_to("/dev/zero")
    before_count = descriptors()
    with pytest.raises(Missing) as missing:
        open_and_read(shelf)
    assert missing.value.odd
    assert descriptors() == before_count


def test_a_folder_of_a_subscription_that_is_a_link_is_not_followed(shelf: Path) -> None:
    (shelf / "code").rmdir()
    elsewhere = shelf.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / name_of("code", 1)).write_bytes(CONTENT)
    (shelf / "code").symlink_to(elsewhere)
    with pytest.raises(Missing) as missing:
        open_and_read(shelf)
    assert missing.value.odd


def test_what_is_not_there(shelf: Path) -> None:
    with pytest.raises(Missing) as missing:
        open_and_read(shelf)
    assert not missing.value.odd
    (shelf / "code").rmdir()
    with pytest.raises(Missing):
        open_and_read(shelf)


def test_a_folder_that_is_not_mounted_is_no_missing_file(shelf: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_and_read(shelf.parent / "nowhere")
