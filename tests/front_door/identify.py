"""People for IdentifyPerson whom no persona is, and questions about them as a client asks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bank import ORGANISATIONS, Bank
from lxml import etree

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Ssin, compute
from kruispunt.services.identify_person import client
from kruispunt.services.identify_person.namespaces import COMMON, PERSON, SERVICE
from kruispunt.services.identify_person.payload import BY_ADDRESS, BY_SSIN, PHONETIC
from kruispunt.services.identify_person.service import SERVICE as IDENTIFY

Row = dict[str, Any]


def number(birth: str, counter: int, register: str = "national") -> Ssin:
    """A number of the band, or a BIS number: nobody's."""
    bis = register == "bis"
    kind = Kind.BIS if bis else Kind.NATIONAL
    return compute(PartialDate.parse(birth), counter, kind=kind, test_band=not bis)


def person(
    last: str, birth: str, counter: int, register: str = "national", firsts: tuple[str, ...] = ("Jo",), **more: Any
) -> Row:
    """A line of an import. `more`: fields of the legal data, `replaced_by`, `cancelled`."""
    row: Row = {"ssin": number(birth, counter, register), "register": register}
    for name, field in (("replaced_by", "replacedBy"), ("cancelled", "cancelled")):
        if name in more:
            row[field] = more.pop(name)
    legal = {"name": {"lastName": last, "firstNames": list(firsts)}, "birth": {"date": birth}, **more}
    row["cbssRegister" if register == "bis" else "nationalRegister"] = legal
    return row


def days(first: str, count: int) -> Iterator[str]:
    begin = date.fromisoformat(first)
    return ((begin + timedelta(days=n)).isoformat() for n in range(count))


def load(bank: Bank, folder: Path, rows: list[Row]) -> None:
    """`kruispunt people import`, as an operator does it beside a running server."""
    file = folder / "people.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "kruispunt.cli.main", "people", "import", str(file)]
    done = subprocess.run(
        [*command, "--config", str(bank.directory / "kruispunt.toml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True, slots=True)
class Answer:
    """What one service reply says."""

    summary: etree._Element
    payload: etree._Element | None

    @property
    def ok(self) -> tuple[str, int]:
        return self.summary.get("ok") or "", int(self.summary.findtext(f"{{{COMMON}}}ReturnCode") or -1)

    @property
    def details(self) -> list[etree._Element]:
        return self.summary.findall(f"{{{COMMON}}}Detail")

    @property
    def codes(self) -> list[str]:
        return [d.findtext(f"{{{COMMON}}}ReasonCode") or "" for d in self.details]

    @property
    def severities(self) -> list[str]:
        return [d.findtext(f"{{{COMMON}}}Severity") or "" for d in self.details]

    @property
    def information(self) -> list[tuple[str, str]]:
        return [
            (i.findtext(f"{{{COMMON}}}FieldName") or "", i.findtext(f"{{{COMMON}}}FieldValue") or "")
            for d in self.details
            for i in d.findall(f"{{{COMMON}}}Information")
        ]

    @property
    def people(self) -> list[etree._Element]:
        return [] if self.payload is None else list(self.payload.iter(f"{{{PERSON}}}Citizen"))

    @property
    def ssins(self) -> list[str]:
        return [p.findtext(f"{{{PERSON}}}SocialSecurityUser") or "" for p in self.people]

    @property
    def origins(self) -> list[str]:
        return [p.get("origin") or "" for p in self.people]

    @property
    def last_names(self) -> list[str]:
        return [p.findtext(f".//{{{PERSON}}}LastName") or "" for p in self.people]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole SSDNReply."""

    raw: bytes
    document: etree._Element

    @property
    def context(self) -> Answer:
        return Answer(self._find(f"{{{SERVICE}}}ReplyContext/{{{COMMON}}}ResultSummary"), None)

    def told(self, name: str) -> str | None:
        """A field of ReplyContext, such as `Message/Ticket`."""
        path = "/".join(f"{{{SERVICE}}}{part}" for part in name.split("/"))
        return self.document.findtext(f"{{{SERVICE}}}ReplyContext/{path}")

    @property
    def answers(self) -> list[Answer]:
        return [
            Answer(reply[0], reply[3] if len(reply) > 3 else None)
            for reply in self.document.iterchildren(f"{{{SERVICE}}}ServiceReply")
        ]

    def _find(self, path: str) -> etree._Element:
        found = self.document.find(path)
        assert found is not None
        return found


def request(operation: str, version: str = "20090818", **values: Any) -> str:
    """One service request."""
    limited = operation.startswith("cpas")
    return client.service_request(
        "OCMWCPASIdentifyPerson" if limited else "IdentifyPerson",
        "20050930" if limited else version,
        client.payload_of(operation, values),
    )


def document(*requests: str, organisation: str = "onem") -> str:
    """An SSDNRequest."""
    now = datetime.now(UTC)
    return client.ssdn_request(ORGANISATIONS[organisation], "".join(requests), "identify-test", now)


def send(bank: Bank, body: str, as_: str = "onem") -> Any:
    """What stands in the Body, signed and sent; the reply as `Got`."""
    message = bank.signer(as_).envelope(body, datetime.now(UTC), canonical=False)
    return bank.send(IDENTIFY, IDENTIFY.operations[0], message, client=as_)


def ask_document(bank: Bank, text: str, as_: str = "onem") -> Reply:
    got = send(bank, client.connector(text), as_)
    assert got.status == 200, got.raw
    bank.verify(got.raw)
    told = got.told
    assert told is not None
    assert told.document is not None
    return Reply(got.raw, told.document)


def ask(bank: Bank, operation: str, as_: str = "onem", organisation: str | None = None, **values: Any) -> Answer:
    """One question, one answer."""
    text = document(request(operation, **values), organisation=organisation or as_)
    (answer,) = ask_document(bank, text, as_).answers
    return answer


def by_ssin(bank: Bank, ssin: str, **values: Any) -> Answer:
    return ask(bank, BY_SSIN, ssin=ssin, **values)


def by_name(bank: Bank, last: str, birth: str, **values: Any) -> Answer:
    return ask(bank, PHONETIC, lastName=last, birthDate=birth, **values)


def by_address(bank: Bank, postal: str, street: str, house: str, box: str = "") -> Answer:
    return ask(bank, BY_ADDRESS, postalCode=postal, streetCode=street, houseNumber=house, box=box)
