"""Settings from file and environment, and secrets with strict modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kruispunt.errors import ConfigurationError
from kruispunt.gateway.secrets import read_key, read_secret
from kruispunt.securitylog.keys import new_master_key, parse_master_key
from kruispunt.settings import Environment, Settings
from kruispunt.settings_read import load

FILE = """
data_dir = "postgres"
tls_certificate = "server.pem"
tls_key = "/etc/server.key"
client_ca = "ca.pem"
signing_certificate = "signing.pem"
signing_key = "signing.key"
log_master_key_file = "master.key"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kruispunt.toml"
    path.write_text(FILE)
    return path


def test_production_is_the_default(file: Path) -> None:
    settings = load(file)
    assert settings.environment is Environment.PRODUCTION
    assert settings.engine_name == "P4M"
    assert not settings.replies_checked


def test_paths_are_seen_from_the_file(file: Path) -> None:
    settings = load(file)
    assert settings.tls_certificate == file.parent / "server.pem"
    assert settings.tls_key == Path("/etc/server.key")


def test_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRUISPUNT_PORT", "4711")
    monkeypatch.setenv("KRUISPUNT_ENVIRONMENT", "acceptance")
    settings = load(file)
    assert (settings.port, settings.engine_name, settings.replies_checked) == (4711, "A4M", True)


def test_settings_survive_the_way_to_a_worker(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(FILE.replace('data_dir = "postgres"', 'dsn = "postgresql://x:secret@db/y"'))
    settings = load(file)
    assert "secret" not in repr(settings)
    monkeypatch.setenv("KRUISPUNT_PORT", "1")
    assert Settings.model_validate_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("data_dir", "data_dirr", "data_dirr"),
        ('data_dir = "postgres"', "", "give dsn"),
        ('log_master_key_file = "master.key"', "", "log_master_key_file"),
        ('"server.pem"', "server.pem", "kruispunt.toml"),
        ('client_ca = "ca.pem"', "", "client_ca"),
        ('client_ca = "ca.pem"', 'client_ca = "ca.pem"\nport = 99999', "port"),
    ],
)
def test_wrong_settings_are_named(file: Path, old: str, new: str, complaint: str) -> None:
    file.write_text(FILE.replace(old, new))
    with pytest.raises(ConfigurationError, match=complaint):
        load(file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x.key"
    path.write_bytes(b"secret")
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_secret(path)


def test_key_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.key"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="not a private key"):
        read_key(path)


def test_new_master_key_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    new_master_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    first = parse_master_key(read_secret(path).decode()).name
    with pytest.raises(FileExistsError):
        new_master_key(path)
    assert parse_master_key(read_secret(path).decode()).name == first


@pytest.mark.parametrize("text", ["", "short", "AAAA", "*" * 44])
def test_text_that_is_no_master_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="master key"):
        parse_master_key(text)
