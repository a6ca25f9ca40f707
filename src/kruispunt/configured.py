"""What the settings name, read and not opened: services, access files, keys of the log.

Apart from `app`, which knows every class of a server: most commands need no more than this.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kruispunt.access.files import ServiceRows
from kruispunt.access.files import load as load_access
from kruispunt.access.model import AccessTable
from kruispunt.gateway.secrets import read_secret
from kruispunt.mutations import entitlement
from kruispunt.pipeline.service import Service
from kruispunt.securitylog.keys import MasterKey, MasterKeys, parse_master_keys
from kruispunt.services.discovery import discover
from kruispunt.settings import Settings


def services_of(settings: Settings) -> tuple[Service, ...]:
    return discover(settings.extra_services)


def rows_of(services: Sequence[Service]) -> tuple[ServiceRows, ...]:
    """What the access files are held against."""
    return tuple(
        ServiceRows(
            s.folder.name,
            s.name,
            frozenset(o.name for o in s.operations),
            s.folder / "contexts.toml",
            s.data_groups,
            implied=s.dialect is not None,
        )
        for s in services
    )


def access_rows(settings: Settings) -> tuple[ServiceRows, ...]:
    """The same for everything that rights are given to: the services, and mutations. Raises ConfigurationError."""
    return (*rows_of(services_of(settings)), entitlement.rows(settings.mutation_streams))


def access_of(settings: Settings) -> AccessTable:
    """What the access files say; not necessarily what is in force. Raises ConfigurationError."""
    return load_access(settings.access_dir, access_rows(settings), refuse_demo=settings.production)


def master_keys_in(file: Path) -> tuple[MasterKey, ...]:
    """The log master keys of a file. Raises ConfigurationError."""
    return parse_master_keys(read_secret(file).decode("ascii", "replace"))


def master_keys_of(settings: Settings) -> tuple[MasterKey, ...]:
    """What the settings give now. Raises ConfigurationError."""
    if settings.log_master_key is not None:
        return parse_master_keys(settings.log_master_key.get_secret_value())
    assert settings.log_master_key_file is not None
    return master_keys_in(settings.log_master_key_file)


def master_key_of(settings: Settings) -> MasterKeys:
    """The log master keys, which are read again from their file when another one is needed."""
    return MasterKeys(lambda: master_keys_of(settings))
