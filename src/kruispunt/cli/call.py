"""`kruispunt call SERVICE OPERATION`: a client that signs, sends, verifies the reply and prints it.

The commands are made from what the services declare: a new service has its commands at once.
"""

from __future__ import annotations

import http.client
import json
import secrets
import shlex
import ssl
import sys
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import typer
from lxml import etree

from kruispunt.access.files import load_directory
from kruispunt.cli.calls import kebab, names_context, request_body, soap_action
from kruispunt.cli.later import Standing
from kruispunt.cli.terminal import out, print_json
from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.client.transport import Connection, told_without_soap
from kruispunt.clock import SystemClock
from kruispunt.demo import additions
from kruispunt.demo.directory import DemoDirectory, default_directory
from kruispunt.errors import ConfigurationError, KruispuntError
from kruispunt.pipeline.dialect import Told
from kruispunt.pipeline.service import Control, Field, Operation, Service
from kruispunt.services.discovery import folders, service_in
from kruispunt.wss.sign import Signer
from kruispunt.xml.namespaces import SOAP, SOAP12
from kruispunt.xml.parse import REPLY_LIMITS, parse, parse_own
from kruispunt.xml.soap import unsigned_envelope

EXIT_FAULT = 1
OFFSET = click.IntRange(-(10**10), 10**10)
"""Three centuries either way: what a Timestamp can hold."""
NO_TLS = frozenset(("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"))
"""How OpenSSL calls an answer in another protocol; it depends on its version."""


def call(context: typer.Context) -> None:
    """Call an operation: sign, send, verify the reply, print it.

    Example: kruispunt call foreigner-situation consult-special-infos --help
    """
    group().main(list(context.args), prog_name="kruispunt call")


def group() -> click.Group:
    """`call`, with a command for every operation of every service."""
    root = click.Group("call", help="Call an operation: sign, send, verify the reply, print it.")
    for folder in folders():
        root.add_command(_ServiceLater(folder))
    return root


class _ServiceLater(Standing, click.Command):
    """The operations of the service in a folder, which is imported when it is called or asked about."""

    def __init__(self, folder: Path) -> None:
        super().__init__(kebab(folder.name))
        self._folder = folder

    @cached_property
    def command(self) -> click.Group:
        service = service_in(self._folder)
        rows = _personas(service)
        commands = [_command(service, operation, _model(operation, rows)) for operation in service.operations]
        return click.Group(self.name, commands, help=f"{service.name} {service.version}.")

    def get_short_help_str(self, limit: int = 45) -> str:
        return self.command.get_short_help_str(limit)


def _command(service: Service, operation: Operation, model: Model) -> click.Command:
    options: list[click.Parameter] = [_field_option(field) for field in operation.fields]
    if names_context(service, operation):
        options.append(click.Option(["--legal-context"], required=True, help=f"For example {model.legal_context}."))
    example = f"kruispunt call {kebab(service.folder.name)} {kebab(operation.name)}" + "".join(
        f" --{kebab(f.name)} …" for f in operation.fields if f.default is None
    )
    if names_context(service, operation):
        example += f" --legal-context {shlex.quote(model.legal_context)}"

    def run(**given: Any) -> None:
        _run(service, operation, given)

    return click.Command(
        kebab(operation.name),
        callback=run,
        params=[*options, *_client_options(model.client)],
        help=f"{operation.summary}\n\nExample: {example}",
    )


def _field_option(field: Field) -> click.Option:
    name = kebab(field.name)
    if field.kind is bool:
        return click.Option([f"--{name}/--no-{name}", field.name], default=field.default, help=field.help)
    told = f"{field.help} YYYY-MM-DD, today, today+7, today-7." if field.kind is date else field.help
    return click.Option([f"--{name}", field.name], required=field.default is None, default=field.default, help=told)


@dataclass(frozen=True, slots=True)
class Model:
    """What a command shows by way of example, taken from the first persona of its operation."""

    legal_context: str = ""
    client: str = "onem"


def _personas(service: Service) -> list[dict[str, Any]]:
    path = service.folder / "personas.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["persona"] if path.exists() else []


def _model(operation: Operation, rows: list[dict[str, Any]]) -> Model:
    asked = (row for row in rows if row["operation"] == operation.name and "legal_context" in row.get("request", {}))
    return next((Model(row["request"]["legal_context"], row["client"]["as"]) for row in asked), Model())


