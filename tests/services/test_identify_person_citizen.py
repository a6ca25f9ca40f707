"""What is shown of a person, field by field, for each register and version (IP-16, IP-17), and the limited form."""

from __future__ import annotations

import pytest
from lxml import etree
from msgspec.structs import replace

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Sex, Ssin
from kruispunt.registers.legal_data import (
    AddressInformation,
    Birth,
    CivilState,
    CivilStateCode,
    Decease,
    Description,
    Dossier,
    Gender,
    Inscription,
    Language,
    LegalAddress,
    LegalData,
    LinguisticRegime,
    Location,
    ManagerLocation,
    Name,
    Nationality,
    Origin,
    Partner,
    PlainTextAddress,
    StandardAddress,
    Subregister,
    Unreadable,
)
from kruispunt.services.identify_person.answered import Answered
from kruispunt.services.identify_person.asked import PersonData
from kruispunt.services.identify_person.citizen import Version
from kruispunt.services.identify_person.codes import APPENDIX_B, CODES, Severity, severity_of
from kruispunt.services.identify_person.service import SERVICE
from kruispunt.services.identify_person.summary import Detail, Status, detail, status_of, write_summary
from kruispunt.services.identify_person.verification import differences
from kruispunt.services.identify_person.write import write_payload
from kruispunt.xml.schemas import schema

NS = {
    "p": "http://www.ksz-bcss.fgov.be/XSD/SSDN/Person",
    "c": "http://www.ksz-bcss.fgov.be/XSD/SSDN/OCMW_CPAS/IdentifyPerson",
}
TWO, THREE = Version.TWO_NAMES, Version.THREE_NAMES
RR, KSZ = Origin.RR, Origin.KSZ
DAY = PartialDate(2011, 2, 3)
SSIN = Ssin("80651790145")
BELGIUM = Location("150", (Description("België", Language.NL), Description("Belgique", Language.FR)))
ODD = Location("111", (Description("Parijs"),))
"""Code and description need not correspond (IP-17)."""
STANDARD = StandardAddress(
    BELGIUM, Location("44021", (Description("Gent", Language.NL),)), "9000", Location("0042"), "12", "b", DAY
)
FREE = PlainTextAddress("Rue sans nom 1", ODD, DAY)
NAME = Name("Dupont-Šimić", ("Zoë", "Ana", "Eva", "Ida"), complete=False, modified=DAY)
WHOLE = LegalData(
    name=NAME,
    birth=Birth(PartialDate(1980, 5, 0), ODD, DAY),
    inscription=Inscription(Subregister.WAITING_EU_DECLARATION, DAY),
    gender=Gender(Sex.FEMALE, DAY),
    civil_state=CivilState(CivilStateCode.MARRIED, DAY, ODD, Partner(SSIN, replace(NAME, complete=True))),
    decease=Decease(PartialDate(2020), ODD, DAY),
    nationality=Nationality(BELGIUM, DAY),
    address=AddressInformation(
        manager=ManagerLocation(BELGIUM, LinguisticRegime.BILINGUAL, DAY),
        legal=LegalAddress(standard=STANDARD),
        temporary=FREE,
        post_abroad=FREE,
        temporary_abroad=FREE,
    ),
)


def shown(legal: LegalData, origin: Origin, version: Version) -> etree._Element:
    """The Citizen in a reply that the schema of its version accepts."""
    reply = etree.fromstring(write_payload(Answered((Dossier(SSIN, origin, legal),), (), version)))
    name = "SSDN20050329.xsd" if version is TWO else "SSDN20090818.xsd"
    assert schema(SERVICE.folder / "contract" / name).check(reply) is None
    return reply[0][0]


def text(citizen: etree._Element, path: str) -> str | None:
    found = citizen.find(path, NS)
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("origin", "version", "last", "first", "middle", "second", "complete", "modified"),
    [
        (RR, TWO, "DUPONT-ŠIMIĆ", "ZOË ANA", None, None, "false", None),
        (RR, THREE, "Dupont-Šimić", "Zoë", "Ana", "Eva", "false", None),
        (KSZ, TWO, "DUPONT-ŠIMIĆ", "ZOË", "ANA EVA IDA", None, None, "2011-02-03"),
        (KSZ, THREE, "Dupont-Šimić", "Zoë", "Ana Eva Ida", None, None, "2011-02-03"),
    ],
)
def test_ip16_names(
    origin: Origin,
    version: Version,
    last: str,
    first: str,
    middle: str | None,
    second: str | None,
    complete: str | None,
    modified: str | None,
) -> None:
    citizen = shown(WHOLE, origin, version)
    name = citizen.find("p:LegalData/p:Name", NS)
    assert name is not None
    assert [
        text(name, f"p:{n}") for n in ("LastName", "FirstName", "MiddleName", "SecondMiddleName", "CompleteFirstName")
    ] == [
        last,
        first,
        middle,
        second,
        complete,
    ]
    assert name.get("modificationDate") == modified


