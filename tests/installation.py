"""An installation for tests of commands: settings, keys, and rights in force."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kruispunt.access import store
from kruispunt.access.model import AccessTable
from kruispunt.storage.database import Database
from kruispunt.wss.sign import Signer
from signed_messages import CA, DAY, certificate, ec_key, rsa_key, usage

NOW = datetime.now(UTC)
_VALID: dict[str, datetime] = {"begin": NOW - DAY, "end": NOW + 30 * DAY}


@cache
def issuer() -> x509.Certificate:
    """Commands have the clock of the machine, so these certificates are valid by it."""
    return certificate("Test root of commands", ec_key(_number=7), None, CA, usage(key_cert_sign=True), **_VALID)


@cache
def signer() -> Signer:
    """The platform, and whoever sends files."""
    return Signer(rsa_key(), certificate("platform", rsa_key(), (issuer(), ec_key(_number=7)), **_VALID))


async def install(directory: Path, dsn: str, database: Database, rights: AccessTable, more: str) -> Path:
    """The settings file of an installation that trusts the issuer of the tests; `more` has its environment."""
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
dsn = "{dsn}"
tls_certificate = "certificate.pem"
tls_key = "key.pem"
client_ca = "ca.pem"
signing_certificate = "certificate.pem"
signing_key = "key.pem"
log_master_key_file = "master.key"
access_dir = "access"
{more}""",
        encoding="utf-8",
    )
    settings.chmod(0o600)
    (directory / "access").mkdir()
    await store.apply(database, rights, "tests", "tests")
    return settings


def command(*words: str) -> list[str]:
    """The words of a command, as a program is started."""
    return [sys.executable, "-m", "kruispunt.cli.main", *words]


def run(*words: str) -> tuple[int, str, str]:
    """A command to its end: exit code, output, errors."""
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout, done.stderr
