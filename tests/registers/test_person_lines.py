"""Lines of people: everything that a register can hold, read and written again (IP-16, SS-08)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import TODAY, belgian, fresh, legal, person_lines

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Kind
from kruispunt.registers import importing, jsonlines, legal_json
from kruispunt.registers import person_lines as reading
from kruispunt.registers.facts import Facts, Told
from kruispunt.registers.legal_data import Origin, Subregister, Unreadable
from kruispunt.registers.person_lines import PersonLine


def read(line: dict[str, Any]) -> PersonLine:
    return reading.read(line, today=TODAY, test_band=True)


def national(**fields: Any) -> dict[str, Any]:
    (ssin,) = fresh(1)
    return {"ssin": ssin, "register": "national", "nationalRegister": legal(**fields)}


def cbss(register: str = "bis", **fields: Any) -> dict[str, Any]:
    (ssin,) = fresh(1, Kind.BIS if register == "bis" else Kind.NATIONAL)
    return {"ssin": ssin, "register": register, "cbssRegister": legal(**fields)}


@given(person_lines())
@settings(max_examples=80)
def test_a_line_that_is_written_is_read_as_the_same(line: PersonLine) -> None:
    facts = Facts.of(line)
    assert read(json.loads(facts.line)) == line
    assert Facts.of(read(json.loads(facts.line))) == facts
    assert "\\\\" in facts.line or facts.says_all_of(facts.written)
    assert not facts.says_all_of(facts.written.replace(b'"ssin":', b'"ssin":"","ssin":', 1))


@given(person_lines())
@settings(max_examples=40)
def test_documents_are_read_back_from_the_database_as_they_were(line: PersonLine) -> None:
    for dossier in line.dossiers:
        assert legal_json.parse(legal_json.write(dossier.legal)) == dossier.legal


TWICE = (
    ('"lastName"', '"Maes"'),
    ('"register"', '"national"'),
    ('"date"', '"1990-01-00"'),
    ('"nationalRegister"', '{"name":{"lastName":"Maes"},"birth":{"date":"1990-01-00"}}'),
    ('"ssin"', '"85673093333"'),
    ('"firstNames"', "[]"),
    ('"cancelled"', "true"),
    ('"modified"', '"1990-01-00"'),
)
"""Fields with a value that they may have: who reads the last one alone would not notice."""
BAD = (
    ('"lastName":"', '"lastName":" '),
    ('"lastName":"', '"lastName":"\u3000'),
    ('"lastName":"', '"lastName":"a\u2028'),
    ('"lastName":"', '"lastName":"a\x7f'),
    ('"code":"', '"code":"x'),
    ('"code":"', '"code":"123'),
)


def mutated(text: str) -> st.SearchStrategy[str]:
    """The line with a field twice, nulls, blanks, escapes, bad texts and codes, or a part cut out."""
    names = st.sampled_from(("ssin", "register", "name", "birth", "date", "lastName", "cancelled", "gender", "code"))
    return st.one_of(
        st.just(text),
        names.map(lambda name: text.replace(f'"{name}":', f'"{name}":1,"{name}":', 1)),
        names.map(lambda name: text.replace(f'"{name}":', f'"{name}":null,"{name}":', 1)),
        names.map(lambda name: text.replace(f'"{name}":', f'"other":null,"{name}":', 1)),
        names.map(lambda name: text.replace(f'"{name}":', f'"{name}":{{"{name}":"x"}},"{name}":', 1)),
        st.sampled_from(TWICE).map(lambda pair: text.replace(f"{pair[0]}:", f"{pair[0]}:{pair[1]},{pair[0]}:", 1)),
        st.sampled_from(BAD).map(lambda pair: text.replace(*pair, 1)),
        st.just(json.dumps(json.loads(text), indent=1).replace("\n", " ")),
        st.just(json.dumps(json.loads(text), ensure_ascii=True)),
        st.just(text.replace('"', "\\u0022", 3)),
        st.integers(0, len(text)).map(lambda cut: text[:cut]),
        st.just(text.replace('{"ssin"', '{"nationalRegister":null,"blocked":null,"ssin"')),
    )


@given(person_lines().flatmap(lambda line: mutated(Facts.of(line).line)))
@settings(max_examples=150)
def test_the_quick_reading_agrees_with_the_thorough_one(text: str) -> None:
    def thorough(fields: jsonlines.Fields) -> Told:
        return Told.of(read(fields))

    quick = importing.read_plain(text.encode(), today=TODAY, test_band=True)
    report = jsonlines.ImportReport()
    told = list(jsonlines.read_lines(io.BytesIO(text.encode()), thorough, report))
    assert quick is None or [quick] == told


@pytest.mark.parametrize("pair", TWICE[:-1])
def test_a_field_that_stands_twice_deep_inside_refuses_the_line(pair: tuple[str, str]) -> None:
    fields = national(gender={"code": 1, "modified": "1990-00-00"}) | {"cancelled": True}
    plain = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    assert importing.read_plain(plain.encode(), today=TODAY, test_band=True) is not None
    line = plain.replace(f"{pair[0]}:", f"{pair[0]}:{pair[1]},{pair[0]}:", 1)
    assert line != plain
    report = jsonlines.ImportReport()
    (got,) = [*jsonlines.read_lines(io.BytesIO(line.encode()), read, report), None]
    assert got is None
    assert report.refused[0].why == "a field stands in the line twice"
    assert importing.read_plain(line.encode(), today=TODAY, test_band=True) is None


@pytest.mark.parametrize("pair", BAD)
def test_a_text_or_code_that_is_not_well_formed_is_left_to_the_thorough_reading(pair: tuple[str, str]) -> None:
    plain = json.dumps(national(address=belgian()), ensure_ascii=False, separators=(",", ":"))
    assert importing.read_plain(plain.encode(), today=TODAY, test_band=True) is not None
    line = plain.replace(*pair, 1)
    assert importing.read_plain(line.encode(), today=TODAY, test_band=True) is None
    with pytest.raises(DataError, match="must be"):
        read(json.loads(line))


def test_null_is_the_same_as_absent_everywhere() -> None:
    with_nulls = national(
        formerNames=None, blocked=None, unreadable=None, decease=None, birth={"date": "1980-01-01", "location": None}
    )
    with_nulls["nationalRegister"]["name"]["firstNames"] = None
    line = read(with_nulls)
    assert line.national is not None
    assert (line.national.name.firsts, line.national.former_names, line.national.blocked) == ((), (), False)


def test_ss_08_a_rad_person_has_a_copy_without_address() -> None:
    line = national(address=belgian(), formerAddresses=[belgian("1111")], civilState={"code": 20, "partner": {}})
    line["nationalRegister"]["name"]["complete"] = True
    line["register"] = "rad"
    told = read(line)
    assert told.national is not None
    assert told.cbss is not None
    assert told.national.address is not None
    assert (told.cbss.address, told.cbss.former_addresses, told.cbss.blocked) == (None, (), False)
    assert told.cbss.name.last == told.national.name.last
    assert told.cbss.name.complete is None
    assert told.cbss.inscription is not None
    assert told.cbss.inscription.register is Subregister.RAD
    assert told.cbss.civil_state is not None
    assert told.cbss.civil_state.partner is None
    assert [dossier.origin for dossier in told.dossiers] == [Origin.RR, Origin.KSZ]


def test_ip_18_blocked_data_are_not_published_by_a_copy() -> None:
    """Only data of the National Register are blocked, so those of the CBSS register would be given."""
    line = national(blocked=True) | {"register": "rad"}
    with pytest.raises(DataError, match="blocked: blocked data are not copied"):
        read(line)
    own = cbss("rad", name={"lastName": "Own"})["cbssRegister"]
    told = read(line | {"cbssRegister": own})
    assert told.cbss is not None
    assert told.cbss.name.last == "Own"


def test_ip_18_what_cannot_be_read_cannot_be_read_in_a_copy() -> None:
    """The parts that the CBSS register does not hold are not copied anyway."""
    told = read(national(unreadable=[part.value for part in Unreadable]) | {"register": "rad"})
    assert told.cbss is not None
    assert told.cbss.unreadable == (Unreadable.SOMETHING, Unreadable.EVERYTHING)


def test_a_copy_that_would_make_the_line_too_long_to_be_read_again_is_refused() -> None:
    names = [{"lastName": "é" * 100, "firstNames": ["x" * 20]}] * 200
    line = national(formerNames=names)
    told = Told.of(read(line))
    assert len(told.facts.line.encode()) < jsonlines.LONGEST_LINE
    line["register"] = "rad"
    with pytest.raises(DataError, match="with the copy"):
        Told.of(read(line))


PLACE = {"code": "24062"}
FREE = {"address": "KERKSTRAAT 1"}
ABROAD = {"legal": {"standard": {"country": {"code": "111"}}}}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (national(name={}), "nationalRegister.name.lastName: missing"),
        (national(name={"lastName": 5}), "nationalRegister.name.lastName: must be a text between quotes"),
        (national(name={"lastName": " x"}), "nationalRegister.name.lastName: must be one line of text"),
        (national(name={"lastName": "a\nb"}), "nationalRegister.name.lastName: must be one line of text"),
        (national(name={"lastName": "\x00"}), "nationalRegister.name.lastName: must be one line of text"),
        (national(name={"lastName": "\ud800"}), "nationalRegister.name.lastName: is a text with half a character"),
        (national(name={"lastName": "x" * 101}), "nationalRegister.name.lastName: must have at most 100 characters"),
        (national(name={"lastName": "x", "complete": 1}), "nationalRegister.name.complete: must be true or false"),
        (national(name="x"), "nationalRegister.name: must be an object"),
        (national(formerNames={"x": 1}), "nationalRegister.formerNames: must be a list"),
        (national(birth={"date": "1980-02-30"}), "nationalRegister.birth.date: the date is not in the calendar"),
        (national(birth={"date": "0000-00-00"}), "nationalRegister.birth.date: the year of a date must be known"),
        (national(birth={"date": 1980}), "nationalRegister.birth.date: must be a date between quotes"),
        (national(birth={"date": "2025-06-16"}), "nationalRegister.birth.date: lies in the future"),
        (national(decease={"date": "2025-07-00"}), "nationalRegister.decease.date: lies in the future"),
        (national(gender={"code": "1"}), "nationalRegister.gender.code: must be a whole number"),
        (national(gender={"code": True}), "nationalRegister.gender.code: must be a whole number"),
        (national(gender={"code": 3}), "nationalRegister.gender.code: must be 1 or 2"),
        (national(gender={"code": 1, "x\x1b": 1}), "'nationalRegister.gender.x\\x1b': unknown field"),
        (national(inscription={"register": 6}), "nationalRegister.inscription.register: this subregister"),
        (national(inscription={"register": 11}), "nationalRegister.inscription.register: must be 1, 2, 3"),
        (
            national(birth={"date": "1980-00-00", "location": {"code": "1"}}),
            "nationalRegister.birth.location.code: must",
        ),
        (
            national(nationality={"location": {"descriptions": [{"text": "X"}] * 6}}),
            "nationalRegister.nationality.location.descriptions: must have at most 5 entries",
        ),
        (national(address=ABROAD), "nationalRegister.address.legal.standard.country: a standard address of this"),
        *(
            (national(address=address), "nationalRegister.address.postAbroad: only somebody registered at a diplomatic")
            for address in (
                belgian() | {"postAbroad": FREE},
                {"postAbroad": FREE},
                {"manager": {"location": {"code": "44021"}}, "postAbroad": FREE},
            )
        ),
        (national(formerAddresses=[{"legal": {}}]), "nationalRegister.formerAddresses.0.legal: must hold either"),
        (
            national(address={"manager": {"location": {"code": "1234"}, "linguisticRegime": "Dutch"}}),
            "nationalRegister.address.manager.linguisticRegime: only a municipality has one",
        ),
        (
            national(civilState={"code": 20, "partner": {"ssin": "1"}}),
            "nationalRegister.civilState.partner.ssin: is not",
        ),
        (
            national(civilState={"code": 20, "partner": {"ssin": "85673093334"}}),
            "nationalRegister.civilState.partner.ssin",
        ),
        (national(unreadable=["inscription", "inscription"]), "nationalRegister.unreadable: a part stands in the list"),
        (cbss(blocked=True), "cbssRegister.blocked: only data of the National Register"),
        (cbss(unreadable=["inscription"]), "cbssRegister.unreadable: the CBSS register does not hold"),
        (cbss(formerNames=[{"lastName": "X", "complete": True}]), "cbssRegister.name.complete: only the National"),
        (cbss(civilState={"code": 20, "location": PLACE}), "cbssRegister.civilState: the CBSS register holds the code"),
        (cbss(address=belgian()), "cbssRegister.address.legal.standard.country: a standard address of this register"),
        (cbss(address={"temporary": FREE}), "cbssRegister.address: the CBSS register holds a standard address alone"),
        (cbss(address={"legal": {"diplomatic": FREE}}), "cbssRegister.address: the CBSS register holds a standard"),
        (cbss(address={"manager": {"location": PLACE}}), "cbssRegister.address: the CBSS register holds a standard"),
        (cbss(inscription={"register": 7}), "cbssRegister.inscription.register: this subregister"),
        (cbss("rad", inscription={"register": 6}), "cbssRegister.inscription.register: this subregister"),
        (cbss("national"), "cbssRegister: the CBSS register holds people of the registers bis and rad alone"),
        ({**cbss(), "nationalRegister": legal()}, "nationalRegister: the National Register holds nobody with a BIS"),
        ({**national(), "nationalRegister": []}, "nationalRegister: must be an object"),
    ],
)
def test_what_is_refused_and_why(line: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError) as refused:
        read(line)
    assert refused.value.what.startswith(why)
    assert "KERKSTRAAT" not in refused.value.what


@pytest.mark.parametrize(
    "address", [{"legal": {"diplomatic": FREE}}, {"manager": {"location": {"code": "1234"}}}], ids=("legal", "manager")
)
def test_ip_16_post_abroad_is_for_people_at_a_diplomatic_post(address: dict[str, Any]) -> None:
    line = read(national(address=address | {"postAbroad": FREE}))
    assert line.national is not None
    assert line.national.address is not None
    assert line.national.address.post_abroad is not None


@pytest.mark.parametrize(("part", "digits", "wrong"), [("street", 4, (2, 3, 5)), ("municipality", 5, (2, 3, 4))])
def test_ip_17_codes_of_an_address_in_belgium(part: str, digits: int, wrong: tuple[int, ...]) -> None:
    """A search by address could ask for no other street. Abroad the codes are of any length."""
    place = belgian()["legal"]["standard"]
    read(national(address={"legal": {"standard": place | {part: {"code": "1" * digits}}}}))
    read(national(address={"legal": {"standard": place | {part: {"descriptions": [{"text": "ONBEKEND"}]}}}}))
    for length in wrong:
        address = {"legal": {"standard": place | {part: {"code": "1" * length}}}}
        with pytest.raises(DataError, match=rf"address.legal.standard.{part}.code: a {part}.* has {digits} digits"):
            read(national(address=address))
        with pytest.raises(DataError, match=r"formerAddresses.0.legal.standard"):
            read(national(formerAddresses=[address]))
        abroad = {"country": {"code": "111"}, part: {"code": "1" * length}}
        read(cbss(address={"legal": {"standard": abroad}}))


def test_ip_18_every_part_that_can_be_unreadable_can_be_told() -> None:
    line = read(national(unreadable=[part.value for part in Unreadable], blocked=True))
    assert line.national is not None
    assert line.national.unreadable == tuple(Unreadable)


def test_ip_15_the_last_belgian_address_is_found_behind_one_abroad() -> None:
    line = read(
        national(
            address={"manager": {"location": {"code": "1234"}}, "legal": {"diplomatic": FREE}},
            formerAddresses=[{"temporary": FREE}, belgian("4321"), belgian("1111")],
        )
    )
    assert line.national is not None
    address = line.national.last_belgian_address
    assert address is not None
    assert address.street is not None
    assert address.street.code == "4321"
    nobody = read(national())
    assert nobody.national is not None
    assert nobody.national.last_belgian_address is None
