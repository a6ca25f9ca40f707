"""The XML of ForeignerSituationService: requests read and composed, results written (CT-03).

What is read was validated against the schema before, so that every element looked for is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kruispunt.services._common.reply import standard_reply
from kruispunt.services.foreigner_situation.reasons import REASONS, Reason
from kruispunt.services.foreigner_situation.situation import (
    Employment,
    EmploymentCard,
    EmploymentCriteria,
    Expiration,
    FictionalNumber,
    Limosa,
    SpecialCriteria,
    SpecialInfo,
    WorkPermit,
)
from kruispunt.xml.build import attribute, boolean, element, optional, wrap
from kruispunt.xml.read import child, child_text

if TYPE_CHECKING:
    from lxml import etree


def read_employment(request: etree._Element) -> EmploymentCriteria:
    """The criteria of a valid `consultEmploymentInfosRequest`."""
    criteria = _criteria(request)
    groups = child(criteria, "dataGroups")
    assert groups is not None
    return EmploymentCriteria(
        ssin=child_text(criteria, "ssin") or "",
        employment_cards=_flag(groups, "employmentCards"),
        work_permits=_flag(groups, "workPermits"),
    )


def read_special(request: etree._Element) -> SpecialCriteria:
    """The criteria of a valid `consultSpecialInfosRequest`."""
    return SpecialCriteria(ssin=child_text(_criteria(request), "ssin") or "")


def _criteria(request: etree._Element) -> etree._Element:
    """The schema requires it."""
    criteria = child(request, "criteria")
    assert criteria is not None
    return criteria


def _flag(groups: etree._Element, name: str) -> bool:
    return (child_text(groups, name) or "").strip(" \t\r\n") in ("true", "1")


def compose_employment(values: Mapping[str, Any]) -> str:
    """`criteria` from `ssin`, `employmentCards` and `workPermits`; a group that is not given is asked for."""
    groups = "".join(element(name, boolean(values.get(name, True))) for name in ("employmentCards", "workPermits"))
    return wrap("criteria", element("ssin", values["ssin"]) + wrap("dataGroups", groups))


def compose_special(values: Mapping[str, Any]) -> str:
    """`criteria` from `ssin`."""
    return wrap("criteria", element("ssin", values["ssin"]))


def _employment_result(employment: Employment) -> str:
    cards = "".join(map(_card, employment.cards))
    permits = "".join(map(_permit, employment.permits))
    return wrap(
        "result",
        (wrap("employmentCards", cards) if cards else "") + (wrap("workPermits", permits) if permits else ""),
    )


def _card(card: EmploymentCard) -> str:
    return wrap(
        "employmentCard",
        element("inceptionDate", card.inception_date)
        + optional("expiryDate", card.expiry_date)
        + optional("duplicate", card.duplicate)
        + element("cardNumber", card.card_number)
        + _expiration(card.expiration),
    )


def _permit(permit: WorkPermit) -> str:
    return wrap(
        "workPermit",
        element("inceptionDate", permit.inception_date)
        + optional("expiryDate", permit.expiry_date)
        + element("permitNumber", permit.permit_number)
        + _expiration(permit.expiration),
    )


def _expiration(expiration: Expiration) -> str:
    return wrap(
        "expirationDetails",
        optional("expiryDate", expiration.expiry_date) + optional("comment", expiration.comment),
    )


def _special_result(infos: tuple[SpecialInfo, ...]) -> str:
    return wrap("result", wrap("specialInfos", "".join(map(_special_info, infos))))


def _special_info(info: SpecialInfo) -> str:
    return wrap(
        "specialInfo",
        element("inceptionDate", info.inception_date)
        + optional("expiryDate", info.expiry_date)
        + optional("comment1", info.comment1)
        + optional("comment2", info.comment2)
        + ("" if info.limosa is None else _limosa(info.limosa)),
    )


def _limosa(limosa: Limosa) -> str:
    return wrap(
        "limosa",
        _reason("reason1", limosa.reason1)
        + ("" if limosa.reason2 is None else _reason("reason2", limosa.reason2))
        + _base(limosa.base),
    )


def _reason(name: str, code: str) -> str:
    return wrap(name, element("code", code) + _DESCRIPTIONS.get(code, ""))


def _base(base: str | FictionalNumber | None) -> str:
    if base is None:
        return ""
    if isinstance(base, FictionalNumber):
        return wrap("nrBase", element("fictionalIdentificationNumber", base.number))
    return wrap("nrBase", element("ssin", base))


def _descriptions(reason: Reason) -> str:
    dutch = element("description", reason.dutch, attribute("language", "NL"))
    if reason.french is None:
        return dutch
    return dutch + element("description", reason.french, attribute("language", "FR"))


_DESCRIPTIONS: Final = {code: _descriptions(reason) for code, reason in REASONS.items()}
"""Written once: the list is closed."""

write_employment: Final = standard_reply(_employment_result)
write_special: Final = standard_reply(_special_result)
