"""Writing the files of a distribution (RP-18, RP-19).

People are read in blocks, and each record is put behind the others of its files. What waits to be written is bounded,
whatever the number of people and subscribers, and no file stays open. All of it happens in a directory beside, where
nobody looks; files go to their subscribers whole:

    1  the file is on disk, and takes its place
    2  its row tells size, checksum and voucher
    3  the voucher takes its place, which says that the file is there

A writer that is killed leaves nothing that counts before 2, and from 2 on the voucher is what the row holds. So
whoever comes next makes the same bytes again. A file that its row knows is never replaced by other bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from kruispunt.ahead import ahead
from kruispunt.errors import StorageError
from kruispunt.files.voucher import Signs
from kruispunt.mutations import folder
from kruispunt.mutations.checking import Checker
from kruispunt.mutations.distributions import Distribution
from kruispunt.mutations.layout import File, signed
from kruispunt.mutations.records import Form, Record, form_of
from kruispunt.mutations.rows import Made, answered, keep_made
from kruispunt.mutations.sheets import WAITING_BYTES, Sheet, Waiting
from kruispunt.mutations.states import BLOCK, PersonTold, items, people
from kruispunt.settings import Environment

if TYPE_CHECKING:
    from kruispunt.storage.database import Connection

_AT_ONCE: Final = 256
"""Files that take their places together: the journal of the file system is written for many of them at once."""
_TURN: Final = 100
"""People that are told at a stretch: as many as PostgreSQL sends of the next block before it has to wait."""
_FEW: Final = 10
_THREADS: Final = 8
"""That wait for the disk, and sign."""

Progress = Callable[[str, int, int], None]
"""Of what (people, items, files) how many are done, and of how many; 0 when that is not known."""

T = TypeVar("T")
R = TypeVar("R")


class Unrepeatable(StorageError):
    """A file that was told cannot be made again as it was."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What files are written with."""

    directory: Path
    """Of all files."""
    environment: Environment
    signer: Signs
    now: Callable[[], datetime]
    waiting_bytes: int = WAITING_BYTES
    block: int = BLOCK
    """People that are read at once."""


async def write_files(
    desk: Desk,
    connection: Connection,
    distribution: Distribution,
    files: Mapping[File, Made | None],
    progress: Progress = lambda *_: None,
) -> int:
    """Write files of a distribution, those that were made before with the same bytes; call it inside `alone`.

    `files` tells of each what its row says; returns how many records were written. Raises StorageError, and DataError
    when the folder cannot be written: then what is there counts, and the same call goes on.
    """
    if not files:
        return 0
    with folder.workshop(desk.directory) as work:
        sheets = [Sheet(file, work / str(file.id)) for file in files]
        await _fill(desk, connection, distribution, sheets, progress)
        with ThreadPoolExecutor(_THREADS, "mutation-files") as pool:
            done = 0
            for some in _by(_AT_ONCE, sheets):
                await _publish(desk, connection, pool, work, {sheet: files[sheet.file] for sheet in some})
                done += len(some)
                progress("files", done, len(sheets))
    return sum(sheet.records for sheet in sheets)


async def _fill(
    desk: Desk, connection: Connection, distribution: Distribution, sheets: Sequence[Sheet], progress: Progress
) -> None:
    """Everything but the ends of the files."""
    checker, waiting = Checker(), Waiting(sheets, desk.waiting_bytes)
    for sheet in sheets:
        checker.check_empty(sheet.file)
    of_people = {sheet.file.id: sheet for sheet in sheets if sheet.file.stream is None}
    of_streams = {sheet.file.id: sheet for sheet in sheets if sheet.file.stream is not None}
    if of_people:
        await _fill_people(_Filling(desk, connection, distribution, checker, waiting, progress), of_people)
    if of_streams:
        await _fill_items(_Filling(desk, connection, distribution, checker, waiting, progress), of_streams)
    waiting.flush()


@dataclass(frozen=True, slots=True)
class _Filling:
    desk: Desk
    connection: Connection
    distribution: Distribution
    checker: Checker
    waiting: Waiting
    progress: Progress

    async def check(self, sheets: Mapping[int, Sheet], records: list[bytes]) -> None:
        """Hold new records against the schema. No subscriber sees them before."""
        if records:
            await asyncio.to_thread(self.checker.check_records, next(iter(sheets.values())).file, records)


async def _fill_people(filling: _Filling, sheets: Mapping[int, Sheet]) -> None:
    telling = _Telling(sheets, filling.checker)
    done = 0
    blocks = ahead(people(filling.connection, filling.distribution, _few(sheets), filling.desk.block))
    async with aclosing(blocks):
        async for block in blocks:
            for some in _by(_TURN, block):
                telling.put(some)
                await asyncio.sleep(0)
            await filling.check(sheets, telling.doubtful)
            filling.waiting.count(telling.size, telling.held)
            telling.clear()
            done += len(block)
            filling.progress("people", done, 0)


