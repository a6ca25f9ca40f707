"""From the payload of a service request to what it asks.

Mandatory arguments that are missing or empty are told one by one (31000007), before the schema is asked: so the real
service does it. Everything else that the schema refuses is MSG00004.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt.errors import BusinessRefusal, InvalidRequest, Rule
from kruispunt.identifiers.invalid import InvalidIdentifier
from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.services.identify_person.asked import ByAddress, ByName, BySsin, Limited, PersonData
from kruispunt.services.identify_person.citizen import Version
from kruispunt.services.identify_person.namespaces import CPAS, IDENTIFY_PERSON
from kruispunt.services.identify_person.other_payload import MANAGE, MANAGE_TAG, REFERENCE, REFERENCE_TAG, Reader
from kruispunt.services.identify_person.other_services import Access, OtherSectors

if TYPE_CHECKING:
    from lxml import etree

Asked = BySsin | ByName | ByAddress | Limited | Access | OtherSectors

BY_SSIN, PHONETIC, BY_ADDRESS = "bySSIN", "phonetic", "byAddress"
CPAS_BY_SSIN, CPAS_PHONETIC = "cpasBySSIN", "cpasPhonetic"


@dataclass(frozen=True, slots=True)
class Form:
    """What a ServiceId and a Version stand for."""

    tag: str
    """Of the payload."""
    version: Version
    schema: str
    """The file in `contract/` with envelope and payload together."""
    limited: bool = False
    reader: Reader | None = None
    """Of the services beside IdentifyPerson."""


_REQUEST: Final = f"{{{IDENTIFY_PERSON}}}IdentifyPersonRequest"
_TWO: Final = Form(_REQUEST, Version.TWO_NAMES, "SSDN20050329.xsd")
_THREE: Final = Form(_REQUEST, Version.THREE_NAMES, "SSDN20090818.xsd")
FORMS: Final = {
    ("IdentifyPerson", "20050329"): _TWO,
    ("IdentifyPerson", "20080918"): _THREE,
    ("IdentifyPerson", "20090818"): _THREE,
    ("OCMWCPASIdentifyPerson", "20050930"): Form(
        f"{{{CPAS}}}IdentifyPersonRequest", Version.TWO_NAMES, "SSDN20050329.xsd", limited=True
    ),
    ("OCMWCPASManageAccess", "20050930"): Form(MANAGE_TAG, Version.TWO_NAMES, "SSDN20050329.xsd", reader=MANAGE),
    ("ReferenceManager.consult", "20050525"): Form(
        REFERENCE_TAG, Version.TWO_NAMES, "SSDN20050329.xsd", reader=REFERENCE
    ),
}

LONGEST_NUMBER: Final = 20
_NAMES: Final = {
    "LastName": "Last Name",
    "BirthDate": "Birth Date",
    "FirstName": "First Name",
    "MiddleName": "Middle Name",
    "PostalCode": "Postal Code",
    "StreetCode": "Street Code",
    "HouseNumber": "House Number",
}
_GROUPS: Final = {
    "BySSINCriteria": ("By SSIN Criteria", ("SSIN",)),
    "PhoneticCriteria": ("Phonetic Criteria", ("LastName", "BirthDate")),
    "AddressCriteria": ("Address Criteria", ("PostalCode", "StreetCode", "HouseNumber")),
}


class ArgumentMissing(BusinessRefusal):
    """31000007: the fields that are missing or empty, by the names that messages give them."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(
            Rule.NOTHING_ASKED,
            f"missing or empty: {', '.join(fields)}",
            element="SearchCriteria",
            remedy="Give every mandatory argument.",
        )
        self.fields = fields


def invalid_field(field: str, why: str) -> InvalidRequest:
    """MSG00004 about one criterion."""
    return InvalidRequest(
        "criteria.value", f"{field}: {why}", element="SearchCriteria", remedy="Correct the criterion."
    )


def form_of(service_id: str, version: str) -> Form:
    """Raises InvalidRequest for what is not offered."""
    form = FORMS.get((service_id, version))
    if form is None:
        offered = ", ".join(f"{one} {two}" for one, two in FORMS)
        raise InvalidRequest(
            "ssdn.service",
            "no service of this connector has this ServiceId and Version",
            element="ServiceId",
            remedy=f"Use one of: {offered}.",
        )
    return form


