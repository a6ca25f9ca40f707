"""Whom the suite may attack: servers on this machine, at the address that was found first."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from attack_bench import bench
from kruispunt.attack.answer import NOTHING
from kruispunt.attack.model import NoTls, Shot
from kruispunt.attack.wire import Trap, Wire, check_loopback, find
from kruispunt.errors import ConfigurationError, KruispuntError

FAR = ["192.0.2.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "::", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1"]


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a server that ends every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("address", FAR)
def test_another_machine_is_not_attacked(address: str) -> None:
    with pytest.raises(ConfigurationError, match="loopback interface"):
        check_loopback("bank.example", [address])


def test_one_far_address_among_near_ones_is_enough() -> None:
    check_loopback("localhost", ["127.0.0.1", "::1", "127.1.2.3", "::ffff:127.0.0.1"])
    with pytest.raises(ConfigurationError, match=r"bank\.example is 192\.0\.2\.1"):
        check_loopback("bank.example", ["127.0.0.1", "192.0.2.1"])


def test_an_address_given_as_a_number() -> None:
    with pytest.raises(ConfigurationError, match="which is not on the loopback interface"):
        find("https://192.0.2.1:4520")


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "localhost:4520", "https://", "https://localhost:port", "https://[::1"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigurationError):
        find(url)


def test_a_name_that_moves_is_not_followed(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once: what it means later is nobody's business."""
    resolve, asked = socket.getaddrinfo, []

    def moving(host: str, *given: object, **named: object) -> object:
        asked.append(host)
        if host == "bank.example":
            host = "127.0.0.1" if asked.count(host) == 1 else "192.0.2.1"
        return resolve(host, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("kruispunt.attack.wire.socket.getaddrinfo", moving)
    target = find(f"https://bank.example:{listening}")
    assert (target.host, target.address, target.port) == ("bank.example", "127.0.0.1", listening)
    with Wire(target, bench()) as wire:
        assert wire.send(Shot(b"", NoTls(), raw=True, plain=True)) == NOTHING
    assert asked.count("bank.example") == 1


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(KruispuntError, match="nobody listens"):
        find(f"https://localhost:{port}")


def test_a_trap_notices_who_knocks() -> None:
    with Trap() as trap:
        assert not trap.knocked()
        port = int(trap.url.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port), 10).close()
        assert trap.knocked()
        assert not trap.knocked()
