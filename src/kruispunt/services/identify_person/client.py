"""A client's half of the connector: requests from values by field name, and what a reply tells. For `kruispunt call`,
examples and tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from lxml import etree

from kruispunt.identifiers.ssin import compute
from kruispunt.pipeline.dialect import Told
from kruispunt.pipeline.service import Field, Operation
from kruispunt.services.identify_person.envelope import moment
from kruispunt.services.identify_person.namespaces import COMMON, CONNECTOR, CPAS, IDENTIFY_PERSON, SERVICE
from kruispunt.services.identify_person.other_payload import CPAS_LIST, CPAS_REGISTER, CPAS_UNREGISTER, OTHER_SECTORS
from kruispunt.services.identify_person.other_xml import MANAGE_FIELDS, SECTOR_FIELDS
from kruispunt.services.identify_person.payload import CPAS_BY_SSIN, CPAS_PHONETIC
from kruispunt.xml.build import attribute, element, text, wrap
from kruispunt.xml.parse import REPLY_LIMITS, parse

NEWEST: Final = "20090818"
USER: Final = compute(date(1980, 1, 1), 901, test_band=True)
"""Who asks, unless it is said: a number that is nobody's."""

_SSIN: Final = Field("ssin", help="Number of the person: eleven digits.")
_VERSION: Final = Field("version", default=NEWEST, help="20050329 or 20090818.")
_USER: Final = Field("userId", default=USER, help="Number of the official who asks.")
_EMAIL: Final = Field("email", default="official@example.org", help="Mail address of the official who asks.")
_NAME: Final = (
    Field("lastName", help="Last name."),
    Field("birthDate", help="YYYY-MM-DD, with 00 for an unknown day, or day and month."),
    Field("firstName", default="", help="First name."),
    Field("middleName", default="", help="Second first name; not compared."),
    Field("gender", default="", help="1 man, 2 woman, 0 either."),
    Field("tolerance", default="", help="Days, months or years, by the birth date."),
    Field("maximum", default="", help="Most results, 1 to 80."),
)
_VERIFY: Final = (
    Field("verifyLastName", default="", help="PersonData to compare with: last name."),
    Field("verifyFirstName", default="", help="PersonData: first name."),
    Field("verifyBirthDate", default="", help="PersonData: birth date."),
)
FIELDS_BY_SSIN: Final = (_SSIN, _VERSION, _USER, _EMAIL)
FIELDS_PHONETIC: Final = (*_NAME, _VERSION, _USER, _EMAIL)
FIELDS_BY_ADDRESS: Final = (
    Field("postalCode", help="Postal code."),
    Field("streetCode", help="NIS street code: four digits."),
    Field("houseNumber", help="House number."),
    Field("box", default="", help="Box; without it, everybody at the house number."),
    _VERSION,
    _USER,
    _EMAIL,
)
FIELDS_CPAS_BY_SSIN: Final = (
    _SSIN,
    *(Field(f.name, f.kind, "", f"{f.help} Ignored beside a number.") for f in _NAME[:2]),
    *_VERIFY,
    _USER,
    _EMAIL,
)
FIELDS_CPAS_PHONETIC: Final = (*_NAME, *_VERIFY, _USER, _EMAIL)
FIELDS_MANAGE: Final = (_SSIN, *MANAGE_FIELDS, _USER, _EMAIL)
FIELDS_SECTORS: Final = (_SSIN, *SECTOR_FIELDS, _USER, _EMAIL)

_PHONETIC: Final = ("lastName", "firstName", "middleName", "birthDate", "gender", "tolerance", "maximum")
_ADDRESS: Final = ("postalCode", "streetCode", "houseNumber", "box")
_MANDATORY: Final = {"lastName", "birthDate", "postalCode", "streetCode", "houseNumber"}


SERVICES: Final = {
    CPAS_BY_SSIN: ("OCMWCPASIdentifyPerson", "20050930"),
    CPAS_PHONETIC: ("OCMWCPASIdentifyPerson", "20050930"),
    CPAS_REGISTER: ("OCMWCPASManageAccess", "20050930"),
    CPAS_UNREGISTER: ("OCMWCPASManageAccess", "20050930"),
    CPAS_LIST: ("OCMWCPASManageAccess", "20050930"),
    OTHER_SECTORS: ("ReferenceManager.consult", "20050525"),
}
"""ServiceId and Version by operation; every other one is IdentifyPerson."""


def compose(operation: Operation, organisation: str, values: Mapping[str, Any], ticket: str, now: datetime) -> str:
    """`xmlString` with an SSDNRequest of one service request. `organisation`: CBE number or "sector/institution"."""
    service_id, version = SERVICES.get(operation.name, ("IdentifyPerson", NEWEST))
    version = str(values.get("version") or version)
    request = service_request(service_id, version, operation.compose(values))
    return connector(ssdn_request(organisation, request, ticket, now, values))


