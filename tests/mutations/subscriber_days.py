"""Ten subscribers and their days: the real registers and plain ones, real copies and those that are expected."""

from __future__ import annotations

import copy
import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import mutation_ground as ground
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from day_model import Held, Line, Subscription, World
from fetching import Gateway, environment
from lxml import etree

from kruispunt.access.model import AccessTable, Grant, Organisation, Registration
from kruispunt.clock import BELGIUM
from kruispunt.identifiers import cbe
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period
from kruispunt.registers import changes
from kruispunt.storage.database import Database

NAMES = [f"organisation-{n}" for n in range(10)]
OWNERS = {name: cbe.compute(9_997_000 + n) for n, name in enumerate(NAMES)}
TYPES = ("902", "1", "partner")


def _subscriptions() -> tuple[Subscription, ...]:
    """One for each organisation, each of another kind."""
    wants: list[dict[str, Any]] = [
        {},
        {"active": True},
        {"kinds": ("address",), "groups": ("address",)},
        {"kinds": ("identification",), "groups": ("name", "birth")},
        {"kinds": ("decease",), "groups": ("decease",)},
        {"kinds": ("replacement", "cancellation"), "groups": ()},
        {"types": ("902",), "groups": ("name", "address", "decease")},
        {"owner": OWNERS[NAMES[0]], "known_to": OWNERS[NAMES[7]]},
        {"kinds": ("identification", "address"), "groups": ("name", "address"), "active": True},
        {"kinds": (), "groups": (), "stream": "dimona"},
    ]
    return tuple(
        Subscription(**{"code": f"of-{n}", "organisation": name, "owner": OWNERS[name], "context": f"TEST:{n}", **want})
        for n, (name, want) in enumerate(zip(NAMES, wants, strict=True))
    )


SUBSCRIPTIONS = _subscriptions()


def rights(bank: Gateway, withdrawn: Sequence[tuple[str, str]] = ()) -> AccessTable:
    """What each subscriber is granted, but for (code, kind) that was taken back."""
    organisations = {
        name: Organisation(name, name, owner, None, None, owner, "tests") for name, owner in OWNERS.items()
    }
    registrations, grants = {}, {}
    for each in SUBSCRIPTIONS:
        pem = (bank.home / f"{each.code}.pem").read_bytes()
        print_ = sha256(_der(pem)).hexdigest()
        registrations[print_] = Registration(
            f"urn:test:{each.code}", print_, each.organisation, frozenset({each.organisation}), frozenset({"Mutations"})
        )
        for name in (*each.kinds, *([each.stream] if each.stream else [])):
            if (each.code, name) not in withdrawn:
                grant = Grant(each.context, frozenset(each.groups), None, "tests")
                grants["Mutations", name, each.organisation, each.context] = grant
    return AccessTable(organisations, registrations, grants)


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


