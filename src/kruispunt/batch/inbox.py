"""An inbox that several senders share: each file is loaded, waits for its turn, or is set aside (RP-08).

What is wrong with one file is its own trouble: the next one is looked at all the same. Nothing that was put away is
written over, so two files of one name are both kept, and so are their outcomes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import structlog

from kruispunt.batch.files import NotYet
from kruispunt.batch.run import Bench, Loaded, kept_as, load_file
from kruispunt.batch.watching import waiting
from kruispunt.errors import DataError, Fault, KruispuntError, StorageError
from kruispunt.files.atomic import written_whole
from kruispunt.files.voucher import SUFFIX, voucher_of

logger = structlog.get_logger("batch")

REASON: Final = ".refused.txt"
"""Why `FILE` was refused is told in `FILE` with this at its end, in words for its sender."""
LONGEST_NAME: Final = 180
"""Bytes: owner, number and the ends of an outcome and its voucher go with it, and file systems have 255."""
_FOLDERS: Final = ("done", "refused", "outcomes")


class Inbox:
    """A directory where files and vouchers arrive, with folders below it for what became of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._done, self._refused, self._outcomes = (directory / name for name in _FOLDERS)
        self._told: dict[Path, str] = {}
        """Why files stay, as far as the log has it."""
        for folder in (self._done, self._refused, self._outcomes):
            folder.mkdir(exist_ok=True)

    async def look(self, opened: Callable[[], AbstractAsyncContextManager[Bench]]) -> None:
        """Load what is there, each file with the rights in force. Raises StorageError: that is no fault of a file."""
        files = waiting(self._directory)
        self._told = {file: why for file, why in self._told.items() if file in files}
        for file in files:
            async with opened() as bench:
                try:
                    await self._take_in(bench, file)
                except OSError as error:
                    self._stays(file, "a file cannot be worked with", "batch.trouble", error.strerror or str(error))

    async def _take_in(self, bench: Bench, file: Path) -> None:
        try:
            if len(os.fsencode(file.name)) > LONGEST_NAME:
                raise DataError(f"the name has more than {LONGEST_NAME} bytes")
            loaded = await load_file(bench, file, self._outcomes)
        except StorageError:
            raise
        except NotYet as error:
            self._stays(file, "a file waits for others", "batch.waits", str(error))
        except KruispuntError as error:
            # Another process may have put it away meanwhile.
            if file in waiting(self._directory):
                self._refuse(file, error)
        else:
            _tell(file, loaded)
            _set_aside(file, self._done, kept_as(loaded.status.owner, loaded.status.sequence, file.name))

    def _refuse(self, file: Path, error: KruispuntError) -> None:
        logger.warning("a file was refused", code="batch.refused", file=file.name, why=str(error))
        kept = _set_aside(file, self._refused, os.fsdecode(os.fsencode(file.name)[:LONGEST_NAME]))
        with written_whole(kept.with_name(kept.name + REASON)) as target:
            target.write(_for_sender(error).encode("utf-8", "replace"))

    def _stays(self, file: Path, what: str, code: str, why: str) -> None:
        """Told once, not at every look."""
        if self._told.get(file) != why:
            self._told[file] = why
            logger.warning(what, code=code, file=file.name, why=why)


def _tell(file: Path, loaded: Loaded) -> None:
    found = loaded.status
    logger.info(
        "a file was loaded",
        file=file.name,
        owner=found.owner,
        sequence=found.sequence,
        done=found.done,
        unchanged=found.unchanged,
        refused=found.refused,
        before=loaded.before.value,
    )


def _for_sender(error: KruispuntError) -> str:
    """Why, without a value of a line. A stranger reads no more than a call would tell it (PL-26)."""
    if isinstance(error, Fault):
        return "".join(f"{line}\n" for line in (error.text, *(": ".join(pair) for pair in error.information)))
    return f"{error.what if isinstance(error, DataError) else 'ask the operator of the platform'}\n"


def _set_aside(file: Path, directory: Path, name: str) -> Path:
    """Where a file is now, with its voucher: under this name, or with a number before it. Raises OSError.

    The voucher goes first: without it a file is not looked at. What is gone was put away by another process.
    """
    target = _free(directory, name)
    try:
        with suppress(FileNotFoundError):
            voucher_of(file).replace(voucher_of(target))
        file.replace(target)
    except OSError as error:
        target.unlink()
        if not isinstance(error, FileNotFoundError):
            raise
    return target


def _free(directory: Path, name: str) -> Path:
    """A name that nothing has: an empty file holds it."""
    for number in count(1):
        target = directory / (name if number == 1 else f"{number}-{name}")
        if any(os.path.lexists(f"{target}{end}") for end in (SUFFIX, REASON)):
            continue
        with suppress(FileExistsError):
            target.touch(exist_ok=False)
            return target
    raise AssertionError
