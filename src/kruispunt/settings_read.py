"""Where settings come from: a TOML file, and the environment.

Apart from the settings themselves: a worker gets them from its supervisor, and reads neither.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from kruispunt.errors import ConfigurationError
from kruispunt.settings import Settings


class _Sources(Settings, BaseSettings):
    """The same fields, read from the environment and from what the file gave."""

    model_config = SettingsConfigDict(env_prefix="KRUISPUNT_", extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return (env_settings, init_settings)


def load(file: Path | None) -> Settings:
    """Settings from a TOML file (paths in it are seen from the file) and the environment.

    Raises ConfigurationError that names the field.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(
                f"{file}: {error.strerror}. Name a settings file that this account may read with --config or "
                "KRUISPUNT_CONFIG; see docs/reference/settings.md."
            ) from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{file} is no TOML in UTF-8: {error}") from error
        values = {name: _from_file(name, value, file.parent) for name, value in values.items()}
    try:
        return Settings.model_validate(dict(_Sources(**values)))
    except SettingsError as error:
        raise ConfigurationError(
            f"{error}. A list in a KRUISPUNT_<NAME> variable is written as JSON; see docs/reference/settings.md."
        ) from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(p) for p in e['loc']) or 'settings'}: {e['msg']}" for e in error.errors(include_url=False)
        )
        raise ConfigurationError(
            f"{file or 'settings'}: {problems}. Each setting stands in a TOML file (--config) or in KRUISPUNT_<NAME>; "
            "see docs/reference/settings.md."
        ) from error


def _from_file(name: str, value: Any, folder: Path) -> Any:
    """Relative paths are meant from the file that holds them."""
    field = Settings.model_fields.get(name)
    if field is not None and isinstance(value, str) and "Path" in str(field.annotation):
        return folder / value
    return value
