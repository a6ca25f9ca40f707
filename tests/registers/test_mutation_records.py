"""Records of mutation files, against trees that lxml builds from the same data (RP-15, RP-16, IP-02, IP-18)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from made_up import fresh, person_lines

from kruispunt.errors import StorageError
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.mutations.checking import Checker
from kruispunt.mutations.kinds import PARTS, Kind
from kruispunt.mutations.layout import CONTRACT, File
from kruispunt.mutations.records import Profile, Record, Told, write_item
from kruispunt.registers.facts import Facts
from kruispunt.registers.legal_data import (
    LegalData,
    Location,
    Name,
    PlainTextAddress,
    StandardAddress,
    Unreadable,
)
from kruispunt.registers.parts import DATA, GROUPS, Part
from kruispunt.registers.people import Register
from kruispunt.registers.person_lines import PersonLine
from kruispunt.xml.schemas import schema

AT = datetime(2026, 2, 1, 1, tzinfo=UTC)
ORDER = ("name", "nationality", "birth", "decease", "gender", "civilState", "address", "inscription")
REGISTERS = {Register.NATIONAL: "NR", Register.BIS: "BIS", Register.RAD: "RAD"}

kinds = st.just(set(Kind)) | st.sets(st.sampled_from(Kind), min_size=1)
groups = st.just(set(GROUPS)) | st.sets(st.sampled_from(sorted(GROUPS)))
changes = st.sampled_from(list(Part)) | st.sets(st.sampled_from(list(Part)), min_size=1).map(
    lambda some: Part(sum(some))
)


def file(profile: Profile, stream: str | None = None) -> File:
    receiver = OrganisationKey("0999800180")
    return File(1, "town", 1, date(2026, 1, 31), AT, receiver, "TEST:MUTATIONS", profile, stream)


def profile_of(subscribed: set[Kind], granted: set[str]) -> Profile:
    """As a distribution fixes it: data that are not granted make no change worth telling."""
    data = Part(sum({GROUPS[name] for name in granted}))
    parts, told = Part(0), Part(0)
    for kind in subscribed:
        own = PARTS[kind] & DATA & data
        told |= own
        parts |= own | (PARTS[kind] & ~DATA & ~Part.ACCESS) | (PARTS[kind] & Part.ACCESS if own else Part(0))
    return Profile(parts.value, told.value)


def told(line: PersonLine, parts: Part, replaced: list[Ssin], number: int = 7) -> Told:
    facts = Facts.of(line)
    return Told(facts.ssin, parts.value, [to_int(each) for each in replaced], number, facts.written)


def add(parent: etree._Element, name: str, text: object = None, **attributes: str) -> etree._Element:
    node = etree.SubElement(parent, name, dict(sorted(attributes.items())))
    if text is not None:
        node.text = str(text)
    return node


def place(parent: etree._Element, location: Location | None, code: str, name: str, *, described: bool = True) -> None:
    if location is None:
        return
    if location.code is not None:
        add(parent, code, location.code)
    for each in location.descriptions if described else ():
        language = {} if each.language is None else {"language": each.language.value.upper()}
        add(parent, name, each.text, **{k: v for k, v in language.items() if v != "EN"})


def since(parent: etree._Element, value: Name | StandardAddress | PlainTextAddress | object) -> None:
    modified = value.modified  # type: ignore[attr-defined]
    if modified is not None:
        add(parent, "inceptionDate", modified)


def tree(parent: etree._Element, group: str, legal: LegalData) -> None:
    """One group, written by the contract; nothing for what the register does not hold."""
    held = legal.civil_state if group == "civilState" else getattr(legal, group)
    if held is None or (group == "address" and legal.address is not None and legal.address.legal is None):
        return
    node = add(parent, group)
    if group == "name":
        add(node, "lastName", legal.name.last)
        for number, first in enumerate(legal.name.firsts, 1):
            add(node, "givenName", first, sequence=str(number))
        since(node, held)
    elif group == "nationality":
        place(node, held.location, "nationalityCode", "nationalityDescription")
        since(node, held)
    elif group in ("birth", "decease"):
        add(node, f"{group}Date", held.date)
        if held.location is not None:
            place(add(node, f"{group}Place"), held.location, "locationCode", "locationName")
    elif group == "gender":
        add(node, "genderCode", held.code.value)
        since(node, held)
    elif group == "civilState":
        add(node, "civilStateCode", held.code.value)
    elif group == "inscription":
        add(node, "subregister", held.register.value)
        since(node, held)
    else:
        address(node, legal)


def address(node: etree._Element, legal: LegalData) -> None:
    assert legal.address is not None
    assert legal.address.legal is not None
    standard, plain = legal.address.legal.standard, legal.address.legal.diplomatic
    if standard is None:
        assert plain is not None
        inner = add(node, "diplomaticAddress")
        place(inner, plain.country, "countryCode", "countryName")
        add(inner, "address", plain.address)
        since(inner, plain)
        return
    described = Unreadable.LEGAL_ADDRESS_DETAILS not in legal.unreadable
    inner = add(node, "residentialAddress")
    place(inner, standard.country, "countryCode", "countryName", described=described)
    place(inner, standard.municipality, "cityCode", "cityName", described=described)
    for name, text in (("postalCode", standard.postal_code),):
        if text is not None:
            add(inner, name, text)
    place(inner, standard.street, "streetCode", "streetName", described=described)
    for name, text in (("houseNumber", standard.house_number), ("boxNumber", standard.box)):
        if text is not None:
            add(inner, name, text)
    since(inner, standard)


def expected(line: PersonLine, parts: Part, replaced: list[Ssin], subscribed: set[Kind], granted: set[str]) -> bytes:
    """The record as a tree, in canonical form."""
    root = etree.Element("mutation", number="7")
    in_use = line.replaced_by is None and not line.cancelled
    add(root, "ssin", line.ssin, **({} if in_use else {"canceled": "true"}))
    for each in replaced:
        add(root, "replacedSsin", each)
    data = {name for name in granted if any(GROUPS[name] in PARTS[kind] for kind in subscribed)}
    for kind in Kind:
        own = PARTS[kind] & DATA
        worth = [part for part in Part if part in PARTS[kind] and part in parts]
        by_data = any(GROUPS[name] in own for name in data)
        if kind in subscribed and any(
            part not in DATA | Part.ACCESS
            or (part in DATA and any(GROUPS[n] == part for n in data))
            or (part == Part.ACCESS and by_data)
            for part in worth
        ):
            add(root, "kind", kind.value)
    whole = parts & (Part.NEW | Part.REPLACEMENT | Part.CANCELLATION | Part.ACCESS)
    wanted = [name for name in ORDER if name in data and (whole or GROUPS[name] in parts)]
    if in_use and wanted:
        person(root, line, wanted)
    return etree.tostring(root, method="c14n") + b"\n"


def person(root: etree._Element, line: PersonLine, wanted: list[str]) -> None:
    legal = line.cbss or line.national
    if legal is None:
        add(root, "person", told=" ".join(wanted))
        return
    attributes = {"register": REGISTERS[line.register] if line.cbss is not None else "NR"}
    hidden = set(legal.unreadable)
    if legal.blocked or Unreadable.EVERYTHING in hidden:
        why = {"blocked": "true"} if legal.blocked else {"unreadable": "everything"}
        add(root, "person", told="", **attributes, **why)
        return
    said = []
    if "inscription" in wanted and Unreadable.INSCRIPTION in hidden:
        wanted.remove("inscription")
        said.append("inscription")
    if "address" in wanted and Unreadable.LEGAL_ADDRESS_DETAILS in hidden:
        said.append("legalAddressDetails")
    if Unreadable.SOMETHING in hidden:
        said.append("something")
    if said:
        attributes["unreadable"] = " ".join(said)
    node = add(root, "person", told=" ".join(wanted), **attributes)
    for group in wanted:
        tree(node, group, legal)


@given(person_lines(), changes, kinds, groups, st.integers(0, 2))
@settings(max_examples=200)
def test_rp_16_a_record_is_the_tree_of_the_same_data(
    line: PersonLine, parts: Part, subscribed: set[Kind], granted: set[str], count: int
) -> None:
    replaced = fresh(count)
    profile = profile_of(subscribed, granted)
    record = Record(told(line, parts, replaced)).of(profile)
    assert record == expected(line, parts, replaced, subscribed, granted)
    if parts & profile.parts:  # else nobody chose it
        Checker().check_records(file(profile), [record])


@given(person_lines(), changes, st.lists(st.tuples(kinds, groups), min_size=2, max_size=5))
@settings(max_examples=80)
def test_rp_19_what_files_share_is_what_each_would_have(
    line: PersonLine, parts: Part, wanted: list[tuple[set[Kind], set[str]]]
) -> None:
    """Files that subscribe different kinds, with the same parts in common, have different records."""
    shared = Record(told(line, parts, []))
    profiles = [profile_of(*each) for each in wanted]
    alone = [Record(told(line, parts, [])).of(profile) for profile in profiles]
    assert [shared.of(profile) for profile in profiles] == alone
    assert set(shared.written.values()) == set(alone)


def test_a_text_that_looks_like_a_field_is_a_text() -> None:
    document = '{"name":{"lastName":"x,\\"cbssRegister\\":{\\"replacedBy\\""},"birth":{"date":"1980-00-00"}}'
    facts = Facts(to_int(fresh(1)[0]), Register.NATIONAL.value, None, False, document.encode(), None)
    record = Record(Told(facts.ssin, Part.NAME.value, (), 1, facts.written)).of(profile_of(set(Kind), {"name"}))
    assert b'register="NR"' in record
    assert b'<lastName>x,"cbssRegister":{"replacedBy"</lastName>' in record


def test_ip_02_of_somebody_in_both_registers_the_cbss_data_alone_are_told() -> None:
    both = Facts(
        to_int(fresh(1)[0]),
        Register.RAD.value,
        None,
        False,
        b'{"name":{"lastName":"Old"},"birth":{"date":"1980-01-01"}}',
        b'{"name":{"lastName":"New"},"birth":{"date":"1980-01-01"}}',
    )
    record = Record(Told(both.ssin, Part.NAME.value, (), 1, both.written)).of(profile_of(set(Kind), {"name"}))
    assert b"<lastName>New</lastName>" in record
    assert b"Old" not in record
    assert b'register="RAD"' in record


def valid(record: bytes) -> bool:
    """By libxml2 alone."""
    whole = file(Profile(0, 0))
    try:
        root = etree.fromstring(whole.head + record + whole.end)
    except etree.XMLSyntaxError:
        return False
    return schema(CONTRACT).check(root) is None


def located(code: str) -> dict[str, Any]:
    return {"code": code, "descriptions": [{"text": "BRUXELLES", "language": "fr"}, {"text": "Brüssel"}]}


RICH = {
    "name": {"lastName": "Peeters", "firstNames": ["Zoë", "An"], "complete": True, "modified": "2020-01-00"},
    "birth": {"date": "1980-02-00", "location": located("21004"), "modified": "2020-01-00"},
    "inscription": {"register": 2, "modified": "2020-01-00"},
    "gender": {"code": 2, "modified": "2020-01-00"},
    "civilState": {"code": 10, "modified": "2020-01-00", "location": located("21004")},
    "decease": {"date": "2020-01-00", "location": located("111")},
    "nationality": {"location": located("150"), "modified": "2020-01-00"},
    "address": {
        "manager": {"location": located("21004"), "linguisticRegime": "Dutch"},
        "legal": {
            "standard": {
                "country": located("150"),
                "municipality": located("21004"),
                "postalCode": "1000",
                "street": located("1234"),
                "houseNumber": "7",
                "box": "B",
                "modified": "2020-01-00",
            },
        },
    },
}
ABROAD = {
    **RICH,
    "address": {"legal": {"diplomatic": {"address": "1 RUE", "country": located("111"), "modified": "2020-01-00"}}},
    "unreadable": ["temporaryAddress", "something"],
}
VALUES: tuple[Any, ...] = (
    *("", "x", "x" * 20, "x" * 21, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "a&b", "<a>", "]]>", '"', "\t", "\r"),
    *("\x00", "\uffee", "\uffff", "\ud800", "0", "00", "123456", "12a", "١٢", "2026-19-39", "2026-01-00"),
    *("0000-00-00", "3026-01-01", "2026-01-0", "nl", "NL", 0, 1, 3, 10, 11, 65536, 1.5, True, None, [], {}, ["x"]),
)
ALL = profile_of(set(Kind), set(GROUPS))


def damaged(value: Any) -> Iterator[Any]:
    """A document with one value replaced, one field taken away, or one list that is too long."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield {other: kept for other, kept in value.items() if other != name}
            yield from ({**value, name: bad} for bad in damaged(each))
    elif isinstance(value, list):
        yield from (value * often for often in (2, 3, 11))
        for number, each in enumerate(value):
            yield from ([*value[:number], bad, *value[number + 1 :]] for bad in damaged(each))
    yield from VALUES


