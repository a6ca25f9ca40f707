"""Clients that take much, slowly, or guess: one worker that has to go on (RP-18, PL-16)."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fetching import Gateway, gateway, wait_until

from kruispunt.gateway.mutations.delivery import PER_CLIENT

BASE = "/mutations/v1/subscriptions"
LARGE = 96 * 1024 * 1024
"""Bytes: more than all buffers between the two sides hold."""
STALL_SECONDS = 3


@pytest.fixture(scope="module")
def bank(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    settings = {"workers": 1, "request_seconds": STALL_SECONDS, "probing_refusals": 10, "probing_delay_seconds": 1}
    with server.database(template) as dsn, gateway(home, dsn, **settings) as running:
        for code, organisation in (("one", "alpha"), ("of-beta", "beta")):
            running.subscribe(code, organisation)
            running.enlarge(code, 1, LARGE)
            running.publish(code, 2, b"<mutations/>")
        yield running


def begin(connection: ssl.SSLSocket, path: str) -> bytes:
    """Asks for a file, and reads no more than the beginning of the answer."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection.recv(15)


def count(bank: Gateway, event: str) -> int:
    return sum(1 for line in bank.said if line["event"] == event)


def test_slow_downloads_are_limited_for_each_client_and_cut_off(bank: Gateway) -> None:
    """Others are served meanwhile; a client that takes nothing holds its places no longer than the limit."""
    before = count(bank, "a file was not sent to its end")
    with ExitStack() as stack:
        slow = [stack.enter_context(bank.dial("alpha", buffer=4096)) for _ in range(PER_CLIENT)]
        assert {begin(one, f"{BASE}/one/files/1") for one in slow} == {b"HTTP/1.1 200 OK"}
        with bank.as_("alpha") as more, bank.as_("beta") as other:
            refused = more.get(f"{BASE}/one/files/2")
            assert (refused.status, refused.json["type"]) == (429, "urn:problem-type:belgif:tooManyRequests")
            assert refused.headers["retry-after"] == "5"
            assert more.get(f"{BASE}/one/files").status == 200  # lists take no place
            assert other.get(f"{BASE}/of-beta/files/2").status == 200
        wait_until(
            lambda: count(bank, "a file was not sent to its end") == before + PER_CLIENT, "slow clients to be cut off"
        )
        assert bank.get("alpha", f"{BASE}/one/files/2").status == 200
        for one in slow:
            assert read_to_end(one) < LARGE


def read_to_end(connection: ssl.SSLSocket) -> int:
    """How many bytes still come."""
    size = 0
    try:
        while part := connection.recv(1 << 20):
            size += len(part)
    except OSError:
        pass
    return size


def test_a_large_file_is_never_in_memory(bank: Gateway) -> None:
    """The worker's own size grows by far less than the file."""
    before = peak(bank)
    with bank.dial("beta") as connection:
        assert begin(connection, f"{BASE}/of-beta/files/1") == b"HTTP/1.1 200 OK"
        rest = 0
        while rest < LARGE:
            rest += len(connection.recv(1 << 20))
    assert peak(bank) - before < 24 * 1024


def peak(bank: Gateway) -> int:
    """Kilobytes that the worker had at most so far."""
    return int((worker(bank) / "status").read_text().split("VmHWM:")[1].split()[0])


def worker(bank: Gateway) -> Path:
    """Where the system tells of the worker."""
    (found,) = [process for process in Path("/proc").glob("[0-9]*") if belongs(process, bank)]
    return found


def bytes_read(bank: Gateway) -> int:
    """That the worker read so far, from files and connections."""
    return int((worker(bank) / "io").read_text().split("rchar:")[1].split()[0])


