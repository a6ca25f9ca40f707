"""The XML of OCMWCPASManageAccess and ReferenceManager.consult: replies, and requests for clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from kruispunt.periods import Period
from kruispunt.pipeline.service import Field
from kruispunt.services._common.days import Days
from kruispunt.services.identify_person.namespaces import COMMON, MANAGE_ACCESS, REFERENCE_MANAGER
from kruispunt.services.identify_person.other_payload import CPAS_REGISTER, CPAS_UNREGISTER, OTHER_SECTORS
from kruispunt.services.identify_person.other_services import Access, Consultation, Consulted, Managed, Registration
from kruispunt.xml.build import attribute, element, optional, wrap

NO_PURPOSE: Final = "0"
"""The reply must repeat a purpose, also of a list that asked for none (ours)."""

MANAGE_FIELDS: Final = (
    Field("purpose", default="", help="Quality code."),
    Field("begin", help="First day, YYYY-MM-DD."),
    Field("end", default="", help="Last day; without it, there is no end."),
    Field("queryRegister", default="", help="PRIMARY, SECONDARY or ALL."),
    Field("identityCardNumber", default="000000000000", help="Twelve digits; not compared."),
    Field("verifyLastName", default="", help="PersonData instead of a card: last name."),
    Field("verifyFirstName", default="", help="PersonData: first name."),
    Field("verifyBirthDate", default="", help="PersonData: birth date."),
)
SECTOR_FIELDS: Final = (
    Field("begin", help="First day of the period asked for, YYYY-MM-DD."),
    Field("end", help="Last day of it."),
    Field("requestor", default="", help="Quality code under which you know the person; 902 without it."),
    Field("integratedBegin", default="", help="First day on which you know the person; today without it."),
    Field("integratedEnd", default="", help="Last such day."),
    Field("sector", default="", help="A sector; without it, all."),
    Field("qualityCode", default="", help="A quality code in that sector; without it, all."),
)


def write_managed(managed: Managed) -> str:
    """`ManageAccessReply`."""
    inner = _original(managed.asked) + "".join(map(_registration, managed.registrations))
    names = attribute("xmlns:common", COMMON) + attribute("xmlns:ma", MANAGE_ACCESS)
    return f"<ma:ManageAccessReply{names}>{inner}</ma:ManageAccessReply>"


def write_consulted(consulted: Consulted) -> str:
    """`ReferenceManagerReply`. Descriptions are left out: the platform has none in two languages."""
    inner = wrap("rm:ConsultOtherSectorsResult", "".join(map(_consultation, consulted.consultations)))
    names = attribute("xmlns:common", COMMON) + attribute("xmlns:rm", REFERENCE_MANAGER)
    return f"<rm:ReferenceManagerReply{names}>{inner}</rm:ReferenceManagerReply>"


def compose(operation: str, values: Mapping[str, Any]) -> str:
    """For clients: the payload of an operation, from values by field name."""
    given = {name: str(value) for name, value in values.items()}
    return _compose_sectors(given) if operation == OTHER_SECTORS else _compose_access(operation, given)


def _original(asked: Access) -> str:
    purpose = NO_PURPOSE if asked.purpose is None else str(asked.purpose)
    return wrap(
        "ma:OriginalRequest",
        element("ma:SSIN", asked.ssin)
        + element("ma:Purpose", purpose)
        + wrap("ma:Period", _days(asked.days))
        + element("ma:Action", asked.action.value)
        + optional("ma:Register", None if asked.network is None else asked.network.value),
    )


def _registration(line: Registration) -> str:
    return wrap(
        "ma:Registrations",
        element("ma:Purpose", str(line.purpose))
        + wrap("ma:Period", _period(line.period))
        + element("ma:OrgUnit", line.unit)
        + element("ma:Register", line.network.value),
    )


def _consultation(one: Consultation) -> str:
    periods = "".join(wrap("rm:Period", _period(period)) for period in one.periods)
    return wrap(
        "rm:Consultation",
        element("rm:Sector", str(one.sector)) + element("rm:QualityCode", str(one.quality_code)) + periods,
    )


def _days(days: Days) -> str:
    return _dates(days.begin, days.end)


def _period(period: Period) -> str:
    """Days that have always been begin on the first day that can be written."""
    return _dates(period.begin or date.min, period.end)


def _dates(begin: date, end: date | None) -> str:
    last = None if end is None else end.isoformat()
    return element("common:StartDate", begin.isoformat()) + optional("common:EndDate", last)


def _compose_access(operation: str, given: Mapping[str, str]) -> str:
    action = {CPAS_REGISTER: "REGISTER", CPAS_UNREGISTER: "UNREGISTER"}.get(operation, "LIST")
    if given.get("verifyLastName"):
        proof = wrap(
            "ma:PersonData",
            element("ma:LastName", given["verifyLastName"])
            + optional("ma:FirstName", given.get("verifyFirstName") or None)
            + element("ma:BirthDate", given.get("verifyBirthDate", "")),
        )
    else:
        proof = element("ma:IdentityCardNumber", given.get("identityCardNumber") or "000000000000")
    inner = (
        element("ma:SSIN", given["ssin"])
        + optional("ma:Purpose", given.get("purpose") or None)
        + wrap("ma:Period", _given("begin", "end", given))
        + element("ma:Action", action)
        + optional("ma:QueryRegister", given.get("queryRegister") or None)
        + wrap("ma:ProofOfAuthentication", proof)
    )
    names = attribute("xmlns:common", COMMON) + attribute("xmlns:ma", MANAGE_ACCESS)
    return f"<ma:ManageAccessRequest{names}>{inner}</ma:ManageAccessRequest>"


def _compose_sectors(given: Mapping[str, str]) -> str:
    integrated = ""
    if given.get("integratedBegin"):
        integrated = wrap("rm:IntegratedPeriod", _given("integratedBegin", "integratedEnd", given))
    combination = element("rm:Sector", given.get("sector", "")) + optional(
        "rm:QualityCodes", given.get("qualityCode") or None
    )
    inner = (
        optional("rm:QualityCodeRequestor", given.get("requestor") or None)
        + element("rm:RequestedSsin", given["ssin"])
        + integrated
        + wrap("rm:RequestedPeriod", _given("begin", "end", given))
        + (wrap("rm:SectorQualityCodesCombination", combination) if given.get("sector") else "")
        + element("rm:FetchDescriptions", "false")
    )
    names = attribute("xmlns:common", COMMON) + attribute("xmlns:rm", REFERENCE_MANAGER)
    criteria = wrap("rm:ConsultOtherSectorsCriteria", inner)
    return f"<rm:ReferenceManagerRequest{names}>{criteria}</rm:ReferenceManagerRequest>"


def _given(begin: str, end: str, given: Mapping[str, str]) -> str:
    return element("common:StartDate", given[begin]) + optional("common:EndDate", given.get(end) or None)