def record_of(document: Any, parts: Part = Part.NEW) -> Record:
    line = f'{{"ssin":"85673093333","register":"national","nationalRegister":{json.dumps(document)}}}'
    return Record(Told(85673093333, parts.value, (), 17, line.encode()))


@pytest.mark.parametrize("document", [RICH, ABROAD])
def test_rp_18_whatever_a_document_holds_what_is_told_of_it_follows_the_schema(document: Any) -> None:
    """Without asking the schema: each value is held against its type, and what does not fit is not told at all."""
    assert valid(record_of(document).of(ALL))
    refused = written = 0
    for bad in damaged(document):
        try:
            made = record_of(bad).of(ALL)
        except StorageError:
            refused += 1
            continue
        written += 1
        assert valid(made), bad
    assert refused > 500
    assert written > 500


def test_rp_18_the_schema_is_asked_of_each_form_once_and_of_what_is_out_of_the_ordinary() -> None:
    checker = Checker()

    def asked(record: Record, granted: set[str]) -> bool:
        record.of(profile_of(set(Kind), granted))
        return [checker.doubts(record, form) for form in record.written] == [True]

    assert [asked(record_of(RICH), {"name"}) for _ in range(3)] == [True, False, False]
    assert asked(record_of(RICH), {"birth"}), "another form"
    assert asked(record_of(RICH, Part.REPLACEMENT), {"name"}), "of another kind"
    assert [asked(record_of({**RICH, "blocked": True}), {"name"}) for _ in range(2)] == [True, True]
    assert [asked(record_of(ABROAD), {"gender"}) for _ in range(2)] == [True, True]
    assert [asked(record_of(RICH), {"gender"}) for _ in range(2)] == [True, False], "it is not known by those"
    good, bad = 85673093333, 85677793333
    for number, replaced in ((bad, good), (good, bad)):
        each = Record(Told(number, Part.NEW.value, (replaced,), 17, b'{"register":"national"}'))
        assert each.doubtful
        with pytest.raises(StorageError, match="does not follow the schema"):
            checker.check_records(file(ALL), [each.of(ALL)])


