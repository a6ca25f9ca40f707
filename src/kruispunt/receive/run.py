"""File by file, in order, each once: fetched, verified, loaded, acknowledged (RP-18)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from kruispunt.clock import to_text
from kruispunt.errors import DataError
from kruispunt.files.voucher import Measured, Voucher
from kruispunt.receive.checking import (
    Expected,
    check_content,
    check_head,
    check_turn,
    check_voucher,
    content,
    refuse_store,
    verified,
)
from kruispunt.receive.copy import Bond, Copy, Received
from kruispunt.receive.lateness import late, not_received
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.source import Source
from kruispunt.receive.told import TellingFile
from kruispunt.wss.trust import Trust

COPY: Final = "copy.sqlite"
FILES: Final = "files"


@dataclass(frozen=True, slots=True)
class Desk:
    """What files are worked with."""

    copy: Copy
    trust: Trust
    expected: Expected
    first: int
    """Sequence number of the first file of an empty copy."""
    now: Callable[[], datetime]
    late_after: int | None = None
    """Days behind yesterday from which on a day without a file is told; None: files come when something changed."""


@dataclass(slots=True)
class Outcome:
    """What a round did, and what it ended with."""

    loaded: list[Received] = field(default_factory=list)
    problem: NotReceived | None = None


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else works in this directory meanwhile. Raises NotReceived (`busy`, `store`)."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / FILES).mkdir(mode=0o700, exist_ok=True)
        lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        refuse_store(f"{directory} cannot be used: {error.strerror}")
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReceived(
                Problem.BUSY, f"another kruispunt receive works in {directory}", "Wait for its end"
            ) from None
        yield
    finally:
        os.close(lock)


def receive(desk: Desk, source: Source, stopped: Callable[[], bool] = lambda: False) -> Outcome:
    """Load every file that is there and whose turn comes; ends before the next one when `stopped` says so.

    Raises nothing of its own: a problem ends the round and stands in the outcome, and in the copy until it is gone.
    """
    outcome, wanted = Outcome(), 0
    try:
        desk.expected.check_fits(desk.copy.bond)
        for file in desk.copy.unacknowledged():
            _acknowledge(desk, source, file)
        wanted = _wanted(desk)
        for sequence in source.offered(wanted - 1):
            if stopped():
                break
            if sequence > wanted:
                raise _missing(wanted, sequence, desk.copy.last == 0)
            outcome.loaded.append(_received(desk, source, sequence))
            wanted += 1
            _acknowledge(desk, source, outcome.loaded[-1])
        else:
            outcome.problem = _late(desk)
    except NotReceived as error:
        outcome.problem = _about(error, wanted)
        if outcome.problem.sequence is not None and outcome.problem.problem.is_of_a_file:
            # A copy that cannot be written shows at the next file too.
            with suppress(NotReceived):
                desk.copy.note_trouble(outcome.problem, desk.now())
    return outcome


def _late(desk: Desk) -> NotReceived | None:
    if desk.late_after is None:
        return None
    trouble = late(desk.copy.received(desk.copy.last), desk.now(), desk.late_after)
    return None if trouble is None else not_received(trouble)


def fetch_again(desk: Desk, source: Source, sequence: int) -> Path:
    """Fetch and verify one file that was loaded before, and load nothing. Raises NotReceived."""
    desk.expected.check_fits(desk.copy.bond)
    data = source.voucher(sequence)
    voucher = verified(data, desk.trust, desk.now())
    check_voucher(voucher, desk.expected.bound(desk.copy.bond))
    loaded = desk.copy.received(sequence)
    if voucher.header.sequence != sequence or (loaded is not None and loaded.sha256 != voucher.content.sha256):
        raise NotReceived(
            Problem.REPEATED,
            f"what came as file {sequence} is another file than the one that was loaded",
            sequence=sequence,
        )
    return _kept(source, sequence, voucher, data)


def _wanted(desk: Desk) -> int:
    last = desk.copy.last
    return last + 1 if last else desk.first


def _received(desk: Desk, source: Source, sequence: int) -> Received:
    """One file from its voucher to the copy. Raises NotReceived, and then the copy is as it was."""
    data = source.voucher(sequence)
    voucher = verified(data, desk.trust, desk.now())
    check_voucher(voucher, desk.expected.bound(desk.copy.bond))
    if voucher.header.sequence != sequence:
        check_turn(voucher, sequence, desk.copy.last, source.content(sequence))
    return _loaded(desk, _kept(source, sequence, voucher, data), voucher)


def _kept(source: Source, sequence: int, voucher: Voucher, data: bytes) -> Path:
    file = source.file(sequence, voucher.content)
    try:
        check_content(content(file), voucher.content)
    except NotReceived:
        source.discard(file)
        raise
    return source.keep(sequence, file, data)


def _loaded(desk: Desk, path: Path, voucher: Voucher) -> Received:
    try:
        source = path.open("rb")
    except OSError as error:
        refuse_store(f"{path} cannot be read: {error.strerror}")
    with source:
        measured = Measured(source)
        try:
            file = TellingFile(measured)
            check_head(file, voucher)
            loaded = _described(voucher, file, desk.now())
            with desk.copy.loading(_bond(voucher), loaded) as copy:
                count = copy.put(file, loaded.sequence)
                # Once more: a folder is somebody else's, and the file may have changed since it was verified.
                check_content(measured.content(), voucher.content)
                if count != voucher.records:
                    raise NotReceived(
                        Problem.RECORDS, f"the file has {count:,} records, and its voucher tells {voucher.records:,}"
                    )
        except DataError as error:
            check_content(measured.content(), voucher.content)
            raise NotReceived(Problem.SCHEMA, str(error), "Tell the operator of the platform") from error
    return loaded


def _bond(voucher: Voucher) -> Bond:
    header = voucher.header
    return Bond(
        voucher.subscription or "",
        voucher.environment,
        header.sender,
        header.receiver,
        header.legal_context,
        voucher.kind,
    )


def _described(voucher: Voucher, file: TellingFile, now: datetime) -> Received:
    return Received(
        sequence=voucher.header.sequence,
        day=file.day.isoformat(),
        records=voucher.records,
        size=voucher.content.size,
        sha256=voucher.content.sha256,
        created=to_text(voucher.header.created),
        loaded=to_text(now),
        acknowledged=None,
    )


def _acknowledge(desk: Desk, source: Source, file: Received) -> None:
    source.acknowledge(file.sequence, file.sha256)
    desk.copy.note_acknowledged(file.sequence, desk.now())


def _missing(wanted: int, there: int, empty: bool) -> NotReceived:
    missing = f"file {wanted} is missing" if there == wanted + 1 else f"files {wanted} to {there - 1} are missing"
    return NotReceived(
        Problem.MISSING,
        f"{missing}, and file {there} is there",
        "Ask for what is missing (kruispunt receive again), or bring it into the folder; later files wait"
        + ("; or begin later, without what they told (--first)" if empty else ""),
        sequence=wanted,
        until=there - 1,
    )


def _about(error: NotReceived, wanted: int) -> NotReceived:
    """With the number of the file that it is about, where it is about one."""
    if error.sequence is None and wanted and error.problem.is_of_a_file:
        return NotReceived(error.problem, error.why, error.remedy, sequence=wanted)
    return error
