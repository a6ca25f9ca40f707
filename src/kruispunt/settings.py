"""Settings of a server; `settings_read` takes them from a TOML file and from the environment.

Every field is documented in `docs/reference/settings.md`, which a test holds against this module.
"""

from __future__ import annotations

import json
import os
import re
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)


class Environment(Enum):
    """The three environments of PL-04."""

    DEVELOPMENT = "development"
    ACCEPTANCE = "acceptance"
    PRODUCTION = "production"


class RevocationMode(Enum):
    """How it is found out whether a client's certificate was revoked (PL-08)."""

    OFF = "off"
    CRL = "crl"
    CRL_OR_OCSP = "crl-or-ocsp"


_NATS = re.compile(r"(?:tls|nats)://[A-Za-z0-9.\-\[\]:]+:[0-9]{1,5}")
ENGINES = {Environment.DEVELOPMENT: "D3M", Environment.ACCEPTANCE: "A4M", Environment.PRODUCTION: "P4M"}


class Settings(BaseModel):
    """What `kruispunt serve` needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: Environment = Field(
        Environment.PRODUCTION, description="development, acceptance or production; decides what is allowed."
    )
    engine: str | None = Field(
        None,
        pattern=r"^[A-Z0-9]{1,8}$",
        description="Engine name on the Body of each reply; by default that of the environment (D3M, A4M, P4M).",
    )
    author: str = Field("KRUISPUNT", max_length=64, description="authorCode in SOAP faults.")
    service_desk: str = Field(
        "",
        max_length=200,
        description="How your service desk is reached, and when; told where a ticket is to be reported.",
    )
    dsn: SecretStr | None = Field(
        None, description="PostgreSQL 15 or later. Without it an embedded server runs in data_dir."
    )
    data_dir: Path | None = Field(None, description="Directory of the embedded PostgreSQL, when there is no dsn.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(4520, description="Port of all services.")
    local_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        4521, description="Port of health and metrics, on 127.0.0.1 only."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        description="Processes; one per core by default.",
    )
    proxy_socket: Path | None = Field(
        None,
        description="Unix socket on which a proxy that ends TLS is served, in place of host and port.",
    )
    proxy_addresses: tuple[str, ...] = Field(
        (),
        description="Addresses of proxies that end TLS; host and port then speak plain HTTP, to these addresses only.",
    )
    proxy_header: str = Field(
        "Client-Cert",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="Header in which such a proxy hands on the client's certificate.",
    )
    tls_certificate: Path | None = Field(
        None,
        validate_default=True,
        description="PEM file: the server's certificate and its chain. Must be given unless a proxy ends TLS.",
    )
    tls_key: Path | None = Field(
        None,
        validate_default=True,
        description="PEM file of its key, readable by its owner only. Must be given unless a proxy ends TLS.",
    )
    client_ca: Path = Field(
        description="PEM file: issuers of client certificates that are trusted, for TLS and signatures."
    )
    revocation: RevocationMode | None = Field(
        None,
        description="Whether revoked client certificates are found out, and how: off, crl or crl-or-ocsp. By default "
        "crl-or-ocsp, and off in development. Production refuses off.",
    )
    crl_dir: Path | None = Field(
        None, description="Directory of CRLs (*.crl, *.pem, *.der); changes are in force within seconds."
    )
    crl_fetch: bool = Field(
        False, description="Fetch CRLs from the http distribution points that client certificates name."
    )
    revocation_max_age_seconds: Annotated[int, Field(ge=60, le=31 * 86_400)] = Field(
        7 * 86_400,
        description="How old a CRL or an OCSP response may be, whatever it says of itself; what is older is unknown, "
        "and refused.",
    )
    signing_certificate: Path = Field(description="PEM file: the certificate that signs replies.")
    signing_key: Path = Field(description="PEM file of its key, readable by its owner only.")
    access_dir: Path | None = Field(None, description="Directory of the access files; see the reference on access.")
    log_master_key_file: Path | None = Field(
        None,
        description="File with the log master key, readable by its owner only. "
        "Around a rotation it holds the old and the new one, on a line each.",
    )
    log_master_key: SecretStr | None = Field(None, description="The log master key itself, for the environment.")
    max_message_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = Field(
        128 * 1024, description="Size above which a request is answered with HTTP 413."
    )
    clock_ahead_seconds: Annotated[int, Field(ge=0, le=300)] = Field(
        60, description="How far ahead of this server's clock a Timestamp may lie."
    )
    max_age_seconds: Annotated[int, Field(ge=10, le=300)] = Field(
        300, description="How old a Timestamp may be, and how long it may live."
    )
    check_replies: bool | None = Field(
        None,
        description="Hold each reply of up to 8 MiB against its schema; by default everywhere but in production.",
    )
    connections: Annotated[int, Field(ge=10, le=100_000)] = Field(
        1_000, description="Connections of each worker; one more is closed at once."
    )
    connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = Field(
        200, description="Of these, from one address (IPv6: 64 bits of it); does not count behind a proxy."
    )
    handshake_seconds: Annotated[int, Field(ge=1, le=60)] = Field(
        10, description="Within which a TLS handshake must be done."
    )
    request_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        30, description="Within which a request must arrive whole, headers and body."
    )
    idle_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        75, description="How long a connection is kept without a request."
    )
    database_connections: Annotated[int, Field(ge=2, le=64)] = Field(
        8, description="Connections of each worker for queries; the security log has one more."
    )
    probing_refusals: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        300,
        description="Refused numbers (unknown, wrong, replaced, cancelled, not inscribed, other identification) in "
        "probing_window_seconds from which on a client's answers are held up.",
    )
    probing_window_seconds: Annotated[int, Field(ge=10, le=86_400)] = Field(
        600, description="How long a refused number counts as a sign of probing."
    )
    probing_delay_seconds: Annotated[int, Field(ge=0, le=20)] = Field(
        5, description="Longest time that an answer of a client that probes is held up; 0: never."
    )
    refusals_logged: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        60,
        description="Refusals, before a sender is known, that are logged one by one: of one TLS certificate, in a "
        "minute, by one worker. What is beyond is counted.",
    )
    grace_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        20, description="Time that running requests get when the server stops."
    )
    extra_services: tuple[str, ...] = Field(
        (), description="Python modules that hold a SERVICE of your own, beside those that ship."
    )

    suppliers_file: Path | None = Field(
        None, description="File that names suppliers elsewhere; see the reference on suppliers."
    )
    mutation_streams: tuple[str, ...] = Field(
        ("dimona",),
        description="Further streams of mutations that can be subscribed to; names have up to 64 lower-case letters, "
        "digits and hyphens.",
    )

    mutation_dir: Path | None = Field(
        None, description="Folder of the files of subscriptions to mutations; without it there are none."
    )
    mutation_notice_days: Annotated[int, Field(ge=1, le=365)] = Field(
        5, description="Days after which a file that no subscriber collected is told to the operator."
    )
    mutation_retention_days: Annotated[int, Field(ge=7, le=36_500)] = Field(
        400,
        description="Days after which a mutation file is removed, and with it the possibility to make it again; its "
        "checksum and voucher stay.",
    )
    distribution_time: str = Field(
        "02:00",
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="When `kruispunt mutations schedule` distributes the day before; civil time in Belgium.",
    )
    push_servers: tuple[str, ...] = Field(
        (),
        description="Addresses of NATS (tls://host:port, tried in this order), for `kruispunt mutations push`. "
        "Without them nothing is pushed.",
    )
    push_ca: Path | None = Field(None, description="PEM file: issuers of the certificates of NATS.")
    push_certificate: Path | None = Field(None, description="PEM file: the certificate by which NATS knows us.")
    push_key: Path | None = Field(None, description="PEM file of its key, readable by its owner only.")
    push_replicas: Annotated[int, Field(ge=1, le=5)] = Field(
        1, description="Servers of the NATS cluster that hold each message."
    )
    push_stream_bytes: Annotated[int, Field(ge=1024 * 1024, le=1 << 40)] = Field(
        256 * 1024 * 1024,
        description="Messages of one subscription that NATS holds until they are collected, in bytes; NATS sets so "
        "much aside. What has no room stays in the database.",
    )
    push_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        5, description="Seconds between two looks for changes that are to be pushed."
    )

    @field_validator("proxy_addresses")
    @classmethod
    def _addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_address(value)) for value in values)

    @field_validator("mutation_streams")
    @classmethod
    def _names(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", value) is None:
                raise ValueError(f"{value[:64]!a} is no name of lower-case letters, digits and hyphens")
        return values

    @field_validator("tls_certificate", "tls_key")
    @classmethod
    def _needed(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None and not (info.data.get("proxy_socket") or info.data.get("proxy_addresses")):
            raise ValueError("must be given, unless a proxy ends TLS (proxy_socket or proxy_addresses)")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.proxy_socket is not None and self.proxy_addresses:
            raise ValueError("give either proxy_socket or proxy_addresses")
        if self.dsn is None and self.data_dir is None:
            raise ValueError("give dsn (a PostgreSQL server) or data_dir (for the embedded one)")
        if (self.log_master_key is None) == (self.log_master_key_file is None):
            raise ValueError("give either log_master_key_file or log_master_key")
        if self.production and self.revocation is RevocationMode.OFF:
            raise ValueError("revocation = off is refused in production; see also revocation_max_age_seconds")
        self._check_push()
        return self

    def _check_push(self) -> None:
        given = [each is not None for each in (self.push_ca, self.push_certificate, self.push_key)]
        if any(given) and not all(given):
            raise ValueError("give push_ca, push_certificate and push_key together")
        for server in self.push_servers:
            if not _NATS.fullmatch(server):
                raise ValueError(f"push_servers: {server!r} is no address such as tls://nats.example.org:4222")
            if server.startswith("tls:") != all(given):
                raise ValueError(
                    "push_servers: tls:// needs push_ca, push_certificate and push_key, and they need tls://"
                )
            if self.production and not all(given):
                raise ValueError("push_servers: production refuses NATS without TLS")

    @property
    def revocation_mode(self) -> RevocationMode:
        """A developer's machine often reaches no responder; everywhere else revocation is found out."""
        if self.revocation is not None:
            return self.revocation
        return RevocationMode.OFF if self.environment is Environment.DEVELOPMENT else RevocationMode.CRL_OR_OCSP

    @property
    def engine_name(self) -> str:
        return self.engine or ENGINES[self.environment]

    @property
    def behind_proxy(self) -> bool:
        """Whether a proxy ends TLS: then nobody else is served."""
        return self.proxy_socket is not None or bool(self.proxy_addresses)

    @property
    def tls_pair(self) -> tuple[Path, Path] | None:
        """Certificate and key of the server; None behind a proxy that ends TLS."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return self.tls_certificate, self.tls_key

    @property
    def signing_pair(self) -> tuple[Path, Path]:
        return self.signing_certificate, self.signing_key

    @property
    def production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def replies_checked(self) -> bool:
        return not self.production if self.check_replies is None else self.check_replies

    def to_json(self) -> str:
        """For a worker process, over a pipe: secrets are in clear."""
        values: dict[str, Any] = self.model_dump(mode="json")
        for name in ("dsn", "log_master_key"):
            secret: SecretStr | None = getattr(self, name)
            values[name] = None if secret is None else secret.get_secret_value()
        return json.dumps(values)
