"""A file from its voucher to its outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kruispunt.batch.admission import PLATFORM, Admitted, Door, admitted, check_content, open_lines
from kruispunt.batch.files import State, Status, Taken, ask_turn, status, take, taken_before
from kruispunt.batch.loading import Job, alone, finish, load
from kruispunt.batch.outcomes import KIND, write_outcomes
from kruispunt.files.atomic import written_whole
from kruispunt.files.header import Header
from kruispunt.files.voucher import (
    Signs,
    Voucher,
    content_of,
    kept_voucher,
    read_voucher_file,
    sign_voucher,
    voucher_of,
)
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.repertory.writing import Author
from kruispunt.wss.revocation import RevocationUnknown

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

OUTCOMES: Final = ".outcome.xml"
"""The outcomes of `FILE` are in `FILE` with this at its end; they have a voucher of their own."""


def kept_as(owner: CbeNumber, sequence: int, name: str) -> str:
    """The name under which a file is kept, and its outcomes, where those of all senders lie: no two files have it."""
    return f"{owner}-{sequence}-{name}"


@dataclass(frozen=True, slots=True)
class Bench:
    """What files are worked with."""

    database: Database
    door: Door
    signer: Signs
    now: Callable[[], datetime]
    today: Callable[[], date]
    test_band: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file."""

    status: Status
    before: State
    """How it was found. Of one that was FINISHED nothing was changed, and its outcomes were written again."""


async def load_file(
    bench: Bench, file: Path, directory: Path | None = None, progress: Callable[[int, int], None] = lambda *_: None
) -> Loaded:
    """Load a file beside which its voucher lies, and write its outcomes there, or into `directory` as `kept_as` says.

    `progress` is told lines done and lines in all. Raises DataError or a Refusal, and then nothing of a file that was
    not taken before has been changed; StorageError, and then the same call goes on with the file. A file whose turn it
    is not (NotYet) is not read.
    """
    signed = read_voucher_file(voucher_of(file))
    admission = await _admitted(bench, signed)
    voucher = admission.voucher
    await ask_turn(bench.database, admission.owner, voucher)
    check_content(file, admission)
    async with bench.database.connection() as connection:
        taken = await take(connection, admission.owner, voucher, signed, admission.author, bench.today())
        async with alone(connection, taken.id):
            before = taken.state
            # Whoever was at it meanwhile may have ended it.
            taken = await take(connection, admission.owner, voucher, signed, admission.author, bench.today())
            if taken.state is State.FINISHED:
                before = State.FINISHED
            done = 0

            def tell(lines: int) -> None:
                nonlocal done
                done += lines
                progress(done, voucher.records)

            ticket = str(voucher.header.sequence)
            job = Job(admission.owner, taken, Author(admission.author, f"file {ticket}"), bench.test_band, tell)
            with file.open("rb") as source:
                await load(bench.database, connection, job, open_lines(source, file, admission).batches())
            taken = await take(connection, admission.owner, voucher, signed, admission.author, bench.today())
    kept = file if directory is None else directory / kept_as(admission.owner, voucher.header.sequence, file.name)
    await _write_outcomes(bench, taken, voucher.header, kept.with_name(kept.name + OUTCOMES))
    (found,) = await status(bench.database, admission.owner, voucher.header.sequence)
    return Loaded(found, before)


async def abandon(bench: Bench, owner: CbeNumber, sequence: int, path: Path) -> Loaded:
    """End a file whose load was broken off, and write into `path` what became of each line; the file is not needed.

    What was loaded stays. Of a file that was ended before nothing is changed, and its outcomes are written again.
    Raises DataError for a file that was never taken or that is being loaded, StorageError.
    """
    async with bench.database.connection() as connection:
        taken, _ = await taken_before(connection, owner, sequence)
        async with alone(connection, taken.id):
            # Whoever was at it meanwhile may have ended it.
            before, signed = await taken_before(connection, owner, sequence)
            if before.state is not State.FINISHED:
                await finish(connection, before)
            taken, _ = await taken_before(connection, owner, sequence)
    await _write_outcomes(bench, taken, kept_voucher(signed).header, path)
    (found,) = await status(bench.database, owner, sequence)
    return Loaded(found, before.state)


async def _admitted(bench: Bench, signed: bytes) -> Admitted:
    try:
        return admitted(bench.door, signed, bench.now())
    except RevocationUnknown as unknown:
        if not await bench.door.revocation.learn(unknown.trusted):
            raise
        return admitted(bench.door, signed, bench.now())


async def _write_outcomes(bench: Bench, taken: Taken, sent: Header, path: Path) -> None:
    with written_whole(path) as target:
        header, count = await write_outcomes(bench.database, taken, sent, PLATFORM, target)
    voucher = Voucher(header, KIND, bench.door.environment, count, content_of(path))
    with written_whole(voucher_of(path)) as target:
        target.write(sign_voucher(voucher, bench.signer, bench.now()))
