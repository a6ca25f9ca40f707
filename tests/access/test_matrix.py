"""Every cell of the access matrix, as the files have it: organisation, legal context, operation, data groups (PL-14).

The cells are read from the very files by `tomllib`, and not by the loader that is tested. Each goes, as a message that
is really signed, through all steps up to the decision.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from in_process import TO_DECISION, TO_SIGNATURE, begin, platform, walk
from kruispunt.access.files import SHIPPED_ORGANISATIONS, load
from kruispunt.access.model import AccessTable, Registration
from kruispunt.cli.calls import request_body
from kruispunt.configured import rows_of
from kruispunt.errors import BusinessRefusal
from kruispunt.pipeline.context import Incoming, TlsClient
from kruispunt.pipeline.platform import Platform
from kruispunt.pipeline.service import Control, Operation, Service
from kruispunt.services.discovery import discover
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import SOAP_ACTION
from signed_messages import NOW, certificate, ec_key, ec_signer, root, trust

SERVICES: Final = discover()
MATRIX: Final = tuple(
    (service, operation)
    for service in SERVICES
    for operation in service.operations
    if Control.CUSTOMER in operation.controls and operation.handle is not None and service.dialect is None
)
"""Of a dialect whose messages name no legal context: see `tests/services/test_identify_person_access.py`."""
FOREIGNER: Final = next(s for s in SERVICES if s.name == "ForeignerSituationService")
SSIN: Final = "85673099811"
DAY: Final = "2026-01-01"
PARTIAL: Final = {"consultRightsAndPayments"}
"""Operations that tell what may be told."""
TOO_MANY: Final = {"ForeignerSituationService": "REG00101", "HandiService": "MSG00050"}
REQUIRED: Final = {
    "ssin": SSIN,
    "lastName": "Peeters",
    "birthDate": "1985-07-30",
    "replacedBy": SSIN,
    "role": "902",
    "dossierType": "902",
    "begin": "2026-01-01",
    "newBegin": "2026-02-01",
}
"""What an operation may want besides its flags; each takes what it has a field for."""
UNKNOWN: Final = (
    "NEO:OTHER",
    "neo:unemployment",
    "NEO :UNEMPLOYMENT",
    "VDAB  :DOSSIER_MANAGEMENT",
    "NEO:UNEMPLOYMENTS",
)
"""Contexts that no row has; some are nearly one."""
OWN_ORGANISATIONS: Final = """
[[organisation]]
code = "few-rights"
name = "Few rights"
cbe = "0999999922"

[[organisation]]
code = "centre"
name = "A centre for social welfare"
cbe = "0999999823"
category = "cpas"

[[organisation]]
code = "none"
name = "No rights"
sector = 999
institution = 1
"""
OWN_GRANTS: Final = """
[[grant]]
organisations = ["few-rights", "vdab"]
legal_context = "X:CARDS"
aliases = ["X :CARDS", "X:KAARTEN"]
operations = ["consultEmploymentInfos"]
data_groups = ["employmentCards"]

[[grant]]
organisations = ["few-rights"]
legal_context = "X:PERMITS"
operations = ["consultEmploymentInfos"]
data_groups = ["workPermits"]

[[grant]]
organisations = ["few-rights"]
legal_context = "X:NOTHING"
operations = ["consultEmploymentInfos", "consultSpecialInfos"]
data_groups = []

[[grant]]
organisations = ["onem"]
legal_context = "X:SPECIAL"
operations = ["consultSpecialInfos"]
data_groups = ["specialInfos"]
"""


@dataclass(frozen=True, slots=True)
class Configured:
    """One set of files, as a person reads them."""

    table: AccessTable
    keys: dict[str, list[str]]
    """Every number by which a request may name an organisation, by code."""
    allowed: dict[tuple[str, str, str, str], frozenset[str]]
    """The data groups, by service, operation, organisation, legal context."""
    own: frozenset[str] | None = None
    """Organisations that the files add; None: the files that ship, all of whose cells are asked about."""

    @property
    def contexts(self) -> list[str]:
        return [*dict.fromkeys(key[3] for key in self.allowed), *UNKNOWN]

    def cells(self) -> Iterator[tuple[tuple[Service, Operation], str, str]]:
        """Every cell; of an operator's own files those alone that are not as they ship."""
        for (service, operation), code, context in product(MATRIX, self.keys, self.contexts):
            if self.own is None or service is FOREIGNER or code in self.own:
                yield (service, operation), code, context


