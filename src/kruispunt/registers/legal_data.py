"""What a register holds of a person: everything that IdentifyPerson can show (IP-16 to IP-18).

    Dossier                 a number in one register
    └── LegalData
        ├── Inscription             which subregister, since when
        ├── Name                    today's, and the former ones, newest first (IP-10)
        ├── Gender, Birth, Decease, Nationality
        ├── CivilState              with Partner
        └── AddressInformation      today's, and the former ones, newest first (IP-15)
            ├── ManagerLocation
            ├── LegalAddress            a StandardAddress or a free text at a diplomatic post
            └── PlainTextAddress        temporary, temporary abroad, postal abroad

Names, codes and descriptions are kept as they were registered, diacritics included; upper case and the differences
between versions are made when a reply is written. Dates may be incomplete. `modified` is the day of the latest
modification where it is known. Which field belongs to which register: `legal_rules.py`.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from kruispunt.identifiers.ssin import Sex, Ssin
from kruispunt.registers.shapes import Day, NisCode, Shape, ShortText, Text

BELGIUM: Final = "150"
"""NIS code of Belgium among the countries."""
MOST_DESCRIPTIONS: Final = 5
MOST_FORMER: Final = 200
"""Former names, and former addresses, that are kept of one person."""
MOST_FIRST_NAMES: Final = 20
MUNICIPALITY_DIGITS: Final = 5
POST_DIGITS: Final = 4
STREET_DIGITS: Final = 4
"""Of location codes: five are a municipality, four a diplomatic post, or a street within its municipality (IP-17)."""


class Origin(Enum):
    """The register that data come from; the value is what the database keeps."""

    RR = 1
    """National Register (RN_RR)."""
    KSZ = 2
    """CBSS register: BIS and RAD (BCSS_KSZ)."""

    # There is one of each, and they are keys of what every look-up makes; the one of Enum is written in Python.
    __hash__ = object.__hash__


class Subregister(Enum):
    """Where a person is inscribed; the value is the code of the reply (IP-16)."""

    FOREIGNERS = 1
    POPULATION = 2
    PROTOCOL_EEC = 3
    FOREIGNER_DECREE_1991 = 4
    WAITING = 5
    BIS = 6
    RAD = 7
    WAITING_EU_DECLARATION = 8
    FOREIGNERS_EU_FAMILY = 9
    CIVIL_STATUS_COLLECTION = 10

    @property
    def origin(self) -> Origin:
        """The register to which it belongs."""
        return Origin.KSZ if self in (Subregister.BIS, Subregister.RAD) else Origin.RR


class Language(Enum):
    """Of a description; told only when it is certain."""

    FR = "fr"
    NL = "nl"
    DE = "de"
    EN = "en"


class CivilStateCode(Enum):
    """The value is the code of the reply."""

    UNMARRIED = 10
    MARRIED = 20
    ANNULLED = 25
    PUTATIVE = 26
    WIDOWED = 30
    DIVORCED = 40
    DIVORCED_SINCE_1994 = 41
    SEPARATED = 50
    SEPARATED_SINCE_1994 = 51
    REPUDIATED = 60


class LinguisticRegime(Enum):
    """Of a municipality; the value is the text of the reply, as document 001 lists it."""

    DUTCH = "Dutch"
    FRENCH = "French"
    GERMAN = "German"
    DUTCH_FRENCH_FACILITIES = "Dutch with French facilities"
    FRENCH_DUTCH_FACILITIES = "French with Dutch facilities"
    FRENCH_GERMAN_FACILITIES = "French with German facilities"
    FRENCH_DUTCH_GERMAN_FACILITIES = "French with Dutch and German facilities"
    BILINGUAL = "Bilingual French and Dutch"
    GERMAN_FRENCH_FACILITIES = "German with French facilities"


class Unreadable(Enum):
    """A part that the register holds and nobody can read; what can be had is given, with a message (IP-18)."""

    TEMPORARY_ADDRESS = "temporaryAddress"
    """30009002."""
    POST_ADDRESS_ABROAD = "postAddressAbroad"
    """30009003."""
    INSCRIPTION = "inscription"
    """30009004."""
    LEGAL_ADDRESS_DETAILS = "legalAddressDetails"
    """30009005: the legal address is given without what would be looked up for it."""
    TEMPORARY_ADDRESS_ABROAD = "temporaryAddressAbroad"
    """30009006."""
    SOMETHING = "something"
    """33009001 from the National Register, 33009002 from the CBSS register."""
    EVERYTHING = "everything"
    """No data of the person can be had: left out of search results, with 30009001 (IP-14)."""


class Description(Shape, frozen=True):
    """The name of a location."""

    text: Text
    language: Language | None = None


class Location(Shape, frozen=True):
    """A place. Code and descriptions need not correspond: 111 (France) with "Parijs" (IP-17)."""

    code: NisCode | None = None
    descriptions: Annotated[tuple[Description, ...], Meta(max_length=MOST_DESCRIPTIONS)] = ()


class Name(Shape, frozen=True):
    """As registered. `complete` tells whether `firsts` are all first names (National Register only)."""

    last: Text = field(name="lastName")
    firsts: Annotated[tuple[Text, ...], Meta(max_length=MOST_FIRST_NAMES)] = field(default=(), name="firstNames")
    """In order; empty when no first name is known."""
    complete: bool | None = None
    modified: Day | None = None


class Inscription(Shape, frozen=True):
    """In which subregister, and since when."""

    register: Subregister
    modified: Day | None = None


class Gender(Shape, frozen=True):
    """A person of whom it is not known has no Gender."""

    code: Sex
    modified: Day | None = None


class Birth(Shape, frozen=True):
    """When and where somebody was born."""

    date: Day
    location: Location | None = None
    modified: Day | None = None


class Decease(Shape, frozen=True):
    """When and where somebody died."""

    date: Day
    location: Location | None = None
    modified: Day | None = None


class Partner(Shape, frozen=True):
    """The other one of a civil state; `ssin` is eleven digits, whether a register knows them or not."""

    ssin: Annotated[Ssin, Meta(pattern=r"^[0-9]{11}\Z")] | None = None
    name: Name | None = None


class CivilState(Shape, frozen=True):
    """All but the code is for the National Register only."""

    code: CivilStateCode
    modified: Day | None = None
    location: Location | None = None
    """Of the certificate."""
    partner: Partner | None = None


class Nationality(Shape, frozen=True):
    location: Location
    modified: Day | None = None


class ManagerLocation(Shape, frozen=True):
    """The municipality (code of five digits) or diplomatic post (four) that manages the legal address."""

    location: Location
    linguistic_regime: LinguisticRegime | None = None
    """Of a municipality only."""
    modified: Day | None = None


class StandardAddress(Shape, frozen=True):
    """An address in fields. `street.code` is the street's code within the municipality: no NIS code."""

    country: Location
    municipality: Location | None = None
    postal_code: ShortText | None = None
    street: Location | None = None
    house_number: ShortText | None = None
    box: ShortText | None = None
    modified: Day | None = None

    @property
    def belgian(self) -> bool:
        """Whether it lies in Belgium."""
        return self.country.code == BELGIUM


