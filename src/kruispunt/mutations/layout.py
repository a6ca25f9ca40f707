"""A mutation file around its records: head, end, name, place and voucher (RP-18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from kruispunt.files.header import Header, write_header
from kruispunt.files.voucher import Content, Signs, Voucher, sign_voucher
from kruispunt.identifiers import cbe
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.mutations.records import Profile
from kruispunt.settings import Environment
from kruispunt.xml.build import element
from kruispunt.xml.schemas import PACKAGE

NAMESPACE: Final = "urn:kruispunt:files:mutations:v1"
CONTRACT: Final = PACKAGE / "mutations" / "contract" / "MutationsV1.xsd"
PLATFORM: Final = OrganisationKey(cbe.CBSS)
"""Who sends."""
MUTATIONS: Final = "MUTATIONS"
STREAM_ITEMS: Final = "STREAM_ITEMS"
"""Kinds in vouchers."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a distribution, as it was fixed."""

    id: int
    code: str
    sequence: int
    day: date
    """Civil day in Belgium; of a round, the one on which it was fixed."""
    at: datetime
    """When the distribution was fixed: the time that the file tells."""
    receiver: OrganisationKey
    legal_context: str
    profile: Profile
    stream: str | None

    @property
    def header(self) -> Header:
        return Header(PLATFORM, self.receiver, self.legal_context, self.sequence, self.at)

    @property
    def kind(self) -> str:
        """What its voucher says that it is."""
        return MUTATIONS if self.stream is None else STREAM_ITEMS

    @property
    def head(self) -> bytes:
        """What stands before its records."""
        root = "mutations" if self.stream is None else "streamItems"
        stream = "" if self.stream is None else element("stream", self.stream)
        return (
            f'<m:{root} xmlns:m="{NAMESPACE}">{write_header(self.header)}{element("subscription", self.code)}'
            f"{element('day', str(self.day))}{stream}<items>\n"
        ).encode()

    @property
    def end(self) -> bytes:
        """What stands behind them."""
        return f"</items></m:{'mutations' if self.stream is None else 'streamItems'}>\n".encode()

    @property
    def name(self) -> str:
        return name_of(self.code, self.sequence)

    def within(self, directory: Path) -> Path:
        """Where it lies in the folder of all files."""
        return directory / self.code / self.name


def signed(environment: Environment, signer: Signs, file: File, records: int, content: Content) -> bytes:
    """The voucher of a file with so many records, size and checksum; of the time that the file tells."""
    return sign_voucher(Voucher(file.header, file.kind, environment, records, content, file.code), signer, file.at)


def name_of(code: str, sequence: int) -> str:
    """`town-people-0000000017.xml`."""
    return f"{code}-{sequence:010}.xml"
