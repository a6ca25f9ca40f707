"""Further streams of mutations: items from files and from a supplier elsewhere, and who is told of them (RP-17)."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from mutation_ground import CONTEXT, OWNERS, TODAY, at, define, fresh, inscribe, on, registers, set_clock, table, tell

from kruispunt.clock import SystemClock
from kruispunt.errors import DataError
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.mutations import choosing, items, streams
from kruispunt.mutations.items import NAMESPACE, Rules
from kruispunt.mutations.subscriptions import Definition
from kruispunt.periods import Period
from kruispunt.registers.jsonlines import ImportReport
from kruispunt.storage.database import Database
from kruispunt.suppliers.configuration import SupplierConfiguration
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.port import RemoteSupplier
from kruispunt.wss.sign import Signer
from supplier_elsewhere import Elsewhere, elsewhere

PROGRAM = Path(__file__).parents[1] / "stream_process.py"
RULES = Rules(TODAY, test_band=True)
MOMENT = "2025-06-15T09:30:00+02:00"
PAYLOAD = '<d:in xmlns:d="urn:example:dimona">1</d:in>'
DAY = date(2025, 6, 15)
STREAM = "dimona"


def line(reference: str, ssin: str, document: str = PAYLOAD, moment: str = MOMENT, **more: Any) -> str:
    return json.dumps({"reference": reference, "ssin": ssin, "moment": moment, "document": document, **more}) + "\n"


def xml(*inner: str, root: str = "items") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<s:{root} xmlns:s="{NAMESPACE}">{"".join(inner)}</s:{root}>'


def node(reference: str, ssin: str, payload: str = PAYLOAD, moment: str = MOMENT) -> str:
    return (
        f"\n  <item><reference>{reference}</reference><ssin>{ssin}</ssin><moment>{moment}</moment>"
        f"<payload>{payload}</payload></item>"
    )


async def feed(database: Database, text: str | bytes, stream: str = STREAM) -> ImportReport:
    data = text if isinstance(text, bytes) else text.encode()
    return await streams.feed(database, stream, io.BytesIO(data), RULES, author="tests")


async def kept(database: Database, stream: str = STREAM) -> list[tuple[Any, ...]]:
    rows = await database.fetch(
        "SELECT reference, ssin, told_at, document FROM stream_item WHERE stream = $1 ORDER BY sequence", stream
    )
    return [(row[0], ssins.from_int(row[1]), row[2].isoformat(), row[3]) for row in rows]


@pytest.mark.parametrize("as_xml", [False, True])
def test_rp_17_a_file_twice_is_taken_once_and_bad_items_are_left_out(fresh_dsn: str, as_xml: bool) -> None:
    good, other = fresh(2)
    wrong = f"{int(good) + 1:011d}"
    if as_xml:
        text = xml(node("A-1", good), node("A-2", wrong), node("A 3", good), "<other/>", node("A-4", other))
        wanted = '<d:in xmlns:d="urn:example:dimona" xmlns:s="urn:kruispunt:streams:v1">1</d:in>'
    else:
        text = line("A-1", good) + line("A-2", wrong) + line("A 3", good) + "{}\n" + line("A-4", other)
        wanted = PAYLOAD

    async def question(database: Database) -> None:
        report = await feed(database, text)
        assert (report.accepted, [refused.line for refused in report.refused], report.remarks) == (2, [2, 3, 4], [])
        assert not any(number in why for _, why in report.refused for number in (good, wrong, other))
        before = await kept(database)
        assert [(row[0], row[1], row[3]) for row in before] == [("A-1", good, wanted), ("A-4", other, wanted)]
        assert before[0][2] == "2025-06-15T07:30:00+00:00"
        again = await feed(database, text)
        assert again.remarks == ["2 of them were there already."]
        assert await kept(database) == before

    on(fresh_dsn, question)


def test_rp_17_a_reference_that_tells_something_else_is_refused_and_the_first_one_stays(fresh_dsn: str) -> None:
    one, two = fresh(2)

    async def question(database: Database) -> None:
        await feed(database, line("A-1", one))
        report = await feed(database, line("A-2", two) + line("A-1", two) + line("A-2", two, "<b></b>"))
        assert (report.accepted, [refused.line for refused in report.refused]) == (1, [2, 3])
        assert [(row[0], row[1]) for row in await kept(database)] == [("A-1", one), ("A-2", two)]
        assert [row[:2] for row in await kept(database, "other")] == []
        assert (await feed(database, line("A-1", two), "other")).accepted == 1, "another stream has other references"

    on(fresh_dsn, question)


def test_a_file_that_breaks_off_keeps_what_stood_before_and_is_completed_later(fresh_dsn: str) -> None:
    numbers = fresh(3)
    whole = xml(*(node(f"B-{n}", ssin) for n, ssin in enumerate(numbers)))

    async def question(database: Database) -> None:
        for cut in (len(whole) - 20, whole.index("B-2")):
            with pytest.raises(DataError, match="not well-formed XML in line"):
                await feed(database, whole[:cut])
        assert (await feed(database, whole)).accepted == 3
        assert [row[0] for row in await kept(database)] == ["B-0", "B-1", "B-2"]

    on(fresh_dsn, question)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("<a>", "not well-formed"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type"),
        ("<a/><b/>", "not well-formed"),
        ("text", "not well-formed"),
        ("<?pi x?><a/>", "instruction"),
        ("<a xmlns='x/y'/>", ""),
        (f"<a>{'x' * items.MOST_BYTES}</a>", "bytes"),
        ("<a>" * 100 + "</a>" * 100, "depth|deep|levels"),
        (f"<a>{'&gt;' * 0}{'>' * (items.MOST_BYTES - 100)}</a>", "canonical form"),
    ],
)
def test_pl_09_documents_are_read_as_every_message_from_outside(document: str, why: str) -> None:
    if why:
        with pytest.raises(DataError, match=why):
            items.canonical(document.encode())
    else:
        with pytest.raises(DataError):
            items.canonical(document.encode())


@pytest.mark.parametrize(
    "document",
    ["<a b='1'  c=\"2\"/>", "<a><!-- x -->y</a>", "<a>\r\n&#233;é&amp;</a>", '<p:a xmlns:p="urn:p" q="p:x"/>'],
)
def test_a_canonical_document_stays_as_it_is(document: str) -> None:
    text = items.canonical(document.encode())
    assert items.canonical(text.encode()) == text
    assert etree.fromstring(f"<payload>{text}</payload>")[0].tag


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'<!DOCTYPE s:items [<!ENTITY e "x">]><s:items xmlns:s="{NAMESPACE}"/>', "document type"),
        (xml(root="other"), "its root is not items"),
        (f"<items>{node('A', '1')}</items>", "its root is not items"),
        (xml("<item>" + "<x>yyyyyyyy</x>" * 20_000 + "</item>"), "more than"),
        (xml("x" * 200_000), "more than"),
        (xml("<item>" * 300), "not well-formed"),
        ("<", "not well-formed"),
    ],
)
def test_a_file_that_is_none_is_refused(fresh_dsn: str, text: str, why: str) -> None:
    async def question(database: Database) -> None:
        with pytest.raises(DataError, match=why):
            await feed(database, text)
        assert await kept(database) == []

    on(fresh_dsn, question)


class Endless:
    """A file of very many items, which nobody holds in memory."""

    def __init__(self, ssin: Ssin, count: int) -> None:
        self._parts = self._written(ssin, count)
        self._rest = b""

    @staticmethod
    def _written(ssin: Ssin, count: int) -> Iterator[bytes]:
        yield xml().removesuffix("</s:items>").encode()
        for n in range(count):
            yield node(f"E-{n % 500}", ssin, f"<a>{'x' * 1_000}</a>").encode()
        yield b"</s:items>"

    def seek(self, _position: int) -> None:
        """What was read for a look stays to be read."""
        self._rest = self._seen + self._rest

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, b"")):
            self._rest += part
        self._seen, self._rest = self._rest[:size], self._rest[size:]
        return self._seen


def most_memory(count: int) -> int:
    """Bytes of a process that reads so many items of a thousand characters; the tree is not in Python's memory."""
    folders = [str(folder) for folder in (Path(__file__).parent, Path(__file__).parents[1])]
    script = f"""
import sys; sys.path[:0] = {folders!r}
import resource
import test_streams as t
from kruispunt.mutations import item_files
assert sum(1 for _ in item_files.read(t.Endless(t.fresh(1)[0], {count}), t.RULES, t.ImportReport())) == {count}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_memory_does_not_grow_with_the_file() -> None:
    assert most_memory(40_000) < most_memory(2_000) + 15_000_000, "the second file has 38 million characters more"


def test_rp_17_items_go_to_those_who_know_the_person_and_are_authorised(fresh_dsn: str) -> None:
    known, unknown, old, new, later = fresh(5)

    async def question(database: Database) -> None:
        await set_clock(database, at(DAY))
        await registers(database)
        await tell(database, *({"ssin": each} for each in (known, old, new)), written=False)
        for number in (known, unknown, old):
            await inscribe(database, OWNERS["alpha"], number)
        ended = Period.days(date(2020, 1, 1), date(2020, 12, 31))
        await inscribe(database, OWNERS["beta"], known, period=ended)
        definitions = [
            Definition("alpha-dimona", "alpha", CONTEXT, stream=STREAM),
            Definition("beta-active", "beta", CONTEXT, active_only=True, stream=STREAM),
            Definition("beta-any", "beta", CONTEXT, stream=STREAM),
            Definition("beta-other", "beta", CONTEXT, stream="other"),
        ]
        await define(database, *definitions, rights=table([STREAM, "other"], ()))
        await feed(database, line("D-1", known) + line("D-2", unknown) + line("D-3", old) + line("D-4", new))
        await tell(database, {"ssin": old, "replacedBy": new})
        rights = table([STREAM], ())
        fixed = await choosing.fix(database, rights, DAY, now=at(DAY + timedelta(days=1)))
        assert await told(database, fixed.id) == {
            "D-1": (known, {"alpha-dimona", "beta-any"}),
            "D-2": (unknown, {"alpha-dimona"}),
            "D-3": (new, {"alpha-dimona"}),
            "D-4": (new, {"alpha-dimona"}),
        }
        await set_clock(database, at(DAY + timedelta(days=1)))
        await feed(database, line("D-5", known) + line("D-6", later))
        narrow = table([STREAM], (), organisations=["beta"])
        fixed = await choosing.fix(database, narrow, DAY + timedelta(days=1), now=at(DAY + timedelta(days=2)))
        assert await told(database, fixed.id) == {"D-5": (known, {"beta-any"})}, "what is no longer granted falls out"
        files = await database.fetch("SELECT code, sequence FROM mutation_file ORDER BY code, sequence")
        assert [tuple(row) for row in files] == [
            (code, sequence)
            for code in ("alpha-dimona", "beta-active", "beta-any", "beta-other")
            for sequence in (1, 2)
        ]

    on(fresh_dsn, question)


async def told(database: Database, distribution: int) -> dict[str, tuple[Ssin, set[str]]]:
    rows = await database.fetch(
        """
        SELECT s.reference, i.ssin, array(SELECT code FROM mutation_file f WHERE f.id = ANY (i.files))
        FROM distributed_item i JOIN stream_item s ON s.sequence = i.item WHERE i.distribution = $1
        """,
        distribution,
    )
    return {reference: (ssins.from_int(ssin), set(codes)) for reference, ssin, codes in rows}


@pytest.fixture(scope="module")
def stream_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with elsewhere(tmp_path_factory.mktemp("stream") / "supplier", PROGRAM, STREAM) as running:
        yield running


class Silent:
    def supplier_failed(self, name: str, reason: str) -> None: ...

    def supplier_state(self, name: str, state: int) -> None: ...


async def poll(database: Database, supplier: Elsewhere, **limits: Any) -> ImportReport:
    signer = Signer.from_files(supplier.pki / "platform.key", supplier.pki / "platform.pem")
    signed = {"reply_signers": str(supplier.pki / "signing.pem"), "reply_confirmed": True}
    configuration = SupplierConfiguration.model_validate(
        supplier.table(**{"failures": 2, "read_seconds": 60, "connect_seconds": 20, **signed, **limits})
    )
    remote = RemoteSupplier(STREAM, configuration, signer, SystemClock(), Silent())  # type: ignore[arg-type]
    try:
        await streams.test(remote)
        return await streams.poll(database, STREAM, remote, RULES, author="supplier:dimona")
    finally:
        await remote.close()


def offer(supplier: Elsewhere, *told: tuple[str, str]) -> None:
    rows = [{"reference": r, "ssin": ssin, "moment": MOMENT, "payload": PAYLOAD} for r, ssin in told]
    (supplier.directory / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_rp_17_pl_35_a_supplier_elsewhere_is_asked_for_what_came_after(
    fresh_dsn: str, stream_process: Elsewhere
) -> None:
    numbers = fresh(9)
    told = [(f"P-{n}", ssin) for n, ssin in enumerate(numbers)]
    wrong = f"{int(numbers[3]) + 1:011d}"
    stream_process.answer("well")

    async def question(database: Database) -> None:
        offer(stream_process, *told[:3], ("P-3", wrong), *told[4:8])
        report = await poll(database, stream_process)
        assert (report.accepted, [refused.line for refused in report.refused]) == (7, [4])
        assert [row[:2] for row in await kept(database)] == [*told[:3], *told[4:8]]
        before = len(stream_process.seen)
        assert (await poll(database, stream_process)).accepted == 0
        offer(stream_process, *told[:3], ("P-3", wrong), *told[4:])
        assert (await poll(database, stream_process)).accepted == 1
        asked = [each["action"] for each in stream_process.seen[before:]]
        assert asked == ["test", "items"] * 2, "what was given before is not asked for again, a bad item neither"
        assert [each["trouble"] for each in stream_process.seen if each["trouble"]] == []

    on(fresh_dsn, question)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("unsigned:items", Reason.SIGNATURE),
        ("stranger-signs:items", Reason.SIGNATURE),
        ("confirms-another:items", Reason.SIGNATURE),
        ("schema:items", Reason.SCHEMA),
        ("other-person:items", Reason.SCHEMA),
        ("fault:items", Reason.FAULT),
        ("doctype:items", Reason.NOT_SOAP),
        ("close:items", Reason.CLOSED),
        ("too-large:items", Reason.TOO_LARGE),
    ],
)
def test_pl_35_a_supplier_that_answers_wrongly_adds_nothing(
    fresh_dsn: str, stream_process: Elsewhere, mode: str, reason: Reason
) -> None:
    (ssin,) = fresh(1)

    async def question(database: Database) -> None:
        offer(stream_process, ("W-1", ssin))
        stream_process.answer(mode)
        with pytest.raises(RemoteFailure) as failure:
            await poll(database, stream_process)
        assert failure.value.reason is reason
        assert await kept(database) == []
        stream_process.answer("well")
        assert (await poll(database, stream_process)).accepted == 1

    on(fresh_dsn, question)


def test_items_become_visible_in_the_order_of_their_numbers(fresh_dsn: str) -> None:
    numbers = fresh(40)
    texts = ["".join(line(f"{part}-{n}", ssin) for n, ssin in enumerate(numbers)) for part in range(6)]

    async def question(database: Database) -> None:
        seen: list[set[int]] = []

        async def watch(work: asyncio.Task[None]) -> None:
            while not work.done():
                rows = await database.fetch("SELECT sequence FROM stream_item")
                seen.append({row[0] for row in rows})

        async def work() -> None:
            await asyncio.gather(*(feed(database, text) for text in texts))

        task = asyncio.create_task(work())
        await watch(task)
        await task
        assert len(await kept(database)) == len(texts) * len(numbers)
        for earlier, after in pairwise(seen):
            assert not earlier or all(new > max(earlier) for new in after - earlier)

    on(fresh_dsn, question)
