"""Keys of the security log: a master key outside the database, and data keys that it wraps (PL-33).

A data key serves one organisation for one day. SSINs are found through an HMAC under a key of its own, wrapped
likewise, so that the master key can be replaced without touching an entry. Key wrapping is RFC 3394.

The current master key is the one that wraps the key of the digests; new keys are made under no other, so that a server
that missed a rotation cannot leave a key behind that only the old master key opens.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from zstandard import ZstdError

from kruispunt.errors import ConfigurationError, StorageError
from kruispunt.securitylog.entry import Kind, Message
from kruispunt.securitylog.pack import Packing, sample_of, sample_of_notes
from kruispunt.storage.database import Database

logger = structlog.get_logger("keys")

KEY_BYTES = 32
NONCE_BYTES = 12
EPOCH = date(1970, 1, 1)

_FIND = "select id, master, wrapped, sample from log_key where purpose = $1 and day = $2 and organisation = $3"
_MAKE = """
insert into log_key (purpose, day, organisation, master, wrapped) values ($1, $2, $3, $4, $5)
on conflict (purpose, day, organisation) do nothing
"""
_MAKE_UNDER_CURRENT = """
insert into log_key (purpose, day, organisation, master, wrapped)
select $1, $2, $3, $4, $5
where $4 = (select master from log_key where purpose = 'subject' and day = $6 and organisation = '')
on conflict (purpose, day, organisation) do nothing
"""
_CURRENT = "select master from log_key where purpose = 'subject' and day = $1 and organisation = ''"
_BY_ID = "select id, purpose, master, wrapped, sample from log_key where id = $1"
_LEARN = "update log_key set sample = $2 where id = $1 and sample is null"
_LEARNT = "select sample from log_key where id = $1"
LOST = "lost "
"""Begins the purpose of a key whose master key was declared lost."""
_ATTEMPTS = 3
"""How many rotations in a row may come between asking for the current master key and using it."""


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


def parse_master_keys(text: str) -> tuple[MasterKey, ...]:
    """One key or several, separated by white space: around a rotation a server knows the old and the new one."""
    return tuple(parse_master_key(word) for word in text.split()) or (parse_master_key(text),)


class MasterKeys:
    """The master keys that a server was given; read again when a key of the database names one that is unknown.

    `read` gives at least one. Raises ConfigurationError as it does.
    """

    def __init__(self, read: Callable[[], tuple[MasterKey, ...]]) -> None:
        self._read = read
        self._known = read()

    @property
    def first(self) -> MasterKey:
        """Under which a database without keys begins."""
        return self._known[0]

    def named(self, name: str) -> MasterKey:
        """Raises ConfigurationError when no key that was given has this name."""
        found = self._find(name)
        if found is None:
            self._known = self._read()
            found = self._find(name)
        if found is None:
            given = " and ".join(key.name for key in self._known)
            raise ConfigurationError(
                f"this database's log keys were wrapped by master key {name}, and {given} was given. "
                "Point log_master_key_file at the right key."
            )
        return found

    def _find(self, name: str) -> MasterKey | None:
        return next((key for key in self._known if key.name == name), None)


def new_master_key(path: Path) -> None:
    """Writes a new master key to `path`, readable by its owner only. Never overwrites."""
    text = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


class DataKey:
    """One unwrapped data key, with its number in `log_key`, and the sample that its messages are compressed with."""

    __slots__ = ("_cipher", "heard", "id", "packing", "sampled")

    def __init__(self, key_id: int, value: bytes, sample: bytes | None = None) -> None:
        """`sample` as the database keeps it. Raises StorageError when it is not this key's."""
        self.id = key_id
        self._cipher = AESGCM(value)
        self.heard = b""
        """What the first message had that is worth remembering, until its reply completes the sample."""
        self.sampled = False
        """Whether there is a sample, or somebody is about to keep one."""
        self.packing = Packing()
        if sample is not None:
            self.pack_with(sample)

    def encrypt(self, plain: bytes, bound_to: bytes) -> bytes:
        """Twelve bytes nonce, then ciphertext and tag."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to)

    def decrypt(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Raises InvalidTag."""
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)

    def seal_sample(self, sample: bytes) -> bytes:
        return self.encrypt(Packing().pack(sample), self._sample_name)

    def pack_with(self, sealed: bytes) -> None:
        """From now on messages are compressed with this sample. Raises StorageError when it is not this key's."""
        try:
            self.packing = Packing(Packing().unpack(self.decrypt(sealed, self._sample_name)))
        except (InvalidTag, ZstdError) as error:
            raise StorageError(f"the sample of log key {self.id} was altered, or belongs to another") from error
        self.sampled = True
        self.heard = b""

    @property
    def _sample_name(self) -> bytes:
        return b"sample of log key %d" % self.id


