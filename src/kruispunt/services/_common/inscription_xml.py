"""The XML of InscriptionService and CBSSInscription, whose types are the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.service import Control, Field, Operation, Reply, ok_or_nok
from kruispunt.repertory.lines import Line
from kruispunt.services._common import inscription
from kruispunt.services._common.days import compose_period, read_days, write_period
from kruispunt.services._common.identification import FIELDS as IDENTIFICATION
from kruispunt.services._common.identification import compose_identification, read_identification
from kruispunt.services._common.inscription import Answered, Asked
from kruispunt.services._common.organisations import read_organisation, write_organisation
from kruispunt.xml.build import attribute, element, wrap
from kruispunt.xml.read import child, child_text
from kruispunt.xml.values import read_integer

if TYPE_CHECKING:
    from lxml import etree

_QUALITY_CODE: Final = re.compile(r"0|[1-9][0-9]{0,2}").fullmatch
"""A dossier type that is written as a quality code; any other one is an inscription context."""

_SSIN: Final = Field("ssin", help="Number of the person: eleven digits.")
_ROLE: Final = Field("role", help="Quality code, 0 to 999, or inscription context.")
_ANY_ROLE: Final = Field("role", default="", help="Quality code or inscription context; without it, all.")
_BEGIN: Final = Field("begin", help="First day, YYYY-MM-DD.")
_END: Final = Field("end", default="", help="Last day; without it, there is no end.")
_ANY_BEGIN: Final = Field("begin", default="", help="First day; without it, all days.")
_NEW: Final = (
    Field("newBegin", help="First day of the days that count instead."),
    Field("newEnd", default="", help="Last of them; without it, there is no end."),
)


def read(request: etree._Element, name: str) -> Asked:
    """From a valid request; `name` is the element that stands behind legalContext. Raises InvalidRequest."""
    node = child(request, name)
    assert node is not None
    code = child_text(node, "qualityCode")
    return Asked(
        ssin=child_text(node, "ssin") or "",
        organisation=read_organisation(node),
        kind=child_text(node, "inscriptionContext") if code is None else str(read_integer(code)),
        days=read_days(node),
        new_days=read_days(node, "newPeriod"),
        identification=read_identification(node),
    )


def compose(name: str, values: Mapping[str, Any]) -> str:
    """For clients: the element behind legalContext, from values by field name."""
    text = {field: str(value) for field, value in values.items()}
    return wrap(
        name,
        element("ssin", text["ssin"])
        + _write_role(text.get("role", ""))
        + compose_period(text.get("begin", ""), text.get("end", ""))
        + compose_period(text.get("newBegin", ""), text.get("newEnd", ""), "newPeriod")
        + compose_identification(values),
    )


def write(reply: Reply) -> str:
    """informationCustomer, informationCBSS, legalContext, what was asked, status, ssin, what was found or holds now."""
    customer, legal_context, asked = reply.echo
    common = f"{customer}{reply.information_cbss}{legal_context}{asked}{reply.status}"
    answered: Answered | None = None if reply.outcome is None else reply.outcome.result
    if answered is None:
        return common
    lines = "".join(map(_line, answered.lines))
    return (
        f"{common}{write_number(answered.asked, answered.final)}"
        + (wrap("result", lines) if lines else "")
        + ("" if answered.held is None else write_period(answered.held))
    )


def write_number(asked: str, final: Ssin | None) -> str:
    """SsinWithCanceledAndReplacedByStatusType: the number asked, and the one that is used instead."""
    replaced = "" if final is None or final == asked else attribute("replacedBy", final)
    return element("ssin", asked, replaced)


def _line(line: Line) -> str:
    return wrap(
        "inscription",
        element("ssin", line.key.ssin)
        + write_organisation(line.key.organisation)
        + _write_role(line.key.dossier_type)
        + write_period(line.period),
    )


def _write_role(role: str) -> str:
    if not role:
        return ""
    return element("qualityCode" if _QUALITY_CODE(role) else "inscriptionContext", role)


def _operation(
    name: str,
    summary: str,
    handle: Callable[..., Any],
    fields: tuple[Field, ...],
    *,
    active: bool,
    asked: str = "inscription",
) -> Operation:
    return Operation(
        name=name,
        summary=summary,
        read=partial(read, name=asked),
        write=write,
        compose=partial(compose, asked),
        handle=handle,
        controls=frozenset({Control.CUSTOMER, Control.SSIN} if active else {Control.CUSTOMER}),
        fields=fields,
        ssin=lambda criteria: criteria.ssin,
        status=ok_or_nok if asked == "inscription" else lambda value: value.value,
        changes=asked == "inscription",
    )


def consult_inscriptions(*, active: bool) -> Operation:
    """`active`: the dossier must be active, or replaced by an active one; in every operation here."""
    fields = (_SSIN, _ANY_ROLE, _ANY_BEGIN, _END)
    summary = "The client's own lines about a person."
    return _operation("consultInscriptions", summary, inscription.consult, fields, active=active, asked="criteria")


def insert_inscription() -> Operation:
    fields = (_SSIN, _ROLE, _BEGIN, _END, *IDENTIFICATION)
    summary = "Inscribes a person for the client; periods that overlap or adjoin are merged."
    return _operation("insertInscription", summary, inscription.insert, fields, active=True)


def update_inscription() -> Operation:
    fields = (_SSIN, _ROLE, _BEGIN, _END, *_NEW)
    summary = "Puts other days in the place of some; a day in both stays."
    return _operation("updateInscription", summary, inscription.update, fields, active=True)


def delete_inscription(*, active: bool) -> Operation:
    fields = (_SSIN, _ROLE, _ANY_BEGIN, _END)
    summary = "Takes days, or all lines, of a person and a role out of the client's own."
    return _operation("deleteInscription", summary, inscription.delete, fields, active=active)
