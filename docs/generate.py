"""Writes the pages of `docs/reference/` that follow from the code: `python docs/generate.py`, or `make docs`.

Each function returns a whole page as text; a test holds the files against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticUndefined

from kruispunt.cli import call
from kruispunt.cli.calls import command_line
from kruispunt.cli.later import loaded
from kruispunt.cli.main import app
from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.errors import (
    FAULTS,
    AuthenticationRefused,
    Fault,
    InternalFailure,
    InvalidRequest,
    InvalidSoapAction,
    InvalidSoapVersion,
    InvalidUrl,
    NotBuilt,
    RefusalReason,
    SupplierFailure,
)
from kruispunt.pipeline.service import Service
from kruispunt.services.discovery import discover
from kruispunt.settings import ENGINES, Environment, Settings

REFERENCE: Final = Path(__file__).resolve().parent / "reference"
NOTE: Final = "<!-- Written by docs/generate.py. Change the code, then run: make docs -->"

TYPES: Final = {
    "bool": "true or false",
    "int": "whole number",
    "str": "text",
    "Path": "path",
    "SecretStr": "text, kept secret",
    "Environment": "one of `development`, `acceptance`, `production`",
    "RevocationMode": "one of `off`, `crl`, `crl-or-ocsp`",
    "tuple[str, ...]": "list of texts",
}

FAULT_REMEDIES: Final[dict[type[Fault], str]] = {
    SupplierFailure: "Try again later, signed anew. Report the ticket when it lasts.",
    InternalFailure: "Report the ticket. Trying again, signed anew, may help when the database was away.",
    InvalidRequest: "Read `error message`, and follow the XSD at `?wsdl`.",
    AuthenticationRefused: "See `reason` below.",
    NotBuilt: "Nothing: the contract has this operation, and this platform does not offer it yet.",
    InvalidSoapAction: "Send the SOAPAction that the WSDL names, and the Body that belongs to it.",
    InvalidUrl: "Use the address that the WSDL names.",
    InvalidSoapVersion: "Send SOAP 1.1.",
}

REASONS: Final[dict[RefusalReason, tuple[str, str]]] = {
    RefusalReason.SIGNATURE: (
        "there is no signature, or it is not as the profile says, or it does not hold",
        "See [sign from your toolkit](../how-to/sign-from-your-toolkit.md).",
    ),
    RefusalReason.CERTIFICATE: (
        "the signer's certificate is not trusted, has expired, may not sign, or has a key that is too weak; or it or "
        "that of the TLS client was revoked, or may have been",
        "Sign with a valid certificate of an issuer that the platform trusts.",
    ),
    RefusalReason.REGISTRATION: (
        "the certificate is trusted, and not registered for this",
        "Ask the operator to register the certificate for the application and the service.",
    ),
    RefusalReason.TIMESTAMP: (
        "the Timestamp is too old, lies in the future, or lives too long",
        "Set the clock, and sign right before sending.",
    ),
    RefusalReason.REPLAY: ("the message was received before", "Sign each request anew."),
    RefusalReason.QUOTA: (
        "more requests than agreed, or too many numbers refused",
        "Wait as long as `Retry-After` says; ask the operator for a larger volume.",
    ),
}


def settings_page() -> str:
    """Every setting, with its variable, form, default and meaning."""
    fields = Settings.model_json_schema()["properties"]
    rows = [
        (
            f"`{name}`",
            f"`KRUISPUNT_{name.upper()}`",
            _form(field.annotation, fields[name]),
            _setting_default(name, field),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    engines = ", ".join(f"`{ENGINES[environment]}` in {environment.value}" for environment in Environment)
    return _page(
        "Settings",
        "`kruispunt serve` reads its settings from a TOML file (`--config FILE`, or the file that `KRUISPUNT_CONFIG` "
        "names) and from the environment. The environment wins.",
        "- A relative path in the file is seen from the file; one in the environment from the working directory.\n"
        "- A list in the environment is written as JSON: `KRUISPUNT_EXTRA_SERVICES='[\"my_services.greeting\"]'`.\n"
        "- A name that is not in this table is refused in the file, and has no effect in the environment.\n"
        "- Give `dsn` or `data_dir`; with both, `dsn` is used. Give `log_master_key_file` or `log_master_key`, not "
        "both.",
        _table(("setting", "variable", "form", "default", "meaning"), rows),
        f"The engine name follows the environment when it is not given: {engines}.",
        "## What the environment decides\n\n"
        + _table(
            ("", "development", "acceptance", "production"),
            [
                ("certificates of the demo", "accepted", "accepted", "refused"),
                ("numbers with the month raised by 60", "accepted", "accepted", "refused"),
                ("revoked client certificates are found out", "only with `revocation`", "yes, by default", "yes"),
                ("each reply is held against its schema", "yes", "yes", "only with `check_replies`"),
                ("suppliers that fail on purpose, for the demo's personas", "in the demo", "no", "no"),
            ],
        ),
        "## Other variables\n\n"
        + _table(
            ("variable", "meaning"),
            [
                ("`KRUISPUNT_CONFIG`", "settings file for every command that takes `--config`"),
                ("`KRUISPUNT_DEMO_DIR`", "directory of the demo, instead of the default one"),
            ],
        ),
    )


def commands_page() -> str:
    """Every command with its arguments and options."""
    sections = [_command("kruispunt", app), _command("kruispunt call", call.group())]
    return _page(
        "Commands",
        "Every command takes `--help`. Exit codes: 0 done; 1 the work failed or was refused; 2 the command or a "
        "setting is wrong; 130 broken off by Ctrl-C. `kruispunt call` ends with 1 on a SOAP fault and with 0 on a "
        "reply, `NO_RESULT` included.",
        "The commands below `kruispunt call` are made from what the services declare: a service in the package has its "
        "commands at once. Services that a settings file or `--service` adds are not among them.",
        *(part for section in sections for part in section),
    )


def codes_page() -> str:
    """Every business code and every fault, with the personas that provoke it and the remedy."""
    services = discover()
    personas = load_personas(services, Numbers.BAND)
    parts = [_service_codes(service, personas) for service in services]
    return _page(
        "Codes",
        "Compare codes, never texts. A business code means something within its service only; faults mean the same "
        "everywhere.",
        "The last column names personas: made-up people, each with a call against the demo that provokes the code. The "
        "calls are at the end of this page, and `kruispunt persona list` prints them. Which rule lies behind a code is "
        "in [rules](rules.md).",
        *(part for part in parts if part),
        _fault_codes(personas),
        _reasons(personas),
        _calls(personas),
    )


PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "codes.md": codes_page,
}


def _form(annotation: Any, schema: dict[str, Any]) -> str:
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    optional = " | None" in name
    name = name.replace(" | None", "").rsplit(".", 1)[-1] if "tuple" not in name else name
    form = TYPES[name]
    branch = next((b for b in schema.get("anyOf", ()) if b.get("type") != "null"), schema) if optional else schema
    limits = (branch.get("minimum"), branch.get("maximum"))
    if None not in limits:
        form += f", {limits[0]:,} to {limits[1]:,}"
    if "maxLength" in branch:
        form += f", at most {branch['maxLength']} characters"
    if "pattern" in branch:
        form += f", `{branch['pattern']}`"
    return form


def _setting_default(name: str, field: Any) -> str:
    if name == "workers":
        return "one per core"
    if field.default is PydanticUndefined:
        return "must be given"
    if field.default is None or field.default == ():
        return ""
    return f"`{_written(field.default)}`"


def _written(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _command(name: str, command: Any) -> Iterator[str]:
    """A command, then those below it. `kruispunt call` parses its own words and is told apart."""
    below = getattr(command, "commands", None)
    heading = f"{'#' * max(2, name.count(' ') + 1)} {name}"
    works = below is None or command.invoke_without_command
    yield f"{heading}\n\n{_details(name, command) if works else _help(command)}"
    for word, inner in (below or {}).items():
        if f"{name} {word}" != "kruispunt call":
            yield from _command(f"{name} {word}", loaded(inner))


def _details(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
    usage = " ".join((name, "[OPTIONS]", *(p.name.upper() for p in arguments)))
    parts = [_help(command), f"```text\n{usage}\n```"]
    if arguments:
        parts.append(_table(("argument", "meaning"), [(f"`{p.name.upper()}`", p.help or "") for p in arguments]))
    if options:
        parts.append(_table(("option", "default", "meaning"), [_option(p) for p in options]))
    return "\n\n".join(parts)


def _help(command: Any) -> str:
    text = (command.help or "").strip()
    what, _, example = text.partition("\n\nExample: ")
    return f"{what}\n\nExample: `{example}`" if example else what


def _option(option: Any) -> tuple[str, str, str]:
    names = " / ".join((*option.opts, *option.secondary_opts))
    default = option.default
    if option.required:
        told = "must be given"
    elif isinstance(option.show_default, str):
        told = option.show_default
    elif option.secondary_opts:
        told = f"`{(option.opts if default else option.secondary_opts)[0]}`"
    elif option.is_flag or default is None or type(default).__name__ == "Sentinel":
        told = ""
    else:
        told = f"`{_written(default)}`"
    return f"`{names}`", told, f"{option.help or ''} {_choices(option)}".strip()


def _choices(option: Any) -> str:
    kind = getattr(option, "type_descriptor", None)
    kinds: Any = kind.annotation if kind is not None else option.type
    if isinstance(kinds, type) and issubclass(kinds, Enum):
        return "One of: " + ", ".join(f"`{member.value}`" for member in kinds) + "."
    choices = getattr(kinds, "choices", ())
    return "One of: " + ", ".join(f"`{choice}`" for choice in choices) + "." if choices else ""


def _service_codes(service: Service, personas: Iterable[Persona]) -> str:
    if not service.codes:
        return f"## {service.name} {service.version}\n\nIts reply has no status, so it has no business codes."
    rows = [
        (
            code.value.value,
            f"`{code.code}`",
            code.text,
            code.remedy,
            f"`{code.rule.value}`" if code.rule is not None else "",
            code.source,
            _named(p for p in personas if p.service is service and p.code == code.code),
        )
        for code in service.codes
    ]
    columns = ("value", "code", "text", "what to do", "rule", "source", "personas")
    return f"## {service.name} {service.version}\n\n" + _table(columns, rows)


def _fault_codes(personas: tuple[Persona, ...]) -> str:
    rows = [
        (
            f"`{fault.code}`",
            fault.side,
            fault.text,
            FAULT_REMEDIES[fault],
            _named(p for p in personas if p.code == fault.code),
        )
        for fault in FAULTS
    ]
    return (
        "## SOAP faults\n\n"
        "The same for every service. `Client`: the client has to act; `Server`: the platform or a supplier.\n\n"
        + _table(("code", "faultcode", "text", "what to do", "personas"), rows)
        + "\n\nMSG00025 has no persona: every operation of the contracts that ship is built. A test provokes it with a "
        "service of its own."
    )


def _reasons(personas: tuple[Persona, ...]) -> str:
    rows = [
        (f"`{reason.value}`", *REASONS[reason], _named(p for p in personas if p.reason == reason.value))
        for reason in RefusalReason
    ]
    return (
        "### The reasons of MSG00015\n\nTold as information `reason` (ours).\n\n"
        + _table(("reason", "meaning", "what to do", "personas"), rows)
        + "\n\n`certificate` and `replay` have no persona: no client of the demo has such a certificate, and "
        "`kruispunt call` signs each request anew."
    )


def _calls(personas: tuple[Persona, ...]) -> str:
    rows = [(f"`{p.code}`" if p.code else "none", p.id, p.summary, f"`{command_line(p)}`") for p in personas]
    return (
        "## Personas and their calls\n\nThe numbers are those of the band, the demo's default "
        "([demo](demo.md#two-kinds-of-numbers)).\n\n" + _table(("code", "persona", "what", "call"), rows)
    )


def _named(personas: Iterable[Persona]) -> str:
    return ", ".join(p.id for p in personas)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_row(columns), "|" + "---|" * len(columns), *map(_row, rows)]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", NOTE, *parts)) + "\n"


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
