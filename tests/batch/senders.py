"""An organisation that sends files: its rights, its register, its people, its files. All of them made up."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from kruispunt.access.model import AccessTable, Grant, Organisation, Registration
from kruispunt.batch.admission import OPERATIONS, PLATFORM, SERVICE, Door
from kruispunt.batch.items import Kind
from kruispunt.batch.run import Bench
from kruispunt.batch.xml_lines import NAMESPACE, XmlFile
from kruispunt.clock import FixedClock
from kruispunt.files.header import Header, write_header
from kruispunt.files.voucher import Voucher, content_of, sign_voucher, voucher_of
from kruispunt.identifiers import cbe, organisation
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers.importing import import_people
from kruispunt.repertory import tenants
from kruispunt.repertory.tenants import Definition, DossierType
from kruispunt.settings import Environment
from kruispunt.storage.database import Database
from kruispunt.wss.revocation import Revocation
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import described
from signed_messages import rsa_signer, trust

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
TODAY = date(2026, 1, 31)
OWNER = cbe.compute(9_998_001)
SENDER = organisation.of_cbe(OWNER)
CONTEXT = "TEST:INSCRIPTIONS"
URN = "urn:example:sender"


def table(
    signer: Signer | None = None,
    services: Iterable[str] = (SERVICE,),
    acts_for: Iterable[str] = ("sender",),
    kinds: Iterable[Kind] = tuple(Kind),
) -> AccessTable:
    """Rights of one sender."""
    print_ = _fingerprint(signer)
    registration = Registration(URN, print_, "sender", frozenset(acts_for), frozenset(services))
    grant = Grant(CONTEXT, frozenset(), None, "tests")
    grants = {(SERVICE, OPERATIONS[kind], "sender", CONTEXT): grant for kind in kinds}
    sender = Organisation("sender", "A sender", OWNER, None, None, OWNER, "tests")
    return AccessTable({"sender": sender}, {print_: registration}, grants)


def bench(database: Database, rights: AccessTable | None = None, now: datetime = NOW) -> Bench:
    clock = FixedClock(now)
    trusted = trust()
    return Bench(
        database=database,
        door=Door(rights or table(), trusted, Revocation(None, trusted, [], clock), Environment.ACCEPTANCE),
        signer=rsa_signer(),
        now=clock.now,
        today=lambda: TODAY,
        test_band=True,
    )


def numbers(count: int) -> list[Ssin]:
    """So many numbers of nobody."""
    first = date(1947, 1, 1)
    return [ssins.compute(first + timedelta(days=n % 20_000), 910 + n // 20_000, test_band=True) for n in range(count)]


async def prepare(database: Database, people: Sequence[Ssin], *replaced: tuple[Ssin, Ssin]) -> None:
    """A register with the types 902 and 1, and people in the National Register."""
    kinds = (
        DossierType("902", "under examination"),
        DossierType("1", "unemployed"),
        DossierType("9", "old", closed=True),
    )
    await tenants.define(database, [Definition(OWNER, "a register", True, kinds)], "tests")
    rows = [{"ssin": ssin, "register": "national"} for ssin in people]
    rows += [{"ssin": old, "register": "national", "replacedBy": new} for old, new in replaced]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    report = await import_people(database, io.BytesIO(text.encode()), today=TODAY, test_band=True)
    assert report.refused == []


def header(sequence: int = 1) -> Header:
    return Header(SENDER, PLATFORM, CONTEXT, sequence, NOW)


def line(ssin: str, begin: str | None = "2020-01-01", end: str | None = None, kind: str = "902", more: str = "") -> str:
    """One line of a file."""
    last = "" if end is None else f"<endDate>{end}</endDate>"
    period = "" if begin is None else f"<period><beginDate>{begin}</beginDate>{last}</period>"
    return f"<inscription><ssin>{ssin}</ssin><dossierType>{kind}</dossierType>{period}{more}</inscription>\n"


def document(lines: Iterable[str], sequence: int = 1, kind: Kind = Kind.INSERT) -> bytes:
    """A file of such lines."""
    name = f"i:{kind.element}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns:i="{NAMESPACE}">{write_header(header(sequence))}'
        f"<inscriptions>\n{''.join(lines)}</inscriptions>\n</{name}>\n"
    ).encode()


def send(
    directory: Path,
    lines: Iterable[str],
    sequence: int = 1,
    kind: Kind = Kind.INSERT,
    *,
    signer: Signer | None = None,
    environment: Environment = Environment.ACCEPTANCE,
) -> Path:
    """A file and its voucher, as the sender puts them there."""
    file = directory / f"inscriptions-{sequence}.xml"
    file.write_bytes(document(lines, sequence, kind))
    sign(file, sequence, kind, signer=signer, environment=environment)
    return file


def sign(
    file: Path,
    sequence: int,
    kind: Kind,
    *,
    signer: Signer | None = None,
    environment: Environment = Environment.ACCEPTANCE,
    records: int | None = None,
) -> None:
    """The voucher of a file that is there."""
    if records is None:
        with file.open("rb") as source:
            records = sum(1 for _ in XmlFile(source).lines())
    made = Voucher(header(sequence), kind.value, environment, records, content_of(file))
    voucher_of(file).write_bytes(sign_voucher(made, signer or rsa_signer(), NOW))


def _fingerprint(signer: Signer | None) -> str:
    certificate = (signer or rsa_signer()).certificate
    return described(certificate, (certificate,)).fingerprint