class KeyRing:
    """The data keys that this process has used, unwrapped and in memory."""

    def __init__(self, database: Database, master: MasterKey | MasterKeys) -> None:
        self._database = database
        self._masters = MasterKeys(lambda: (master,)) if isinstance(master, MasterKey) else master
        self._today: date | None = None
        self._by_owner: dict[str, DataKey] = {}
        self._subject_key = b""
        self._asking = asyncio.Lock()

    async def open(self) -> None:
        """Fetches or makes the key of the SSIN digests; fails when the master key is not this database's."""
        row = await self._database.fetchrow(_FIND, "subject", EPOCH, "")
        if row is None:
            first = self._masters.first
            wrapped = first.wrap(secrets.token_bytes(KEY_BYTES))
            await self._database.execute(_MAKE, "subject", EPOCH, "", first.name, wrapped)
            row = await self._database.fetchrow(_FIND, "subject", EPOCH, "")
            assert row is not None
        self._subject_key = self._unwrap(row)

    def digest(self, ssin: str) -> bytes:
        """Keyed digest by which entries about a SSIN are found."""
        return hmac.digest(self._subject_key, ssin.encode("ascii", "replace"), sha256)

    async def data_key(self, day: date, owner: str) -> DataKey:
        """The key under which messages of `owner` are encrypted on `day`.

        Raises StorageError when the master key is not that of the database any more: nothing can be logged.
        """
        key = self._by_owner.get(owner) if day == self._today else None
        if key is None:
            # One asks the database, the others wait for what it finds: at midnight everybody needs a new key.
            async with self._asking:
                if day != self._today:
                    self._today, self._by_owner = day, {}
                key = self._by_owner.get(owner)
                if key is None:
                    try:
                        key = DataKey(*await self._find_or_make(day, owner))
                    except ConfigurationError as error:
                        logger.error("no message can be logged: the log master key is another", cause=str(error))
                        raise StorageError(str(error)) from error
                    self._by_owner[owner] = key
        return key

    async def learn(self, key: DataKey, kind: Kind, message: Message) -> None:
        """Makes the sample of a key from the first exchange that it encrypts.

        The first one that is kept is that of all servers. Raises StorageError: then nothing could be logged either.
        """
        if not key.heard:
            if kind is Kind.INCOMING:
                key.heard = sample_of(message.data)
            return
        if kind is not Kind.OUTGOING:
            return
        key.sampled = True
        sample = key.heard + sample_of_notes(message.notes) + sample_of(message.data)
        await self._database.execute(_LEARN, key.id, key.seal_sample(sample))
        key.pack_with(await self._database.fetchval(_LEARNT, key.id))

    async def by_id(self, key_id: int) -> DataKey:
        """The key of an entry that is read. Raises StorageError when it was destroyed, or its master key lost."""
        row = await self._database.fetchrow(_BY_ID, key_id)
        if row is None:
            raise StorageError(f"log key {key_id} was destroyed: the message cannot be read any more")
        try:
            return DataKey(row["id"], self._unwrap(row), row["sample"])
        except ConfigurationError as error:
            if row["purpose"].startswith(LOST):
                raise StorageError(
                    f"master key {row['master']} was declared lost: the message cannot be read any more, "
                    "unless that key is found and added to log_master_key_file"
                ) from error
            raise

    async def _find_or_make(self, day: date, owner: str) -> tuple[int, bytes, bytes | None]:
        row = await self._database.fetchrow(_FIND, "message", day, owner)
        for _ in range(_ATTEMPTS):
            if row is not None:
                return row["id"], self._unwrap(row), row["sample"]
            name = await self._database.fetchval(_CURRENT, EPOCH)
            wrapped = self._masters.named(str(name)).wrap(secrets.token_bytes(KEY_BYTES))
            await self._database.execute(_MAKE_UNDER_CURRENT, "message", day, owner, name, wrapped, EPOCH)
            row = await self._database.fetchrow(_FIND, "message", day, owner)
        raise StorageError("the log master key changed again and again while a key was made")

    def _unwrap(self, row: Any) -> bytes:
        return self._masters.named(row["master"]).unwrap(row["wrapped"], row["master"])
