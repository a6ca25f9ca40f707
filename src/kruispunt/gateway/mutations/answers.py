"""What each request for files of subscriptions is answered (RP-18); who may ask it was decided before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from kruispunt.access.model import Registration
from kruispunt.clock import Clock, to_text, today
from kruispunt.errors import Information
from kruispunt.gateway.mutations.asked import Asked, Operation, Request, unknown
from kruispunt.gateway.mutations.delivery import Opened, Readers
from kruispunt.gateway.mutations.problems import Declined
from kruispunt.gateway.mutations.ranges import Span, Unsatisfiable, is_same, names, span_of
from kruispunt.mutations import offered, rows
from kruispunt.mutations.layout import name_of
from kruispunt.mutations.offered import File, Owned
from kruispunt.mutations.shelf import Missing, open_file
from kruispunt.storage.database import Database

JSON: Final = "application/json"
XML: Final = "application/xml"
_VOUCHER_STAYS: Final = "Its voucher stays: it tells the checksum of the file, should you find a copy."

logger = structlog.get_logger("mutations")


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent: a head, and either `body` or a part of a file."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Information = ()
    file: Opened | None = None
    length: int | None = None
    """Bytes of the content where it is not `body`: also of a HEAD, which sends none."""
    logged: bytes | None = None
    """What the security log keeps in the place of `body`."""
    note: str = ""
    """For `kruispunt why`."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers over one database and one folder."""

    database: Database
    directory: Path
    readers: Readers
    clock: Clock
    retention: timedelta
    """After which a file is removed, and can no longer be made."""

    async def answer(self, asked: Asked, request: Request, registration: Registration, owned: Owned | None) -> Reply:
        """`owned` is the subscription that the request names, where it names one. Raises Declined, StorageError."""
        if owned is None:
            return await self._subscriptions(registration)
        if asked.operation is Operation.FILES:
            return await self._files(asked, registration)
        file = await offered.file(self.database, asked.code, registration.acts_for, asked.sequence)
        if file is None:
            raise unknown()
        if asked.operation is Operation.ACKNOWLEDGEMENT:
            return await self._acknowledge(asked, file, registration)
        if asked.operation is Operation.REQUEST:
            return await self._request_again(asked, file)
        voucher = await offered.voucher(self.database, file.id)
        if asked.operation is Operation.VOUCHER:
            return Reply(200, voucher, XML, note=f"the voucher of {name_of(asked.code, asked.sequence)}")
        return replace(await self._file(asked, request, file), logged=voucher)

    async def _subscriptions(self, registration: Registration) -> Reply:
        found = await offered.subscriptions(self.database, registration.acts_for)
        items = [
            {
                "code": one.code,
                "legalContext": one.legal_context,
                "kinds": list(one.kinds),
                "stream": one.stream,
                "activeOnly": one.active_only,
                "lastSequence": one.last,
            }
            for one in found
        ]
        return _listed(items, f"{len(items)} subscriptions")

    async def _files(self, asked: Asked, registration: Registration) -> Reply:
        found = await offered.files(self.database, asked.code, registration.acts_for, asked.after, asked.limit)
        items = [
            {
                "sequence": file.sequence,
                "day": None if file.day is None else file.day.isoformat(),
                "name": name_of(asked.code, file.sequence),
                "records": file.records,
                "size": file.size,
                "sha256": file.sha256,
                "published": to_text(file.published),
                "collected": None if file.collected is None else to_text(file.collected),
            }
            for file in found
        ]
        return _listed(items, f"{len(items)} files after {asked.after}")

    async def _acknowledge(self, asked: Asked, file: File, registration: Registration) -> Reply:
        if asked.sha256 != file.sha256:
            raise Declined(
                409,
                "mutations.checksum",
                "The checksum is not that of this file.",
                remedy="Do not load what you have; fetch the file again and compare it with its voucher.",
            )
        first = await rows.collect(self.database, file.id, registration.urn)
        return Reply(204, note="the file counts as collected" if first else "it was collected already")

    async def _request_again(self, asked: Asked, file: File) -> Reply:
        await self._check_kept(file)
        await rows.ask(self.database, file.id)
        name, pushed = name_of(asked.code, asked.sequence), file.day is None
        told = {"name": name, "sha256": file.sha256, "pushed": pushed}
        return Reply(202, _json(told), JSON, note=f"{name} will be {'pushed' if pushed else 'written'} again")

    async def _file(self, asked: Asked, request: Request, file: File) -> Reply:
        """The file, a part of it, or that the client has it already (RFC 9110, section 13.2.2)."""
        headers, tag = request.headers, f'"{file.sha256}"'
        kept: Information = (("etag", tag), ("accept-ranges", "bytes"))
        if names(headers.get("if-match"), tag, weak=False) is False:
            raise Declined(412, "http.precondition", "If-Match does not name this file.", headers=kept)
        if names(headers.get("if-none-match"), tag, weak=True):
            return Reply(304, headers=kept, note="the client has the file")
        name = name_of(asked.code, asked.sequence)
        kept = (*kept, ("content-disposition", f'attachment; filename="{name}"'))
        span = _span(headers, tag, file.size, ranged=request.method == "GET")
        whole = Span(0, file.size)
        if span is not None:
            kept = (*kept, ("content-range", f"bytes {span.start}-{span.last}/{file.size}"))
        descriptor = await self._open(asked, file)
        part = span or whole
        note = f"{name}, bytes {part.start} to {part.last} of {file.size}, SHA-256 {file.sha256}"
        opened = Opened(descriptor, part)
        return Reply(200 if span is None else 206, b"", XML, kept, opened, part.length, note=note)

    async def _check_kept(self, file: File) -> None:
        """It can be made, or pushed, again. Raises Declined."""
        if self._is_too_old(file):
            raise _too_old()
        if file.day is None and not await offered.is_held(self.database, file.id):
            raise Declined(
                410,
                "mutations.too-old",
                "The file was pushed, its messages are not kept any more, and it cannot be pushed again.",
                remedy=_VOUCHER_STAYS,
            )

    def _is_too_old(self, file: File) -> bool:
        return file.day is not None and file.day < today(self.clock) - self.retention

    async def _open(self, asked: Asked, file: File) -> int:
        if file.day is None:
            await self._check_kept(file)
            raise _pushed(asked)
        try:
            return await self.readers.run(partial(open_file, self.directory, asked.code, asked.sequence, file.size))
        except Missing as missing:
            if missing.odd:
                _tell("a file of a subscription is not the one that was written", asked, str(missing))
            raise (_too_old() if self._is_too_old(file) else _gone(asked)) from None
        except OSError as error:
            _tell("a file of a subscription cannot be opened", asked, error.strerror or "")
            raise Declined(
                503,
                "mutations.unreadable",
                "The file cannot be read at this moment.",
                remedy="Try again later. Report the ticket when it lasts.",
            ) from None