def operation_name(payload: etree._Element, form: Form) -> str:
    """Which search a payload asks for, by names alone; the schema has not been asked yet."""
    if form.reader is not None:
        return form.reader.operation(payload)
    names = {_local(node) for criteria in payload if _local(criteria) == "SearchCriteria" for node in criteria}
    if form.limited:
        return CPAS_BY_SSIN if "SSIN" in names else CPAS_PHONETIC
    if "PhoneticCriteria" in names:
        return PHONETIC
    return BY_ADDRESS if "AddressCriteria" in names else BY_SSIN


def _local(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2]


def check_mandatory(payload: etree._Element, form: Form) -> None:
    """Raises ArgumentMissing."""
    missing = tuple(_missing(payload) if form.reader is None else form.reader.missing(payload))
    if missing:
        raise ArgumentMissing(missing)


def _missing(payload: etree._Element) -> Iterator[str]:
    criteria = next((node for node in payload if _local(node) == "SearchCriteria"), None)
    if criteria is None or not len(criteria):
        yield "Search Criteria"
        return
    groups = list(criteria)
    # Beside a number, phonetic criteria are ignored, whatever is in them.
    for group in [node for node in groups if _local(node) == "SSIN"] or groups:
        name, fields = _GROUPS.get(_local(group), (_local(group), ()))
        if not fields and not len(group) and not (group.text or "").strip():
            yield name
        given = {_local(node): (node.text or "").strip() for node in group}
        yield from (f"{name}: {_NAMES.get(field, field)}" for field in fields if not given.get(field))


def read(payload: etree._Element, form: Form) -> Asked:
    """What a payload asks that its schema accepts. Raises InvalidRequest for a date that is none."""
    if form.reader is not None:
        asked: Asked = form.reader.read(payload)
        return asked
    criteria = payload[0]
    return _limited(payload, criteria, form) if form.limited else _search(criteria[0], form.version)


def _search(group: etree._Element, version: Version) -> BySsin | ByName | ByAddress:
    get = _getter(group)
    match _local(group):
        case "BySSINCriteria":
            return BySsin(get("SSIN") or "", version)
        case "AddressCriteria":
            return ByAddress(
                get("PostalCode") or "", get("StreetCode") or "", get("HouseNumber") or "", get("Box"), version
            )
        case _:
            return _by_name(group, version)


def _by_name(group: etree._Element, version: Version) -> ByName:
    get = _getter(group)
    return ByName(
        last_name=get("LastName") or "",
        first_name=get("FirstName"),
        middle_name=get("MiddleName"),
        birth_date=get("BirthDate") or "",
        gender=_number(get("Gender"), "Gender") or 0,
        tolerance=_number(get("Tolerance"), "Tolerance"),
        maximum=_number(get("Maximum"), "Maximum"),
        version=version,
    )


def _number(text: str | None, field: str) -> int | None:
    """The schema admits a number of any length, and Python reads none of thousands of digits."""
    if text is None:
        return None
    if len(text) > LONGEST_NUMBER:
        raise invalid_field(f"Phonetic Criteria: {field}", "out of range")
    return int(text)


def _limited(payload: etree._Element, criteria: etree._Element, form: Form) -> Limited:
    groups = {_local(node): node for node in criteria}
    ssin = groups.get("SSIN")
    verify = next((node for part in list(payload)[1:] for node in part if _local(node) == "PersonData"), None)
    return Limited(
        search=_by_name(groups["PhoneticCriteria"], form.version)
        if ssin is None
        else BySsin((ssin.text or "").strip(), form.version),
        ignored_phonetic=ssin is not None and "PhoneticCriteria" in groups,
        verify=None if verify is None else _person_data(verify),
    )


def _person_data(node: etree._Element) -> PersonData:
    get = _getter(node)
    try:
        birth = PartialDate.parse(get("BirthDate") or "")
    except InvalidIdentifier as error:
        raise invalid_field("Person Data: Birth Date", str(error)) from None
    return PersonData(get("LastName") or "", get("FirstName"), get("MiddleName"), birth)


def _getter(group: etree._Element) -> Callable[[str], str | None]:
    """Texts by name, white space collapsed as the schema's types do; an empty optional one was left out."""
    texts = {_local(node): " ".join((node.text or "").split()) for node in group}
    return lambda name: texts.get(name) or None
