"""From the payloads of OCMWCPASManageAccess and ReferenceManager.consult to what they ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kruispunt.errors import InvalidRequest
from kruispunt.identifiers.invalid import InvalidIdentifier
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.repertory.identification import Identification
from kruispunt.services._common.days import Days, read_day
from kruispunt.services.identify_person.namespaces import MANAGE_ACCESS, REFERENCE_MANAGER
from kruispunt.services.identify_person.other_services import Access, Action, Network, OtherSectors

if TYPE_CHECKING:
    from lxml import etree

CPAS_REGISTER, CPAS_UNREGISTER, CPAS_LIST = "cpasRegister", "cpasUnregister", "cpasList"
OTHER_SECTORS = "consultOtherSectors"
OPERATIONS: Final = {Action.REGISTER: CPAS_REGISTER, Action.UNREGISTER: CPAS_UNREGISTER, Action.LIST: CPAS_LIST}
DEFAULT_REQUESTOR: Final = 902
LONGEST_NUMBER: Final = 20


@dataclass(frozen=True, slots=True)
class Reader:
    """How the payload of one service is read."""

    operation: Callable[[etree._Element], str]
    """By names alone; the schema has not been asked yet."""
    missing: Callable[[etree._Element], Iterator[str]]
    """Mandatory arguments that are missing or empty, by the names that messages give them."""
    read: Callable[[etree._Element], Any]
    """Of what the schema accepts. Raises InvalidRequest."""


def _operation_of_access(payload: etree._Element) -> str:
    asked = _text(payload, "Action")
    return next((name for action, name in OPERATIONS.items() if action.value == asked), CPAS_LIST)


def _missing_of_access(payload: etree._Element) -> Iterator[str]:
    mandatory = ["SSIN", "Action"]
    if _operation_of_access(payload) != CPAS_LIST:
        mandatory.append("Purpose")
    yield from (name for name in mandatory if not _text(payload, name))
    period = _child(payload, "Period")
    if period is None or not _text(period, "StartDate"):
        yield "Period: Start Date"
    proof = _child(payload, "ProofOfAuthentication")
    if proof is None or not len(proof):
        yield "Proof Of Authentication"


def _read_access(payload: etree._Element) -> Access:
    period, proof = _child(payload, "Period"), _child(payload, "ProofOfAuthentication")
    assert period is not None
    assert proof is not None
    purpose, network = _text(payload, "Purpose"), _text(payload, "QueryRegister")
    if network == Network.SECONDARY.value and _operation_of_access(payload) != CPAS_LIST:
        raise InvalidRequest(
            "criteria.value",
            "QueryRegister: lines are written to PRIMARY alone",
            element="QueryRegister",
            remedy="Leave it out, or write to the organisation's own register with RegisterService.",
        )
    return Access(
        ssin=_text(payload, "SSIN"),
        purpose=_number(purpose, "Purpose") if purpose else None,
        days=_days(period),
        action=Action(_text(payload, "Action")),
        network=Network(network) if network else None,
        identification=_identification(_child(proof, "PersonData")),
    )


def _operation_of_sectors(_payload: etree._Element) -> str:
    return OTHER_SECTORS


def _missing_of_sectors(payload: etree._Element) -> Iterator[str]:
    criteria = _child(payload, "ConsultOtherSectorsCriteria")
    if criteria is None:
        yield "Consult Other Sectors Criteria"
        return
    if not _text(criteria, "RequestedSsin"):
        yield "Requested Ssin"
    period = _child(criteria, "RequestedPeriod")
    for name, label in (("StartDate", "Start Date"), ("EndDate", "End Date")):
        if period is None or not _text(period, name):
            yield f"Requested Period: {label}"


def _read_sectors(payload: etree._Element) -> OtherSectors:
    criteria = payload[0]
    integrated, requested = _child(criteria, "IntegratedPeriod"), _child(criteria, "RequestedPeriod")
    assert requested is not None
    requestor = _text(criteria, "QualityCodeRequestor")
    return OtherSectors(
        ssin=_text(criteria, "RequestedSsin"),
        requestor=_number(requestor, "QualityCodeRequestor") if requestor else DEFAULT_REQUESTOR,
        integrated=None if integrated is None else _days(integrated),
        requested=_days(requested),
        combinations=tuple(
            (
                _number(_text(one, "Sector"), "Sector"),
                tuple(
                    _number((node.text or "").strip(), "QualityCodes") for node in one.iterchildren("{*}QualityCodes")
                ),
            )
            for one in criteria.iterchildren("{*}SectorQualityCodesCombination")
        ),
    )


def _child(parent: etree._Element, name: str) -> etree._Element | None:
    return next(parent.iterchildren(f"{{*}}{name}"), None)


def _text(parent: etree._Element, name: str) -> str:
    node = _child(parent, name)
    return "" if node is None else " ".join((node.text or "").split())


def _number(text: str, name: str) -> int:
    """The schema admits a number of any length, and Python reads none of thousands of digits."""
    if len(text) > LONGEST_NUMBER:
        raise InvalidRequest("criteria.value", f"{name}: out of range", element=name, remedy="Correct the argument.")
    return int(text)


def _days(period: etree._Element) -> Days:
    end = _text(period, "EndDate")
    return Days(read_day(_text(period, "StartDate"), "StartDate"), read_day(end, "EndDate") if end else None)


def _identification(data: etree._Element | None) -> Identification | None:
    if data is None:
        return None
    try:
        birth = PartialDate.parse(_text(data, "BirthDate"))
    except InvalidIdentifier as error:
        raise InvalidRequest("criteria.value", f"Person Data: Birth Date: {error}", element="BirthDate") from None
    return Identification(_text(data, "LastName"), _text(data, "FirstName") or None, birth)


MANAGE: Final = Reader(_operation_of_access, _missing_of_access, _read_access)
REFERENCE: Final = Reader(_operation_of_sectors, _missing_of_sectors, _read_sectors)
MANAGE_TAG: Final = f"{{{MANAGE_ACCESS}}}ManageAccessRequest"
REFERENCE_TAG: Final = f"{{{REFERENCE_MANAGER}}}ReferenceManagerRequest"
