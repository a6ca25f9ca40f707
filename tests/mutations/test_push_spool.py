"""The subscriber's side of what is pushed: a spool that is killed, and messages in any order (RP-18)."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nats_servers import GENEROUS_SECONDS, Nats
from pushed import add_round, publishing, subscriptions
from telling import CODE, MADE, Subscriber, Telling, mutation, name, ssin

from kruispunt.demo.pki import Pki
from kruispunt.errors import DataError
from kruispunt.files.voucher import Content, Voucher, sign_voucher
from kruispunt.jetstream.pieces import Part, Piece, read_piece, write_headers
from kruispunt.mutations import lanes
from kruispunt.mutations.cutting import Frame
from kruispunt.receive.spool import Spool
from kruispunt.storage.database import Database
from kruispunt.wss.sign import Signer

FILES = 6
RECORDS = 300


def pieces_of(sizes: list[int]) -> list[Piece]:
    """Files with so many records each, as they are pushed."""
    found: list[Piece] = []
    for file, size in enumerate(sizes, start=1):
        for part in (Part.HEAD, *[Part.RECORD] * size, Part.END, Part.VOUCHER):
            number = len(found) + 1
            found.append(Piece(number, file, part, f"{number};".encode()))
    return found


@settings(max_examples=150)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.data())
def test_rp_18_a_file_is_whole_when_all_its_pieces_came_in_any_order(sizes: list[int], data: st.DataObject) -> None:
    pieces = pieces_of(sizes)
    missing = data.draw(st.sets(st.sampled_from(pieces), max_size=2))
    after = data.draw(st.integers(0, len(sizes)))
    come = data.draw(st.permutations([piece for piece in pieces if piece not in missing] * 2))
    with Spool(Path(":memory:")) as spool:
        for piece in come:
            spool.put([piece], after)
        kept = [piece for piece in pieces if piece.file > after and piece not in missing]
        whole = [file for file in range(after + 1, len(sizes) + 1) if not any(piece.file == file for piece in missing)]
        assert spool.whole(after) == whole
        assert spool.is_waiting(after) == any(piece.file not in whole for piece in kept)
        for file in whole:
            own = [piece for piece in pieces if piece.file == file]
            assert b"".join(spool.bodies(file)) == b"".join(piece.body for piece in own[:-1])
            assert spool.voucher(file) == own[-1].body
        numbers = {piece.number for piece in kept}
        between = set(range(min(numbers, default=0), max(numbers, default=-1) + 1)) - numbers
        told = {number for first, last in spool.gaps() for number in range(first, last + 1)}
        assert told == between
        if whole:
            spool.drop(whole[0])
            assert spool.whole(after) == whole[1:]
        spool.drop_to(len(sizes))
        assert spool.whole(0) == []


def test_a_file_with_two_heads_is_not_whole() -> None:
    with Spool(Path(":memory:")) as spool:
        parts = (Part.HEAD, Part.HEAD, Part.END, Part.VOUCHER)
        spool.put([Piece(number, 1, part, b"") for number, part in enumerate(parts, start=1)], 0)
        assert spool.whole(0) == []
        spool.put([Piece(2, 1, Part.RECORD, b"")], 0)
        assert spool.whole(0) == [1], "what is sent again takes the place of what came first"


def test_a_piece_is_read_as_it_was_written() -> None:
    piece = Piece(17, 3, Part.RECORD, b"<mutation/>", again=2)
    headers = write_headers("town", piece)
    assert headers["Nats-Msg-Id"] == "town/17/2"
    read = read_piece(headers, piece.body)
    assert (read.number, read.file, read.part, read.body) == (17, 3, Part.RECORD, b"<mutation/>")


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"Kruispunt-Number": "0", "Kruispunt-File": "1", "Kruispunt-Part": "head"},
        {"Kruispunt-Number": "1" * 19, "Kruispunt-File": "1", "Kruispunt-Part": "head"},
        {"Kruispunt-Number": "1", "Kruispunt-File": "-1", "Kruispunt-Part": "head"},
        {"Kruispunt-Number": "1", "Kruispunt-File": "1", "Kruispunt-Part": "HEAD"},
    ],
)
def test_a_message_that_is_no_piece_is_refused(headers: dict[str, str] | None) -> None:
    with pytest.raises(DataError):
        read_piece(headers, b"")


def tellings() -> list[Telling]:
    return [
        Telling(
            file,
            tuple(
                mutation(file * 10_000 + number, ssin((number * 7 + file) % 900), name(f"Name {file} {number}", "Anna"))
                for number in range(RECORDS)
            ),
        )
        for file in range(1, FILES + 1)
    ]


def command(nats: Nats, pki: Pki, into: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "kruispunt.cli.main", "receive", "--nats", nats.address, "--subscription", CODE),
        *("--environment", "development", "--platform-certificate", str(pki.signing), "--into", str(into)),
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_rp_18_a_receiver_that_is_killed_loads_everything_once(
    fresh_dsn: str, nats: Nats, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(lanes, "ACKNOWLEDGE_SECONDS", 1.0)
    chance = random.Random(seed)
    signer = Signer.from_files(Pki.key_of(pki.signing), pki.signing)
    told = tellings()

    def frame(code: str, sequence: int) -> Frame:
        telling = told[sequence - 1]
        head, _, _ = telling.document().partition(b"<items>\n")

        def sign(records: int, content: Content) -> bytes:
            voucher = Voucher(telling.header, telling.kind, telling.environment, records, content, code)
            return sign_voucher(voucher, signer, MADE)

        return Frame(code, head + b"<items>\n", b"</items></m:mutations>\n", sign)

    async def publish() -> None:
        database = await Database.open(fresh_dsn, size=4)
        try:
            await subscriptions(database, [CODE])
            for telling in told:
                await add_round(database, {CODE: [record.encode() for record in telling.records]}, frame)
            async with publishing(database, nats.address)() as publisher:
                await publisher.publish()
        finally:
            await database.close()

    asyncio.run(publish())
    into = tmp_path / "killed"
    for _ in range(5):
        process = subprocess.Popen(command(nats, pki, into), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.communicate(timeout=chance.uniform(0.8, 3.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    last = subprocess.run(
        command(nats, pki, into), capture_output=True, text=True, check=False, timeout=GENEROUS_SECONDS
    )
    assert last.returncode == 0, last.stderr
    assert "Nothing new" in last.stdout or f"File {FILES} " in last.stdout

    inbox = tmp_path / "inbox"
    inbox.mkdir()
    undisturbed = Subscriber(inbox, tmp_path / "whole", pki)
    for telling in told:
        undisturbed.put(telling)
    assert undisturbed.receive().problem is None
    assert Subscriber(inbox, into, pki).held == undisturbed.held
