"""Ordinary mistakes are told in one line that says what to do, with the exit code that scripts know."""

from __future__ import annotations

import fcntl
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kruispunt.cli import main
from kruispunt.demo.directory import DemoDirectory
from kruispunt.demo.pki import DemoClient, Pki, create_pki

Run = Callable[..., tuple[int, str]]
CALL = ("call", "test-connection", "send-test-message", "--echo", "hello")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a demo that does not run: its certificates are there."""
    made = tmp_path_factory.mktemp("demo")
    create_pki(made / "pki", [DemoClient("onem")])
    return made


@pytest.fixture
def run(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program as it is started; returns its exit code and what it said on standard error."""
    monkeypatch.setenv("KRUISPUNT_DEMO_DIR", str(directory))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["kruispunt", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return command


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--people", "-1"),
        ("--port", "70000"),
        ("--port", "-1"),
        ("--local-port", "70000"),
        ("--workers", "-1"),
        ("--workers", "999999"),
    ],
)
def test_a_demo_out_of_range(run: Run, option: str, value: str) -> None:
    code, told = run("demo", option, value)
    assert code == 2
    assert f"Invalid value for '{option}'" in told


def test_a_demo_in_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, told = run("demo", "--dir", str(tmp_path / "file"))
    assert code == 2
    assert "is a file" in told
    code, told = run("demo", "--dir", str(tmp_path / "file" / "below"))
    assert (code, told) == (1, f"kruispunt: {tmp_path}/file/below: Not a directory\n")


def test_a_demo_where_nothing_can_be_made(run: Run) -> None:
    assert run("demo", "--dir", "/proc/x") == (1, "kruispunt: /proc/x: No such file or directory\n")


def test_a_second_demo_in_a_directory_is_told_all_that_it_must_choose(run: Run, tmp_path: Path) -> None:
    with DemoDirectory(tmp_path).lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, told = run("demo", "--dir", str(tmp_path))
    assert code == 2
    assert told == (
        f"kruispunt: a demo runs in {tmp_path} already; stop it, or choose another --dir, --port and --local-port\n"
    )


@pytest.mark.parametrize("option", ["--port", "--local-port"])
def test_a_demo_on_a_port_in_use_says_so_before_it_makes_anything(run: Run, tmp_path: Path, option: str) -> None:
    ports = {"--port": "0", "--local-port": "0"}
    with Listening(lambda _connection: None) as taken:
        ports[option] = str(taken)
        code, told = run("demo", "--dir", str(tmp_path), *(word for each in ports.items() for word in each))
    assert code == 2
    assert told.startswith(f"kruispunt: {option}: cannot listen on 127.0.0.1:{taken}: Address already in use.")
    assert not DemoDirectory(tmp_path).pki.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, ": No such file or directory. Name a settings file that this account may read with --config or "),
        (b"port = ", " is no TOML in UTF-8: Invalid value (at end of document)"),
        (b"\xff", " is no TOML in UTF-8: 'utf-8' codec can't decode byte 0xff in position 0"),
    ],
)
def test_settings_that_cannot_be_read(run: Run, tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "kruispunt.toml"
    if content is not None:
        file.write_bytes(content)
    code, told = run("access", "check", "--config", str(file))
    assert code == 2
    assert f"kruispunt: {file}{why}" in told.replace("\n", " ")


def test_an_error_of_the_system_without_a_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(main, "app", fails)
    assert run() == (1, "kruispunt: No space left on device\n")


def test_a_machine_with_many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo takes one worker per core, and no more than the settings allow."""
    from kruispunt.cli.demo import cores

    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(192)))
    assert cores() == 64


@pytest.mark.parametrize(
    "url", ["https://localhost:abc", "https://localhost:99999", "https://[::1", "http://localhost"]
)
def test_an_address_that_is_none(run: Run, url: str) -> None:
    assert run(*CALL, "--url", url) == (
        2,
        f"kruispunt: '{url}' is no https address such as https://localhost:4520\n",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--echo", "a\x01b"), "the request cannot be composed"),
        (("--created-offset", "99999999999999"), "'--created-offset'"),
        (("--created-offset", "-99999999999999"), "'--created-offset'"),
        (("--soap-action", "a\r\nX: y"), "the request cannot be sent"),
        (("--path", "/é"), "the request cannot be sent"),
        (("--path", "/a b"), "the request cannot be sent"),
        (("--url", f"https://{'a' * 70}"), "the request cannot be sent"),
    ],
)
def test_what_no_request_can_hold(run: Run, words: tuple[str, ...], told: str) -> None:
    with Listening(lambda _connection: None) as port:
        code, said = run(*CALL, "--url", f"https://localhost:{port}", *words)
    assert code == 2
    assert told in said
    assert said.count("\n") == (4 if "Usage" in said else 1)
    assert "\x01" not in said


def test_a_reference_that_no_request_can_hold(run: Run) -> None:
    asked = ("foreigner-situation", "consult-special-infos", "--ssin", "1", "--legal-context", "NEO:UNEMPLOYMENT")
    code, told = run("call", *asked, "--ticket", "a\x01b")
    assert code == 2
    assert told == "kruispunt: the request cannot be composed: character U+0001 at position 1 cannot stand in XML\n"


# What stands at the other end.


def speaks(pki: Pki) -> Callable[[socket.socket], None]:
    """A server with a certificate of its own issuer that asks nobody for one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server, pki.key_of(pki.server))
    return _with(context)


def _with(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
        except OSError:
            return

    return answer


def no_tls(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class Listening:
    """A port on which each connection is answered, until the end of the block; its number."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._socket.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)


def test_a_server_of_another_issuer(run: Run, directory: Path, tmp_path: Path) -> None:
    other = create_pki(tmp_path / "pki", [DemoClient("onem")])
    with Listening(speaks(other)) as port:
        code, told = run(*CALL, "--url", f"https://localhost:{port}")
    assert code == 1
    assert "--ca" in told
    assert str(directory / "pki" / "ca.pem") in told
    assert "Is the platform running" not in told


def test_a_port_that_speaks_no_tls(run: Run) -> None:
    with Listening(no_tls) as port:
        code, told = run(*CALL, "--url", f"https://localhost:{port}")
    assert code == 1
    assert "no TLS" in told
    assert "Is the platform running" not in told


def test_a_client_that_the_server_does_not_trust(run: Run, directory: Path, tmp_path: Path) -> None:
    other = create_pki(tmp_path / "pki", [DemoClient("onem")])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "pki" / "server.pem", directory / "pki" / "server.key")
    context.load_verify_locations(directory / "pki" / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    stranger = other.client("onem")
    with Listening(_with(context)) as port:
        words = ("--certificate", str(stranger), "--key", str(Pki.key_of(stranger)))
        code, told = run(*CALL, "--url", f"https://localhost:{port}", *words)
    assert code == 1
    assert "--certificate" in told


def test_a_port_where_nobody_listens(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    code, told = run(*CALL, "--url", f"https://localhost:{port}")
    assert code == 1
    assert "Is the platform running there?" in told