@pytest.mark.parametrize(
    ("firsts", "version", "told"),
    [
        ((), TWO, [None, None, None]),
        ((), THREE, [None, None, None]),
        (("Zoë",), TWO, ["ZOË", None, None]),
        (("Zoë",), THREE, ["Zoë", None, None]),
        (("Zoë", "Ana"), TWO, ["ZOË ANA", None, None]),
        (("Zoë", "Ana"), THREE, ["Zoë", "Ana", None]),
    ],
)
def test_ip16_fewer_first_names(firsts: tuple[str, ...], version: Version, told: list[str | None]) -> None:
    citizen = shown(replace(WHOLE, name=Name("X", firsts)), RR, version)
    names = [text(citizen, f"p:LegalData/p:Name/p:{n}") for n in ("FirstName", "MiddleName", "SecondMiddleName")]
    assert names == told


@pytest.mark.parametrize(
    ("version", "names"),
    [
        (TWO, {"FirstName": "ZOË ANA"}),
        (THREE, {"FirstName": "ZOË", "MiddleName": "ANA", "SecondMiddleName": "EVA"}),
    ],
)
def test_ip16_a_partners_name_is_always_in_capitals(version: Version, names: dict[str, str]) -> None:
    partner = shown(WHOLE, RR, version).find("p:LegalData/p:CivilState/p:Partner", NS)
    assert partner is not None
    assert text(partner, "p:SocialSecurityUser") == SSIN
    name = partner.find("p:Name", NS)
    assert name is not None
    assert not name.attrib
    told = {etree.QName(n).localname: n.text for n in name}
    assert told == {"LastName": "DUPONT-ŠIMIĆ", "CompleteFirstName": "false", **names}


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize(
    ("number", "version", "all_given"),
    [
        *((0, TWO, True), (2, TWO, True), (3, TWO, False), (4, TWO, False)),
        *((0, THREE, True), (2, THREE, True), (3, THREE, True), (4, THREE, False)),
    ],
)
def test_ip16_first_names_are_complete_when_the_register_has_all_and_all_are_given(
    number: int, version: Version, *, all_given: bool, registered: bool
) -> None:
    name = replace(NAME, firsts=NAME.firsts[:number], complete=registered)
    state = CivilState(CivilStateCode.MARRIED, partner=Partner(SSIN, name))
    citizen = shown(replace(WHOLE, name=name, civil_state=state), RR, version)
    expected = "true" if registered and all_given else "false"
    assert text(citizen, "p:LegalData/p:Name/p:CompleteFirstName") == expected
    assert text(citizen, "p:LegalData/p:CivilState/p:Partner/p:Name/p:CompleteFirstName") == expected


@pytest.mark.parametrize("version", Version)
def test_ip16_what_only_the_national_register_tells(version: Version) -> None:
    national, cbss = shown(WHOLE, RR, version), shown(WHOLE, KSZ, version)
    assert (national.get("origin"), cbss.get("origin")) == ("RN_RR", "BCSS_KSZ")
    state = "p:LegalData/p:CivilState"
    assert (text(national, f"{state}/p:Code"), text(cbss, f"{state}/p:Code")) == ("20", "20")
    assert national.find(state, NS).get("modificationDate") == "2011-02-03"  # type: ignore[union-attr]
    assert len(cbss.find(state, NS)) == 1  # type: ignore[arg-type]
    assert not cbss.find(state, NS).attrib  # type: ignore[union-attr]
    assert national.find("p:LegalData/p:Gender", NS).get("modificationDate") is None  # type: ignore[union-attr]
    assert cbss.find("p:LegalData/p:Gender", NS).get("modificationDate") == "2011-02-03"  # type: ignore[union-attr]
    address = "p:LegalData/p:AddressInformation"
    parts = [etree.QName(n).localname for n in national.find(address, NS)]  # type: ignore[union-attr]
    expected = ["ManagerLocation", "LegalAddress", "TemporaryAddress", "PostAddressAbroad"]
    assert parts == expected + (["TemporaryAddressAbroad"] if version is THREE else [])
    assert [etree.QName(n).localname for n in cbss.find(address, NS)] == ["LegalAddress"]  # type: ignore[union-attr]


