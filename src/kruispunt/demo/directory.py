"""Where the demo keeps its state, and the files in it.

DIR/kruispunt.toml      settings of the demo server, for every command that takes --config
DIR/pki/                certificates and keys in PEM form, for the server and for the demo clients
DIR/access/             organisations, certificates and grants
DIR/data/               the demo people, in the formats that the import commands read
DIR/mutations/          files of subscriptions to mutations
DIR/secrets/            the log master key
DIR/postgres/           the embedded PostgreSQL
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "KRUISPUNT_DEMO_DIR"


def default_directory() -> Path:
    """`KRUISPUNT_DEMO_DIR`; else a place of the user's, or below /var/lib for root.

    PostgreSQL does not run as root, and the account that it runs under cannot reach root's home.
    """
    if given := os.environ.get(VARIABLE):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/kruispunt/demo")
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "kruispunt" / "demo"


@dataclass(frozen=True, slots=True)
class DemoDirectory:
    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "kruispunt.toml"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def access(self) -> Path:
        return self.root / "access"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def mutations(self) -> Path:
        return self.root / "mutations"

    @property
    def master_key(self) -> Path:
        return self.root / "secrets" / "log-master.key"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def loaded(self) -> Path:
        """Says which people were loaded, so that a second start loads nothing."""
        return self.root / "data" / "loaded.json"

    @property
    def lock(self) -> Path:
        return self.root / "demo.lock"
