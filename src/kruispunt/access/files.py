"""The access files that a person edits, read and validated as a whole.

    DIR/organisations.toml      organisations, beside those that ship (same code: replaces it)
    DIR/certificates.toml       client certificates and the applications they stand for
    DIR/grants/<service>.toml   rows of one service; replaces the rows that ship in the service's contexts.toml

A file that is wrong in one place is refused as a whole; the message names the file and the place (PL-14).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kruispunt.access.model import (
    AccessTable,
    ControlKind,
    Grant,
    GrantKey,
    IntegrationControl,
    Organisation,
    Registration,
    Volume,
)
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers import cbe
from kruispunt.wss.trust import is_demo_certificate

SHIPPED_ORGANISATIONS = Path(__file__).with_name("organisations.toml")

MOST_PER_DAY = 1_000_000_000
MOST_PER_SECOND = 100_000

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Urn = Annotated[str, Field(pattern=r"^urn:[A-Za-z0-9:._-]+$", max_length=128)]
LegalContext = Annotated[str, Field(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class ServiceRows:
    """What the access files need to know of a service, so that a misspelt row is found when it is loaded."""

    folder: str
    name: str
    operations: frozenset[str]
    contexts: Path
    """The rows that ship with the service; may be missing."""
    data_groups: frozenset[str] = frozenset()
    """The groups that its operations can ask for."""
    implied: bool = False
    """Its messages name no legal context: for whoever asks, one row at most may apply (IP-20)."""

    @property
    def organisations(self) -> Path:
        """The organisations that ship with the service, beside its rows; may be missing."""
        return self.contexts.with_name("organisations.toml")


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _OrganisationRow(_Row):
    code: Code
    name: str
    cbe: str | None = None
    sector: Annotated[int, Field(ge=0, le=999)] | None = None
    institution: Annotated[int, Field(ge=0, le=999)] | None = None
    inscribed_as: Code | None = None
    category: Code | None = None
    source: str = "operator"

    @model_validator(mode="after")
    def _identified(self) -> _OrganisationRow:
        if (self.sector is None) != (self.institution is None):
            raise ValueError("sector and institution go together")
        if self.cbe is None and self.sector is None:
            raise ValueError("give a cbe number, or sector and institution")
        if self.cbe is not None:
            cbe.validate(self.cbe)
        return self


class _CategoryRow(_Row):
    """A kind of organisation that rows of grants may name in the place of each one."""

    code: Code
    name: str
    source: str = "operator"


class _OrganisationFile(_Row):
    organisation: list[_OrganisationRow] = []
    category: list[_CategoryRow] = []


class _VolumeRow(_Row):
    per_day: Annotated[int, Field(ge=0, le=MOST_PER_DAY)]
    burst: Annotated[int, Field(ge=1, le=MOST_PER_SECOND)] | None = None


class _CertificateRow(_Row):
    urn: Urn
    certificate: str | None = None
    """Path of a PEM file, seen from the file that names it."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    owner: Code
    acts_for: list[Code] = []
    services: list[str]
    carries: list[Urn] = []
    unsigned_token: bool = False
    sha1: bool = False
    sign_replies: bool = True
    signature_confirmation: bool = False
    volume: _VolumeRow | None = None

    @model_validator(mode="after")
    def _one_way(self) -> _CertificateRow:
        if (self.certificate is None) == (self.sha256 is None):
            raise ValueError("give either certificate (a PEM file) or sha256 (its fingerprint)")
        return self


class _CertificateFile(_Row):
    certificate: list[_CertificateRow] = []


class _IntegrationRow(_Row):
    kind: Literal["active", "any", "overlap"]
    quality_codes: Annotated[list[str], Field(min_length=1)] | None = None


class _GrantRow(_Row):
    organisations: Annotated[list[Code], Field(min_length=1)]
    legal_context: LegalContext
    aliases: list[LegalContext] = []
    operations: Annotated[list[str], Field(min_length=1)]
    data_groups: list[str] = []
    integration: _IntegrationRow | None = None
    applications: list[Urn] = []
    source: str = "operator"


class _GrantFile(_Row):
    grant: list[_GrantRow] = []


File = TypeVar("File", bound=_Row)
_Kind = TypeVar("_Kind", _OrganisationRow, _CategoryRow)


@dataclass(frozen=True, slots=True)
class Directory:
    """Who there is: each organisation by its code, and the codes of those in each category."""

    organisations: Mapping[str, Organisation]
    categories: Mapping[str, tuple[str, ...]]

    def named(self, code: str) -> tuple[str, ...] | None:
        """The organisations that a row names by `code`; empty for a category without members, None when unknown."""
        return (code,) if code in self.organisations else self.categories.get(code)


