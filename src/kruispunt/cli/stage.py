"""The bench of `kruispunt attack`: whose question is misused, in the demo or on a server of one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kruispunt.access.files import load_directory
from kruispunt.attack.bench import Bench, Compose, Form, Identity, Question
from kruispunt.attack.model import Means
from kruispunt.attack.parser import TICKET
from kruispunt.cli.calls import kebab, request_body, soap_action
from kruispunt.clock import Clock, SystemClock
from kruispunt.demo.directory import DemoDirectory
from kruispunt.demo.personas import Deviation, Numbers, Persona, load_personas
from kruispunt.errors import ConfigurationError
from kruispunt.pipeline.service import Operation, Service, StatusValue
from kruispunt.services.discovery import discover, folders

VICTIM: Final = "two-cards-and-a-permit"
FORGED: Final = "incomplete-dates"
"""Personas: whose question is misused, and about whom attackers would rather ask."""

DEMO_FILES: Final = {
    Means.OTHER: "tester",
    Means.STRANGER: "stranger",
    Means.ECDSA: "onem-ecdsa",
    Means.ISSUER: "ca",
    Means.SERVER: "server",
}
OWN_FILES: Final = {
    Means.OTHER: "other",
    Means.STRANGER: "stranger",
    Means.ECDSA: "ecdsa",
    Means.ISSUER: "issuer",
    Means.SERVER: "server",
}
"""Stems of the files, a certificate and its key each, in a directory of one's own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for a server of one's own: ForeignerSituationService, consultEmploymentInfos, both data groups."""

    organisation: str
    legal_context: str
    ssin: str
    other_ssin: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A bench, and the file with the certificate that replies are signed with."""

    bench: Bench
    platform: Path


def demo_stage(root: Path, persona: str = VICTIM, clock: Clock | None = None) -> Stage:
    """The demo in a directory, with a persona as the victim."""
    where = DemoDirectory(root)
    if not (where.pki / "ca.pem").exists():
        raise ConfigurationError(
            f"there is no demo in {root}. Run the demo first (kruispunt demo), name its --dir, or give --pki"
        )
    numbers = _numbers(where)
    personas = {p.id: p for p in load_personas(discover(), numbers)}
    keys = _keys(where)
    victim, forged = personas[persona], personas[FORGED]
    clock = clock or SystemClock()
    forms = demo_forms(keys, clock, numbers)
    question = _question(
        victim.service,
        victim.operation,
        _compose(victim, keys, clock),
        Asked(keys[victim.organisation], victim.legal_context, victim.ssin or "", forged.ssin or ""),
    )
    others = [
        persona for persona in personas.values() if persona.service is victim.service and persona.organisation in keys
    ]
    question = replace(
        question,
        organisations=[
            keys[code] for code in dict.fromkeys(p.organisation for p in others) if code != victim.organisation
        ],
        legal_contexts=_contexts_of_others(others, victim),
    )
    return Stage(
        Bench(
            question=question,
            victim=_identity(where.pki, victim.client),
            ca=(where.pki / "ca.pem").read_bytes(),
            clock=clock,
            means=_means(where.pki, DEMO_FILES),
            forms=forms,
            clients={name: _identity(where.pki, name) for name in dict.fromkeys(form.client for form in forms)},
        ),
        where.pki / "signing.pem",
    )


def own_stage(pki: Path, asked: Asked) -> Stage:
    """A server of one's own, with the certificates of a directory: see the how-to page."""
    for name in ("ca.pem", "client.pem", "client.key", "platform.pem"):
        if not (pki / name).exists():
            raise ConfigurationError(
                f"{pki / name} does not exist; ca.pem, client.pem, client.key and platform.pem must"
            )
    service = next(s for s in discover() if s.folder.name == "foreigner_situation")
    operation = service.operation("consultEmploymentInfos")
    assert operation is not None
    clock = SystemClock()
    values = {"employmentCards": True, "workPermits": True, "ssin": asked.ssin}

    def compose(
        *,
        ssin: str | None = None,
        organisation: str | None = None,
        legal_context: str | None = None,
        ticket: str | None = None,
    ) -> str:
        return request_body(
            service,
            operation,
            asked.organisation if organisation is None else organisation,
            asked.legal_context if legal_context is None else legal_context,
            {**values, "ssin": asked.ssin if ssin is None else ssin},
            TICKET if ticket is None else ticket,
            clock.now(),
        )

    victim = _identity(pki, "client")
    question = _question(service, operation, compose, asked)
    bench = Bench(
        question=question,
        victim=victim,
        ca=(pki / "ca.pem").read_bytes(),
        clock=clock,
        means=_means(pki, OWN_FILES),
        forms=[_form(service, operation, compose(), "client")],
        clients={"client": victim},
    )
    return Stage(bench, pki / "platform.pem")


