"""The XML of PersonService: requests read and composed, results written.

What is read was validated against the schema before. Data of a person are read into the form of `cbssRegister` in an
import, which is where their rules are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from kruispunt.pipeline.service import Reply
from kruispunt.registers import legal_xml
from kruispunt.registers.legal_data import Dossier
from kruispunt.services.person.asked import (
    GROUPS,
    ByName,
    BySsin,
    DataGroup,
    Ended,
    Existing,
    Fields,
    Registration,
    Replacement,
    Told,
    Update,
)
from kruispunt.xml.build import attribute, element, optional, wrap
from kruispunt.xml.read import child, child_text

if TYPE_CHECKING:
    from lxml import etree

# ---- Requests -------------------------------------------------------------------------------------------------------


def read_ssin(request: etree._Element) -> BySsin:
    return BySsin(_text(_criteria(request), "ssin") or "")


def read_name(request: etree._Element) -> ByName:
    criteria = _criteria(request)
    name, birth, gender = _child(criteria, "name"), _child(criteria, "birth"), child(criteria, "gender")
    return ByName(
        last_name=child_text(name, "lastName") or "",
        given_names=_texts(name, "givenName"),
        birth_date=_text(birth, "birthDate") or "",
        variation=_whole(birth, "variation"),
        gender=None if gender is None else _whole(gender, "genderCode"),
        maximum=_whole(criteria, "maximumResultCount"),
    )


def read_registration(request: etree._Element) -> Registration:
    criteria = _criteria(request)
    others = child(criteria, "otherPersons")
    return Registration(_person(_child(criteria, "person")), () if others is None else _texts(others, "ssin"))


def read_update(request: etree._Element) -> Update:
    criteria = _criteria(request)
    person = child(criteria, "person")
    fields = {} if person is None else _person(person)
    return Update(_text(criteria, "ssin") or "", fields, _texts(criteria, "removedElement"))


def read_replacement(request: etree._Element) -> Replacement:
    criteria = _criteria(request)
    return Replacement(_text(criteria, "ssin") or "", _text(_child(criteria, "replacedBy"), "ssin") or "")


def _criteria(request: etree._Element) -> etree._Element:
    return _child(request, "criteria")


def _child(parent: etree._Element, name: str) -> etree._Element:
    """One that the schema requires."""
    found = child(parent, name)
    assert found is not None, name
    return found


def _text(parent: etree._Element, name: str) -> str | None:
    """A number, code or date, of which the schema lets blanks stand around some."""
    found = child_text(parent, name)
    return None if found is None else found.strip(" \t\r\n")


def _texts(parent: etree._Element, name: str) -> tuple[str, ...]:
    return tuple(node.text or "" for node in parent.iterchildren(name))


def _whole(parent: etree._Element, name: str) -> int | None:
    """Not negative; the schema admits any number of zeros before it, and Python not."""
    found = _text(parent, name)
    return None if found is None else int(found.lstrip("+-0") or "0")


def _person(person: etree._Element) -> Fields:
    """The groups that stand there; an element that is absent is left out of its group."""
    return {part.tag: _READ[part.tag](part) for part in person if part.tag in _READ}


def _read_name(name: etree._Element) -> Fields:
    firsts = list(_texts(name, "givenName"))
    return _present(
        lastName=child_text(name, "lastName"), firstNames=firsts or None, modified=_text(name, "inceptionDate")
    )


def _read_nationality(nationality: etree._Element) -> Fields:
    return _present(
        location=_location(nationality, "nationalityCode", "nationalityDescription"),
        modified=_text(nationality, "inceptionDate"),
    )


def _read_event(name: str) -> Callable[[etree._Element], Fields]:
    def read(event: etree._Element) -> Fields:
        place = child(event, f"{name}Place")
        location = None if place is None else _location(place, "locationCode", "locationName")
        return _present(date=_text(event, f"{name}Date"), location=location)

    return read


def _read_gender(gender: etree._Element) -> Fields:
    return _present(code=_whole(gender, "genderCode"), modified=_text(gender, "inceptionDate"))


def _read_civil_state(state: etree._Element) -> Fields:
    return {"code": _whole(state, "civilStateCode")}


def _read_address(address: etree._Element) -> Fields:
    fields = _child(address, "residentialAddress")
    standard = _present(
        country=_location(fields, "countryCode", "countryName"),
        municipality=_location(fields, "cityCode", "cityName") or None,
        postalCode=child_text(fields, "postalCode"),
        street=_location(fields, "streetCode", "streetName") or None,
        houseNumber=child_text(fields, "houseNumber"),
        box=child_text(fields, "boxNumber"),
        modified=_text(fields, "inceptionDate"),
    )
    return {"legal": {"standard": standard}}


def _location(parent: etree._Element, code: str, name: str) -> dict[str, Any]:
    descriptions = [
        _present(text=node.text or "", language=(node.get("language") or "").lower() or None)
        for node in parent.iterchildren(name)
    ]
    return _present(code=_text(parent, code), descriptions=descriptions or None)


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


_READ: Final[Mapping[Any, Callable[[etree._Element], Fields]]] = {
    "name": _read_name,
    "nationality": _read_nationality,
    "birth": _read_event("birth"),
    "decease": _read_event("decease"),
    "gender": _read_gender,
    "civilState": _read_civil_state,
    "address": _read_address,
}

# ---- For clients ----------------------------------------------------------------------------------------------------


def compose_ssin(values: Mapping[str, Any]) -> str:
    """`criteria` from `ssin`."""
    return wrap("criteria", element("ssin", values["ssin"]))


def compose_name(values: Mapping[str, Any]) -> str:
    """`criteria` from lastName, givenNames, birthDate, variation, gender and maximum; empty and 0 are left out."""
    birth = element("birthDate", values["birthDate"])
    if values.get("variation", -1) != -1:
        birth += element("variation", str(values["variation"]))
    gender = values.get("gender")
    maximum = values.get("maximum")
    return wrap(
        "criteria",
        _named(values)
        + wrap("birth", birth)
        + (wrap("gender", element("genderCode", str(gender))) if gender else "")
        + (element("maximumResultCount", str(maximum)) if maximum else ""),
    )


def compose_registration(values: Mapping[str, Any]) -> str:
    """`criteria` from what `compose_update` takes, and others: numbers with commas between."""
    others = "".join(element("ssin", each) for each in _listed(values.get("others")))
    return wrap("criteria", wrap("person", _declared(values)) + (wrap("otherPersons", others) if others else ""))


def compose_update(values: Mapping[str, Any]) -> str:
    """`criteria` from ssin, lastName, givenNames, birthDate, gender, deceaseDate, nationality, civilState, country,
    city, since and removed; what is empty is left out."""
    person = _declared(values)
    removed = "".join(element("removedElement", each) for each in _listed(values.get("removed")))
    return wrap("criteria", element("ssin", values["ssin"]) + (wrap("person", person) if person else "") + removed)


def compose_replacement(values: Mapping[str, Any]) -> str:
    """`criteria` from ssin and replacedBy."""
    by = wrap("replacedBy", element("ssin", values["replacedBy"]))
    return wrap("criteria", element("ssin", values["ssin"]) + by)


def _declared(values: Mapping[str, Any]) -> str:
    since = optional("inceptionDate", values.get("since") or None)
    given = {name: str(value) for name, value in values.items() if value}
    parts: dict[str, Callable[[str], str]] = {
        "lastName": lambda _: _named(values, since),
        "nationality": lambda code: wrap("nationality", element("nationalityCode", code) + since),
        "birthDate": lambda day: wrap("birth", element("birthDate", day)),
        "deceaseDate": lambda day: wrap("decease", element("deceaseDate", day)),
        "gender": lambda code: wrap("gender", element("genderCode", code) + since),
        "civilState": lambda code: wrap("civilState", element("civilStateCode", code)),
        "country": lambda code: wrap("address", wrap("residentialAddress", _abroad(code, values) + since)),
    }
    return "".join(write(given[name]) for name, write in parts.items() if name in given)


def _named(values: Mapping[str, Any], since: str = "") -> str:
    given = "".join(element("givenName", each) for each in _listed(values.get("givenNames")))
    return wrap("name", element("lastName", values["lastName"]) + given + since)


def _abroad(country: str, values: Mapping[str, Any]) -> str:
    return element("countryCode", country) + optional("cityName", values.get("city") or None)


def _listed(value: str | Iterable[str] | None) -> list[str]:
    """A list, or a text with commas between."""
    parts = value.split(",") if isinstance(value, str) else value or ()
    return [part.strip() for part in parts if part.strip()]


# ---- Replies --------------------------------------------------------------------------------------------------------


def write(tail: Callable[[Any], str]) -> Callable[[Reply], str]:
    """Make an `Operation.write`: what all replies of the house have, and then what `tail` makes of the result."""

    def written(reply: Reply) -> str:
        customer, legal_context, criteria = reply.echo
        common = f"{customer}{reply.information_cbss}{legal_context}{criteria}{reply.status}"
        told = None if reply.outcome is None else reply.outcome.result
        return common if told is None else common + tail(told)

    return written


def told_found(told: Told) -> str:
    """ssin, dataFilters, result: of a search by number."""
    replaces = "" if told.replaces is None else attribute("replaces", told.replaces)
    return element("ssin", told.dossier.ssin, replaces) + told_changed(told)


def told_changed(told: Told) -> str:
    """dataFilters, result: of an update."""
    hidden = "".join(element("filteredElement", group) for group in sorted(GROUPS - told.groups))
    return (wrap("dataFilters", hidden) if hidden else "") + wrap("result", _told("person", told))


def told_registered(told: Told | Existing) -> str:
    """result: of a registration."""
    if isinstance(told, Told):
        return wrap("result", _told("newlyRegisteredPerson", told))
    people = "".join(_identified("existingPerson", each) for each in told.people)
    return wrap("result", wrap("existingPersons", people))


def told_identified(told: Existing) -> str:
    """result: of a search by name."""
    return wrap("result", "".join(_identified("personIdentification", each) for each in told.people))


def told_ended(ended: Ended) -> str:
    """ssin, with what became of it."""
    if ended.replaced_by is None:
        return element("ssin", ended.ssin, attribute("canceled", "true"))
    return element("ssin", ended.ssin, attribute("replacedBy", ended.replaced_by))


def _told(name: str, told: Told) -> str:
    dossier, legal = told.dossier, told.dossier.legal
    parts = [element("ssin", dossier.ssin), legal_xml.write_name(legal.name)]
    if legal.nationality is not None and DataGroup.NATIONALITY.value in told.groups:
        parts.append(legal_xml.write_nationality(legal.nationality))
    parts.append(legal_xml.write_birth(legal.birth))
    if legal.decease is not None and DataGroup.DECEASE.value in told.groups:
        parts.append(legal_xml.write_decease(legal.decease))
    if legal.gender is not None:
        parts.append(legal_xml.write_gender(legal.gender))
    if legal.civil_state is not None and DataGroup.CIVIL_STATE.value in told.groups:
        parts.append(legal_xml.write_civil_state(legal.civil_state.code))
    if legal.address is not None and legal.address.legal is not None and DataGroup.ADDRESS.value in told.groups:
        parts.append(legal_xml.write_address(legal.address.legal))
    return f"<{name}{legal_xml.write_register(dossier.ssin, dossier.origin)}>{''.join(parts)}</{name}>"


def _identified(name: str, dossier: Dossier) -> str:
    """What identifies somebody, and nothing else."""
    legal = dossier.legal
    birth = wrap("birth", element("birthDate", str(legal.birth.date)))
    gender = "" if legal.gender is None else legal_xml.write_gender(legal.gender)
    parts = element("ssin", dossier.ssin) + legal_xml.write_name(legal.name) + birth + gender
    return f"<{name}{legal_xml.write_register(dossier.ssin, dossier.origin)}>{parts}</{name}>"
