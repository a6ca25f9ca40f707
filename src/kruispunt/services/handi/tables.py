"""The platform's own tables as the supplier of HandiService (PL-35): one statement for any number of whole files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from kruispunt.identifiers.ssin import Ssin, from_int, to_int
from kruispunt.services.handi.file import (
    ALL_GROUPS,
    Address,
    AddressClass,
    AdultResult,
    CardType,
    ChildResult,
    DataGroup,
    Description,
    HandicapFile,
    IncomeCategory,
    IndependenceReduction,
    Language,
    NoDataReason,
    Payment,
    Person,
    Pillars,
    Recognition,
    RecognitionDetails,
    RequestEvolution,
    Right,
    SocialCard,
    Unsuitability,
)

if TYPE_CHECKING:
    import asyncpg

    from kruispunt.storage.database import Database

STREET, CITY, COUNTRY = 1, 2, 3
CHILD, ADULT, CHILD_WITHOUT_DATA, ADULT_WITHOUT_DATA = 1, 2, 3, 4

REQUEST_COLUMNS: Final = (
    "legislation",
    "request_date",
    "administrative_pending",
    "recognition_pending",
    "file_completion_date",
    "appeal",
)
RECOGNITION_COLUMNS: Final = (
    "decision_date",
    "start_date",
    "end_date",
    "lower_limbs_50p",
    "full_blindness",
    "upper_limbs_amputated",
    "upper_limbs_paralyzed",
    "result",
    "inability_follow_course",
    "inability_to_work",
    "disability_code",
    "independency_score",
    "pillar1",
    "pillar2",
    "pillar3",
    "pillars_total",
    "child_pathology",
    "independence_known",
    "mobility",
    "nourishment",
    "hygiene",
    "household",
    "supervision",
    "social_skills",
    "total_points",
    "earnings_reduction",
    "mental_unsuitability",
    "physical_unsuitability",
)
RIGHT_COLUMNS: Final = (
    "begin_date",
    "end_date",
    "legislation",
    "total_month_amount",
    "month_amount",
    "category_ivt",
    "category_it",
    "partner_income",
)
CARD_COLUMNS: Final = ("delivery_date", "end_date", "number", "type")
PAYMENT_COLUMNS: Final = ("month", "amount", "cancelled")

_TABLES: Final = (
    (DataGroup.EVOLUTION_OF_REQUEST, "handi_request", REQUEST_COLUMNS),
    (DataGroup.HANDICAP_RECOGNITION, "handi_recognition", RECOGNITION_COLUMNS),
    (DataGroup.RIGHTS, "handi_right", RIGHT_COLUMNS),
    (DataGroup.SOCIAL_CARDS, "handi_social_card", CARD_COLUMNS),
    (DataGroup.PAYMENTS, "handi_payment", PAYMENT_COLUMNS),
)
# The driver would make 6.25E+6 of 6250000, which no message may hold.
_NUMERIC: Final = {
    "mental_unsuitability",
    "physical_unsuitability",
    "total_month_amount",
    "month_amount",
    "amount",
}


@cache
def _statement(groups: frozenset[DataGroup]) -> str:
    """Whole files with these groups. One statement for each set of groups: tables that nobody asks of are not opened.

    The first column tells whose row it is, as `Database.fetch_together` wants it. One statement is one snapshot: nobody
    reads half of an import.
    """
    entries = (_entries(table, columns) if group in groups else "NULL::record[]" for group, table, columns in _TABLES)
    return f"""
        SELECT asked.position, f.ssin, f.last_name, f.first_name, f.address_class, f.country_code, f.building,
            f.street_code, f.house_number, f.box_number, f.postal_code, f.city_code, f.address_date,
            ARRAY(SELECT ROW(n.part, n.text, n.language) FROM handi_address_name n WHERE n.ssin = f.ssin
                ORDER BY n.part, n.position),
            {", ".join(entries)}
        FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (ssin, position)
        JOIN handi_file f ON f.ssin = asked.ssin
    """  # noqa: S608  constants of this module


def _entries(table: str, columns: Sequence[str]) -> str:
    """The entries of one person in their order, as an array of rows."""
    row = ", ".join(f"e.{column}::text" if column in _NUMERIC else f"e.{column}" for column in columns)
    return f"ARRAY(SELECT ROW({row}) FROM {table} e WHERE e.ssin = f.ssin ORDER BY e.position)"  # noqa: S608


class OwnTables:
    """A HandicapRegister on the platform's database; StorageError when that is away."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def consult(
        self, ssins: Sequence[Ssin], groups: frozenset[DataGroup] = ALL_GROUPS
    ) -> Mapping[Ssin, HandicapFile]:
        """The files of those who have one, in one statement; one person shares it with others who ask the same then."""
        statement = _statement(groups)
        if len(ssins) == 1:
            rows = await self._database.fetch_together(statement, to_int(ssins[0]))
        else:
            rows = await self._database.fetch(statement, [to_int(ssin) for ssin in ssins])
        files = map(_file, rows)
        return {file.ssin: file for file in files}


