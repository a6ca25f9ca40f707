"""The folder of all mutation files, as it is written: whole files, one directory a subscription (RP-18).

    DIR/<code>/<code>-<sequence, 10 digits>.xml     and its voucher
    DIR/.writing-…/                                 files that are being written
    DIR/.aside/                                     what lay in a file's place and was not it

A subscriber may be let in by SFTP below its own directory, and leave there what it likes. So no link is followed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from kruispunt.errors import DataError
from kruispunt.files.atomic import keep_names
from kruispunt.files.voucher import SUFFIX, Content, content_of, voucher_of

_WORK: Final = ".writing-"
_ASIDE: Final = ".aside"

logger = structlog.get_logger("mutations")


def is_there(path: Path, content: Content, *, whole: bool = False) -> bool:
    """Whether a file lies there as it was made: by its size, or `whole`, by its checksum."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size != content.size:
            return False
        return not whole or content_of(path) == content
    except (OSError, DataError):
        return False


def has_voucher(path: Path, voucher: bytes) -> bool:
    """Whether the voucher of the file at `path` lies beside it."""
    beside = voucher_of(path)
    try:
        return not beside.is_symlink() and beside.is_file() and beside.read_bytes() == voucher
    except OSError:
        return False


def sequences(directory: Path, code: str) -> list[int]:
    """The sequence numbers of the files, and of vouchers, in the folder of a subscription. Raises DataError."""
    form = re.compile(re.escape(code) + r"-([0-9]{10,15})\.xml")
    with told(directory / code):
        if not (directory / code).is_dir():
            return []
        names = [each.name for each in (directory / code).iterdir()]
    found = (form.fullmatch(name.removesuffix(SUFFIX)) for name in names)
    return sorted({int(match[1]) for match in found if match})


@contextmanager
def workshop(directory: Path) -> Iterator[Path]:
    """A directory beside, on the same file system; what others who were killed left is removed. Raises DataError."""
    with told(directory):
        for left in directory.glob(f"{_WORK}*"):
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=directory))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def make_folders(directory: Path, folders: Iterable[Path]) -> None:
    """Folders of subscriptions within the folder of all files, for their owner alone. Raises DataError."""
    for folder in folders:
        with told(folder):
            _refuse_link(folder)
            if not folder.is_dir():
                folder.mkdir(mode=0o700)
    with told(directory):
        keep_names(directory)


def place(source: Path, path: Path, content: Content | None) -> None:
    """Put a file where its subscriber looks; `content` is what was written there before, if anything was.

    What lies there and is not that is set aside, with a warning. Raises DataError.
    """
    with told(path):
        _refuse_link(path.parent)
        if content is not None and os.path.lexists(path) and not is_there(path, content, whole=True):
            logger.warning(
                "a file in the folder is not what was written there: it is set aside, and made again",
                code="mutations.altered",
                file=path.name,
                aside=str(_set_aside(path)),
            )
        _share(source, path.parent)
        source.replace(path)
        keep_names(path.parent)


def place_voucher(work: Path, path: Path, voucher: bytes) -> None:
    """Put the voucher of the file at `path` beside it; `work` is a `workshop`. Raises DataError."""
    with told(path):
        _refuse_link(path.parent)
        target = voucher_of(path)
        source = work / target.name
        append(source, voucher, durable=True)
        _share(source, path.parent)
        source.replace(target)
        keep_names(path.parent)


def append(path: Path, data: bytes, *, durable: bool) -> None:
    """Put bytes behind a file, which is made when it is not there; `durable`: all of it is on disk then."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        written = os.write(handle, data)
        while written < len(data):  # the disk is full, or a limit reached: the next attempt is told which
            written += os.write(handle, memoryview(data)[written:])
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> bool:
    """Remove a file and its voucher, the voucher first; whether one of them was there. Raises DataError."""
    with told(path):
        there = False
        for each in (voucher_of(path), path):
            if os.path.lexists(each):
                each.unlink()
                there = True
        return there


@contextmanager
def told(place: Path) -> Iterator[None]:
    """What the system says of a full disk or a folder that cannot be written, as an operator can use it."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror}. Nothing is lost: distribute again when that is mended.",
            where=str(place),
        ) from error


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink():
        raise DataError("a link stands where the folder of a subscription should: remove it", where=str(folder))


def _share(file: Path, folder: Path) -> None:
    """Who may read the folder as its group may read the file: the account of a subscriber that comes by SFTP.

    Folders that are made here let nobody in; an operator gives one to a group by hand.
    """
    found = folder.stat()
    if not found.st_mode & stat.S_IRGRP:
        return
    try:
        os.chown(file, -1, found.st_gid, follow_symlinks=False)
        file.chmod(0o640)
    except PermissionError:
        logger.warning(
            "a file could not be given to the group of its folder, which cannot read it: "
            "let the account of the server be a member of that group",
            code="mutations.not-shared",
            file=file.name,
        )


def _set_aside(path: Path) -> Path:
    aside = path.parent.parent / _ASIDE
    aside.mkdir(mode=0o700, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix=f"{path.name}.", dir=aside)) / path.name
    path.rename(target)
    return target
