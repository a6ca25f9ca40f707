"""Whether a file may be taken: who signed its voucher, and what that application may do (PL-08, PL-14, RP-08).

The same rights as online: who may call an operation of RegisterService for an organisation under a legal context may
send a file that does the same. The lines go to the register of that organisation, which nothing in the file names:
nobody writes to another one's (RP-05).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from kruispunt.access.model import AccessTable, unregistered
from kruispunt.batch.csv_lines import CsvFile
from kruispunt.batch.items import Kind
from kruispunt.batch.xml_lines import XmlFile
from kruispunt.errors import DataError
from kruispunt.files.voucher import Signed, Voucher, content_of, read_voucher
from kruispunt.identifiers import cbe
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.settings import Environment
from kruispunt.wss.policy import Policy
from kruispunt.wss.revocation import Revocation
from kruispunt.wss.trust import Trust, Trusted

SERVICE: Final = "RegisterService"
OPERATIONS: Final = {Kind.INSERT: "inscribe", Kind.DELETE: "delete"}
PLATFORM: Final = OrganisationKey(cbe.CBSS)
"""To whom files are sent."""


@dataclass(frozen=True, slots=True)
class Door:
    """What a voucher is held against."""

    table: AccessTable
    trust: Trust
    revocation: Revocation
    environment: Environment


@dataclass(frozen=True, slots=True)
class Admitted:
    """A file that may be taken."""

    voucher: Voucher
    kind: Kind
    owner: CbeNumber
    """Whose register its lines are for."""
    author: str
    """URN of the application that signed the voucher."""


def admitted(door: Door, data: bytes, now: datetime) -> Admitted:
    """The voucher in `data`, and the right that it gives. Raises DataError or a Refusal, which say why none."""

    def check(signer: Trusted) -> None:
        door.revocation.check(signer, now)

    signed = read_voucher(data, door.trust, now, lambda fingerprint: _policy(door.table, fingerprint), check)
    voucher, header = signed.voucher, signed.voucher.header
    if voucher.environment is not door.environment:
        raise DataError(f"the file is for {voucher.environment.value}, and this is {door.environment.value}")
    if header.receiver != PLATFORM:
        raise DataError(f"the file is for {header.receiver}, and this is {PLATFORM}")
    if voucher.kind not in {kind.value for kind in Kind}:
        raise DataError(f"files of the kind {voucher.kind} are not read here")
    kind = Kind(voucher.kind)
    owner, urn = _allowed(door.table, signed, kind)
    return Admitted(voucher, kind, owner, urn)


def open_lines(source: BinaryIO, file: Path, admission: Admitted) -> XmlFile | CsvFile:
    """The reader of a file whose voucher was admitted. Raises DataError when the two do not agree."""
    if file.suffix.lower() == ".csv":
        return CsvFile(source, admission.kind)
    lines = XmlFile(source)
    header = admission.voucher.header
    if lines.kind is not admission.kind or replace(lines.header, ticket=None) != replace(header, ticket=None):
        raise DataError("the head of the file and its voucher do not say the same")
    return lines


def check_content(file: Path, admission: Admitted) -> None:
    """The file is the one that was signed for, whole and readable to its end, before any line of it counts.

    Raises DataError.
    """
    told = admission.voucher.content
    if content_of(file) != told:
        raise DataError("size or checksum are not those of the voucher: the file is not the one that was sent")
    with file.open("rb") as source:
        records = sum(map(len, open_lines(source, file, admission).batches()))
    if records != admission.voucher.records:
        raise DataError(f"the file has {records:,} lines, and its voucher tells {admission.voucher.records:,}")


def _policy(table: AccessTable, fingerprint: str) -> Policy:
    registration = table.registered(fingerprint)
    if registration is None:
        raise unregistered("registration.signer", "the certificate of the signer is not registered")
    return Policy(allow_unsigned_token=registration.unsigned_token, allow_sha1=registration.sha1)


def _allowed(table: AccessTable, signed: Signed, kind: Kind) -> tuple[CbeNumber, str]:
    header = signed.voucher.header
    registration = table.registrations[signed.signer.fingerprint]
    if SERVICE not in registration.services:
        raise unregistered("registration.service", f"{registration.urn} is not registered for {SERVICE}")
    organisation = table.named(header.sender)
    if organisation is None or organisation.code not in registration.acts_for:
        raise DataError(f"{registration.urn} may not act for {header.sender}")
    if table.grant(SERVICE, OPERATIONS[kind], organisation.code, header.legal_context) is None:
        raise DataError(f"{header.sender} may not call {OPERATIONS[kind]} under {header.legal_context}")
    if organisation.cbe is None:
        raise DataError(f"{header.sender} has no CBE number, by which registers are known")
    return cbe.validate(organisation.cbe), registration.urn