def _file(row: asyncpg.Record) -> HandicapFile:
    _, ssin, *person, requests, recognitions, rights, cards, payments = row
    return HandicapFile(
        from_int(ssin),
        _person(*person),
        tuple(RequestEvolution(*entry) for entry in requests or ()),
        tuple(_recognition(*entry) for entry in recognitions or ()),
        tuple(_right(*entry) for entry in rights or ()),
        tuple(SocialCard(delivery, end, number, CardType(kind)) for delivery, end, number, kind in cards or ()),
        tuple(Payment(month, Decimal(amount), cancelled) for month, amount, cancelled in payments or ()),
    )


def _person(last_name: str | None, first_name: str | None, address_class: str | None, *address: Any) -> Person | None:
    if last_name is None:
        return None
    return Person(last_name, first_name, None if address_class is None else _address(address_class, *address))


def _address(
    address_class: str,
    country_code: str,
    building: str | None,
    street_code: str | None,
    house_number: str | None,
    box_number: str | None,
    postal_code: str | None,
    city_code: str | None,
    since: date | None,
    names: Sequence[tuple[int, str, str | None]],
) -> Address:
    return Address(
        AddressClass(address_class),
        country_code,
        building,
        street_code,
        _names(names, STREET),
        house_number,
        box_number,
        postal_code,
        city_code,
        _names(names, CITY),
        _names(names, COUNTRY),
        since,
    )


def _names(names: Iterable[tuple[int, str, str | None]], wanted: int) -> tuple[Description, ...]:
    return tuple(
        Description(text, None if language is None else Language(language))
        for part, text, language in names
        if part == wanted
    )


def _recognition(*columns: Any) -> Recognition:
    decision, start, end, *details, result = columns[:8]
    child, adult = columns[8:17], columns[17:]
    return Recognition(
        decision,
        start,
        end,
        RecognitionDetails(*details),
        _child(*child) if result == CHILD else NoDataReason.NO_DATA_IN_DB if result == CHILD_WITHOUT_DATA else None,
        _adult(*adult) if result == ADULT else NoDataReason.NO_DATA_IN_DB if result == ADULT_WITHOUT_DATA else None,
    )


def _child(
    follow_course: bool | None, to_work: bool | None, code: int | None, score: int | None, *rest: Any
) -> ChildResult:
    *pillars, pathology = rest
    return ChildResult(
        follow_course, to_work, code, score, Pillars(*pillars) if _any_known(pillars) else None, pathology
    )


def _adult(independence_known: bool, *rest: Any) -> AdultResult:
    scores, earnings, (mental, physical) = rest[:7], rest[7], rest[8:]
    return AdultResult(
        IndependenceReduction(*scores) if independence_known else NoDataReason.NO_DATA_IN_DB,
        earnings,
        Unsuitability(_decimal(mental), _decimal(physical)) if _any_known((mental, physical)) else None,
    )


def _decimal(written: str | None) -> Decimal | None:
    return None if written is None else Decimal(written)


def _any_known(values: Iterable[object]) -> bool:
    return any(value is not None for value in values)


def _right(
    begin: date,
    end: date | None,
    legislation: int,
    total: str,
    amount: str,
    category_ivt: str,
    category_it: int,
    partner_income: bool,
) -> Right:
    return Right(
        begin,
        end,
        legislation,
        Decimal(total),
        Decimal(amount),
        IncomeCategory(category_ivt),
        category_it,
        partner_income,
    )