def ssdn_request(
    organisation: str, requests: str, ticket: str, now: datetime, values: Mapping[str, Any] | None = None
) -> str:
    """The SSDNRequest around service requests."""
    given = values or {}
    sector, slash, institution = organisation.partition("/")
    user = (
        element("ssdn:UserID", str(given.get("userId") or USER))
        + element("ssdn:Email", str(given.get("email") or _EMAIL.default))
        + element("ssdn:OrgUnit", organisation)
        + element("ssdn:MatrixID", sector if slash else "0")
        + (element("ssdn:MatrixSubID", institution) if slash else "")
    )
    message = element("ssdn:Reference", ticket) + element("ssdn:TimeRequest", moment(now))
    context = wrap("ssdn:AuthorizedUser", user) + wrap("ssdn:Message", message)
    return (
        f"<ssdn:SSDNRequest{attribute('xmlns:ssdn', SERVICE)}>{wrap('ssdn:RequestContext', context)}{requests}"
        "</ssdn:SSDNRequest>"
    )


def service_request(service_id: str, version: str, payload: str) -> str:
    return wrap(
        "ssdn:ServiceRequest", element("ssdn:ServiceId", service_id) + element("ssdn:Version", version) + payload
    )


def connector(document: str) -> str:
    """A document as the connector carries it."""
    return f"<con:xmlString{attribute('xmlns:con', CONNECTOR)}>{text(document)}</con:xmlString>"


def payload_of(operation: str, values: Mapping[str, Any]) -> str:
    """`IdentifyPersonRequest` of the operation's namespace."""
    limited = operation in (CPAS_BY_SSIN, CPAS_PHONETIC)
    name = f"<p:IdentifyPersonRequest{attribute('xmlns:p', CPAS if limited else IDENTIFY_PERSON)}>"
    match operation:
        case "bySSIN":
            criteria = wrap("p:BySSINCriteria", element("p:SSIN", str(values["ssin"])))
        case "byAddress":
            criteria = wrap("p:AddressCriteria", _elements(_ADDRESS, values))
        case "cpasBySSIN":
            criteria = element("p:SSIN", str(values["ssin"]))
            criteria += wrap("p:PhoneticCriteria", _elements(_PHONETIC, values)) if values.get("lastName") else ""
        case _:
            criteria = wrap("p:PhoneticCriteria", _elements(_PHONETIC, values))
    return f"{name}{wrap('p:SearchCriteria', criteria)}{_verification(values)}</p:IdentifyPersonRequest>"


def _elements(names: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """In the contract's order; what is not given is left out, unless it must be there."""
    given = {name: str(values.get(name, "")) for name in names}
    return "".join(
        element(f"p:{name[0].upper()}{name[1:]}", value) for name, value in given.items() if value or name in _MANDATORY
    )


def _verification(values: Mapping[str, Any]) -> str:
    if not values.get("verifyLastName"):
        return ""
    data = element("p:LastName", str(values["verifyLastName"]))
    if values.get("verifyFirstName"):
        data += element("p:FirstName", str(values["verifyFirstName"]))
    data += element("p:BirthDate", str(values["verifyBirthDate"]))
    return wrap("p:VerificationData", wrap("p:PersonData", data))


def told(payload: etree._Element) -> Told:
    """What the element of a reply tells: the summary of the first service reply, else that of the whole."""
    document = parse((payload.text or "").encode(), REPLY_LIMITS)
    summary = f"{{{COMMON}}}ResultSummary"
    found = document.find(f"{{{SERVICE}}}ServiceReply/{summary}")
    whole = document.find(f"{{{SERVICE}}}ReplyContext/{summary}")
    leading = whole if found is None else found
    assert leading is not None
    first = leading.find(f"{{{COMMON}}}Detail")
    information: tuple[tuple[str, str], ...] = ()
    code = description = ""
    if first is not None:
        code = first.findtext(f"{{{COMMON}}}ReasonCode") or ""
        description = first.findtext(f"{{{COMMON}}}Diagnostic") or ""
        information = tuple(
            (node.findtext(f"{{{COMMON}}}FieldName") or "", node.findtext(f"{{{COMMON}}}FieldValue") or "")
            for node in first.iterchildren(f"{{{COMMON}}}Information")
        )
    return Told(
        ticket=document.findtext(f".//{{{SERVICE}}}Ticket") or "",
        value=leading.get("ok") or "",
        code=code,
        description=description,
        information=information,
        document=document,
    )