class Days:
    """The real registers and the plain ones, changed together; and the copies, real and expected."""

    def __init__(self, bank: Gateway, home: Path) -> None:
        self.bank, self.home = bank, home
        self.today = today = datetime.now(BELGIUM).date()
        self.monday, self.tuesday, self.wednesday, self.thursday = (today - timedelta(days=n) for n in (4, 3, 2, 1))
        self.world = World()
        self.evening: dict[str, Any] = {}
        self.expected: dict[str, dict[str, Held]] = {each.code: {} for each in SUBSCRIPTIONS}
        self.records: dict[tuple[str, date], int] = {}
        self.items: dict[str, tuple[str, str | None]] = {}

    # What happens

    async def imported(self, database: Database, ssin: str, **changed: Any) -> None:
        """A line of an import, with all that the register then holds."""
        self.world.change(ssin, **changed)
        await ground.tell(database, self.line(ssin))

    def line(self, ssin: str) -> dict[str, Any]:
        person = self.world.people[ssin]
        told: dict[str, Any] = {"ssin": ssin, "nationalRegister": _document(person.data, person.blocked)}
        if person.by is not None:
            return told | {"replacedBy": person.by}
        return told | ({"cancelled": True} if person.cancelled else {})

    async def replaced(self, database: Database, old: Ssin, by: Ssin) -> None:
        self.world.change(old, by=by)
        await changes.replace(database, old, by, author="tests")

    async def inscribed(self, database: Database, line: Line) -> None:
        self.world.lines.append(line)
        period = Period.days(line.begin, line.end)
        await ground.inscribe(database, cbe.validate(line.owner), Ssin(line.ssin), line.kind, line.known_to, period)

    # What is told

    def over(self, day: date, subscriptions: Sequence[Subscription] = SUBSCRIPTIONS) -> None:
        """The day is over: what each copy must hold once it was told."""
        for each in subscriptions:
            if each.stream is None:
                told = self.world.tell(self.evening, each, day, self.expected[each.code])
                self.records[each.code, day] = told
        self.evening = copy.deepcopy(self.world.people)

    def received(self) -> None:
        """Ten subscribers fetch what is there, at the same time."""
        running = {each.code: self._receive(each.code) for each in SUBSCRIPTIONS}
        for code, process in running.items():
            output, errors = process.communicate(timeout=300)
            assert process.returncode == 0, f"{code}: {output} {errors}"

    def ran(self, code: str, *words: str, into: str | None = None, client: str | None = None) -> tuple[int, Any]:
        """One `kruispunt receive` to its end: exit code, and what it tells as JSON."""
        process = self._receive(code, *words, "--json", into=into, client=client)
        output, errors = process.communicate(timeout=300)
        assert output, errors
        return process.returncode, json.loads(output)

    def _receive(
        self, code: str, *words: str, into: str | None = None, client: str | None = None
    ) -> subprocess.Popen[str]:
        home, client = self.bank.home, client or code
        options = {
            "--url": self.bank.url,
            "--subscription": code,
            "--certificate": home / f"{client}.pem",
            "--key": home / f"{client}.key",
            "--ca": home / "ca.pem",
            "--platform-certificate": home / "signing.pem",
            "--into": self.home / (into or code),
        }
        if "again" not in words:
            # Days that the others tell later, while the clock shows the present.
            options["--late-after"] = 9
        given = [str(part) for option in options.items() for part in option]
        return subprocess.Popen(
            [sys.executable, "-m", "kruispunt.cli.main", "receive", *words, *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def check(self) -> None:
        for each in SUBSCRIPTIONS:
            assert self.held(each.code) == self.expected[each.code], each.code
            for day, records in self._files(each.code).items():
                if each.stream is None:
                    assert records == self.records[each.code, day], (each.code, day)

    def held(self, code: str) -> dict[str, Held]:
        """What a copy says, as another program reads it."""
        people: dict[str, Held] = {}
        for ssin, cancelled, blocked in self.rows(code, "SELECT ssin, cancelled, blocked FROM person"):
            people[ssin] = Held(bool(cancelled), bool(blocked))
        for ssin, group, xml in self.rows(code, "SELECT ssin, name, xml FROM person_group"):
            people[ssin].groups[group] = None if xml is None else _value(xml)
        return people

    def rows(self, code: str, statement: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{self.home / code / 'copy.sqlite'}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def _files(self, code: str) -> dict[date, int]:
        return {date.fromisoformat(day): n for day, n in self.rows(code, "SELECT day, records FROM received")}


def _document(data: Any, blocked: bool) -> dict[str, Any]:
    """The data of a person as the National Register tells them."""
    document: dict[str, Any] = {"name": {"lastName": data["name"][0], "firstNames": list(data["name"][1:])}}
    document["birth"] = {"date": data["birth"]}
    if "decease" in data:
        document["decease"] = {"date": data["decease"]}
    if "gender" in data:
        document["gender"] = {"code": int(data["gender"])}
    if "address" in data:
        document |= {"address": ground.legal(street=data["address"])["address"]}
    if "inscription" in data:
        document["inscription"] = {"register": int(data["inscription"])}
    return document | ({"blocked": True} if blocked else {})


_VALUES = {
    "name": lambda node: tuple(each.text for each in node if each.tag in ("lastName", "givenName")),
    "birth": lambda node: node.findtext("birthDate"),
    "decease": lambda node: node.findtext("deceaseDate"),
    "gender": lambda node: node.findtext("genderCode"),
    "address": lambda node: node.findtext("residentialAddress/houseNumber"),
    "inscription": lambda node: node.findtext("subregister"),
}


def _value(xml: str) -> Any:
    node = etree.fromstring(xml)
    return _VALUES[node.tag](node)


def numbers(count: int) -> list[Ssin]:
    return [ssins.compute(date(1962, 1, 1) + timedelta(days=n), 940, test_band=True) for n in range(count)]
