"""PL-14, PL-27: the rows that ship are those of the sources, and every code has a persona."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from lxml import etree

from kruispunt.access.files import load
from kruispunt.access.model import ControlKind, IntegrationControl
from kruispunt.cli.calls import dated
from kruispunt.configured import rows_of
from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.errors import FAULTS, NotBuilt, RefusalReason
from kruispunt.identifiers.ssin import InvalidSsin, Kind, kind, validate
from kruispunt.pipeline.service import Operation, Service
from kruispunt.services.discovery import discover
from kruispunt.services.foreigner_situation.lines import read
from kruispunt.services.foreigner_situation.service import SERVICE
from kruispunt.xml.schemas import schema

TODAY = date(2026, 11, 22)
EVERY_GROUP = {"employmentCards", "workPermits", "specialInfos"}
SERVICES = discover()
PERSONAS = load_personas(SERVICES, Numbers.COMPUTED)
OURS = tuple(p for p in PERSONAS if p.service is SERVICE)
OPERATIONS = [operation.name for operation in SERVICE.operations]
WELL_MEANT = [p for p in PERSONAS if not p.id.endswith("malformed-number") and p.id != "identify-malformed"]


def shipped(path_of: Service = SERVICE) -> Any:
    return load(None, rows_of((path_of,)))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("organisation", "legal_context", "control", "source"),
    [
        ("onem", "NEO:UNEMPLOYMENT", IntegrationControl(ControlKind.ACTIVE, ("902", "1", "4")), "004"),
        (
            "onem-secondary",
            "NEO:UNEMPLOYMENT",
            IntegrationControl(ControlKind.ACTIVE, ("902", "1", "4")),
            "004",
        ),
        ("onem-inspection", "NEO:SOCIAL_INSPECTION", IntegrationControl(ControlKind.ANY, None), "004"),
        ("vdab", "VDAB:DOSSIER_MANAGEMENT", IntegrationControl(ControlKind.ACTIVE, None), "ours"),
        ("vdab", "VDAB :DOSSIER_MANAGEMENT", IntegrationControl(ControlKind.ACTIVE, None), "ours"),
    ],
)
def test_pl21_the_rows_of_the_source_ship(
    operation: str, organisation: str, legal_context: str, control: IntegrationControl, source: str
) -> None:
    grant = shipped().grant(SERVICE.name, operation, organisation, legal_context)
    assert grant is not None
    assert grant.integration == control
    assert grant.data_groups == EVERY_GROUP
    assert grant.source == source


def test_pl14_nothing_else_ships() -> None:
    assert len(shipped().grants) == 2 * 5
    writing = {"InscriptionService", "CBSSInscription", "RegisterService"}
    for other in (s for s in SERVICES if s is not SERVICE and s.name != "HandiService"):
        grants = shipped(other).grants.values()
        assert bool(grants) == (other.name in writing)
        assert all(grant.source == "ours" and grant.integration is None for grant in grants)


def test_pl27_every_business_code_has_a_persona() -> None:
    for service in SERVICES:
        told = {p.code for p in PERSONAS if p.service is service}
        assert {code.code for code in service.codes} <= told


def test_pl27_every_fault_that_can_occur_has_a_persona() -> None:
    faults = {fault.code for fault in FAULTS if fault is not NotBuilt}
    assert faults <= {p.code for p in OURS}
    assert {p.code for p in OURS} <= faults | {code.code for code in SERVICE.codes}


def test_pl27_every_kind_of_a_code_has_a_persona() -> None:
    assert {p.supplier for p in OURS if p.code == "MSG00002"} == {"fault", "schema", "unexpected"}
    assert {p.supplier for p in OURS if p.code == "MSG00003"} == {"crash"}
    reasons = {p.reason for p in OURS if p.code == "MSG00015"}
    assert {"signature", "registration", "timestamp"} <= reasons <= {reason.value for reason in RefusalReason}
    assert all(bool(p.reason) == (p.code == "MSG00015") for p in PERSONAS)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("code", ["MSG00000", "MSG00100"])
def test_pl27_both_operations_find_and_do_not_find(operation: str, code: str) -> None:
    assert [p.id for p in OURS if p.operation.name == operation and p.code == code]


@pytest.mark.parametrize("numbers", Numbers)
def test_no_number_belongs_to_two_personas(numbers: Numbers) -> None:
    asked: dict[str, str] = {}
    for persona in load_personas(SERVICES, numbers):
        for number in {*(row["ssin"] for row in persona.people), persona.ssin} - {None}:
            assert asked.setdefault(str(number), persona.id) == persona.id


def test_counters_keep_personas_apart_from_everybody() -> None:
    for persona in OURS:
        for row in persona.people:
            assert 900 <= int(row["ssin"][6:9]) <= 949


@pytest.mark.parametrize("persona", WELL_MEANT, ids=lambda p: p.id)
def test_every_request_is_valid_but_the_one_that_shall_not_be(persona: Persona) -> None:
    assert _complaint(persona) is None


def test_ss10_the_malformed_number_is_refused_by_the_schema() -> None:
    malformed = [p for p in PERSONAS if p not in WELL_MEANT]
    assert malformed
    for persona in malformed:
        assert "ssin': [facet" in str(_complaint(persona)).lower()


def _complaint(persona: Persona) -> str | None:
    service, operation = persona.service, persona.operation
    if service.dialect is not None:
        sent = service.dialect.compose(
            operation, "0206737484", persona.values, "ticket", datetime(2026, 1, 1, tzinfo=UTC)
        )
        document = etree.fromstring(etree.fromstring(sent).text)
        return schema(service.folder / "contract" / service.schema).check(document)
    common = "" if not persona.organisation else _common(persona.legal_context)
    name = f"x:{operation.name}Request"
    inner = common + operation.compose(dated(operation, persona.values, TODAY))
    xml = f'<{name} xmlns:x="{service.namespace}">{inner}</{name}>'
    return schema(service.folder / "contract" / service.schema).check(etree.fromstring(xml))


def _common(legal_context: str) -> str:
    return (
        "<informationCustomer><customerIdentification><cbeNumber>0206737484</cbeNumber></customerIdentification>"
        f"</informationCustomer><legalContext>{legal_context}</legalContext>"
    )


@pytest.mark.parametrize("persona", [p for p in OURS if p.data], ids=lambda p: p.id)
def test_the_data_of_every_persona_can_be_imported(persona: Persona) -> None:
    for numbers in Numbers:
        (same,) = (p for p in load_personas((SERVICE,), numbers) if p.id == persona.id)
        read({"ssin": same.final, **same.data}, today=TODAY, test_band=True)


def test_ss10_wrong_and_valid_numbers_are_what_they_say() -> None:
    for persona in OURS:
        if persona.code == "MSG00011":
            with pytest.raises(InvalidSsin):
                validate(str(persona.ssin), today=TODAY)
        elif persona.id != "malformed-number":
            validate(str(persona.ssin), today=TODAY)


def test_fs06_both_kinds_of_bis_refusal_are_shown() -> None:
    chains = [p for p in OURS if p.code == "REG00004"]
    assert {kind(p.ssin) for p in chains} == {Kind.BIS, Kind.NATIONAL}  # type: ignore[arg-type]
    assert any(not p.people for p in chains), "an unknown BIS number is refused as one that is known"


def test_every_field_that_a_persona_sets_is_a_field_of_its_operation() -> None:
    for persona in PERSONAS:
        assert persona.values.keys() <= {f.name for f in persona.operation.fields}


@pytest.mark.parametrize("operation", [o for s in SERVICES for o in s.operations], ids=lambda o: o.name)
def test_compose_takes_the_defaults_of_the_fields(operation: Operation) -> None:
    needed = {field.name: "85673003360" for field in operation.fields if field.default is None}
    given = {field.name: field.default for field in operation.fields if field.default is not None}
    assert operation.compose(needed) == operation.compose(needed | given)


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_personas_have_the_keys_that_the_format_tells(service: Service) -> None:
    rows = tomllib.loads((service.folder / "personas.toml").read_text(encoding="utf-8"))
    assert rows.keys() == {"persona"}
    known = {
        "id",
        "code",
        "reason",
        "summary",
        "operation",
        "person",
        "others",
        "once",
        "lines",
        "data",
        "request",
        "client",
        "supplier",
    }
    deviations = {"as", "sign", "soap_action", "path", "soap_version", "created_offset", "ssin"}
    for row in rows["persona"]:
        assert row.keys() <= known
        assert row["client"].keys() <= deviations
        assert row["summary"].endswith(".")
