"""Which legal context applies where a message names none: service, search, organisation, application (IP-20, PL-14)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from in_process import TO_SIGNATURE, begin, finish, platform, walk
from kruispunt.access.files import load
from kruispunt.access.model import AccessTable
from kruispunt.access.snapshot import from_json, to_json
from kruispunt.configured import rows_of
from kruispunt.errors import BusinessRefusal, ConfigurationError
from kruispunt.pipeline.context import Incoming, TlsClient
from kruispunt.pipeline.steps.authorise import authorise
from kruispunt.pipeline.steps.log_incoming import log_incoming
from kruispunt.pipeline.steps.validate import validate
from kruispunt.services.discovery import discover
from kruispunt.services.identify_person.client import SERVICES, connector, service_request, ssdn_request
from kruispunt.services.identify_person.service import SERVICE
from signed_messages import NOW, ec_signer, trust

SIGNER: Final = ec_signer()
FINGERPRINT: Final = hashlib.sha256(SIGNER.certificate.public_bytes(Encoding.DER)).hexdigest()
CERTIFICATES: Final = f"""
[[certificate]]
urn = "urn:test:one"
sha256 = "{FINGERPRINT}"
owner = "onem"
acts_for = ["onem", "vdab", "onem-secondary"]
services = ["IdentifyPerson"]

[[certificate]]
urn = "urn:test:other"
sha256 = "{"0" * 64}"
owner = "onem"
services = ["IdentifyPerson"]
"""
GRANTS: Final = """
[[grant]]
organisations = ["onem", "vdab"]
legal_context = "X:EVERYBODY"
operations = ["bySSIN", "phonetic"]

[[grant]]
organisations = ["onem"]
legal_context = "X:ONE"
operations = ["bySSIN"]
applications = ["urn:test:one"]

[[grant]]
organisations = ["onem"]
legal_context = "X:OTHER"
operations = ["bySSIN", "byAddress"]
applications = ["urn:test:other"]
"""
KEYS: Final = {"onem": "0206737484", "vdab": "0887010362", "onem-secondary": "18/1"}
EXPECTED: Final = {
    ("bySSIN", "onem"): "X:ONE",
    ("phonetic", "onem"): "X:EVERYBODY",
    ("bySSIN", "vdab"): "X:EVERYBODY",
    ("phonetic", "vdab"): "X:EVERYBODY",
}
"""Everything else is refused."""
VALUES: Final = {
    "ssin": "85673099811",
    "lastName": "X",
    "birthDate": "1980-01-01",
    "postalCode": "1000",
    "streetCode": "1234",
    "houseNumber": "1",
    "begin": "2020-01-01",
    "end": "2020-12-31",
    "purpose": "902",
}


def table(folder: Path, grants: str = GRANTS, service: str = "identify_person") -> AccessTable:
    (folder / "certificates.toml").write_text(CERTIFICATES, encoding="utf-8")
    (folder / "grants").mkdir(exist_ok=True)
    (folder / "grants" / f"{service}.toml").write_text(grants, encoding="utf-8")
    return load(folder, rows_of(discover()))


def decided(access: AccessTable, operation: str, organisation: str) -> str:
    """The legal context under which a request is let in, or the code of its refusal."""
    asked = SERVICE.operation(operation)
    assert asked is not None
    service_id, version = SERVICES.get(operation, ("IdentifyPerson", "20090818"))
    request = service_request(service_id, version, asked.compose(VALUES))
    body = connector(ssdn_request(KEYS[organisation], request, "matrix", NOW))
    assert SERVICE.dialect is not None
    on = platform((SERVICE,), access, trust(), NOW)
    message = SIGNER.envelope(body, NOW)
    tls = TlsClient(FINGERPRINT, "CN=test")
    exchange = begin(Incoming(SERVICE.path, SERVICE.dialect.action, message, "192.0.2.1", tls), NOW)
    walk(TO_SIGNATURE, exchange, on)
    finish(log_incoming(exchange, on))
    (inside,) = SERVICE.dialect.requests(exchange, on)
    try:
        walk((validate, authorise), inside, on)
    except BusinessRefusal as refusal:
        return SERVICE.code_for(refusal.business_rule).code
    assert inside.grant is not None
    assert exchange.claims.legal_context == inside.grant.legal_context, "the log tells what will apply"
    return inside.grant.legal_context


def test_every_search_of_every_organisation(tmp_path: Path) -> None:
    """Default deny; a row for the application comes before one for everybody; another's row never applies."""
    access = table(tmp_path)
    for operation in SERVICE.operations:
        for organisation in KEYS:
            expected = EXPECTED.get((operation.name, organisation), "MSG00013")
            assert decided(access, operation.name, organisation) == expected, (operation.name, organisation)


def test_a_kept_version_of_the_table_says_the_same(tmp_path: Path) -> None:
    access = table(tmp_path)
    again = from_json(to_json(access))
    assert to_json(again) == to_json(access)
    assert decided(again, "bySSIN", "onem") == "X:ONE"


def row(context: str, *applications: str, operation: str = "bySSIN") -> str:
    named = ", ".join(f'"{a}"' for a in applications)
    return (
        f'[[grant]]\norganisations = ["onem"]\nlegal_context = "{context}"\noperations = ["{operation}"]\n'
        f"applications = [{named}]\n"
    )


@pytest.mark.parametrize(
    "grants",
    [
        row("X:A") + row("X:B"),
        row("X:A", "urn:test:one") + row("X:B", "urn:test:one"),
        row("X:A", "urn:test:one", "urn:test:other") + row("X:B", "urn:test:other"),
        row("X:A", "urn:test:nobody"),
    ],
)
def test_pl14_rows_of_which_two_would_apply_are_refused_as_a_whole(tmp_path: Path, grants: str) -> None:
    with pytest.raises(ConfigurationError, match=r"two legal contexts|in no certificates"):
        table(tmp_path, grants)


def test_pl14_rows_that_can_be_told_apart_are_accepted(tmp_path: Path) -> None:
    table(tmp_path, row("X:A") + row("X:B", "urn:test:one") + row("X:C", operation="phonetic"))


def test_applications_are_for_messages_without_a_context(tmp_path: Path) -> None:
    other = row("X:A", "urn:test:one", operation="consultSpecialInfos")
    with pytest.raises(ConfigurationError, match="leave applications out"):
        table(tmp_path, other, "foreigner_situation")