def test_ip16_events_register_and_manager() -> None:
    citizen = shown(WHOLE, RR, THREE)
    assert text(citizen, "p:InscriptionRegister") == "8"
    assert citizen.find("p:InscriptionRegister", NS).get("modificationDate") == "2011-02-03"  # type: ignore[union-attr]
    assert text(citizen, "p:LegalData/p:Birth/p:Date") == "1980-05-00"
    assert text(citizen, "p:LegalData/p:Decease/p:Date") == "2020-00-00"
    for event in ("Birth", "Decease", "Nationality"):
        assert citizen.find(f"p:LegalData/p:{event}", NS).get("modificationDate") == "2011-02-03"  # type: ignore[union-attr]
    manager = citizen.find("p:LegalData/p:AddressInformation/p:ManagerLocation", NS)
    assert manager is not None
    assert (manager.get("origin"), text(manager, "p:LinguisticRegime")) == ("RN_RR", "Bilingual French and Dutch")


def test_ip17_a_location_goes_as_it_is_its_name_in_capitals() -> None:
    birth = shown(WHOLE, RR, THREE).find("p:LegalData/p:Birth/p:Location", NS)
    assert birth is not None
    assert (text(birth, "p:Code"), text(birth, "p:Description")) == ("111", "PARIJS")
    assert not birth.find("p:Description", NS).attrib  # type: ignore[union-attr]
    country = shown(WHOLE, RR, THREE).findall(".//p:StandardAddress/p:Country/p:Description", NS)
    assert [(d.text, d.get("lang")) for d in country] == [("BELGIË", "nl"), ("BELGIQUE", "fr")]
    assert text(shown(WHOLE, RR, THREE), ".//p:Street/p:Code") == "0042"


def test_ip16_a_diplomatic_post_of_the_national_register_alone() -> None:
    post = replace(WHOLE, address=AddressInformation(legal=LegalAddress(diplomatic=FREE)))
    assert text(shown(post, RR, TWO), ".//p:DiplomaticPostAddress/p:Address") == "Rue sans nom 1"
    assert shown(post, KSZ, TWO).find(".//p:AddressInformation", NS) is None


@pytest.mark.parametrize(
    ("part", "gone"),
    [
        (Unreadable.TEMPORARY_ADDRESS, "TemporaryAddress"),
        (Unreadable.POST_ADDRESS_ABROAD, "PostAddressAbroad"),
        (Unreadable.TEMPORARY_ADDRESS_ABROAD, "TemporaryAddressAbroad"),
        (Unreadable.INSCRIPTION, "InscriptionRegister"),
    ],
)
def test_ip18_an_unreadable_part_is_not_given(part: Unreadable, gone: str) -> None:
    whole, rest = shown(WHOLE, RR, THREE), shown(replace(WHOLE, unreadable=(part,)), RR, THREE)
    names = [[etree.QName(n).localname for n in each.iter()] for each in (whole, rest)]
    assert gone in names[0]
    assert gone not in names[1]


def test_ip18_a_legal_address_without_what_is_looked_up() -> None:
    rest = shown(replace(WHOLE, unreadable=(Unreadable.LEGAL_ADDRESS_DETAILS,)), RR, THREE)
    address = rest.find(".//p:StandardAddress", NS)
    assert address is not None
    assert address.find(".//p:Description", NS) is None
    assert (text(address, "p:Municipality/p:Code"), text(address, "p:Municipality/p:PostalCode")) == ("44021", "9000")
    assert (text(address, "p:HouseNumber"), text(address, "p:Box")) == ("12", "b")


def test_what_is_absent_is_left_out() -> None:
    least = LegalData(Name("X"), Birth(PartialDate(1900)))
    for origin in Origin:
        citizen = shown(least, origin, THREE)
        assert [etree.QName(n).localname for n in citizen.iter()] == [
            "Citizen",
            "SocialSecurityUser",
            "LegalData",
            "Name",
            "LastName",
            "Birth",
            "Date",
        ]


def limited(legal: LegalData, *, extended: bool = False, origin: Origin = RR) -> etree._Element:
    answered = Answered((Dossier(SSIN, origin, legal),), (), TWO, limited=True, extended=extended)
    reply = etree.fromstring(write_payload(answered))
    assert schema(SERVICE.folder / "contract" / "SSDN20050329.xsd").check(reply) is None
    return reply[0][0]


