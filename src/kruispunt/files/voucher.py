"""The voucher of a file: header, kind, environment, number of records, size and checksum (RP-18), signed.

The voucher is the Body of a SOAP envelope, signed as the platform and its clients sign every message (PL-05, PL-07). So
whoever can call can also make a voucher, and the same closed profile verifies it. Two things differ from a message:

- A file may lie for days before it is read. `Created` says when the voucher was signed and may not lie in the future;
  its age does not matter, because a sequence number is taken once. The certificate must be good now.
- The voucher stands for the bytes of the file by SHA-256; nothing of the file is believed that does not agree with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from kruispunt.errors import DataError
from kruispunt.files.header import Header, read_header, write_header
from kruispunt.settings import Environment
from kruispunt.wss.policy import Policy
from kruispunt.wss.structure import body_of, locate
from kruispunt.wss.trust import Trust, Trusted
from kruispunt.wss.verify import verify
from kruispunt.xml.build import element, optional
from kruispunt.xml.parse import parse
from kruispunt.xml.schemas import schema
from kruispunt.xml.values import read_integer

if TYPE_CHECKING:
    from lxml import etree

NAMESPACE: Final = "urn:kruispunt:files:voucher:v1"
SUFFIX: Final = ".voucher.xml"
"""The voucher of `FILE` is `FILE` with this at its end, in the same directory."""

_CONTRACT: Final = Path(__file__).resolve().parent / "contract" / "VoucherV1.xsd"
_BLOCK: Final = 1 << 20
_LARGEST: Final = 128 * 1024


class Signs(Protocol):
    def envelope(self, body_inner: str, now: datetime) -> bytes:
        """A signed message around canonical XML."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """What a voucher says of the bytes of its file."""

    size: int
    """Bytes."""
    sha256: str
    """64 hexadecimal digits in lower case."""


@dataclass(frozen=True, slots=True)
class Voucher:
    """What accompanies a file."""

    header: Header
    kind: str
    """What the file is, in capitals, by the names of whoever reads it."""
    environment: Environment
    records: int
    content: Content
    subscription: str | None = None
    """Code of the subscription whose sequence number it is; None where the sender's files have one sequence."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A voucher whose signature was verified."""

    voucher: Voucher
    signer: Trusted


def voucher_of(file: Path) -> Path:
    """Where the voucher of a file lies."""
    return file.with_name(file.name + SUFFIX)


def content_of(file: Path) -> Content:
    """Size and checksum of the bytes of a file. Raises DataError when it cannot be read."""
    try:
        with file.open("rb") as source:
            return Measured(source).content()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(file)) from error


class Measured:
    """An open file that is read once: what is read is counted and hashed on its way."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._digest, self._size = source, hashlib.sha256(), 0

    def read(self, most: int) -> bytes:
        """The next bytes; none at the end."""
        block = self._source.read(most)
        self._digest.update(block)
        self._size += len(block)
        return block

    def content(self) -> Content:
        """Of all bytes of the file; those that nobody read yet are read now."""
        while self.read(_BLOCK):
            pass
        return Content(self._size, self._digest.hexdigest())


def sign_voucher(voucher: Voucher, signer: Signs, now: datetime) -> bytes:
    """The bytes of a voucher file."""
    inner = (
        f'<v:voucher xmlns:v="{NAMESPACE}">'
        + write_header(voucher.header)
        + optional("subscription", voucher.subscription)
        + element("kind", voucher.kind)
        + element("environment", voucher.environment.value)
        + element("numberOfRecords", str(voucher.records))
        + element("size", str(voucher.content.size))
        + element("sha256", voucher.content.sha256)
        + "</v:voucher>"
    )
    return signer.envelope(inner, now)


def read_voucher(
    data: bytes,
    trust: Trust,
    now: datetime,
    policy_for: Callable[[str], Policy],
    admit: Callable[[Trusted], None] | None = None,
) -> Signed:
    """The voucher in `data`, verified; `policy_for` and `admit` as for `wss.verify`.

    Raises InvalidRequest or AuthenticationRefused for what is not well signed, DataError for what is no voucher.
    """
    root = parse(data)
    signed_at = _moment(locate(root).created)
    if signed_at - now > Policy().ahead:
        raise DataError("the voucher was signed in the future; check the clock of its sender")
    signed = verify(root, _TrustedNow(trust, now), signed_at, policy_for, admit=admit)
    if len(signed.body) != 1 or signed.body[0].tag != f"{{{NAMESPACE}}}voucher":
        raise DataError("the signed message holds no voucher")
    return Signed(_voucher(signed.body[0]), signed.certificate)


def kept_voucher(data: bytes) -> Voucher:
    """What a voucher says that `read_voucher` let in before, whoever its signer is by now."""
    return _voucher(body_of(parse(data))[0])


def _voucher(node: etree._Element) -> Voucher:
    complaint = schema(_CONTRACT).check(node)
    if complaint is not None:
        raise DataError(f"the voucher does not follow its schema: {complaint}")
    kind, environment, records, size, sha256 = ((part.text or "").strip() for part in list(node)[-5:])
    return Voucher(
        read_header(node),
        kind,
        Environment(environment),
        read_integer(records),
        Content(read_integer(size), sha256),
        node.findtext("subscription"),
    )


def read_voucher_file(path: Path) -> bytes:
    """The bytes of a voucher, which is small. Raises DataError."""
    try:
        with path.open("rb") as source:
            return source.read(_LARGEST + 1)
    except OSError as error:
        raise DataError(f"the voucher cannot be read: {error.strerror}", where=str(path)) from error


@dataclass(frozen=True, slots=True)
class _TrustedNow:
    """The voucher is as fresh as when it was signed; the certificate is as good as it is now."""

    trust: Trust
    now: datetime

    def trusted(self, token: str, now: datetime) -> Trusted:  # noqa: ARG002 - the moment of signing
        return self.trust.trusted(token, self.now)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError("Created: no moment in UTC") from None
    if moment.tzinfo is None:
        raise DataError("Created: no moment in UTC")
    return moment
