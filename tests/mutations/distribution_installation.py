"""An installation that distributes, for its commands: settings, keys, rights in force, a folder for files."""

from __future__ import annotations

import base64
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mutation_ground import table

from kruispunt.access import store
from kruispunt.clock import BELGIUM
from kruispunt.storage.database import Database
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import TrustStore
from signed_messages import CA, DAY, certificate, ec_key, rsa_key, usage

NOW = datetime.now(UTC)
"""Commands have the clock of the machine."""
TODAY = NOW.astimezone(BELGIUM).date()
YESTERDAY = TODAY - timedelta(days=1)
_VALID: dict[str, Any] = {"begin": NOW - DAY, "end": NOW + 30 * DAY}


@cache
def issuer() -> x509.Certificate:
    return certificate("Test root of commands", ec_key(_number=7), None, CA, usage(key_cert_sign=True), **_VALID)


@cache
def signer() -> Signer:
    """The platform."""
    return Signer(rsa_key(), certificate("platform", rsa_key(), (issuer(), ec_key(_number=7)), **_VALID))


def trusted() -> TrustStore:
    return TrustStore([issuer()])


async def install(directory: Path, dsn: str, database: Database) -> Path:
    """The settings file of an installation whose files of mutations lie in `directory`/files."""
    key = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content in (
        ("key.pem", key),
        ("certificate.pem", signer().certificate.public_bytes(Encoding.PEM)),
        ("ca.pem", issuer().public_bytes(Encoding.PEM)),
        ("master.key", base64.b64encode(bytes(32))),
    ):
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o600)
    settings = directory / "kruispunt.toml"
    settings.write_text(
        f"""
environment = "acceptance"
dsn = "{dsn}"
tls_certificate = "certificate.pem"
tls_key = "key.pem"
client_ca = "ca.pem"
signing_certificate = "certificate.pem"
signing_key = "key.pem"
log_master_key_file = "master.key"
access_dir = "access"
mutation_dir = "files"
distribution_time = "00:00"
""",
        encoding="utf-8",
    )
    settings.chmod(0o600)
    for name in ("access", "files"):
        (directory / name).mkdir()
    await store.apply(database, table(), "tests", "tests")
    return settings


def words(*more: str) -> list[str]:
    """The words of a command below `kruispunt mutations`, as a program is started."""
    return [sys.executable, "-m", "kruispunt.cli.main", "mutations", *more]