def _tell(event: str, asked: Asked, cause: str) -> None:
    """To the operator."""
    logger.error(event, code="mutations.file", subscription=asked.code, sequence=asked.sequence, cause=cause)


def _gone(asked: Asked) -> Declined:
    return Declined(
        410,
        "mutations.gone",
        "The file is not in the folder any more.",
        remedy=f"Ask for it: POST /mutations/v1/subscriptions/{asked.code}/files/{asked.sequence}/request. "
        "The same bytes are there again after the next turn of the distribution.",
    )


def _pushed(asked: Asked) -> Declined:
    return Declined(
        410,
        "mutations.pushed",
        "The file was pushed, and is not in the folder.",
        remedy=f"Ask for it: POST /mutations/v1/subscriptions/{asked.code}/files/{asked.sequence}/request. "
        "Its messages are pushed again.",
    )


def _too_old() -> Declined:
    return Declined(
        410,
        "mutations.too-old",
        "The file is older than files are kept, and cannot be made again.",
        remedy=_VOUCHER_STAYS,
    )


def _span(headers: Mapping[str, str], tag: str, size: int, *, ranged: bool) -> Span | None:
    """Ranges are defined for GET alone. Raises Declined for one without a byte of the file."""
    if not ranged or not is_same(headers.get("if-range"), tag):
        return None
    try:
        return span_of(headers.get("range"), size)
    except Unsatisfiable:
        raise Declined(
            416,
            "http.range",
            f"The file has {size} bytes, and the range holds none of them.",
            remedy="Fetch the whole file, or compare your part with the size that the list of files tells.",
            headers=(("content-range", f"bytes */{size}"), ("etag", tag), ("accept-ranges", "bytes")),
        ) from None


def _listed(items: list[dict[str, Any]], note: str) -> Reply:
    return Reply(200, _json({"items": items}), JSON, note=note)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
