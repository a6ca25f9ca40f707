"""A handicap file as DGPH keeps it (HA-02), as values. What a reply can carry of it follows `HandiTypesV1`.

Nothing is interpreted, merged or repaired: codes stay numbers, order is the supplier's own, a period is passed on as it
was delivered, even one that ends before it begins. A group holds its whole history; which entry a reply shows, for a
reference date or a period, is the handler's to decide. A docstring names the element that a value feeds; a field feeds
the child of that element with the same name, unless it says otherwise. None stands for an element that is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kruispunt.identifiers.ssin import Ssin

SUPPLIER_NAME: Final = "DGPH-DGPMH"
"""The Directorate-General for People with a Handicap, as MSG00002, MSG00021 and `suppliers.toml` name it (HA-08a)."""


class DataGroup(StrEnum):
    """The parts of a file that are authorised and asked for as a whole, by the name of their element (HA-02)."""

    EVOLUTION_OF_REQUEST = "evolutionOfRequest"
    HANDICAP_RECOGNITION = "handicapRecognition"
    RIGHTS = "rights"
    SOCIAL_CARDS = "socialCards"
    PAYMENTS = "payments"


ALL_GROUPS: Final = frozenset(DataGroup)


class NoDataReason(StrEnum):
    """`noDataReason`, wherever it stands instead of information (HA-03)."""

    NO_DATA_IN_DB = "no data in db"
    NOT_REQUESTED = "not requested"
    NOT_AUTHORIZED = "not authorized"


class Language(StrEnum):
    """The attribute `language` of a text (HA-04)."""

    NL = "NL"
    FR = "FR"
    DE = "DE"
    EN = "EN"


class AddressClass(StrEnum):
    """The attribute `class` of `address`."""

    BELGIAN = "belgianAddress"
    FOREIGN = "foreignAddress"
    DIPLOMATIC = "diplomaticPost"


class CardType(StrEnum):
    """`cardType`."""

    PARKING = "PARKINGCARD"
    REDUCTION = "REDUCTIONCARD"


class IncomeCategory(StrEnum):
    """`categoryIVT`: the category for the income replacement allowance."""

    A = "A"
    B = "B"
    C = "C"
    NONE = "-"


@dataclass(frozen=True, slots=True)
class Description:
    """`streetName`, `cityName`, `countryName`: a text, 100 characters at most, in one language.

    German often repeats the French (HA-04): that is passed on too.
    """

    text: str
    language: Language | None
    """The attribute; None where the supplier gives none."""


@dataclass(frozen=True, slots=True)
class Address:
    """`address`. It may be a school or an institution, and differ from the National Register's (HA-02)."""

    kind: AddressClass
    """The attribute `class`."""
    country_code: str
    """`countryCode`, 1 to 3 characters."""
    building: str | None = None
    street_code: str | None = None
    """`streetCode`, ten digits."""
    street_names: tuple[Description, ...] = ()
    """`streetName`, three at most, as the other two."""
    house_number: str | None = None
    """`houseNumber`."""
    box_number: str | None = None
    """`boxNumber`."""
    postal_code: str | None = None
    """`postalCode`."""
    city_code: str | None = None
    """`cityCode`."""
    city_names: tuple[Description, ...] = ()
    """`cityName`."""
    country_names: tuple[Description, ...] = ()
    """`countryName`."""
    since: date | None = None
    """`date`."""


@dataclass(frozen=True, slots=True)
class Person:
    """`addressHandicappedPerson`: identity and address as DGPH knows them (HA-02)."""

    last_name: str
    """`lastName`, 1 to 48 characters."""
    first_name: str | None
    """`firstName`, 1 to 24 characters."""
    address: Address | None


@dataclass(frozen=True, slots=True)
class RequestEvolution:
    """`evolutionOfRequest`: how far the treatment of one request is."""

    legislation: int
    """0 to 20, a code of DGPH."""
    request_date: date
    """`requestDate`. The contract lets it be absent; the file always has it (HA-03)."""
    administrative_pending: bool
    """`administrativePendingRequest`."""
    recognition_pending: bool
    """`handicapRecognitionPending`."""
    file_completion_date: date | None
    """`fileCompletionDate`."""
    appeal: bool


@dataclass(frozen=True, slots=True)
class RecognitionDetails:
    """`handicapRecognitionDetails`: the recognitions that stand apart from points."""

    lower_limbs_50p: bool
    """`lowerLimbs50p`."""
    full_blindness: bool
    """`fullBlindness`."""
    upper_limbs_amputated: bool
    """`upperLimbsAmputated`."""
    upper_limbs_paralyzed: bool
    """`upperLimbsParalyzed`."""


