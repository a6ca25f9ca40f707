"""The National Register elsewhere as the supplier of ForeignerSituationService (PL-35).

The envelope of request and reply is ours (`contract/NationalRegisterSupplier.xsd`); what a reply holds are the
register's own information types 197, 198 and 202. They are passed on uninterpreted (FS-03):

- parts of a date become the digits of `YYYY-MM-DD`, 00 where a part is absent; order is the register's;
- an eleven-digit number without the form of a SSIN is passed on as an identification number that is none;
- what the reply of the service has no place for is left out: labels of reasons, `Status` and `Structure`, date and sex
  beside a number;
- what it cannot carry, such as month 77, is not repaired: the whole reply is refused as breaking its schema;
- groups that were not asked for are not passed on, even when they are delivered.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kruispunt.identifiers.ssin import Ssin, is_well_formed
from kruispunt.services.foreigner_situation.situation import (
    Employment,
    EmploymentCard,
    Expiration,
    FictionalNumber,
    Limosa,
    SpecialInfo,
    WorkPermit,
)
from kruispunt.suppliers.failure import Reason, RemoteFailure
from kruispunt.suppliers.port import Expected, Remote, RemoteSupplier
from kruispunt.xml.build import attribute, boolean, element
from kruispunt.xml.schemas import schema

if TYPE_CHECKING:
    from lxml import etree

NAMESPACE: Final = "urn:kruispunt:supplier:national-register:v1"
TYPES: Final = "http://www.ibz.rrn.fgov.be/XSD/xm25/rn25Schema"
SCHEMA: Final = Path(__file__).resolve().parent / "contract" / "NationalRegisterSupplier.xsd"

# Of the service's own contract: IncompleteDateType, and the wider ExpiryDateType.
_DATE: Final = re.compile(r"[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]")
_EXPIRY_DATE: Final = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]")
_PARTS: Final = ("Century", "Year", "Month", "Day")


class RemoteNationalRegister:
    """A ForeignerRegister that asks a supplier; RemoteFailure when that fails."""

    __slots__ = ("_supplier",)

    def __init__(self, supplier: RemoteSupplier) -> None:
        self._supplier = supplier

    async def employment(self, ssin: Ssin, cards: bool, permits: bool) -> Employment:
        """The cards and permits asked for; without a request when neither is asked for."""
        if not (cards or permits):
            return Employment()
        asked = element("employmentCards", boolean(cards)) + element("workPermits", boolean(permits))

        def read(reply: etree._Element) -> Employment:
            self._check_person(reply, ssin)
            return Employment(
                cards=tuple(map(self._card, _entries(reply, "EmploymentCards"))) if cards else (),
                permits=tuple(map(self._permit, _entries(reply, "WorkPermits"))) if permits else (),
            )

        body = _request("employmentRequest", element("nationalNumber", ssin) + asked)
        return await self._supplier.ask(f"{NAMESPACE}/employment", body, _expected("employmentResponse"), read)

    async def special_infos(self, ssin: Ssin) -> tuple[SpecialInfo, ...]:
        """The special information about a person."""

        def read(reply: etree._Element) -> tuple[SpecialInfo, ...]:
            self._check_person(reply, ssin)
            return tuple(map(self._special_info, _entries(reply, "SpecialInfos")))

        body = _request("specialInfosRequest", element("nationalNumber", ssin))
        return await self._supplier.ask(f"{NAMESPACE}/specialInfos", body, _expected("specialInfosResponse"), read)

    async def test(self) -> None:
        """One request about nobody."""
        body = _request("testRequest", "")
        await self._supplier.ask(f"{NAMESPACE}/test", body, _expected("testResponse"), lambda _reply: None)

    def _check_person(self, reply: etree._Element, ssin: Ssin) -> None:
        if reply.findtext("nationalNumber") != ssin:
            raise RemoteFailure(self._supplier.name, Reason.OTHER_PERSON, "the reply is about another number")

    def _card(self, entry: etree._Element) -> EmploymentCard:
        # The information type knows no duplicates.
        number = _text(entry, "CardNumber") or ""
        return EmploymentCard(
            self._date(entry, "Date"), self._optional_date(entry, "DelDate"), None, number, self._expiration(entry)
        )

    def _permit(self, entry: etree._Element) -> WorkPermit:
        number = _text(entry, "PermitNumber") or ""
        return WorkPermit(
            self._date(entry, "Date"), self._optional_date(entry, "DelDate"), number, self._expiration(entry)
        )

    def _special_info(self, entry: etree._Element) -> SpecialInfo:
        limosa = entry.find(_tag("Limosa"))
        return SpecialInfo(
            self._date(entry, "Date"),
            self._optional_date(entry, "DelDate"),
            _text(entry, "Graphic1"),
            _text(entry, "Graphic2"),
            None if limosa is None else _limosa(limosa),
        )

    def _expiration(self, entry: etree._Element) -> Expiration:
        expiry = _child(entry, "ExpiryDate")
        known = any(expiry.find(_tag(part)) is not None for part in _PARTS)
        return Expiration(self._written(expiry, _EXPIRY_DATE) if known else None, _text(expiry, "Graphic"))

    def _date(self, entry: etree._Element, name: str) -> str:
        return self._written(_child(entry, name), _DATE)

    def _optional_date(self, entry: etree._Element, name: str) -> str | None:
        return None if entry.find(_tag(name)) is None else self._date(entry, name)

    def _written(self, date: etree._Element, form: re.Pattern[str]) -> str:
        century, year, month, day = (_text(date, part) or "00" for part in _PARTS)
        text = f"{century}{year}-{month}-{day}"
        if form.fullmatch(text) is None:
            raise RemoteFailure(
                self._supplier.name,
                Reason.SCHEMA,
                "a date with a month or day that the service's contract cannot carry",
            )
        return text


def _limosa(limosa: etree._Element) -> Limosa:
    second = limosa.find(_tag("Reason2"))
    base = limosa.findtext(f"{_tag('NationalNumber')}/{_tag('NationalNumber')}")
    return Limosa(
        _text(_child(limosa, "Reason1"), "Code") or "",
        None if second is None else _text(second, "Code"),
        None if base is None else Ssin(base) if is_well_formed(base) else FictionalNumber(base),
    )


def _entries(reply: etree._Element, group: str) -> list[etree._Element]:
    found = reply.find(_tag(group))
    return [] if found is None else list(found)


def _child(parent: etree._Element, name: str) -> etree._Element:
    found = parent.find(_tag(name))
    assert found is not None, "the schema requires it"
    return found


def _text(parent: etree._Element, name: str) -> str | None:
    """None when there is no such element; the empty text is a value."""
    return parent.findtext(_tag(name))


def _tag(name: str) -> str:
    return f"{{{TYPES}}}{name}"


def _request(name: str, inner: str) -> str:
    return f"<nr:{name}{attribute('xmlns:nr', NAMESPACE)}>{inner}</nr:{name}>"


@cache
def _expected(name: str) -> Expected:
    return Expected(schema(SCHEMA), f"{{{NAMESPACE}}}{name}")


REMOTE: Final = Remote(RemoteNationalRegister, RemoteNationalRegister.test)
