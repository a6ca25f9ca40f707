"""Settings of pushing; and nothing of it is imported where nothing is pushed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kruispunt.errors import ConfigurationError
from kruispunt.jetstream import extra
from kruispunt.jobs import open_pusher
from kruispunt.settings import Settings
from kruispunt.settings_read import load as read

NEEDED = """
environment = "{environment}"
dsn = "postgresql://localhost/kruispunt"
tls_certificate = "a.pem"
tls_key = "a.key"
client_ca = "ca.pem"
signing_certificate = "a.pem"
signing_key = "a.key"
log_master_key_file = "master.key"
"""
SECURE = 'push_ca = "a.pem"\npush_certificate = "b.pem"\npush_key = "b.key"\n'


def load(directory: Path, more: str, environment: str = "development") -> Settings:
    file = directory / "kruispunt.toml"
    file.write_text(NEEDED.format(environment=environment) + more)
    return read(file)


def test_without_servers_nothing_is_pushed(tmp_path: Path) -> None:
    assert load(tmp_path, "", "production").push_servers == ()


def test_nats_without_tls_is_for_development_and_acceptance(tmp_path: Path) -> None:
    plain = 'push_servers = ["nats://127.0.0.1:4222"]'
    assert load(tmp_path, plain).push_servers == ("nats://127.0.0.1:4222",)
    with pytest.raises(ConfigurationError, match="production refuses NATS without TLS"):
        load(tmp_path, plain, "production")


def test_tls_comes_with_certificates_and_they_with_it(tmp_path: Path) -> None:
    found = load(tmp_path, 'push_servers = ["tls://a:4222", "tls://[::1]:4222"]\n' + SECURE, "production")
    assert found.push_key == tmp_path / "b.key"
    for wrong in (
        'push_servers = ["tls://a:4222"]',
        'push_servers = ["nats://a:4222"]\n' + SECURE,
        'push_servers = ["tls://a:4222", "nats://a:4223"]\n' + SECURE,
        'push_servers = ["tls://a:4222"]\npush_ca = "a.pem"',
        'push_ca = "a.pem"',
        'push_servers = ["tls://a"]\n' + SECURE,
        'push_servers = ["tls://user:word@a:4222"]\n' + SECURE,
        'push_servers = ["http://a:4222"]',
    ):
        with pytest.raises(ConfigurationError, match="push_"):
            load(tmp_path, wrong)


def test_commands_import_nothing_of_nats() -> None:
    check = "import sys, kruispunt.cli.main; sys.exit(any(name.partition('.')[0] == 'nats' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_the_extra_is_named_where_it_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install -e '\.\[push\]'"), extra.needed():
        raise ModuleNotFoundError("No module named 'nats'", name="nats.aio")
    with pytest.raises(ModuleNotFoundError), extra.needed():
        raise ModuleNotFoundError("No module named 'other'", name="other")


def test_push_without_servers_says_what_to_set(tmp_path: Path) -> None:
    async def never(_seconds: float) -> bool:
        return True

    with pytest.raises(ConfigurationError, match="push_servers is not set"):
        open_pusher(load(tmp_path, ""), None, never)  # type: ignore[arg-type]


def test_push_refuses_certificates_that_are_not_there_at_the_start(tmp_path: Path) -> None:
    async def never(_seconds: float) -> bool:
        return True

    key = tmp_path / "b.key"
    key.touch(0o600)
    with pytest.raises(ConfigurationError, match="TLS cannot use"):
        open_pusher(load(tmp_path, 'push_servers = ["tls://a:4222"]\n' + SECURE), None, never)  # type: ignore[arg-type]