def _question(service: Service, operation: Operation, compose: Compose, asked: Asked) -> Question:
    other = next((o for o in service.operations if o is not operation), operation)
    return Question(
        path=service.path,
        soap_action=soap_action(service, operation),
        compose=compose,
        ssin=asked.ssin,
        forged=asked.other_ssin,
        legal_context=asked.legal_context,
        other_action=soap_action(service, other),
    )


def _compose(persona: Persona, keys: Mapping[str, str], clock: Clock) -> Compose:
    def compose(
        *,
        ssin: str | None = None,
        organisation: str | None = None,
        legal_context: str | None = None,
        ticket: str | None = None,
    ) -> str:
        values = dict(persona.values) if ssin is None else {**persona.values, "ssin": ssin}
        return request_body(
            persona.service,
            persona.operation,
            keys.get(persona.organisation, "") if organisation is None else organisation,
            persona.legal_context if legal_context is None else legal_context,
            values,
            TICKET if ticket is None else ticket,
            clock.now(),
        )

    return compose


def _contexts_of_others(others: Sequence[Persona], victim: Persona) -> list[str]:
    """Legal contexts under which others are answered and the victim's organisation never is."""
    answered = [p for p in others if _is_answered(p)]
    own = {p.legal_context for p in answered if p.organisation == victim.organisation}
    return [context for context in dict.fromkeys(p.legal_context for p in answered) if context not in own]


def demo_forms(keys: Mapping[str, str], clock: Clock, numbers: Numbers = Numbers.BAND) -> list[Form]:
    """One for each operation that is built and changes nothing: the request of its first persona that is answered.

    `keys` are the organisations' own, by code; without them the forms can be listed, and not be sent.
    """
    found: dict[tuple[str, str], Form] = {}
    for persona in load_personas(discover(), numbers):
        place = (persona.service.name, persona.operation.name)
        if place not in found and not persona.operation.changes and _is_answered(persona):
            sample = _compose(persona, keys, clock)()
            found[place] = _form(persona.service, persona.operation, sample, persona.client)
    return list(found.values())


def _is_answered(persona: Persona) -> bool:
    """With data, or with a reply that has no status."""
    success = {code.code for code in persona.service.codes if code.value is StatusValue.DATA_FOUND}
    return persona.deviation == Deviation() and (persona.code in success or not persona.code)


def _form(service: Service, operation: Operation, sample: str, client: str) -> Form:
    return Form(
        name=f"{kebab(service.folder.name)}-{kebab(operation.name)}",
        path=service.path,
        soap_action=soap_action(service, operation),
        schema=service.folder / "contract" / service.schema,
        sample=sample,
        client=client,
    )


def _keys(where: DemoDirectory) -> dict[str, str]:
    """By which number or sector and institution each organisation names itself, by code."""
    known = load_directory(
        where.access if where.access.exists() else None, [f / "organisations.toml" for f in folders()]
    )
    return {code: organisation.keys[0] for code, organisation in known.organisations.items()}


def _numbers(where: DemoDirectory) -> Numbers:
    """How the people of this demo are numbered."""
    loaded = json.loads(where.loaded.read_text()) if where.loaded.exists() else {}
    return Numbers(loaded.get("numbers", Numbers.BAND.value))


def _identity(pki: Path, name: str) -> Identity:
    return Identity.from_files(pki / f"{name}.pem", pki / f"{name}.key")


def _means(pki: Path, files: Mapping[Means, str]) -> dict[Means, Identity]:
    """What is there: attacks that need what is not are left out, and the report says so."""
    return {
        means: _identity(pki, name)
        for means, name in files.items()
        if (pki / f"{name}.pem").exists() and (pki / f"{name}.key").exists()
    }