@dataclass(frozen=True, slots=True)
class Pillars:
    """`pillars`: the points of a child, by pillar and in all. One of them at least is known."""

    pillar1: int | None
    """0 to 6."""
    pillar2: int | None
    """0 to 12."""
    pillar3: int | None
    """0 to 18."""
    total: int | None
    """`pillarsTotal`, 0 to 36."""


@dataclass(frozen=True, slots=True)
class ChildResult:
    """`resultRecognitionChild`."""

    inability_follow_course: bool | None
    """`inabilityFollowCourse`."""
    inability_to_work: bool | None
    """`inabilityToWork`."""
    disability_code: int | None
    """`disabilityCode`, 0 to 3."""
    independency_score: int | None
    """`independencyScore`, 0 to 3."""
    pillars: Pillars | None
    child_pathology: bool | None
    """`childPathology`."""


@dataclass(frozen=True, slots=True)
class IndependenceReduction:
    """`diminuationIndependence` (sic): what the person cannot do alone, 0 to 3 each."""

    mobility: int | None
    nourishment: int | None
    hygiene: int | None
    household: int | None
    supervision: int | None
    social_skills: int | None
    """`socialSkills`."""
    total_points: int | None
    """`totalPoints`, 0 to 18."""


@dataclass(frozen=True, slots=True)
class Unsuitability:
    """`unsuitability`, in percent. One of them at least is known."""

    mental: Decimal | None
    """`mentalUnsuitability`, 0 to 100."""
    physical: Decimal | None
    """`physicalUnsuitability`, 0 to 100."""


@dataclass(frozen=True, slots=True)
class AdultResult:
    """`resultRecognitionAdult`."""

    independence_reduction: IndependenceReduction | NoDataReason
    """`diminuationIndependence` (sic), or the `noDataReason` in it."""
    earnings_reduction: bool | None
    """`diminuationEarnings` (sic)."""
    unsuitability: Unsuitability | None


@dataclass(frozen=True, slots=True)
class Recognition:
    """`handicapRecognition`. Either `child` or `adult` is there: the choice of the contract. Raises ValueError."""

    decision_date: date
    """`dateOfDecision`."""
    start_date: date
    """`startDateRecognition`."""
    end_date: date | None
    """`endDateRecognition`."""
    details: RecognitionDetails
    """`handicapRecognitionDetails`."""
    child: ChildResult | NoDataReason | None
    """`resultRecognitionChild`, or the `noDataReason` in it."""
    adult: AdultResult | NoDataReason | None
    """`resultRecognitionAdult`, or the `noDataReason` in it."""

    def __post_init__(self) -> None:
        if (self.child is None) == (self.adult is None):
            raise ValueError("a recognition has either the result of a child or that of an adult")


@dataclass(frozen=True, slots=True)
class Right:
    """`rights`: one right that was granted. Amounts in euro."""

    begin_date: date
    """`period/beginDate`."""
    end_date: date | None
    """`period/endDate`; None while it runs."""
    legislation: int
    """3 to 9, a code of DGPH."""
    total_month_amount: Decimal
    """`totalMonthAmount`."""
    month_amount: Decimal
    """`monthAmount`."""
    category_ivt: IncomeCategory
    """`categoryIVT`."""
    category_it: int
    """`categoryIT`, 0 to 5: the category for the integration allowance."""
    partner_income: bool
    """`partnerIncome`."""


@dataclass(frozen=True, slots=True)
class SocialCard:
    """`socialCards`: one card."""

    delivery_date: date
    """`deliveryDate`."""
    end_date: date | None
    """`endDate`."""
    number: str
    """`cardNumber`, ten digits."""
    type: CardType
    """`cardType`."""


@dataclass(frozen=True, slots=True)
class Payment:
    """`payments`: one month's payment, in euro."""

    month: date
    """`yearMonth`, by its first day: the element is `month.isoformat()[:7]`."""
    amount: Decimal
    cancelled: bool
    """`cancelledPayment`."""


@dataclass(frozen=True, slots=True)
class HandicapFile:
    """`file`: all that DGPH has of one person. A group that was not asked for is empty, as one without data is."""

    ssin: Ssin
    person: Person | None = None
    """`addressHandicappedPerson`."""
    requests: tuple[RequestEvolution, ...] = ()
    """`evolutionOfRequest`."""
    recognitions: tuple[Recognition, ...] = ()
    """`handicapRecognition`."""
    rights: tuple[Right, ...] = ()
    cards: tuple[SocialCard, ...] = ()
    """`socialCards`."""
    payments: tuple[Payment, ...] = ()
