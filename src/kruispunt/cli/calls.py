"""From a persona to the words of `kruispunt call`, and from those words to a request."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kruispunt.clock import to_text
from kruispunt.demo.personas import Persona
from kruispunt.pipeline.service import Control, Operation, Service
from kruispunt.xml.build import attribute, element
from kruispunt.xml.namespaces import SOAP_ACTION

_word = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def kebab(name: str) -> str:
    """`consultEmploymentInfos` as it is typed: `consult-employment-infos`."""
    return _word.sub("-", name).lower().replace("_", "-")


def arguments(persona: Persona) -> list[str]:
    """The words after `kruispunt call` that do what a persona asks."""
    service, operation, deviation = persona.service, persona.operation, persona.deviation
    words = [kebab(service.folder.name), kebab(operation.name)]
    for field in operation.fields:
        if field.name in persona.values:
            words += _option(field.name, persona.values[field.name])
    if persona.legal_context:
        words += ["--legal-context", persona.legal_context]
    words += ["--as", persona.client]
    if persona.organisation and persona.organisation != persona.client:
        words += ["--organisation", persona.organisation]
    if not deviation.sign:
        words.append("--no-sign")
    if deviation.soap_action is not None:
        words += ["--soap-action", deviation.soap_action]
    if deviation.path is not None:
        words += ["--path", deviation.path]
    if deviation.soap_version != "1.1":
        words += ["--soap-version", deviation.soap_version]
    if deviation.created_offset:
        words += ["--created-offset", str(deviation.created_offset)]
    return words


def _option(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{kebab(name)}" if value else f"--no-{kebab(name)}"]
    return [f"--{kebab(name)}", str(value)]


def command_line(persona: Persona) -> str:
    """The same as one line for a shell."""
    return shlex.join(["kruispunt", "call", *arguments(persona)])


def request_body(
    service: Service,
    operation: Operation,
    organisation: str,
    legal_context: str,
    values: Mapping[str, Any],
    ticket: str,
    now: datetime,
) -> str:
    """The request element as canonical text. `organisation` is a CBE number or "sector/institution"."""
    if service.dialect is not None:
        return service.dialect.compose(operation, organisation, values, ticket, now)
    common = ""
    if Control.CUSTOMER in operation.controls:
        common = (
            f"<informationCustomer>{element('ticket', ticket)}{element('timestampSent', to_text(now))}"
            f"<customerIdentification>{_identification(organisation)}</customerIdentification>"
            f"</informationCustomer>{element('legalContext', legal_context)}"
        )
    name = f"svc:{operation.name}Request"
    return f"<{name}{attribute('xmlns:svc', service.namespace)}>{common}{operation.compose(values)}</{name}>"


def soap_action(service: Service, operation: Operation) -> str:
    """The SOAPAction of an operation, without quotes."""
    return f"{SOAP_ACTION}{service.name}/{operation.name}" if service.dialect is None else service.dialect.action


def names_context(service: Service, operation: Operation) -> bool:
    """Whether a request names the legal context; in a dialect it follows from who asks what (IP-20)."""
    return service.dialect is None and Control.CUSTOMER in operation.controls


def _identification(organisation: str) -> str:
    sector, slash, institution = organisation.partition("/")
    if not slash:
        return element("cbeNumber", organisation)
    return element("sector", sector) + element("institution", institution)
