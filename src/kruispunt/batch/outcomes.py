"""The file that names what became of each line (RP-08).

It is written from the database, so it can be written again at any time, and the same bytes come out. A line is told by
its place in the file that was sent, from 1 on.

Of a file that was abandoned the lines without a verdict are NOT_LOADED. Parts are written one after the other, so only
the last block that is there can lack lines, and everything behind it is lacking; the file itself is not needed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from kruispunt.batch.files import Taken
from kruispunt.batch.loading import LINE_INVALID, NOT_LOADED, unpacked
from kruispunt.batch.xml_lines import NAMESPACE
from kruispunt.errors import DataError
from kruispunt.files.header import Header, write_header
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.repertory.writing import Verdict
from kruispunt.xml.build import attribute, element, wrap
from kruispunt.xml.schemas import MESSAGE_LENGTH

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

KIND: Final = "OUTCOMES"
"""In the voucher of such a file; its sequence number is that of the file that it tells of."""
NAMES: Final = {verdict.value: verdict.name for verdict in Verdict} | {
    LINE_INVALID: "LINE_INVALID",
    NOT_LOADED: "NOT_LOADED",
}

_PLAIN: Final = {value: f'<outcome line="%d" verdict="{name}"></outcome>\n' for value, name in NAMES.items()}
"""Lines of which nothing else is told."""
_CHUNK: Final = 10_000

_PARTS: Final = "SELECT places, verdicts, remarks FROM batch_part WHERE file = $1 AND block = $2 ORDER BY part"


async def write_outcomes(
    database: Database, taken: Taken, sent: Header, platform: OrganisationKey, target: BinaryIO
) -> tuple[Header, int]:
    """Write what became of the lines of a file that is finished or abandoned.

    The header of the outcome file, and how many lines it has.
    Raises StorageError, and DataError for a file that is not finished.
    """
    if taken.finished is None:
        raise DataError("the file is not loaded to its end")
    header = Header(platform, sent.sender, sent.legal_context, sent.sequence, taken.finished)
    target.write(f'<i:inscriptionOutcomes xmlns:i="{NAMESPACE}">{write_header(header)}<outcomes>\n'.encode())
    count = 0
    async for verdicts, remarks in _blocks(database, taken):
        for start in range(0, len(verdicts), _CHUNK):
            chunk = verdicts[start : start + _CHUNK]
            lines = [_PLAIN[verdict] % number for number, verdict in enumerate(chunk, count + start + 1)]
            for place in remarks.keys() & range(start, start + _CHUNK) if remarks else ():
                lines[place - start] = _line(count + place + 1, verdicts[place], remarks[place])
            target.write("".join(lines).encode())
        count += len(verdicts)
    target.write(b"</outcomes></i:inscriptionOutcomes>\n")
    return header, count


async def _blocks(database: Database, taken: Taken) -> AsyncIterator[tuple[bytes, dict[int, dict[str, Any]]]]:
    block, count = 0, 0
    while parts := await database.fetch(_PARTS, taken.id, block):
        where = [unpacked(part[0], taken.block) for part in parts]
        told = bytearray([NOT_LOADED]) * (1 + max(map(max, where)))
        remarks: dict[int, dict[str, Any]] = {}
        for places, (_, verdicts, said) in zip(where, parts, strict=True):
            for place, verdict in zip(places, verdicts, strict=True):
                told[place] = verdict
            if said is not None:
                remarks.update((int(place), remark) for place, remark in json.loads(said).items())
        yield bytes(told), remarks
        block += 1
        count += len(told)
    for start in range(count, taken.records, taken.block):
        yield bytes([NOT_LOADED]) * min(taken.block, taken.records - start), {}


def _line(number: int, verdict: int, remark: dict[str, Any]) -> str:
    start = f'<outcome line="{number}"'
    ssin = attribute("ssin", remark["ssin"]) if "ssin" in remark else ""
    information = [("differs", name) for name in remark.get("differing", ())]
    if "why" in remark:
        information.append(("why", remark["why"][:MESSAGE_LENGTH]))
    inner = "".join(wrap("information", element("fieldName", n) + element("fieldValue", v)) for n, v in information)
    return f'{start}{ssin} verdict="{NAMES[verdict]}">{inner}</outcome>\n'