class _Telling:
    """Puts records of people into their files, and counts them."""

    __slots__ = ("_checker", "_forms", "_profiles", "_ways", "doubtful", "held", "size")

    def __init__(self, sheets: Mapping[int, Sheet], checker: Checker) -> None:
        self._checker = checker
        self._profiles = sorted({sheet.file.profile for sheet in sheets.values()})
        self._ways = {id_: (sheet.add, self._profiles.index(sheet.file.profile)) for id_, sheet in sheets.items()}
        self._forms: dict[int, list[Form]] = {}
        """For each of the profiles, by the parts that changed."""
        self.clear()

    def clear(self) -> None:
        self.doubtful: list[bytes] = []
        """Records that the schema is to be asked about."""
        self.size = 0
        """Bytes of records, each counted once."""
        self.held = 0
        """Records, counted in each file."""

    def put(self, block: Iterable[PersonTold]) -> None:
        """Raises StorageError."""
        ways, size, held = self._ways, 0, 0
        for told, files in block:
            forms = self._forms.get(told.parts) or self._learn(told.parts)
            record = Record(told)
            written = record.written
            for id_ in files:
                if id_ in ways:
                    add, place = ways[id_]
                    form = forms[place]
                    if form not in written:
                        size += len(record.write(form))
                        if self._checker.doubts(record, form):
                            self.doubtful.append(written[form])
                    add(written[form])
                    held += 1
        self.size += size
        self.held += held

    def _learn(self, parts: int) -> list[Form]:
        found = self._forms[parts] = [form_of(parts, profile) for profile in self._profiles]
        return found


async def _fill_items(filling: _Filling, sheets: Mapping[int, Sheet]) -> None:
    done = 0
    async for block in items(filling.connection, filling.distribution, _few(sheets), filling.desk.block):
        held = 0
        for record, files in block:
            for sheet in (sheets[id_] for id_ in files if id_ in sheets):
                sheet.add(record)
                held += 1
        records = [record for record, _ in block]
        await filling.check(sheets, records)
        filling.waiting.count(sum(map(len, records)), held)
        done += len(block)
        filling.progress("items", done, 0)


def _few(sheets: Mapping[int, Sheet]) -> list[int] | None:
    """Files whose people the database looks for. With many, looking for them costs more than reading everybody."""
    return list(sheets) if len(sheets) <= _FEW else None


async def _publish(
    desk: Desk, connection: Connection, pool: ThreadPoolExecutor, work: Path, sheets: Mapping[Sheet, Made | None]
) -> None:
    """Some files, from the directory beside to their subscribers."""
    contents = dict(zip(sheets, await _each(pool, Sheet.end, sheets), strict=True))
    for sheet, made in sheets.items():
        if made is not None and (made.records, made.content) != (sheet.records, contents[sheet]):
            raise Unrepeatable(
                f"{sheet.file.name} would be made with other bytes than were told: it is left as it is. Rows of its "
                "distribution are gone, or another release writes another form."
            )

    folders = [sheet.file.within(desk.directory).parent for sheet in sheets]
    await asyncio.to_thread(folder.make_folders, desk.directory, folders)

    def place(sheet: Sheet) -> None:
        made = sheets[sheet]
        folder.place(sheet.path, sheet.file.within(desk.directory), None if made is None else made.content)

    await _each(pool, place, sheets)
    new = [sheet for sheet, made in sheets.items() if made is None]
    vouchers = await _each(
        pool, lambda sheet: signed(desk.environment, desk.signer, sheet.file, sheet.records, contents[sheet]), new
    )
    kept = await keep_made(
        connection,
        {
            sheet.file: Made(sheet.records, contents[sheet], voucher, desk.now())
            for sheet, voucher in zip(new, vouchers, strict=True)
        },
    )
    kept |= {sheet.file: made for sheet, made in sheets.items() if made is not None}
    await _each(
        pool,
        lambda file: folder.place_voucher(work, file.within(desk.directory), kept[file].voucher),
        [sheet.file for sheet in sheets],
    )
    await answered(connection, list(kept))


async def _each(pool: ThreadPoolExecutor, work: Callable[[T], R], values: Iterable[T]) -> list[R]:
    """By several threads, each of which takes the next value when it is ready; all have ended when it returns or
    raises.
    """
    waiting = list(values)
    places, done = iter(range(len(waiting))), dict[int, R]()

    def take() -> None:
        for place in places:
            done[place] = work(waiting[place])

    loop = asyncio.get_running_loop()
    ended = await asyncio.gather(
        *(loop.run_in_executor(pool, take) for _ in range(min(_THREADS, len(waiting)))), return_exceptions=True
    )
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return [done[place] for place in range(len(waiting))]


def _by(size: int, values: Iterable[T]) -> Iterator[list[T]]:
    found = iter(values)
    while some := list(islice(found, size)):
        yield some
