"""A platform that tells mutations: its files and vouchers, right ones and wrong ones. All people are made up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from kruispunt.client.signing import platform_trust
from kruispunt.demo.pki import DemoClient, KeyType, Pki, create_pki
from kruispunt.files.header import Header, write_header
from kruispunt.files.voucher import Voucher, content_of, sign_voucher, voucher_of
from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.receive.checking import Expected
from kruispunt.receive.copy import Copy
from kruispunt.receive.folder import FolderSource
from kruispunt.receive.run import COPY, FILES, Desk, Outcome, alone, receive
from kruispunt.receive.source import name_of
from kruispunt.receive.told import MUTATIONS, NAMESPACE, STREAM_ITEMS
from kruispunt.settings import Environment
from kruispunt.wss.sign import Signer
from kruispunt.xml.build import element

CODE = "town"
RECEIVER = organisation.of_cbe(cbe.compute(9_998_001))
OTHER = organisation.of_cbe(cbe.compute(9_998_002))
CONTEXT = "TEST:MUTATIONS"
NOW = datetime.now(UTC).replace(microsecond=0)
MADE = NOW - timedelta(days=20)
FIRST_DAY = date(2026, 1, 1)

PLATFORM = OrganisationKey(cbe.CBSS)


def ssin(number: int) -> str:
    """The so-many-th number of nobody."""
    return ssins.compute(date(1947, 1, 1) + timedelta(days=number % 20_000), 910 + number // 20_000, test_band=True)


def pki(directory: Path) -> Pki:
    """A root, the platform's certificates, and those of subscribers and of others."""
    return create_pki(
        directory, [DemoClient(name, KeyType.ECDSA) for name in ("town", "stranger", "kruispunt", "unknown")]
    )


@cache
def _signer(certificate: Path) -> Signer:
    return Signer.from_files(Pki.key_of(certificate), certificate)


def name(last: str, *given: str) -> str:
    written = "".join(f'<givenName sequence="{n}">{each}</givenName>' for n, each in enumerate(given, 1))
    return f"<name><lastName>{last}</lastName>{written}</name>"


def address(street: str) -> str:
    return (
        f'<address><residentialAddress><streetName language="NL">{street}</streetName></residentialAddress></address>'
    )


def mutation(
    number: int,
    who: str,
    *groups: str,
    told: str = "name",
    kinds: Iterable[str] = ("identification",),
    replaced: Iterable[str] = (),
    cancelled: bool = False,
    more: str = "",
) -> str:
    """One mutation; with `told` empty and no `more` nothing of the data is told."""
    head = f'<ssin canceled="true">{who}</ssin>' if cancelled else element("ssin", who)
    old = "".join(element("replacedSsin", each) for each in replaced)
    kind = "".join(element("kind", each) for each in kinds)
    data = f'<person{more} register="NR" told="{told}">{"".join(groups)}</person>' if told or more else ""
    return f'<mutation number="{number}">{head}{old}{kind}{data}</mutation>\n'


def item(number: int, who: str, reference: str, payload: str = "<work/>", sent_as: str | None = None) -> str:
    old = "" if sent_as is None else element("replacedSsin", sent_as)
    return (
        f'<item number="{number}"><ssin>{who}</ssin>{old}<reference>{reference}</reference>'
        f"<moment>2026-01-01T09:30:00.000Z</moment><payload>{payload}</payload></item>\n"
    )


@dataclass(frozen=True)
class Telling:
    """What one file says of itself; a test changes what is to be wrong."""

    sequence: int
    records: tuple[str, ...] = ()
    code: str = CODE
    kind: str = MUTATIONS
    environment: Environment = Environment.DEVELOPMENT
    sender: OrganisationKey = PLATFORM
    receiver: OrganisationKey = RECEIVER
    legal_context: str = CONTEXT
    first_day: date = FIRST_DAY
    """Of file 1."""
    voucher: dict[str, Any] = field(default_factory=dict)
    """Fields of the voucher that differ from what the file says."""

    @property
    def header(self) -> Header:
        return Header(self.sender, self.receiver, self.legal_context, self.sequence, MADE)

    @property
    def day(self) -> date:
        return self.first_day + timedelta(days=self.sequence - 1)

    def document(self) -> bytes:
        root, stream = ("m:mutations", "") if self.kind == MUTATIONS else ("m:streamItems", "<stream>dimona</stream>")
        return (
            f'<{root} xmlns:m="{NAMESPACE}">{write_header(self.header)}<subscription>{self.code}</subscription>'
            f"<day>{self.day}</day>{stream}<items>\n{''.join(self.records)}</items></{root}>\n"
        ).encode()

    def put(self, folder: Path, signing: Path, document: bytes | None = None) -> Path:
        """The file and its voucher, as the platform puts them; `document` instead of what it would be."""
        path = folder / name_of(self.code, self.sequence)
        path.write_bytes(self.document() if document is None else document)
        made = Voucher(
            self.header, self.kind, self.environment, len(self.records), content_of(path), subscription=self.code
        )
        voucher_of(path).write_bytes(sign_voucher(replace(made, **self.voucher), _signer(signing), MADE))
        return path


def items(sequence: int, *records: str) -> Telling:
    return Telling(sequence, records, kind=STREAM_ITEMS)


@dataclass(frozen=True)
class Subscriber:
    """A directory with a copy, and a folder from which it is filled."""

    folder: Path
    into: Path
    pki: Pki

    def put(self, telling: Telling, document: bytes | None = None) -> Path:
        return telling.put(self.folder, self.pki.signing, document)

    def receive(self, **expected: Any) -> Outcome:
        """One round from the folder."""
        with alone(self.into), Copy(self.into / COPY) as copy:
            desk = Desk(
                copy, platform_trust(self.pki.signing), Expected(CODE, **expected), 1, lambda: datetime.now(UTC)
            )
            return receive(desk, FolderSource(self.folder, CODE))

    @property
    def files(self) -> Path:
        return self.into / FILES

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """What another program reads in the copy."""
        connection = sqlite3.connect(f"file:{self.into / COPY}?mode=ro", uri=True)
        try:
            return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        finally:
            connection.close()

    @property
    def held(self) -> dict[str, Any]:
        """All that was told, without when it came."""
        files = [(row[0], row[4]) for row in self.rows("received")]
        return {"received": files} | {
            table: self.rows(table) for table in ("person", "person_group", "replaced", "item", "subscription")
        }