def belongs(process: Path, bank: Gateway) -> bool:
    """Whether it is the worker of the server of these settings."""
    try:
        if b"kruispunt.cli.worker" not in (process / "cmdline").read_bytes():
            return False
        parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        return str(bank.home).encode() in Path(f"/proc/{parent}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_file_that_is_replaced_meanwhile_is_sent_as_it_was_begun(bank: Gateway) -> None:
    path = bank.enlarge("one", 3, LARGE)
    with bank.dial("alpha", buffer=4096) as connection:
        begin(connection, f"{BASE}/one/files/3")
        other = path.with_suffix(".new")
        other.write_bytes(b"x" * 100)
        other.replace(path)
        rest = b""
        size = 0
        while size < LARGE:
            rest = connection.recv(1 << 20)
            size += len(rest)
        assert not rest.strip(b"\0")
    assert bank.get("alpha", f"{BASE}/one/files/3").status == 410


def test_a_file_that_becomes_shorter_ends_the_connection(bank: Gateway) -> None:
    """The client sees that what it has is not whole."""
    path = bank.enlarge("one", 4, LARGE)
    with bank.dial("alpha", buffer=4096) as connection:
        begin(connection, f"{BASE}/one/files/4")
        path.write_bytes(b"")
        assert read_to_end(connection) < LARGE


def test_a_client_that_goes_away_leaves_nothing_behind(bank: Gateway) -> None:
    """Its file is read no further, its place is free again, and nobody is told: that is the client's own business."""
    with bank.dial("alpha", buffer=4096) as connection:
        begin(connection, f"{BASE}/one/files/1")
    read = bytes_read(bank)
    wait_until(lambda: opened(bank) == 0, "the file to be closed")
    assert bytes_read(bank) - read < LARGE // 2
    before = count(bank, "a file was not sent to its end")
    for _ in range(3 * PER_CLIENT):
        with bank.dial("alpha", buffer=4096) as connection:
            begin(connection, f"{BASE}/one/files/1")
        wait_until(lambda: bank.get("alpha", f"{BASE}/one/files/2").status == 200, "a place to be free")
    wait_until(lambda: opened(bank) == 0, "all files to be closed")
    assert count(bank, "a file was not sent to its end") == before


def opened(bank: Gateway) -> int:
    """Files of the folder that some worker holds open."""
    found = 0
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found += str(link.readlink()).startswith(str(bank.folder))
        except OSError:
            continue
    return found


def test_who_guesses_codes_is_noticed_and_slowed(bank: Gateway) -> None:
    """PL-16: as who asks number upon number; a number of one's own that is not there yet counts for nothing."""
    for _ in range(20):
        assert bank.get("both", f"{BASE}/one/files/77").status == 404
    assert bank.metric("kruispunt_probing_noticed_total") == 0
    for guess in range(12):
        assert bank.get("both", f"{BASE}/guess-{guess}/files").status == 404
    assert bank.metric("kruispunt_probing_noticed_total") == 1
    assert bank.get("both", BASE).status == 200
    assert bank.metric("kruispunt_probing_slowed_total") >= 1
    said = [line for line in bank.said if "not its own" in line["event"]]
    assert [line["client"] for line in said] == ["urn:test:both"]


def test_exchanges_are_counted(bank: Gateway) -> None:
    """PL-40: by operation and status, never about whom."""
    label = 'kruispunt_exchange_seconds_count{operation="listSubscriptions",outcome="200",service="Mutations"}'
    name = label.replace("{", r"\{").replace("}", r"\}")
    before = bank.metric(name)
    assert bank.get("beta", BASE).status == 200
    assert bank.metric(name) == before + 1


def test_a_server_that_stops_lets_go_of_downloads(server: Any, template: str, tmp_path: Path) -> None:
    """The fixture holds that it ends well, and without a traceback."""
    with server.database(template) as dsn:
        with gateway(tmp_path, dsn, workers=1, grace_seconds=1) as bank:
            bank.subscribe("one")
            bank.enlarge("one", 1, LARGE)
            connected, done = threading.Event(), threading.Event()

            def take_slowly() -> None:
                with bank.dial("alpha", buffer=4096) as connection:
                    begin(connection, f"{BASE}/one/files/1")
                    connected.set()
                    done.wait(60)

            client = threading.Thread(target=take_slowly)
            client.start()
            assert connected.wait(60)
        done.set()
        client.join(60)