def configured(directory: Path | None) -> Configured:
    own = None if directory is None else directory / "organisations.toml"
    rows: list[dict[str, Any]] = []
    shipped = [s.folder / "organisations.toml" for s in SERVICES]
    for path in (SHIPPED_ORGANISATIONS, *(p for p in shipped if p.exists()), own):
        rows += [] if path is None else tomllib.loads(path.read_text(encoding="utf-8"))["organisation"]
    keys = {row["code"]: list(_keys(row)) for row in rows}
    members = {code: [code] for code in keys}
    for row in rows:
        if "category" in row:
            members.setdefault(row["category"], []).append(row["code"])
    allowed = {}
    for service in SERVICES:
        path = service.folder / "contexts.toml"
        if directory is not None and (directory / "grants" / f"{service.folder.name}.toml").exists():
            path = directory / "grants" / f"{service.folder.name}.toml"
        for row in tomllib.loads(path.read_text(encoding="utf-8")).get("grant", []):
            contexts = [row["legal_context"], *row.get("aliases", [])]
            organisations = [code for named in row["organisations"] for code in members.get(named, [])]
            for operation, organisation, context in product(row["operations"], organisations, contexts):
                allowed[service.name, operation, organisation, context] = frozenset(row.get("data_groups", []))
    added = None if own is None else frozenset(row["code"] for row in tomllib.loads(own.read_text())["organisation"])
    return Configured(load(directory, rows_of(SERVICES)), keys, allowed, added)


def _keys(row: dict[str, Any]) -> Iterator[str]:
    if "cbe" in row:
        yield row["cbe"]
    if "sector" in row:
        yield f"{row['sector']}/{row['institution']}"


