"""Samples: what messages of one organisation have in common is kept once, and says nothing of them (PL-30, PL-33)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kruispunt.clock import FixedClock, to_text
from kruispunt.errors import StorageError
from kruispunt.identifiers.ticket import Ticket, TicketSource
from kruispunt.securitylog.entry import FORM, Entry, Kind, Message, canonical
from kruispunt.securitylog.keys import DataKey, KeyRing, MasterKey
from kruispunt.securitylog.pack import SAMPLE_BYTES, Packing, sample_of, sample_of_notes
from kruispunt.securitylog.read import LogReader
from kruispunt.securitylog.write import LogWriter
from kruispunt.storage.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MASTER = MasterKey(b"m" * 32)
LETTERS = str.maketrans("0123456789", "ghijklmnop")
HEADER = "".join(f"<h:{sha256(bytes([n])).hexdigest()}/>" for n in range(40))


def a_message(ssin: str, name: str) -> bytes:
    return (
        f"<e:Envelope><e:Header>{HEADER}</e:Header><e:Body><ssin>{ssin}</ssin><name>{name}</name></e:Body></e:Envelope>"
    ).encode()


class Servers:
    """Two servers on one database, and somebody who reads."""

    def __init__(self, dsn: str, database: Database) -> None:
        self.dsn = dsn
        self.database = database
        self.tickets = TicketSource(FixedClock(NOW))

    async def a_writer(self) -> LogWriter:
        keys = KeyRing(self.database, MASTER)
        await keys.open()
        writer = LogWriter(self.dsn, keys, FixedClock(NOW))
        await writer.open()
        return writer

    async def exchange(self, writer: LogWriter, question: bytes, answer: bytes) -> Ticket:
        ticket = self.tickets.new()
        for kind, message in ((Kind.INCOMING, question), (Kind.OUTGOING, answer)):
            await writer.append(
                Entry(ticket, kind, NOW, "127.0.0.1", "ab" * 32, "/x", message=Message("onem", message, (("a", "b"),)))
            )
        return ticket

    async def read(self, ticket: Ticket) -> list[bytes]:
        writer = await self.a_writer()
        keys = KeyRing(self.database, MASTER)
        await keys.open()
        found = await LogReader(self.database, keys, writer, FixedClock(NOW)).by_ticket(ticket, "an auditor", "test")
        await writer.close()
        return [b"" if one.message is None else one.message.data for one in found]


def run(dsn: str, work: Any) -> Any:
    async def whole() -> Any:
        database = await Database.open(dsn, size=4)
        try:
            return await work(Servers(dsn, database))
        finally:
            await database.close()

    return asyncio.run(whole())


def test_the_first_exchange_becomes_the_sample_of_all_servers(fresh_dsn: str) -> None:
    async def work(servers: Servers) -> None:
        one, other = await servers.a_writer(), await servers.a_writer()
        told = [(a_message("85673093333", "Someone"), a_message("1", "a reply")) for _ in range(3)]
        tickets = [await servers.exchange(one, *told[0])]
        tickets += await asyncio.gather(servers.exchange(one, *told[1]), servers.exchange(other, *told[2]))
        for ticket, messages in zip(tickets, told, strict=True):
            assert await servers.read(ticket) == list(messages)
        sizes = await servers.database.fetch(
            "select octet_length(payload) size from log_entry where payload is not null order by at, ticket, kind"
        )
        assert sizes[0]["size"] > 1000, "the header can hardly be compressed alone"
        assert all(row["size"] < 400 for row in sizes[2:]), "every server compresses with the sample"
        samples = await servers.database.fetch("select sample from log_key where sample is not null")
        assert len(samples) == 1
        await one.close()
        await other.close()

    run(fresh_dsn, work)


def test_two_servers_that_learn_at_once_use_the_sample_that_was_kept(fresh_dsn: str) -> None:
    async def work(servers: Servers) -> None:
        one, other = await servers.a_writer(), await servers.a_writer()
        pairs = [(a_message("1", "a"), a_message("2", "b")), (b"<q>other</q>", b"<r>than that</r>")]
        both = await asyncio.gather(servers.exchange(one, *pairs[0]), servers.exchange(other, *pairs[1]))
        tickets = [*both, await servers.exchange(one, *pairs[0]), await servers.exchange(other, *pairs[1])]
        for ticket, messages in zip(tickets, [*pairs, *pairs], strict=True):
            assert await servers.read(ticket) == list(messages)
        await one.close()
        await other.close()

    run(fresh_dsn, work)


def test_a_sample_is_kept_encrypted(fresh_dsn: str) -> None:
    async def work(servers: Servers) -> None:
        writer = await servers.a_writer()
        await servers.exchange(writer, a_message("85673093333", "Someone"), a_message("1", "a"))
        await writer.close()

    run(fresh_dsn, work)

    async def raw() -> bytes:
        connection = await asyncpg.connect(fresh_dsn)
        try:
            sample: bytes = await connection.fetchval("select sample from log_key where sample is not null")
            return sample
        finally:
            await connection.close()

    assert b"Envelope" not in asyncio.run(raw())


def test_pl33_a_sample_says_nothing_of_the_body() -> None:
    sample = sample_of(a_message("85673093333", "Someone"))
    assert b"<ssin><" in sample
    assert b"85673093333" not in sample
    assert b"Someone" not in sample


def test_pl33_a_sample_says_no_number_of_notes_and_nothing_that_a_message_said() -> None:
    sample = sample_of_notes((("control_ssin", "85673093333 is known"), ("why", "Someone is"), ("element", "Someone")))
    assert sample == b'[["control_ssin"," is known"]]'
    assert len(sample_of_notes((("consult", "x" * 1_000_000),))) <= SAMPLE_BYTES


def test_notes_are_compressed_with_the_sample_too(fresh_dsn: str) -> None:
    """PL-30: they are kept with every reply, and differ in their numbers alone."""

    async def work(servers: Servers) -> None:
        writer = await servers.a_writer()
        for number in range(3):
            notes = tuple((f"step {number}", sha256(bytes([n])).hexdigest().translate(LETTERS)) for n in range(20))
            ticket = servers.tickets.new()
            for kind, message in (
                (Kind.INCOMING, Message("onem", b"<q/>")),
                (Kind.OUTGOING, Message("onem", b"<r/>", notes)),
            ):
                await writer.append(Entry(ticket, kind, NOW, "127.0.0.1", "ab" * 32, "/x", message=message))
            size = await servers.database.fetchval(
                "select octet_length(payload) from log_entry where kind = 1 and ticket = $1", ticket
            )
            assert size < 400, "of 1,200 bytes that can hardly be compressed alone"
            keys = KeyRing(servers.database, MASTER)
            await keys.open()
            found = await LogReader(servers.database, keys, writer, FixedClock(NOW)).by_ticket(
                ticket, "an auditor", "test"
            )
            assert [one.message.notes for one in found if one.message is not None] == [(), notes]
        await writer.close()

    run(fresh_dsn, work)


def test_a_sample_of_a_large_message_stays_small() -> None:
    assert len(sample_of(b"<Body>" + b"<a/>" * 1_000_000)) <= SAMPLE_BYTES


def test_a_sample_that_was_altered_is_refused() -> None:
    key = DataKey(1, b"k" * 32)
    sealed = key.seal_sample(b"what they have in common")
    with pytest.raises(StorageError, match="altered"):
        DataKey(2, b"k" * 32, sealed)
    with pytest.raises(StorageError, match="altered"):
        DataKey(1, b"k" * 32, sealed[:-1] + bytes([sealed[-1] ^ 1]))


@given(st.binary(max_size=3000), st.binary(max_size=3000), st.binary(max_size=3000))
def test_what_was_packed_is_unpacked(sample: bytes, message: bytes, more: bytes) -> None:
    packing = Packing(sample)
    assert packing.unpack(packing.pack(message)) == message
    assert packing.unpack(packing.pack(sample + more)) == sample + more
    assert packing.unpack(Packing().pack(message)) == message, "packed before there was a sample"


TEXTS = st.text(max_size=20)


@given(
    st.builds(
        Entry,
        ticket=st.uuids().map(lambda u: Ticket(str(u))),
        kind=st.sampled_from(Kind),
        at=st.datetimes(timezones=st.just(UTC)),
        peer=TEXTS,
        tls_client=TEXTS,
        path=TEXTS,
        operation=TEXTS,
        signer=TEXTS,
        application=TEXTS,
        organisation=TEXTS,
        legal_context=TEXTS,
        client_reference=TEXTS,
        outcome=TEXTS,
        rule=TEXTS,
        size=st.integers(0, 10**9),
        digest=TEXTS,
        suppressed=st.integers(0, 100),
        message=st.none(),
    ),
    st.lists(st.binary(min_size=32, max_size=32), max_size=3),
    st.none() | st.binary(max_size=50),
    st.none() | st.integers(1, 10**12),
)
def test_the_canonical_bytes_are_those_of_an_encoder(
    entry: Entry, subjects: list[bytes], payload: bytes | None, key: int | None
) -> None:
    told = {
        name: getattr(entry, name)
        for name in (
            *("application", "client_reference", "digest", "legal_context", "operation", "organisation", "outcome"),
            *("path", "peer", "rule", "signer", "size", "suppressed", "ticket", "tls_client"),
        )
    }
    told |= {"at": to_text(entry.at), "form": FORM, "key": key, "kind": int(entry.kind)}
    told |= {"payload": None if payload is None else sha256(payload).hexdigest()}
    told |= {"subjects": [subject.hex() for subject in subjects]}
    expected = json.dumps(told, sort_keys=True, separators=(",", ":")).encode("ascii")
    assert canonical(entry, subjects, payload, key) == expected