def test_the_limited_form() -> None:
    basic = limited(WHOLE)
    assert [etree.QName(n).localname for n in basic] == ["Basic"]
    told = {etree.QName(n).localname: n.text for n in basic[0] if not len(n)}
    assert told == {
        "SocialSecurityUser": SSIN,
        "LastName": "DUPONT-ŠIMIĆ",
        "FirstName": "ZOË ANA",
        "BirthDate": "1980-05-00",
        "Gender": "2",
    }
    assert [(etree.QName(n).localname, n.text) for n in basic[0].find("c:Address", NS)] == [  # type: ignore[union-attr]
        ("CountryCode", "150"),
        ("MunicipalityCode", "44021"),
        ("Municipality", "GENT"),
        ("PostalCode", "9000"),
        ("StreetCode", "0042"),
        ("HouseNumber", "12"),
        ("Box", "b"),
    ]
    extended = limited(WHOLE, extended=True)
    assert {etree.QName(n).localname: n.text for n in extended[1]} == {
        "CivilState": "20",
        "BirthLocationCode": "111",
        "BirthLocation": "PARIJS",
        "DeceaseDate": "2020-00-00",
        "InscriptionRegister": "8",
        "NationalityCode": "150",
    }


def test_the_limited_form_of_somebody_at_a_diplomatic_post() -> None:
    address = AddressInformation(manager=ManagerLocation(Location("1234")), legal=LegalAddress(diplomatic=FREE))
    post = limited(replace(WHOLE, address=address)).find(".//c:DiplomaticPost", NS)
    assert post is not None
    assert [n.text for n in post] == ["111", "1234", "Rue sans nom 1"]
    without = AddressInformation(legal=LegalAddress(diplomatic=FREE))
    assert limited(replace(WHOLE, address=without)).find(".//c:DiplomaticPost", NS) is None


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (PersonData("dupont simic", "ZOE", None, PartialDate(1980, 5)), []),
        (PersonData("Dupont-Šimić", None, "ana", PartialDate(1980, 5)), []),
        (PersonData("Dupond", "Zoë", None, PartialDate(1980, 5)), ["Last Name"]),
        (PersonData("Dupont Simic", "Ana", "Zoë", PartialDate(1980, 5)), ["First Name", "Middle Name"]),
        (PersonData("Dupont Simic", None, None, PartialDate(1980, 5, 1)), ["Birth Date"]),
    ],
)
def test_person_data_are_compared_without_regard_to_spelling(asked: PersonData, fields: list[str]) -> None:
    found = differences(asked, Dossier(SSIN, RR, WHOLE))
    assert [name for name, _ in found] == [f"Phonetic Info: {field}" for field in fields]


def test_a_former_name_matches_too() -> None:
    married = replace(WHOLE, former_names=(Name("Vroeger", ("Zoë",)),))
    asked = PersonData("Vroeger", "Zoë", None, PartialDate(1980, 5))
    assert differences(asked, Dossier(SSIN, RR, married)) == ()


def test_appendix_b_has_its_seventeen_messages() -> None:
    assert len({code.code for code in APPENDIX_B}) == len(APPENDIX_B) == 17
    assert all(code.source == "001 appendix B" for code in APPENDIX_B)
    assert len({code.code for code in CODES}) == len(CODES)


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("12007001", Severity.INFORMATION),
        ("22012001", Severity.WARNING),
        ("30009001", Severity.ERROR),
        ("MSG00005", Severity.ERROR),
    ],
)
def test_ip19_severity_follows_the_first_digit(code: str, severity: Severity) -> None:
    assert severity_of(code) is severity


@pytest.mark.parametrize(
    ("codes", "given", "status"),
    [
        ((), True, Status.YES),
        (("12007001",), True, Status.YES),
        (("22012001",), True, Status.WARNING),
        (("30009001",), True, Status.WARNING),
        (("12007001", "30009001"), False, Status.NO),
        (("22012001", "32000001"), False, Status.NO),
        (("32012004",), False, Status.NO),
    ],
)
def test_ip19_the_summary(codes: tuple[str, ...], given: bool, status: Status) -> None:
    assert status_of([Detail(code, "") for code in codes], given=given) is status


def test_ip19_a_summary_has_room_for_thirty_messages() -> None:
    """What comes first is kept."""
    many = [detail(code, *[("a", "b")] * 9) for code in (*APPENDIX_B, *APPENDIX_B)]
    written = write_summary(Status.NO, many).replace(
        "<common:ResultSummary", f'<common:ResultSummary xmlns:common="{COMMON}"', 1
    )
    summary = etree.fromstring(written)
    assert schema(SERVICE.folder / "contract" / "SSDNCommon.xsd").check(summary) is None
    assert [n.text for n in summary.iter("{*}ReasonCode")] == [d.code for d in many[:30]]


COMMON = "http://www.ksz-bcss.fgov.be/XSD/SSDN/Common"
