"""What each environment does about revoked certificates (PL-08)."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_settings import FILE

from kruispunt.errors import ConfigurationError
from kruispunt.settings import RevocationMode, Settings
from kruispunt.settings_read import load


def written(folder: Path, *lines: str) -> Settings:
    path = folder / "kruispunt.toml"
    path.write_text("\n".join((FILE, *lines)))
    return load(path)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("production", RevocationMode.CRL_OR_OCSP),
        ("acceptance", RevocationMode.CRL_OR_OCSP),
        ("development", RevocationMode.OFF),
    ],
)
def test_default_of_each_environment(tmp_path: Path, environment: str, expected: RevocationMode) -> None:
    settings = written(tmp_path, f'environment = "{environment}"')
    assert settings.revocation_mode is expected
    assert (settings.crl_fetch, settings.revocation_max_age_seconds) == (False, 7 * 24 * 3600)


def test_what_is_written_holds_and_reaches_a_worker(tmp_path: Path) -> None:
    settings = written(tmp_path, 'revocation = "crl"', 'crl_dir = "crl"', 'environment = "development"')
    assert settings.revocation_mode is RevocationMode.CRL
    assert settings.crl_dir == tmp_path / "crl"
    assert Settings.model_validate_json(settings.to_json()) == settings


def test_production_does_not_go_without(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="refused in production"):
        written(tmp_path, 'revocation = "off"')
    assert written(tmp_path, 'revocation = "off"', 'environment = "acceptance"').revocation_mode is RevocationMode.OFF
