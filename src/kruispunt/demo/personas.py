"""Personas: for every return code, a request against the demo data that provokes it (PL-27).

They stand in each service's `personas.toml`. Numbers are computed here, never written down: they belong to nobody.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any

from kruispunt.errors import ConfigurationError
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Kind, Ssin, compute
from kruispunt.pipeline.service import Operation, Service

LEGAL = ("nationalRegister", "cbssRegister")
"""What a persona's person may hold for the registers, in the format of the import."""


class Numbers(Enum):
    """How demo people are numbered: both ways give numbers that are nobody's."""

    BAND = "band"
    """Months raised by 60, which no real number has; clients with an older CommonV3 refuse them."""
    COMPUTED = "computed"
    """Ordinary months, and counters from 900 up."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """What the persona's client does otherwise than a good client would."""

    sign: bool = True
    soap_action: str | None = None
    path: str | None = None
    soap_version: str = "1.1"
    created_offset: int = 0
    """Seconds that are added to the Timestamp."""


@dataclass(frozen=True, slots=True)
class Persona:
    """One way to provoke one code."""

    id: str
    code: str
    """Status or fault code; empty for a reply that has no status."""
    reason: str
    """The `reason` that MSG00015 tells; empty otherwise."""
    summary: str
    service: Service
    operation: Operation
    ssin: str | None
    """The number asked for; None when the operation is about nobody."""
    final: str | None
    """The number at the end of the replacement chain."""
    client: str
    """Name of the demo client whose certificate signs."""
    organisation: str
    """Code of the organisation that the request names."""
    legal_context: str
    values: Mapping[str, Any]
    """The criteria by field name, `ssin` included."""
    deviation: Deviation
    supplier: str
    """How the demo supplier misbehaves for this number; empty: not at all."""
    once: bool = False
    """The request changes what it asks about: a second one like it gets another code."""
    people: tuple[Mapping[str, Any], ...] = ()
    """Rows for `kruispunt people import`."""
    lines: tuple[Mapping[str, Any], ...] = ()
    """Rows for `kruispunt repertory import`; `register`, where there is one, names whose, by organisation code."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Data of the service about the final number, in its import format."""


def load_personas(services: Sequence[Service], numbers: Numbers) -> tuple[Persona, ...]:
    """The personas of all services. Raises ConfigurationError when a file names what does not exist."""
    result = [persona for service in services for persona in _of_service(service, numbers)]
    seen: set[str] = set()
    for persona in result:
        if persona.id in seen:
            raise ConfigurationError(f"two personas are called {persona.id}")
        seen.add(persona.id)
    return tuple(result)


def _of_service(service: Service, numbers: Numbers) -> Iterable[Persona]:
    path = service.folder / "personas.toml"
    if not path.exists():
        return
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["persona"]:
        try:
            yield _persona(service, row, numbers)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{path}: persona {row.get('id')}: {error!r}") from error


def _persona(service: Service, row: Mapping[str, Any], numbers: Numbers) -> Persona:
    operation = service.operation(row["operation"])
    if operation is None:
        raise ValueError(f"{service.name} has no operation {row['operation']}")
    client = dict(row.get("client", {}))
    request = row.get("request", {})
    people = _people(row.get("person"), numbers)
    others = [one for person in row.get("others", ()) for one in _people(person, numbers)]
    asked = client.pop("ssin", None) or (people[0].asked if people else None)
    final = people[-1].number if people else None
    values = dict(_about(request.get("criteria", {}), numbers))
    if asked is not None and any(field.name == "ssin" for field in operation.fields):
        values["ssin"] = asked
    return Persona(
        id=row["id"],
        code=row["code"],
        reason=row.get("reason", ""),
        summary=row["summary"],
        service=service,
        operation=operation,
        ssin=asked,
        final=final,
        client=client.pop("as", request.get("organisation", "tester")),
        organisation=request.get("organisation", ""),
        legal_context=request.get("legal_context", ""),
        values=values,
        deviation=Deviation(**client),
        supplier=row.get("supplier", ""),
        once=row.get("once", False),
        people=tuple(p.row for p in (*people, *others) if p.known),
        lines=tuple(_line(line, people) for line in row.get("lines", ())),
        data=_about(row.get("data", {}), numbers),
    )


@dataclass(frozen=True, slots=True)
class _Number:
    number: Ssin
    asked: str
    known: bool
    row: Mapping[str, Any]


def _people(person: Mapping[str, Any] | None, numbers: Numbers) -> list[_Number]:
    """A person and those that replace it, in the order of the chain."""
    chain: list[_Number] = []
    rows: list[Mapping[str, Any]] = []
    while person is not None:
        rows.append(person)
        person = person.get("replaced_by")
    for index, one in enumerate(rows):
        number = number_of(one, numbers)
        following = rows[index + 1] if index + 1 < len(rows) else None
        chain.append(
            _Number(
                number=number,
                asked=_wrong_check(number) if one.get("wrong_check") else number,
                known=one.get("known", True) and not one.get("wrong_check", False),
                row={
                    "ssin": number,
                    "register": one.get("register", "national"),
                    "replacedBy": None if following is None else number_of(following, numbers),
                    "cancelled": one.get("cancelled", False),
                    **{name: _about(one[name], numbers) for name in LEGAL if name in one},
                },
            )
        )
    return chain


def number_of(person: Mapping[str, Any], numbers: Numbers) -> Ssin:
    """The number of `{ birth, counter, register, bis_sex_known }`; BIS numbers are never in the band."""
    bis = person.get("register") == "bis"
    birth = person["birth"]
    return compute(
        birth if isinstance(birth, date) else PartialDate.parse(birth),
        person["counter"],
        kind=Kind.BIS if bis else Kind.NATIONAL,
        sex_known=person.get("bis_sex_known", True),
        test_band=numbers is Numbers.BAND and not bis,
    )


def _wrong_check(number: Ssin) -> str:
    """The same number with another check number: well-formed and invalid."""
    wrong = int(number[9:]) % 97 + 1
    return f"{number[:9]}{wrong:02d}"


def _line(line: Mapping[str, Any], people: Sequence[_Number]) -> Mapping[str, Any]:
    subject = people[-1] if line.get("on") == "final" else people[0]
    return {
        "organisation": line.get("organisation"),
        "ssin": subject.number,
        "dossierType": line["dossier_type"],
        "begin": line["begin"],
        "end": line.get("end"),
        **({"register": line["register"]} if "register" in line else {}),
    }


def _about(value: Any, numbers: Numbers) -> Any:
    """Data rows may name a person by birth and counter where they need a number."""
    if isinstance(value, dict):
        if {"birth", "counter"} <= value.keys():
            return number_of(value, numbers)
        return {name: _about(inner, numbers) for name, inner in value.items()}
    if isinstance(value, list):
        return [_about(inner, numbers) for inner in value]
    return value