def load(directory: Path | None, services: tuple[ServiceRows, ...], *, refuse_demo: bool = False) -> AccessTable:
    """Reads every access file below `directory` (None: only what ships).

    Raises ConfigurationError, also for a directory that is not there.

    `refuse_demo` refuses certificates of the demo PKI, as production does (PL-08).
    """
    if directory is not None and not directory.is_dir():
        raise ConfigurationError(
            f"{directory} is no directory: without its access files every client would be shut out. Make or mount it, "
            "or correct access_dir."
        )
    known = load_directory(directory, [s.organisations for s in services])
    registrations = _registrations(directory, known.organisations, {s.name for s in services}, refuse_demo)
    grants: dict[GrantKey, Grant] = {}
    for service in services:
        grants |= _grants(directory, service, known, {r.urn for r in registrations.values()})
    return AccessTable(known.organisations, registrations, grants)


def _read(path: Path, form: type[File]) -> File:
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return form.model_validate(data)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
        raise ConfigurationError(
            f"{path}: {place or 'file'}: {first['msg']}. Nothing of this file was applied."
        ) from error


def load_directory(directory: Path | None, shipped: Iterable[Path]) -> Directory:
    """Those that ship with the platform and, in `shipped`, with the services, and the operator's.

    A file in `shipped` may be missing. Raises ConfigurationError.
    """
    rows: dict[str, _OrganisationRow] = {}
    categories: dict[str, _CategoryRow] = {}
    path = SHIPPED_ORGANISATIONS
    for path in (SHIPPED_ORGANISATIONS, *filter(Path.exists, shipped)):
        file = _read(path, _OrganisationFile)
        _add(rows, _unique(path, file.organisation), path)
        _add(categories, _unique(path, file.category), path)
    own = None if directory is None else directory / "organisations.toml"
    if own is not None and own.exists():
        path, file = own, _read(own, _OrganisationFile)
        rows |= _unique(path, file.organisation)
        categories |= _unique(path, file.category)
    organisations = {code: _organisation(row, rows, path) for code, row in rows.items()}
    _unambiguous(organisations, categories, path)
    return Directory(organisations, _members(rows, categories, path))


def _add(known: dict[str, _Kind], more: Mapping[str, _Kind], path: Path) -> None:
    """Services may ship the same row; two that differ are nobody's to choose between."""
    for code, row in more.items():
        if known.setdefault(code, row) != row:
            raise ConfigurationError(f"{path}: {code} ships elsewhere already, with other values")


def _unambiguous(organisations: Mapping[str, Organisation], categories: Mapping[str, _CategoryRow], path: Path) -> None:
    seen: dict[str, str] = {}
    for organisation in organisations.values():
        for key in organisation.keys:
            if seen.setdefault(key, organisation.code) != organisation.code:
                raise ConfigurationError(f"{path}: {seen[key]} and {organisation.code} both claim {key}")
    for code in organisations.keys() & categories.keys():
        raise ConfigurationError(f"{path}: {code} is both an organisation and a category")


def _members(
    rows: Mapping[str, _OrganisationRow], categories: Mapping[str, _CategoryRow], path: Path
) -> Mapping[str, tuple[str, ...]]:
    for row in rows.values():
        if row.category is not None and row.category not in categories:
            raise ConfigurationError(f"{path}: {row.code}: category names {row.category}, which no row has")
    return {code: tuple(row.code for row in rows.values() if row.category == code) for code in categories}


def _unique(path: Path, rows: Sequence[_Kind]) -> dict[str, _Kind]:
    unique = {row.code: row for row in rows}
    if len(unique) != len(rows):
        raise ConfigurationError(f"{path}: a code of an organisation or category occurs twice")
    return unique


def _organisation(row: _OrganisationRow, rows: Mapping[str, _OrganisationRow], path: Path) -> Organisation:
    known = rows.get(row.inscribed_as or row.code)
    if known is None:
        raise ConfigurationError(f"{path}: {row.code}: inscribed_as names {row.inscribed_as}, which no row has")
    key = known.cbe or f"{known.sector}/{known.institution}"
    return Organisation(row.code, row.name, row.cbe, row.sector, row.institution, key, row.source)


