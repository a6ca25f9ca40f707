"""The XML of RegisterService: requests read and composed, replies written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from kruispunt.clock import to_text
from kruispunt.pipeline.service import Reply, ok_or_nok
from kruispunt.repertory.history import Change
from kruispunt.repertory.lines import NO_ORGANISATION, Line
from kruispunt.repertory.tenants import DossierType
from kruispunt.services._common.days import compose_period, read_day, read_days, read_moment, write_period
from kruispunt.services._common.identification import compose_identification, read_identification
from kruispunt.services._common.inscription_xml import write_number
from kruispunt.services._common.organisations import read_organisation, write_organisation
from kruispunt.services.register.asked import Destinations, Held, History, LineOutcome, Lines, Past, Route, ToldLine
from kruispunt.xml.build import boolean, element, optional, wrap
from kruispunt.xml.read import child, child_text

if TYPE_CHECKING:
    from lxml import etree


PLATFORM: Final = "urn:kruispunt:platform"
"""Author of lines that followed a number: who replaced it, and in which exchange, is nobody's whose register it is."""


def read_lines(request: etree._Element) -> tuple[ToldLine, ...]:
    """Of `inscribe` and `delete`. Raises InvalidRequest."""
    lines = child(request, "lines")
    assert lines is not None
    return tuple(
        ToldLine(
            child_text(line, "ssin") or "",
            read_organisation(line) or NO_ORGANISATION,
            child_text(line, "dossierType") or "",
            read_days(line),
            read_identification(line),
        )
        for line in lines
    )


def read_consult(request: etree._Element) -> Lines:
    criteria = _criteria(request)
    return Lines(
        tuple(node.text or "" for node in criteria.iterchildren("ssin")),
        read_organisation(criteria),
        child_text(criteria, "dossierType"),
        read_days(criteria),
    )


def read_history(request: etree._Element) -> History:
    criteria = _criteria(request)
    as_of = child_text(criteria, "asOf")
    return History(child_text(criteria, "ssin") or "", None if as_of is None else read_moment(as_of, "asOf"))


def read_route(request: etree._Element) -> Route:
    criteria = _criteria(request)
    day = child_text(criteria, "day")
    return Route(child_text(criteria, "ssin") or "", None if day is None else read_day(day, "day"))


def read_nothing(_request: etree._Element) -> tuple[()]:
    """`consultDossierTypes` has no criteria."""
    return ()


def compose_lines(values: Mapping[str, Any]) -> str:
    """`lines` with one line, from values by field name."""
    return wrap("lines", wrap("line", _dossier(values) + _period(values) + compose_identification(values)))


def compose_consult(values: Mapping[str, Any]) -> str:
    return wrap("criteria", _dossier(values) + _period(values))


def compose_history(values: Mapping[str, Any]) -> str:
    return wrap("criteria", _dossier(values) + optional("asOf", str(values.get("asOf") or "") or None))


def compose_route(values: Mapping[str, Any]) -> str:
    return wrap("criteria", _dossier(values) + optional("day", str(values.get("day") or "") or None))


def compose_nothing(_values: Mapping[str, Any]) -> str:
    return ""


def write_outcomes(reply: Reply) -> str:
    """Without the lines of the request: each outcome tells its number, and all stand in their order."""
    outcomes: tuple[LineOutcome, ...] = () if reply.outcome is None else reply.outcome.result
    customer, legal_context = reply.echo[:2]
    told = wrap("outcomes", "".join(map(_outcome, outcomes))) if outcomes else ""
    return f"{customer}{reply.information_cbss}{legal_context}{reply.status}{told}"


def write_consult(reply: Reply) -> str:
    return _written(reply, _held)


def write_history(reply: Reply) -> str:
    return _written(reply, _past)


def write_types(reply: Reply) -> str:
    return _written(reply, lambda types: wrap("result", "".join(map(_type, types))))


def write_route(reply: Reply) -> str:
    return _written(reply, _destinations)


def _criteria(request: etree._Element) -> etree._Element:
    criteria = child(request, "criteria")
    assert criteria is not None
    return criteria


def _dossier(values: Mapping[str, Any]) -> str:
    organisation, kind = str(values.get("knownTo") or ""), str(values.get("dossierType") or "")
    return (
        element("ssin", str(values["ssin"]))
        + (write_organisation(organisation) if organisation else "")
        + optional("dossierType", kind or None)
    )


def _period(values: Mapping[str, Any]) -> str:
    return compose_period(str(values.get("begin") or ""), str(values.get("end") or ""))


def _written(reply: Reply, result: Callable[[Any], str]) -> str:
    """informationCustomer, informationCBSS, legalContext, criteria where there are any, status, and what was found."""
    customer, legal_context, *criteria = reply.echo
    found = None if reply.outcome is None else reply.outcome.result
    common = f"{customer}{reply.information_cbss}{legal_context}{''.join(criteria)}{reply.status}"
    return common if found is None else common + result(found)


def _outcome(one: LineOutcome) -> str:
    value = ok_or_nok(one.code.value)
    information = "".join(
        wrap("information", element("fieldName", name) + element("fieldValue", field)) for name, field in one.differing
    )
    status = element("value", value) + element("code", one.code.code) + element("description", one.code.text)
    held = "" if one.held is None else write_period(one.held)
    return wrap("outcome", f"{wrap('status', status + information)}{write_number(one.ssin, one.final)}{held}")


def _known_to(key: str) -> str:
    return "" if key == NO_ORGANISATION else write_organisation(key)


def _line(line: Line) -> str:
    key = line.key
    dossier = element("ssin", key.ssin) + _known_to(key.organisation) + element("dossierType", key.dossier_type)
    return wrap("line", dossier + write_period(line.period))


def _held(held: Held) -> str:
    followed = "".join(write_number(asked, final) for asked, final in held.followed.items())
    return followed + wrap("result", "".join(map(_line, held.lines)))


def _past(past: Past) -> str:
    return wrap("result", "".join(map(_line, past.lines)) + "".join(map(_change, past.changes)))


def _change(change: Change) -> str:
    old, new = change.replaced or (None, None)
    ended, made = ("".join(map(_line, lines)) for lines in (change.ended, change.made))
    return wrap(
        "change",
        element("timestamp", to_text(change.at))
        + element("author", change.author if change.replaced is None else PLATFORM)
        + optional("ticketCBSS", change.ticket if change.replaced is None else None)
        + element("operation", change.operation.name)
        + optional("replacedSsin", old)
        + optional("replacingSsin", new)
        + (wrap("ended", ended) if ended else "")
        + (wrap("made", made) if made else ""),
    )


def _type(kind: DossierType) -> str:
    inner = element("code", kind.code) + element("name", kind.name) + element("closed", boolean(kind.closed))
    return wrap("dossierType", _known_to(kind.organisation) + inner)


def _destinations(found: Destinations) -> str:
    inner = "".join(
        wrap("destination", write_organisation(known_to) + "".join(element("dossierType", kind) for kind in kinds))
        for known_to, kinds in found.by_organisation
    )
    return write_number(found.asked, found.final) + wrap("result", inner)