@pytest.fixture(params=["shipped", "own"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Configured:
    """The files that ship, and an operator's own beside and instead of them."""
    if request.param == "shipped":
        return configured(None)
    (tmp_path / "organisations.toml").write_text(OWN_ORGANISATIONS, encoding="utf-8")
    (tmp_path / "grants").mkdir()
    (tmp_path / "grants" / f"{FOREIGNER.folder.name}.toml").write_text(OWN_GRANTS, encoding="utf-8")
    return configured(tmp_path)


def clients(table: AccessTable, **acts_for: frozenset[str]) -> Platform:
    """A platform with certificates of these names, for the organisations given."""
    names = frozenset(s.name for s in SERVICES)
    registrations = {
        print_of(name): Registration(f"urn:test:{name}", print_of(name), "onem", codes, names)
        for name, codes in acts_for.items()
    }
    return platform(SERVICES, AccessTable(table.organisations, registrations, table.grants), trust(), NOW)


SIGNERS: Final = {
    "everybody": ec_signer(),
    "one": Signer(ec_key(_number=7), certificate("one", ec_key(_number=7), root())),
}


def print_of(name: str) -> str:
    return hashlib.sha256(SIGNERS[name].certificate.public_bytes(Encoding.DER)).hexdigest()


def asked(operation: Operation) -> Iterator[dict[str, Any]]:
    """The criteria by which each set of data groups can be asked for: flags on and off, payments or none."""
    flags = [f.name for f in operation.fields if f.kind is bool]
    days = {f.name: DAY for f in operation.fields if f.kind is date and f.default is None}
    optional = [f.name for f in operation.fields if f.kind is date and f.default == ""]
    for values in product((True, False), repeat=len(flags)):
        for day in (DAY, "") if optional else ("",):
            yield {
                **{f.name: REQUIRED[f.name] for f in operation.fields if f.name in REQUIRED and f.default is None},
                **days,
                **dict(zip(flags, values, strict=True)),
                **dict.fromkeys(optional, day),
            }


def groups_of(name: str, values: dict[str, Any]) -> frozenset[str]:
    """The data groups that criteria ask for, as a person reads the contracts."""
    fixed = {"consultSpecialInfos": {"specialInfos"}, "consultRightsAndPayments": {"rights", "payments"}}
    flags = {flag for flag, value in values.items() if value is True}
    payments = {"payments"} if values.get("paymentsStartDate") else set()
    return frozenset(fixed.get(name, set()) | flags | payments)


def decided(
    on: Platform, signer: str, service: Service, operation: Operation, organisation: str, context: str, values: Any
) -> tuple[str, frozenset[str]]:
    """The code of the refusal, empty when the request is let in, and the data groups that it asked for."""
    body = request_body(service, operation, organisation, context, values, "matrix", NOW)
    data = SIGNERS[signer].envelope(body, NOW)
    tls = TlsClient(print_of(signer), "CN=test")
    exchange = begin(
        Incoming(service.path, f"{SOAP_ACTION}{service.name}/{operation.name}", data, "192.0.2.1", tls), NOW
    )
    try:
        walk((*TO_SIGNATURE, *TO_DECISION), exchange, on)
    except BusinessRefusal as refusal:
        return service.code_for(refusal.business_rule).code, operation.data_groups(exchange.criteria)
    assert exchange.organisation is not None
    assert exchange.grant is not None
    assert exchange.data_groups == operation.data_groups(exchange.criteria) & exchange.grant.data_groups
    assert exchange.data_groups or not service.data_groups
    return "", exchange.data_groups


def expected(service: Service, operation: Operation, row: frozenset[str] | None, wanted: frozenset[str]) -> str:
    """The code of a cell; empty when the request is let in."""
    if row is None:
        return "MSG00013"
    if not wanted:
        return "MSG00040" if service.data_groups else ""
    enough = wanted & row if operation.name in PARTIAL else wanted <= row
    return "" if enough else TOO_MANY[service.name]


def test_every_cell_is_as_the_files_have_it(files: Configured) -> None:
    """Default deny: MSG00013 where no row is, MSG00050 or REG00101 for a group too many, MSG00040 for nothing asked."""
    on = clients(files.table, everybody=frozenset(files.keys))
    met: Counter[str] = Counter()
    for (service, operation), code, context in files.cells():
        row = files.allowed.get((service.name, operation.name, code, context))
        every = list(asked(operation))
        # Where no row is, nothing of the criteria is looked at: everything asked stands for all, and nothing asked.
        refused = [every[0], every[-1]] if context in UNKNOWN else every[:1]
        for key, values in product(files.keys[code], refused if row is None else every):
            wanted = groups_of(operation.name, values) & service.data_groups
            got, groups = decided(on, "everybody", service, operation, key, context, values)
            assert got == expected(service, operation, row, wanted), (operation.name, code, key, context, values)
            assert groups == (wanted & row if got == "" and row is not None else wanted)
            met[got] += 1
    assert met.keys() >= {"", "MSG00013", "MSG00040", "MSG00050"}, "the matrix has no such cell"
    granted = sum(
        len(files.keys[organisation])
        for (service, operation), organisation, context in files.cells()
        if (row := files.allowed.get((service.name, operation.name, organisation, context))) is not None
        for values in asked(operation)
        if expected(service, operation, row, groups_of(operation.name, values) & service.data_groups) == ""
    )
    assert met[""] == granted > 0


def test_a_group_too_many_is_met(files: Configured) -> None:
    """The own files have such cells; those that ship have none, for every row of them grants every group."""
    on = clients(files.table, everybody=frozenset(files.keys))
    both = {"ssin": SSIN, "employmentCards": True, "workPermits": True}
    if "few-rights" not in files.keys:
        shipped = [groups for (name, *_), groups in files.allowed.items() if name == FOREIGNER.name]
        assert all(groups == {"employmentCards", "workPermits", "specialInfos"} for groups in shipped)
        return
    operation = FOREIGNER.operation("consultEmploymentInfos")
    assert operation is not None
    for context in ("X:CARDS", "X :CARDS", "X:KAARTEN", "X:PERMITS", "X:NOTHING"):
        assert decided(on, "everybody", FOREIGNER, operation, "0999999922", context, both)[0] == "REG00101"


def test_a_certificate_speaks_for_its_own_organisations_alone(files: Configured) -> None:
    """MSG00014 in every cell of every other organisation, granted or not; its own cells stay as they are."""
    contexts = {code: {key[3] for key in files.allowed if key[2] == code} for code in files.keys}
    for own in files.keys:
        on = clients(files.table, one=frozenset({own}))
        for (service, operation), code in product(MATRIX, files.keys):
            if files.own is not None and service is not FOREIGNER and not {own, code} & files.own:
                continue
            values = next(asked(operation))
            mine = contexts[own] if code == own else sorted(contexts[own])[:1]
            for key, context in product(files.keys[code], {UNKNOWN[0], *mine, *contexts[code]}):
                got, _ = decided(on, "one", service, operation, key, context, values)
                assert (got == "MSG00014") is (code != own), (own, operation.name, code, key, context, got)


def test_an_organisation_that_no_file_names(files: Configured) -> None:
    on = clients(files.table, everybody=frozenset(files.keys))
    for (service, operation), key in product(MATRIX, ("0000000196", "18/3", "0/0", "999/2")):
        for context in files.contexts:
            got, _ = decided(on, "everybody", service, operation, key, context, next(asked(operation)))
            assert got == "MSG00014", (operation.name, key, context)


def test_the_matrix_has_every_operation_with_customers() -> None:
    """A service that comes is taken in by itself; this one must be there."""
    assert {o.name for s, o in MATRIX if s is FOREIGNER} == {o.name for o in FOREIGNER.operations}