def _client_options(client: str) -> list[click.Parameter]:
    path = click.Path(path_type=Path, dir_okay=False)
    return [
        click.Option(
            ["--as", "client"],
            default=client,
            show_default=True,
            help="Demo client whose certificate is used.",
        ),
        click.Option(["--organisation"], help="Code, CBE number or sector/institution; by default the client's own."),
        click.Option(["--url"], help="Address of the platform; by default that of the demo."),
        click.Option(
            ["--dir", "directory"],
            type=click.Path(path_type=Path, file_okay=False),
            help="Directory of the demo.",
        ),
        click.Option(["--certificate"], type=path, help="Client certificate (PEM), instead of --as."),
        click.Option(["--key"], type=path, help="Its key (PEM)."),
        click.Option(["--ca"], type=path, help="Issuer of the server's TLS certificate (PEM)."),
        click.Option(["--platform-certificate"], type=path, help="Certificate that signs replies (PEM)."),
        click.Option(["--ticket"], help="Your own reference; made up by default."),
        click.Option(["--xml", "as_xml"], is_flag=True, help="Print the reply as it came."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON, with request and reply."),
        click.Option(["--sign/--no-sign"], default=True, help="Send the request unsigned, to see it refused."),
        click.Option(["--soap-action"], help="Another SOAPAction than the operation's."),
        click.Option(["--path"], help="Another URI than the service's."),
        click.Option(
            ["--soap-version"],
            type=click.Choice(["1.1", "1.2"]),
            default="1.1",
            show_default=True,
            help="SOAP 1.2 is there to see it refused.",
        ),
        click.Option(["--created-offset"], type=OFFSET, default=0, help="Seconds to add to the Timestamp."),
    ]


@dataclass(frozen=True, slots=True)
class Files:
    """What a client needs on disk."""

    certificate: Path
    key: Path
    ca: Path
    platform: Path


def _run(service: Service, operation: Operation, given: dict[str, Any]) -> None:
    where = DemoDirectory(given["directory"] or default_directory())
    files = _files(where, given)
    values = {field.name: given[field.name] for field in operation.fields}
    organisation = _organisation(where, given) if Control.CUSTOMER in operation.controls else ""
    now = SystemClock().now()
    ticket = given["ticket"] or secrets.token_hex(8)
    try:
        body = request_body(service, operation, organisation, given.get("legal_context", ""), values, ticket, now)
        request = _message(body, files, given, now)
    except ValueError as error:
        raise ConfigurationError(f"the request cannot be composed: {error}") from error
    status, reply = _post(platform_url(where, given["url"]), service, operation, request, files, given)
    verified = _verify(reply, files)
    result = _result(service, request, reply, status, verified)
    _print(service, result, reply, given)
    if result["kind"] == "fault":
        sys.exit(EXIT_FAULT)


def _files(where: DemoDirectory, given: dict[str, Any]) -> Files:
    pki = where.pki
    files = Files(
        given["certificate"] or pki / f"{given['client']}.pem",
        given["key"] or pki / f"{given['client']}.key",
        given["ca"] or pki / "ca.pem",
        given["platform_certificate"] or pki / "signing.pem",
    )
    for path in (files.certificate, files.key, files.ca, files.platform):
        if not path.exists():
            raise ConfigurationError(
                f"{path} does not exist. Run the demo first (kruispunt demo), name its --dir, or give --certificate, "
                "--key, --ca and --platform-certificate."
            )
    return files


def _organisation(where: DemoDirectory, given: dict[str, Any]) -> str:
    """A code of the access files becomes its CBE number or sector/institution; anything else goes as it is."""
    named = given["organisation"] or additions.owners(folders()).get(given["client"], given["client"])
    shipped = [folder / "organisations.toml" for folder in folders()]
    known = load_directory(where.access if where.access.exists() else None, shipped)
    organisation = known.organisations.get(named)
    return str(named) if organisation is None else organisation.keys[0]


def _message(body: str, files: Files, given: dict[str, Any], now: datetime) -> bytes:
    if given["sign"]:
        signer = Signer.from_files(files.key, files.certificate)
        message = signer.envelope(body, now + timedelta(seconds=given["created_offset"]))
    else:
        message = unsigned_envelope(body)
    return message.replace(SOAP.encode(), SOAP12.encode()) if given["soap_version"] == "1.2" else message


def platform_url(where: DemoDirectory, given: str | None) -> str:
    """The address that was given, else that of the demo that runs in a directory, else where a demo runs."""
    if given:
        return given
    ready = where.root / "ready.json"
    if ready.exists():
        return str(json.loads(ready.read_text())["url"])
    return "https://localhost:4520"


def _post(
    url: str, service: Service, operation: Operation, request: bytes, files: Files, given: dict[str, Any]
) -> tuple[int, bytes]:
    action = given["soap_action"] or soap_action(service, operation)
    kind = "application/soap+xml" if given["soap_version"] == "1.2" else "text/xml"
    try:
        with Connection(url, files.ca, files.certificate, files.key) as connection:
            status, _, reply = connection.post(given["path"] or service.path, action, request, f"{kind}; charset=utf-8")
    except (OSError, http.client.HTTPException) as error:
        raise KruispuntError(f"{url}: {error}. {_remedy(error, files)}") from error
    told = told_without_soap(reply)
    if told is not None:
        raise KruispuntError(f"{url} answered HTTP {status}: {told}")
    return status, reply


def _remedy(error: Exception, files: Files) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The server is not known by {files.ca}: name the issuer of its certificate with --ca."
    if isinstance(error, ssl.SSLError) and error.reason in NO_TLS:
        return "That port speaks no TLS: is it the one of health and metrics?"
    if isinstance(error, ssl.SSLError):
        return f"The server may not accept {files.certificate}: name another one with --certificate and --key."
    return "Is the platform running there? Start it with: kruispunt demo"


def _verify(reply: bytes, files: Files) -> str:
    security = ClientSecurity(Signer.from_files(files.key, files.certificate), platform_trust(files.platform))
    _, signed = security.verify(reply)
    return f"The reply is signed by {signed.certificate.subject}; Body, Timestamp and token are covered."


def _result(service: Service, request: bytes, reply: bytes, status: int, verified: str) -> dict[str, Any]:
    root = parse(reply, REPLY_LIMITS)
    payload = root[-1][0]
    fault = payload.tag == f"{{{SOAP}}}Fault"
    if service.dialect is not None and not fault:
        return _told(service.dialect.told(payload), request, reply, status, verified)
    information = {
        node.findtext("fieldName") or "": node.findtext("fieldValue") or "" for node in payload.iter("information")
    }
    return {
        "kind": "fault" if fault else "response",
        "http": status,
        "ticket": next((node.text for node in payload.iter("ticketCBSS")), None),
        "value": payload.findtext("status/value"),
        "code": next((n.text for n in payload.iter("reasonCode")), None) if fault else payload.findtext("status/code"),
        "description": payload.findtext("faultstring") if fault else payload.findtext("status/description"),
        "information": information,
        "verified": verified,
        "request": _pretty(request),
        "reply": _pretty(reply),
    }


def _told(told: Told, request: bytes, reply: bytes, status: int, verified: str) -> dict[str, Any]:
    return {
        "kind": "response",
        "http": status,
        "ticket": told.ticket,
        "value": told.value,
        "code": told.code or None,
        "description": told.description,
        "information": dict(told.information),
        "verified": verified,
        "request": _pretty(request),
        "reply": _pretty(reply),
    }


def _pretty(message: bytes) -> str:
    """Indented for reading; the signature no longer holds for this text."""
    parser = etree.XMLParser(remove_blank_text=True, resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(message, parser)
    etree.indent(root, "  ")
    text: str = etree.tostring(root, encoding="unicode")
    return text


def _print(service: Service, result: dict[str, Any], reply: bytes, given: dict[str, Any]) -> None:
    if given["as_xml"]:
        typer.echo(reply.decode())
        return
    if given["as_json"]:
        print_json(result)
        return
    typer.echo(payload_text(reply, service))
    heading = "fault" if result["kind"] == "fault" else result["value"] or "reply"
    out.print(f"\n{heading} {result['code'] or ''}  {result['description'] or ''}", markup=False)
    for name, value in result["information"].items():
        out.print(f"  {name}: {value}", markup=False)
    config = "" if given["directory"] is None else f" --config {DemoDirectory(given['directory']).settings}"
    out.print(f"ticket {result['ticket']}  (kruispunt why {result['ticket']}{config})", markup=False)
    out.print(result["verified"], markup=False)


def payload_text(message: bytes, service: Service | None = None) -> str:
    """What stands in the Body, alone and indented; of a dialect, the document that stands inside it."""
    payload = parse(message, REPLY_LIMITS)[-1][0]
    if service is not None and service.dialect is not None and payload.tag == service.dialect.element:
        document = service.dialect.told(payload).document
        payload = payload if document is None else document
    # Written by ourselves, from what was parsed: this form declares a namespace on every person again.
    alone = parse_own(etree.tostring(payload, method="c14n", exclusive=True, with_tail=False))
    etree.indent(alone, "  ")
    return etree.tostring(alone, encoding="unicode")