def test_rp_17_an_item_tells_the_number_in_use_and_the_one_that_was_sent() -> None:
    new, old = fresh(2)
    document = '<d:x xmlns:d="urn:example:dimona" a="1">é &amp; more</d:x>'
    moved = write_item(3, to_int(new), to_int(old), 'R "1" & 2', AT, document)
    same = write_item(4, to_int(new), to_int(new), "R3", AT, document)
    Checker().check_records(file(Profile(0, 0), "dimona"), [moved, same])
    node = etree.fromstring(moved)
    assert [each.text for each in node[:4]] == [new, old, 'R "1" & 2', "2026-02-01T01:00:00.000Z"]
    assert etree.tostring(node, method="c14n") + b"\n" == moved
    assert b"replacedSsin" not in same


def test_rp_18_what_does_not_follow_the_schema_is_not_published() -> None:
    good = b'<mutation number="1"><ssin>85673093333</ssin><kind>address</kind></mutation>\n'
    checker = Checker()
    for bad in (
        b'<mutation number="1"><ssin>85673093333</ssin></mutation>\n',
        b'<mutation number="0"><ssin>85673093333</ssin><kind>address</kind></mutation>\n',
        b'<mutation number="1"><ssin>85673093333</ssin><kind>address</kind>\n',
    ):
        with pytest.raises(StorageError):
            checker.check_records(file(Profile(0, 0)), [good, bad])
    checker.check_records(file(Profile(0, 0)), [good, good])


def test_numbers_are_eleven_digits() -> None:
    small = from_int(1_010_195_030)
    record = Record(Told(to_int(small), Part.NEW.value, [1_010_195_030], 1, b'{"ssin":"01010195030"}'))
    assert record.of(Profile(Part.NEW.value, 0)).count(b">01010195030<") == 2
