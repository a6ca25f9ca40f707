"""IdentifyPerson, rule by rule, through the running gateway (IP-01 to IP-15, IP-18)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from attacker import PERSONAS
from bank import Bank
from identify import Row, by_address, by_name, by_ssin, days, load, number, person

from kruispunt.clock import SystemClock, today

LINKS = 1_000
BE = {"code": "150"}


def standard(house: str, box: str | None = None) -> dict[str, Any]:
    address = {"country": BE, "postalCode": "1000", "street": {"code": "4321"}, "houseNumber": house}
    return {"legal": {"standard": address if box is None else {**address, "box": box}}}


def chain() -> Iterator[Row]:
    """A thousand replacements, BIS and national numbers in turn, and the person at the end."""
    births = list(days("1950-01-01", LINKS + 1))
    numbers = [number(birth, 950, "bis" if n % 2 else "national") for n, birth in enumerate(births)]
    for n, birth in enumerate(births[:-1]):
        register = "bis" if n % 2 else "national"
        yield {"ssin": number(birth, 950, register), "register": register, "replacedBy": numbers[n + 1]}
    yield person("Kettingeind", births[-1], 950, "national" if LINKS % 2 == 0 else "bis")


def people() -> Iterator[Row]:
    yield from chain()
    # IP-04
    yield {"ssin": number("1951-01-01", 971), "register": "national", "replacedBy": number("1951-01-01", 973)}
    # IP-07, IP-08: leap day and year border, one of each register
    for counter, register in ((951, "national"), (953, "bis")):
        for birth in ("2000-02-28", "2000-02-29", "2000-03-01", "1999-12-31", "2000-01-01"):
            yield person("Akkerdam", birth, counter, register)
    for birth in ("1998-11-30", "1998-12-01", "1999-01-31", "1999-02-01", "1998-12-00", "1998-00-00"):
        yield person("Brolmunt", birth, 955, "bis" if birth.endswith("00") else "national")
    # IP-09
    yield person("Gisperlo", "1971-01-01", 951, firsts=("Marie-Louise",))
    yield person("Gisperlo", "1971-01-01", 953, firsts=("Maurice",))
    yield person("Gisperlo", "1971-01-01", 955, firsts=())
    yield person("Gisperlo", "1971-01-01", 957, "bis", firsts=("Maurice",))
    yield person("Gisperlo", "1971-01-01", 959, "bis", firsts=("Bea",))
    yield person("Gisperlo", "1971-01-01", 961, "bis", firsts=())
    # IP-10
    yield person("Nieuwnolt", "1972-01-01", 951, formerNames=[{"lastName": "Harpnolt", "firstNames": ["Jo"]}])
    # IP-11
    for counter, gender in ((951, {"gender": {"code": 1}}), (952, {"gender": {"code": 2}}), (953, {})):
        yield person("Jutvemor", "1973-01-01", counter, **gender)
    # IP-12
    for counter, name, register, count in (
        (951, "Kolprint", "national", 30),
        (952, "Lumvask", "national", 31),
        (953, "Mogrept", "bis", 50),
        (954, "Nastfilk", "bis", 51),
        (955, "Opgrunde", "national", 30),
        (956, "Opgrunde", "bis", 50),
    ):
        for birth in days("1974-01-01", count):
            yield person(name, birth, counter, register)
    yield person("Pilsvarn", "1975-01-01", 951, "rad") | {
        "cbssRegister": {"name": {"lastName": "Pilsvarn", "firstNames": ["Jo"]}, "birth": {"date": "1975-01-01"}}
    }
    # IP-13
    yield person("Ruftenko", "1976-01-01", 951, "bis", replaced_by=number("1976-01-02", 951))
    yield person("Ruftenko", "1976-01-02", 951)
    yield person("Ruftenko", "1976-01-03", 951, "bis", replaced_by=number("1976-01-02", 951))
    # IP-14
    yield person("Stomblik", "1977-01-01", 951, cancelled=True)
    yield person("Stomblik", "1977-01-02", 951)
    # IP-18
    yield {"ssin": number("1977-05-01", 951), "register": "national", "replacedBy": number("1977-05-02", 951)}
    yield person("Vrokslemp", "1977-05-02", 951, blocked=True)
    # IP-15
    yield person("Tangvors", "1978-01-01", 951, address=standard("5", "1"))
    yield person("Tangvors", "1978-01-02", 951, address=standard("5", "2"))
    yield person(
        "Tangvors",
        "1978-01-03",
        951,
        address={"legal": {"diplomatic": {"address": "Abroad"}}},
        formerAddresses=[standard("5", "1")],
    )
    yield person("Tangvors", "1978-01-04", 951, address=standard("5"), decease={"date": "2001-00-00"})
    yield person("Tangvors", "1978-01-05", 951, address=standard("6"), formerAddresses=[standard("5", "1")])
    for end, house in (("1978-02-02", "9"), ("1978-02-03", "8"), ("1978-02-04", "9")):
        blocked = {"blocked": True} if end == "1978-02-04" else {}
        yield person("Tangvors", end, 951, address=standard(house), **blocked)
        yield person("Tangvors", end, 953, address=standard("8"), replaced_by=number(end, 951))
    yield person("Tangvors", "1978-02-05", 951, address=standard("10"), cancelled=True)
    for birth in days("1979-01-01", 120):
        yield person("Ultrapin", birth, 951, address=standard("200"))


@pytest.fixture(scope="module")
def crowd(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    load(bank, tmp_path_factory.mktemp("crowd"), list(people()))
    return bank


def test_ip01_one_number_of_eleven_digits(bank: Bank) -> None:
    assert by_ssin(bank, "8565179014").codes == ["MSG00004"]
    assert by_ssin(bank, "85651790149").codes == ["MSG00011"]
    # Digits to a schema, but no number to anybody.
    assert by_ssin(bank, "٨٥٦٥١٧٩٠١٤٥").codes == ["MSG00011"]


def test_ip02_the_cbss_register_comes_first(bank: Bank) -> None:
    answer = by_ssin(bank, PERSONAS["identify-rad"].ssin or "")
    assert (answer.origins, answer.last_names, answer.codes) == (["BCSS_KSZ"], ["Nieuwkruis"], [])
    assert by_ssin(bank, PERSONAS["identify-by-number"].ssin or "").origins == ["RN_RR"]
    assert by_ssin(bank, PERSONAS["identify-bis"].ssin or "").origins == ["BCSS_KSZ"]


def test_ip03_a_chain_of_a_thousand_links_across_registers(crowd: Bank) -> None:
    births = list(days("1950-01-01", LINKS + 1))
    first, last = number(births[0], 950), number(births[-1], 950)
    answer = by_ssin(crowd, first)
    assert (answer.ssins, answer.last_names) == ([last], ["Kettingeind"])
    assert (answer.ok, answer.codes, answer.severities) == (("WARNING", 1), ["22012001"], ["WARNING"])
    assert answer.information == [("Original SSIN", first), ("Replacing SSIN", last)]


def test_ip04_a_chain_without_a_valid_end(crowd: Bank) -> None:
    """Cancelled, replaced by a cancelled one, replaced by a number that nobody knows."""
    for ssin in (
        PERSONAS["identify-cancelled"].ssin or "",
        PERSONAS["identify-replaced-by-cancelled"].ssin or "",
        number("1951-01-01", 971),
    ):
        answer = by_ssin(crowd, ssin)
        assert (answer.ok, answer.codes, answer.payload) == (("NO", 10_000), ["32012002"], None)


@pytest.mark.parametrize("name", ["Zw1jvel Kruis", "ZWIJVEL-KRUIS", "zwijvel'kruis", "Zwíjvelkruis"])
def test_ip05_names_that_may_be_asked(bank: Bank, name: str) -> None:
    assert by_name(bank, name, "1966-06-06").codes in ([], ["32012004"])


@pytest.mark.parametrize("name", ["12", "- -", "Zwijvel_kruis", "Kruis;", "Крест"])
def test_ip05_names_that_may_not_be_asked(bank: Bank, name: str) -> None:
    answer = by_name(bank, name, "1966-06-06")
    assert (answer.ok, answer.codes) == (("NO", 10_000), ["MSG00004"])
    assert answer.information == [("Phonetic Criteria: Last Name", name)]


def test_ip05_what_is_missing_is_told_field_by_field(bank: Bank) -> None:
    answer = by_name(bank, "", "")
    assert (answer.codes, answer.severities) == (["31000007", "31000007"], ["ERROR", "ERROR"])
    assert answer.information == [("Phonetic Criteria: Last Name", ""), ("Phonetic Criteria: Birth Date", "")]


def test_ip06_rules_between_fields(bank: Bank) -> None:
    soon = (today(SystemClock()) + timedelta(days=3)).isoformat()
    for birth, more, code in (
        ("1961-01-01", {"middleName": "An"}, "31009002"),
        ("1961-01-00", {}, "31009001"),
        ("1961-00-00", {}, "31009001"),
        (soon, {}, "31009003"),
        (soon, {"tolerance": 1}, "31009003"),
        (soon, {"tolerance": 30}, "31009004"),
        ("1799-12-31", {}, "MSG00004"),
        ("1961-02-29", {}, "MSG00004"),
        ("1961-00-05", {"tolerance": 0}, "MSG00004"),
        ("1961-13-01", {}, "MSG00004"),
    ):
        answer = by_name(bank, "Nergenskruis", birth, **more)
        assert (answer.ok, answer.codes) == (("NO", 10_000), [code]), birth
    assert by_name(bank, "Nergenskruis", "1961-01-00").information == [("Phonetic Criteria: Birth Date", "1961-01-00")]


def test_ip06_today_itself_and_the_first_year_are_accepted(bank: Bank) -> None:
    for birth in (today(SystemClock()).isoformat(), "1800-01-01"):
        assert by_name(bank, "Nergenskruis", birth).codes == ["32012004"]


@pytest.mark.parametrize(
    ("birth", "tolerance", "accepted"),
    [
        ("1961-01-01", 30, True),
        ("1961-01-01", 31, False),
        ("1961-01-00", 12, True),
        ("1961-01-00", 13, False),
        ("1961-00-00", 30, True),
        ("1961-00-00", 31, False),
        ("1961-01-01", -1, False),
        ("1961-01-01", 10**40, False),
    ],
)
def test_ip07_how_large_a_tolerance_may_be(bank: Bank, birth: str, tolerance: int, accepted: bool) -> None:
    assert by_name(bank, "Nergenskruis", birth, tolerance=tolerance).codes == ["32012004" if accepted else "MSG00004"]


def test_ip07_days_work_on_the_cbss_register_alone(crowd: Bank) -> None:
    """Leap day and year border; the National Register wants the exact date."""
    national, bis = 951, 953
    found = by_name(crowd, "Akkerdam", "2000-03-01", tolerance=1)
    assert set(found.ssins) == {
        number("2000-03-01", national),
        number("2000-03-01", bis, "bis"),
        number("2000-02-29", bis, "bis"),
    }
    assert set(by_name(crowd, "Akkerdam", "2000-01-01", tolerance=1).ssins) == {
        number("2000-01-01", national),
        number("2000-01-01", bis, "bis"),
        number("1999-12-31", bis, "bis"),
    }
    assert set(by_name(crowd, "Akkerdam", "2000-02-29").ssins) == {
        number("2000-02-29", national),
        number("2000-02-29", bis, "bis"),
    }


def test_ip07_months_reach_over_the_year(crowd: Bank) -> None:
    found = set(by_name(crowd, "Brolmunt", "1998-12-00", tolerance=1).ssins)
    assert found == {
        number(birth, 955, "bis" if birth.endswith("00") else "national")
        for birth in ("1998-11-30", "1998-12-01", "1999-01-31", "1998-12-00")
    }
    assert number("1998-11-30", 955) not in by_name(crowd, "Brolmunt", "1998-12-00", tolerance=0).ssins


def test_ip08_only_the_significant_part_is_compared(crowd: Bank) -> None:
    assert len(by_name(crowd, "Brolmunt", "1998-00-00", tolerance=0).ssins) == 4
    assert len(by_name(crowd, "Brolmunt", "1998-00-00", tolerance=1).ssins) == 6


def test_ip09_first_names_in_each_register(crowd: Bank) -> None:
    """The first part by sound in the National Register, the first letter in the CBSS register, and the unknown."""
    found = by_name(crowd, "Gisperlo", "1971-01-01", firstName="Mary Jane").ssins
    assert set(found) == {
        number("1971-01-01", 951),
        number("1971-01-01", 955),
        number("1971-01-01", 957, "bis"),
        number("1971-01-01", 961, "bis"),
    }
    with_second = by_name(crowd, "Gisperlo", "1971-01-01", firstName="Mary Jane", middleName="Nobody").ssins
    assert with_second == found


def test_ip10_a_former_name_is_found_and_todays_is_shown(crowd: Bank) -> None:
    answer = by_name(crowd, "Harpnolt", "1972-01-01")
    assert (answer.ok, answer.last_names) == (("YES", 0), ["Nieuwnolt"])


@pytest.mark.parametrize(
    ("asked", "counters"), [("", {951, 952, 953}), ("0", {951, 952, 953}), ("1", {951, 953}), ("2", {952, 953})]
)
def test_ip11_sex(crowd: Bank, asked: str, counters: set[int]) -> None:
    found = set(by_name(crowd, "Jutvemor", "1973-01-01", gender=asked).ssins)
    assert found == {number("1973-01-01", counter) for counter in counters}


@pytest.mark.parametrize(
    ("name", "maximum", "count"),
    [
        ("Kolprint", "", 30),
        ("Kolprint", 30, 30),
        ("Kolprint", 29, None),
        ("Lumvask", "", None),
        ("Mogrept", "", 50),
        ("Nastfilk", "", None),
        ("Opgrunde", "", 80),
        ("Opgrunde", 79, None),
        # One number, found in both registers: two results before it is taken once.
        ("Pilsvarn", 2, 1),
        ("Pilsvarn", 1, None),
    ],
)
def test_ip12_exactly_as_many_as_may_be_and_one_more(
    crowd: Bank, name: str, maximum: int | str, count: int | None
) -> None:
    """30 and 31, 50 and 51, 80 and more than 80: too many, and nobody at all is told."""
    answer = by_name(crowd, name, "1974-00-00" if name != "Pilsvarn" else "1975-01-01", tolerance=0, maximum=maximum)
    if count is None:
        assert (answer.ok, answer.codes, answer.payload) == (("NO", 10_000), ["32012003"], None)
    else:
        assert (answer.ok, len(answer.people), len(set(answer.ssins))) == (("YES", 0), count, count)


@pytest.mark.parametrize("maximum", ["0", "81", "x"])
def test_ip12_a_maximum_out_of_range(bank: Bank, maximum: str) -> None:
    assert by_name(bank, "Nergenskruis", "1961-01-01", maximum=maximum).codes == ["MSG00004"]


def test_ip13_found_twice_and_shown_once(crowd: Bank) -> None:
    both = by_name(crowd, "Pilsvarn", "1975-01-01")
    assert both.origins == ["BCSS_KSZ"]
    ending = by_name(crowd, "Ruftenko", "1976-01-00", tolerance=0)
    assert ending.ssins == [number("1976-01-02", 951)]
    assert (ending.ok, ending.codes) == (("WARNING", 1), ["22012001", "22012001"])
    assert [value for name, value in ending.information if name == "Original SSIN"] == [
        number("1976-01-01", 951, "bis"),
        number("1976-01-03", 951, "bis"),
    ]


def test_ip14_who_cannot_be_had_is_left_out_and_told(crowd: Bank) -> None:
    answer = by_name(crowd, "Stomblik", "1977-01-00", tolerance=0)
    assert (answer.ssins, answer.codes) == ([number("1977-01-02", 951)], ["30009001"])
    assert answer.ok == ("WARNING", 1)
    alone = by_name(crowd, "Stomblik", "1977-01-01")
    assert (alone.ok, alone.codes, alone.payload) == (("NO", 10_000), ["30009001"], None)


def test_ip15_the_last_belgian_address(crowd: Bank) -> None:
    """With the dead, with who is abroad, without who moved on; a box narrows; nobody is no error."""
    house = [number(f"1978-01-0{n}", 951) for n in (1, 2, 3, 4)]
    assert set(by_address(crowd, "1000", "4321", "5").ssins) == set(house)
    assert set(by_address(crowd, "1000", "4321", "5", "1").ssins) == {house[0], house[2]}
    nobody = by_address(crowd, "1000", "4321", "7")
    assert (nobody.ok, nobody.people, nobody.codes) == (("YES", 0), [], [])
    assert nobody.payload is not None


def test_ip15_who_was_replaced_is_found_at_the_address_of_the_last_number(crowd: Bank) -> None:
    """The address under a number that was replaced is no longer the last one; numbers are not followed from there."""
    former = by_address(crowd, "1000", "4321", "8")
    assert (former.ssins, former.codes) == ([number("1978-02-03", 951)], [])
    last = by_address(crowd, "1000", "4321", "9")
    assert (last.ssins, last.codes) == ([number("1978-02-02", 951)], ["32000001"])
    cancelled = by_address(crowd, "1000", "4321", "10")
    assert (cancelled.ssins, cancelled.codes) == ([], ["30009001"])


def test_ip15_there_is_no_limit(crowd: Bank) -> None:
    assert len(by_address(crowd, "1000", "4321", "200").people) == 120


@pytest.mark.parametrize(
    ("postal", "street", "house", "code"),
    [("1000", "4321", "", "31000007"), ("1000", "432", "5", "MSG00004"), ("1000", "٤٣٢١", "5", "MSG00004")],
)
def test_ip15_what_an_address_needs(bank: Bank, postal: str, street: str, house: str, code: str) -> None:
    assert by_address(bank, postal, street, house).codes == [code]


def test_ip18_nothing_of_a_person_whose_data_are_blocked(bank: Bank) -> None:
    blocked = PERSONAS["identify-blocked"].ssin or ""
    answer = by_name(bank, "Slotvoorbeeld", "1977-04-04")
    assert (answer.ok, answer.codes, answer.payload) == (("NO", 10_000), ["32000001"], None)
    assert blocked not in str(answer.information)


def test_ip18_the_number_of_somebody_blocked_is_not_told_either(crowd: Bank) -> None:
    answer = by_ssin(crowd, number("1977-05-01", 951))
    assert (answer.ok, answer.codes, answer.information) == (("NO", 10_000), ["32000001"], [])


def test_ip18_what_cannot_be_read_is_left_out_and_the_rest_given(bank: Bank) -> None:
    answer = by_ssin(bank, PERSONAS["identify-unreadable-inscription"].ssin or "")
    assert (answer.ok, answer.codes, len(answer.people)) == (("WARNING", 1), ["30009004"], 1)
    assert answer.people[0].find("{*}InscriptionRegister") is None
    assert answer.people[0].find(".//{*}StandardAddress") is not None


def test_ip18_a_part_that_the_version_does_not_have_is_not_missed(bank: Bank) -> None:
    """20050329 has no temporary address abroad, so that it cannot be read says nothing there (IP-16)."""
    ssin = PERSONAS["identify-unreadable-temporaryaddressabroad"].ssin or ""
    older, newer = (by_ssin(bank, ssin, version=version) for version in ("20050329", "20090818"))
    assert (older.ok, older.codes, len(older.people)) == (("YES", 0), [], 1)
    assert (newer.ok, newer.codes, len(newer.people)) == (("WARNING", 1), ["30009006"], 1)
