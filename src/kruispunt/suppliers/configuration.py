"""`suppliers.toml`: which suppliers are elsewhere, and what a request to each may cost.

    [supplier."National Register"]
    url = "https://register.example.be:8443/foreigners"
    ca = "register-ca.pem"
    client_certificate = "client.pem"
    client_key = "client.key"

Every field is documented in `docs/reference/suppliers.md`, which a test holds against this module.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kruispunt.errors import ConfigurationError

Seconds = Annotated[float, Field(ge=0.05, le=120, allow_inf_nan=False)]


class SupplierConfiguration(BaseModel):
    """One table of the file; paths are absolute or seen from the working directory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="Address of the service: `https`, with host and path. All requests are posted to it.")
    ca: Path = Field(description="PEM file: issuers of the supplier's TLS certificate. No others are trusted.")
    client_certificate: Path = Field(description="PEM file: the TLS client certificate and its chain.")
    client_key: Path = Field(description="PEM file of its key, readable by its owner only.")
    reply_signers: Path | None = Field(
        None,
        description="PEM file: the very certificates that the supplier signs with. When given, every reply must be "
        "signed by one of them, as [requests are](../how-to/sign-from-your-toolkit.md). Without it, signatures of "
        "replies are not looked at.",
    )
    reply_confirmed: bool = Field(
        False,
        description="Whether a signed reply must confirm the signature of the request (WS-Security 1.1). One that "
        "confirms another request is refused in any case. Needs `reply_signers`.",
    )
    connect_seconds: Seconds = Field(2.0, description="Time for a connection; once for TCP, once for TLS.")
    read_seconds: Seconds = Field(
        10.0,
        description="How long the supplier may be silent after the request and within the reply. No request takes "
        "longer than this and twice `connect_seconds` together, connecting included.",
    )
    connections: Annotated[int, Field(ge=1, le=256)] = Field(
        8, description="Requests on their way at once, and connections kept; in each worker."
    )
    waiting: Annotated[int, Field(ge=0, le=1024)] = Field(
        32, description="Requests that may wait for one of them; in each worker. What is beyond gets MSG00002 at once."
    )
    waiting_seconds: Seconds = Field(1.0, description="How long a request may wait; then it gets MSG00002.")
    idle_seconds: Seconds = Field(
        15.0, description="How long an unused connection is kept. Less than the supplier keeps it."
    )
    max_reply_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = Field(
        1024 * 1024, description="Size above which a reply is not read on."
    )
    failures: Annotated[int, Field(ge=1, le=1000)] = Field(
        5, description="Failures in a row that cut the supplier off; in each worker."
    )
    pause_seconds: Annotated[float, Field(ge=0.05, le=3600, allow_inf_nan=False)] = Field(
        30.0, description="How long it stays cut off before one request is let through to try."
    )

    @field_validator("url")
    @classmethod
    def _https(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or not url.isascii() or not url.isprintable():
            raise ValueError("must be an https address such as https://register.example.be:8443/foreigners")
        if parts.username is not None or parts.password is not None or parts.fragment or " " in url:
            raise ValueError("must hold no user name, password, fragment or blank")
        try:
            parts.hostname.encode("idna")
        except UnicodeError:
            raise ValueError("holds no usable host name") from None
        _ = parts.port  # raises ValueError when it is no port
        return url

    @model_validator(mode="after")
    def _signed(self) -> SupplierConfiguration:
        if self.reply_confirmed and self.reply_signers is None:
            raise ValueError("reply_confirmed needs reply_signers: what is not signed confirms nothing")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    supplier: dict[str, SupplierConfiguration] = {}


def load_suppliers(file: Path | None) -> Mapping[str, SupplierConfiguration]:
    """By name; nothing without a file. Relative paths are seen from the file. Raises ConfigurationError."""
    if file is None:
        return {}
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        found = _File.model_validate(values).supplier
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: {error}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors(include_url=False)
        )
        raise ConfigurationError(f"{file}: {problems}. See docs/reference/suppliers.md.") from error
    return {name: _seen_from(file.parent, one) for name, one in found.items()}


def _seen_from(folder: Path, one: SupplierConfiguration) -> SupplierConfiguration:
    paths: dict[str, Any] = {
        name: folder / value for name in type(one).model_fields if isinstance(value := getattr(one, name), Path)
    }
    return one.model_copy(update=paths)