class PlainTextAddress(Shape, frozen=True):
    """An address as one line. At a diplomatic post, its country need not be that of the post."""

    address: Text
    country: Location | None = None
    modified: Day | None = None


class LegalAddress(Shape, frozen=True):
    """Exactly one of both."""

    standard: StandardAddress | None = None
    diplomatic: PlainTextAddress | None = None


class AddressInformation(Shape, frozen=True):
    """All addresses of a person at one time. All but a standard legal address is for the National Register only."""

    manager: ManagerLocation | None = None
    legal: LegalAddress | None = None
    temporary: PlainTextAddress | None = None
    post_abroad: PlainTextAddress | None = None
    temporary_abroad: PlainTextAddress | None = None


class LegalData(Shape, frozen=True):
    """What one register holds of one person."""

    name: Name
    birth: Birth
    inscription: Inscription | None = None
    """None when it cannot be read."""
    gender: Gender | None = None
    civil_state: CivilState | None = None
    decease: Decease | None = None
    nationality: Nationality | None = None
    address: AddressInformation | None = None
    former_names: Annotated[tuple[Name, ...], Meta(max_length=MOST_FORMER)] = ()
    """Newest first; `modified` is the day from which each held."""
    former_addresses: Annotated[tuple[AddressInformation, ...], Meta(max_length=MOST_FORMER)] = ()
    """Newest first."""
    blocked: bool = False
    """Access is blocked for a time (National Register only): nothing of the person is given (IP-18)."""
    unreadable: Annotated[tuple[Unreadable, ...], Meta(max_length=len(Unreadable))] = ()

    @property
    def names(self) -> tuple[Name, ...]:
        """Every name that was ever held, today's first."""
        return (self.name, *self.former_names)

    @property
    def last_belgian_address(self) -> StandardAddress | None:
        """The latest legal address in Belgium, also of somebody who lives abroad now, or died (IP-15)."""
        for each in (self.address, *self.former_addresses):
            if each is not None and each.legal is not None:
                standard = each.legal.standard
                if standard is not None and standard.country.code == BELGIUM:
                    return standard
        return None


class Dossier(Struct, frozen=True, gc=False):
    """A number in one register. A RAD person has two, one in each (SS-08)."""

    ssin: Ssin
    origin: Origin
    legal: LegalData
