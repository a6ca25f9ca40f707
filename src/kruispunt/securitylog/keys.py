"""Keys of the security log: a master key outside the database, and data keys that it wraps (PL-33).

A data key serves one organisation for one day. SSINs are found through an HMAC under a key of its own, wrapped
likewise, so that the master key can be replaced without touching an entry. Key wrapping is RFC 3394.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import os
import secrets
from datetime import date
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.storage.database import Database

KEY_BYTES = 32
EPOCH = date(1970, 1, 1)

_FIND = "select id, master, wrapped from log_key where purpose = $1 and day = $2 and organisation = $3"
_MAKE = """
insert into log_key (purpose, day, organisation, master, wrapped) values ($1, $2, $3, $4, $5)
on conflict (purpose, day, organisation) do nothing
"""
_BY_ID = "select id, master, wrapped from log_key where id = $1"


class MasterKey:
    """The key that wraps the others: 32 bytes that never enter the database."""

    def __init__(self, value: bytes) -> None:
        if len(value) != KEY_BYTES:
            raise ConfigurationError(f"the log master key has {len(value)} bytes; it must have {KEY_BYTES}")
        self._value = value
        self.name = hmac.digest(value, b"kruispunt log master key", "sha256")[:8].hex()
        """Tells keys apart without telling anything of them."""

    def wrap(self, key: bytes) -> bytes:
        return aes_key_wrap(self._value, key)

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        try:
            return aes_key_unwrap(self._value, wrapped)
        except InvalidUnwrap as error:
            raise ConfigurationError(
                f"this database's log keys were wrapped by master key {name}, and {self.name} was given. "
                "Point log_master_key_file at the right key."
            ) from error


def parse_master_key(text: str) -> MasterKey:
    """A master key from its base64 text, as `kruispunt key new-log-master` writes it."""
    try:
        return MasterKey(base64.b64decode(text.strip(), validate=True))
    except binascii.Error as error:
        raise ConfigurationError(
            "the log master key is not base64; make one with: kruispunt key new-log-master"
        ) from error


def new_master_key(path: Path) -> None:
    """Writes a new master key to `path`, readable by its owner only. Never overwrites."""
    text = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


class DataKey:
    """One unwrapped data key, with its number in `log_key`."""

    __slots__ = ("cipher", "id")

    def __init__(self, key_id: int, value: bytes) -> None:
        self.id = key_id
        self.cipher = AESGCM(value)


class KeyRing:
    """The data keys that this process has used, unwrapped and in memory."""

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database = database
        self._master = master
        self._today: date | None = None
        self._by_owner: dict[str, DataKey] = {}
        self._subject_key = b""
        self._asking = asyncio.Lock()

    async def open(self) -> None:
        """Fetches or makes the key of the SSIN digests; fails when the master key is not this database's."""
        _, self._subject_key = await self._find_or_make("subject", EPOCH, "")

    def digest(self, ssin: str) -> bytes:
        """Keyed digest by which entries about a SSIN are found."""
        return hmac.digest(self._subject_key, ssin.encode("ascii", "replace"), sha256)

    async def data_key(self, day: date, owner: str) -> DataKey:
        """The key under which messages of `owner` are encrypted on `day`."""
        key = self._by_owner.get(owner) if day == self._today else None
        if key is None:
            # One asks the database, the others wait for what it finds: at midnight everybody needs a new key.
            async with self._asking:
                if day != self._today:
                    self._today, self._by_owner = day, {}
                key = self._by_owner.get(owner)
                if key is None:
                    key = DataKey(*await self._find_or_make("message", day, owner))
                    self._by_owner[owner] = key
        return key

    async def by_id(self, key_id: int) -> DataKey:
        """The key of an entry that is read. Raises StorageError when it was destroyed."""
        row = await self._database.fetchrow(_BY_ID, key_id)
        if row is None:
            raise StorageError(f"log key {key_id} was destroyed: the message cannot be read any more")
        return DataKey(row["id"], self._master.unwrap(row["wrapped"], row["master"]))

    async def _find_or_make(self, purpose: str, day: date, owner: str) -> tuple[int, bytes]:
        row = await self._database.fetchrow(_FIND, purpose, day, owner)
        if row is None:
            wrapped = self._master.wrap(secrets.token_bytes(KEY_BYTES))
            await self._database.execute(_MAKE, purpose, day, owner, self._master.name, wrapped)
            row = await self._database.fetchrow(_FIND, purpose, day, owner)
            assert row is not None
        return row["id"], self._master.unwrap(row["wrapped"], row["master"])
