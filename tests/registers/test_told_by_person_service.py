"""Whatever a register can hold of a person, PersonService can tell, and nothing that the authorisation leaves out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from made_up import PersonLine, person_lines

from kruispunt.registers.legal_data import Dossier
from kruispunt.services.person.asked import GROUPS, Existing, Told
from kruispunt.services.person.messages import told_changed, told_found, told_identified, told_registered
from kruispunt.services.person.service import SERVICE
from kruispunt.xml.schemas import schema

CONTRACT = schema(SERVICE.folder / "contract" / SERVICE.schema)
CUSTOMER = (
    "<informationCustomer><customerIdentification><cbeNumber>0206737484</cbeNumber></customerIdentification>"
    "</informationCustomer>"
)
CBSS = (
    "<informationCBSS><ticketCBSS>019a6f5e-7c1b-7e0f-8d3a-5f2b8c9d0e1f</ticketCBSS>"
    "<timestampReceive>2026-01-01T00:00:00Z</timestampReceive><timestampReply>2026-01-01T00:00:00Z</timestampReply>"
    "</informationCBSS>"
)
STATUS = "<status><value>DATA_FOUND</value><code>MSG00000</code></status>"
SSIN = "<ssin>85473090055</ssin>"
NAME = "<name><lastName>X</lastName></name>"
BIRTH = "<birth><birthDate>1985-07-30</birthDate></birth>"
CRITERIA = {
    "searchPersonBySsin": SSIN,
    "updatePerson": SSIN,
    "searchPersonPhonetically": NAME + BIRTH,
    "registerPerson": f"<person>{NAME}{BIRTH}</person>",
}


def reply(operation: str, tail: str) -> etree._Element:
    """A whole response, which the contract must admit."""
    name = f"x:{operation}Response"
    common = f"{CUSTOMER}{CBSS}<legalContext>X:Y</legalContext><criteria>{CRITERIA[operation]}</criteria>{STATUS}"
    root = etree.fromstring(f'<{name} xmlns:x="{SERVICE.namespace}">{common}{tail}</{name}>')
    assert CONTRACT.check(root) is None
    return root


def dossiers(line: PersonLine) -> list[Dossier]:
    return list(line.dossiers)


@given(person_lines().map(dossiers).filter(bool), st.sets(st.sampled_from(sorted(GROUPS))))
def test_every_dossier_is_told_by_the_contract_and_by_the_authorisation(held: list[Dossier], groups: set[str]) -> None:
    for dossier in held:
        told = Told(dossier, frozenset(groups))
        for operation, tail in (
            ("searchPersonBySsin", told_found(told)),
            ("updatePerson", told_changed(told)),
            ("registerPerson", told_registered(told)),
        ):
            person = reply(operation, tail).find("result")[0]
            assert {part.tag for part in person} & GROUPS <= groups
            assert person.findtext("name/lastName") == dossier.legal.name.last
            assert person.findtext("birth/birthDate") == str(dossier.legal.birth.date)
            assert (person.find("decease") is not None) == (dossier.legal.decease is not None and "decease" in groups)


@given(person_lines().map(dossiers).filter(bool))
def test_people_found_are_told_by_what_identifies_them(held: list[Dossier]) -> None:
    existing = Existing(tuple(held))
    for operation, tail in (
        ("searchPersonPhonetically", told_identified(existing)),
        ("registerPerson", told_registered(existing)),
    ):
        people = [each.getparent() for each in reply(operation, tail).findall("result//ssin")]
        assert [person.findtext("ssin") for person in people] == [each.ssin for each in held]
        for person in people:
            assert {part.tag for part in person} <= {"ssin", "name", "birth", "gender"}
            assert {part.tag for part in person.find("birth")} == {"birthDate"}