def _registrations(
    directory: Path | None, organisations: Mapping[str, Organisation], services: set[str], refuse_demo: bool
) -> Mapping[str, Registration]:
    path = None if directory is None else directory / "certificates.toml"
    if path is None or not path.exists():
        return {}
    result: dict[str, Registration] = {}
    volumes: dict[str, Volume | None] = {}
    for row in _read(path, _CertificateFile).certificate:
        for code in {row.owner, *row.acts_for} - organisations.keys():
            raise ConfigurationError(f"{path}: {row.urn}: organisation {code} is in no organisations.toml")
        for name in set(row.services) - services:
            raise ConfigurationError(
                f"{path}: {row.urn}: service {name} does not exist; there are {', '.join(sorted(services))}"
            )
        certificate = None if row.certificate is None else _certificate(path.parent / row.certificate)
        if refuse_demo and certificate is not None and is_demo_certificate(certificate):
            raise ConfigurationError(
                f"{path}: {row.urn}: a certificate of the demo PKI, whose keys are no secret. Production refuses it."
            )
        fingerprint = row.sha256 or _fingerprint(certificate)
        if fingerprint in result:
            raise ConfigurationError(f"{path}: {row.urn}: its certificate is also that of {result[fingerprint].urn}")
        volume = None if row.volume is None else Volume(row.volume.per_day, row.volume.burst)
        if volumes.setdefault(row.urn, volume) != volume:
            raise ConfigurationError(
                f"{path}: {row.urn}: its rows differ in volume. It is counted for the application, "
                "over all its certificates: give every row of it the same one"
            )
        result[fingerprint] = Registration(
            urn=row.urn,
            fingerprint=fingerprint,
            owner=row.owner,
            acts_for=frozenset(row.acts_for or [row.owner]),
            services=frozenset(row.services),
            carries=frozenset(row.carries),
            unsigned_token=row.unsigned_token,
            sha1=row.sha1,
            sign_replies=row.sign_replies,
            signature_confirmation=row.signature_confirmation,
            volume=volume,
            not_after="" if certificate is None else certificate.not_valid_after_utc.isoformat(),
        )
    return result


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: not a certificate in PEM form: {error}") from error


def _fingerprint(certificate: x509.Certificate | None) -> str:
    assert certificate is not None, "the form asks for a file or a fingerprint"
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _grants(
    directory: Path | None, service: ServiceRows, known: Directory, applications: set[str]
) -> dict[GrantKey, Grant]:
    path = service.contexts
    if directory is not None and (own := directory / "grants" / f"{service.folder}.toml").exists():
        path = own
    if not path.exists():
        return {}
    result: dict[GrantKey, Grant] = {}
    for row in _read(path, _GrantFile).grant:
        for name in set(row.operations) - service.operations:
            raise ConfigurationError(f"{path}: {row.legal_context}: {service.name} has no operation {name}")
        for name in set(row.data_groups) - service.data_groups:
            raise ConfigurationError(f"{path}: {row.legal_context}: {service.name} has no data group {name}")
        _check_applications(path, row, service, applications)
        organisations = [code for named in row.organisations for code in _named(named, row, known, path)]
        grant = Grant(
            row.legal_context,
            frozenset(row.data_groups),
            _control(row.integration),
            row.source,
            frozenset(row.applications),
        )
        for context, organisation, operation in product(
            (row.legal_context, *row.aliases), organisations, row.operations
        ):
            key = (service.name, operation, organisation, context)
            if key in result:
                raise ConfigurationError(f"{path}: {' / '.join(key)} stands there twice")
            result[key] = grant
    if service.implied:
        _refuse_ambiguous(path, result)
    return result


def _named(code: str, row: _GrantRow, known: Directory, path: Path) -> tuple[str, ...]:
    organisations = known.named(code)
    if organisations is None:
        raise ConfigurationError(
            f"{path}: {row.legal_context}: organisation {code} is in no organisations.toml, nor is such a category"
        )
    return organisations


def _check_applications(path: Path, row: _GrantRow, service: ServiceRows, applications: set[str]) -> None:
    if row.applications and not service.implied:
        raise ConfigurationError(
            f"{path}: {row.legal_context}: messages of {service.name} name their legal context; leave applications out"
        )
    for urn in set(row.applications) - applications:
        raise ConfigurationError(f"{path}: {row.legal_context}: application {urn} is in no certificates.toml")


def _refuse_ambiguous(path: Path, grants: Mapping[GrantKey, Grant]) -> None:
    """Which legal context applies must follow from service, operation, organisation and application (IP-20)."""
    seen: dict[tuple[str, str, str, str], Grant] = {}
    for (service, operation, organisation, _), grant in grants.items():
        for application in grant.applications or {""}:
            other = seen.setdefault((service, operation, organisation, application), grant)
            if other != grant:
                raise ConfigurationError(
                    f"{path}: {service} / {operation} / {organisation} has two legal contexts, {other.legal_context} "
                    f"and {grant.legal_context}, and its messages name none. Tell them apart by applications."
                )


def _control(row: _IntegrationRow | None) -> IntegrationControl | None:
    if row is None:
        return None
    codes = None if row.quality_codes is None else tuple(row.quality_codes)
    return IntegrationControl(ControlKind(row.kind), codes)
