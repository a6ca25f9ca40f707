"""What of a handicap file is told: at one moment, and over a period (HA-02, HA-03). Pure functions.

The supplier gives whole histories, and the contract has room for one entry of most groups. Which one is ours:

    evolutionOfRequest    the last request on or before the date
    handicapRecognition   of those in force on the date, the one decided last
    rights                of those in force on the date, the one that began last
    socialCards           of those valid on the date, the one of each type that was delivered last: two at most
    payments              those of the months of the period

Nothing of an entry is changed. A group holds entries, or the reason why there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from kruispunt.identifiers.ssin import Ssin
from kruispunt.services.handi.criteria import AskedPeriod, FileCriteria
from kruispunt.services.handi.file import (
    CardType,
    DataGroup,
    HandicapFile,
    NoDataReason,
    Payment,
    Person,
    Recognition,
    RequestEvolution,
    Right,
    SocialCard,
)

_Entry = TypeVar("_Entry")

MOST_PAYMENTS: Final = 24
"""What one file can carry."""
MOST_FILES: Final = 100
"""What a reply of consultRightsAndPayments can carry."""


@dataclass(frozen=True, slots=True)
class ToldFile:
    """`file`: what leaves the platform of one person. Tuples are never empty: that is what a reason is for."""

    ssin: Ssin
    person: Person | None
    evolution: RequestEvolution | NoDataReason
    recognition: Recognition | NoDataReason
    right: Right | NoDataReason
    cards: tuple[SocialCard, ...] | NoDataReason
    payments: tuple[Payment, ...] | NoDataReason

    @property
    def has_information(self) -> bool:
        """Whether any group holds information (HA-06)."""
        groups = (self.evolution, self.recognition, self.right, self.cards, self.payments)
        return not all(isinstance(group, NoDataReason) for group in groups)


def at_reference_date(file: HandicapFile, criteria: FileCriteria, groups: frozenset[str]) -> tuple[ToldFile, int]:
    """The file of consultFile, with the groups in `groups` alone, and how many payments lie in the period.

    More payments than a file can carry: the last ones are told.
    """
    day = criteria.reference_date or date.min
    payments = () if criteria.payments is None else _in_period(file.payments, criteria.payments)
    chosen = _Chosen(groups, NoDataReason.NOT_REQUESTED)
    told = ToldFile(
        ssin=file.ssin,
        person=file.person,
        evolution=chosen.one(DataGroup.EVOLUTION_OF_REQUEST, _last_request(file.requests, day)),
        recognition=chosen.one(DataGroup.HANDICAP_RECOGNITION, _recognised(file.recognitions, day)),
        right=chosen.one(DataGroup.RIGHTS, _granted(file.rights, day)),
        cards=chosen.some(DataGroup.SOCIAL_CARDS, _valid_cards(file.cards, day)),
        payments=chosen.some(DataGroup.PAYMENTS, payments[-MOST_PAYMENTS:]),
    )
    return told, len(payments) if DataGroup.PAYMENTS in groups else 0


def over_period(file: HandicapFile, period: AskedPeriod, groups: frozenset[str]) -> tuple[ToldFile, ...]:
    """The files of consultRightsAndPayments: one for each right that overlaps the period, with its payments.

    A payment goes with the first right that covers a day of its month, and those that no right covers make a file
    without one; a right with more payments than a file can carry has several. Of a group that is not in `groups`,
    nothing is looked at. There is always one file, and there may be more than a reply can carry.
    """
    chosen = _Chosen(groups, NoDataReason.NOT_AUTHORIZED)
    rights = tuple(r for r in file.rights if period.overlaps(r.begin_date, r.end_date)) if chosen.rights else ()
    payments = _in_period(file.payments, period) if chosen.payments else ()
    paid: dict[int, list[Payment]] = {index: [] for index in range(len(rights))}
    for payment in payments:
        paid.setdefault(_right_of(payment, rights), []).append(payment)
    return tuple(
        ToldFile(
            ssin=file.ssin,
            person=file.person,
            evolution=NoDataReason.NOT_REQUESTED,
            recognition=NoDataReason.NOT_REQUESTED,
            right=chosen.one(DataGroup.RIGHTS, rights[index] if index != _NO_RIGHT else None),
            cards=NoDataReason.NOT_REQUESTED,
            payments=chosen.some(DataGroup.PAYMENTS, part),
        )
        for index, of_right in (paid or {_NO_RIGHT: []}).items()
        for part in _parts(of_right)
    )


_NO_RIGHT: Final = -1


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Puts a reason in the place of what was not asked for, may not be told, or is not there."""

    groups: frozenset[str]
    otherwise: NoDataReason

    @property
    def rights(self) -> bool:
        return DataGroup.RIGHTS in self.groups

    @property
    def payments(self) -> bool:
        return DataGroup.PAYMENTS in self.groups

    def one(self, group: DataGroup, entry: _Entry | None) -> _Entry | NoDataReason:
        if group not in self.groups:
            return self.otherwise
        return NoDataReason.NO_DATA_IN_DB if entry is None else entry

    def some(self, group: DataGroup, entries: tuple[_Entry, ...]) -> tuple[_Entry, ...] | NoDataReason:
        if group not in self.groups:
            return self.otherwise
        return entries or NoDataReason.NO_DATA_IN_DB


def _last_request(requests: Sequence[RequestEvolution], day: date) -> RequestEvolution | None:
    return max((r for r in requests if r.request_date <= day), key=lambda r: r.request_date, default=None)


def _recognised(recognitions: Sequence[Recognition], day: date) -> Recognition | None:
    in_force = (r for r in recognitions if _holds(r.start_date, r.end_date, day))
    return max(in_force, key=lambda r: r.decision_date, default=None)


def _granted(rights: Sequence[Right], day: date) -> Right | None:
    in_force = (r for r in rights if _holds(r.begin_date, r.end_date, day))
    return max(in_force, key=lambda r: r.begin_date, default=None)


def _valid_cards(cards: Sequence[SocialCard], day: date) -> tuple[SocialCard, ...]:
    last: dict[CardType, SocialCard] = {}
    for card in cards:
        other = last.get(card.type)
        if _holds(card.delivery_date, card.end_date, day) and (
            other is None or other.delivery_date < card.delivery_date
        ):
            last[card.type] = card
    return tuple(card for card in cards if last.get(card.type) is card)


def _in_period(payments: Sequence[Payment], period: AskedPeriod) -> tuple[Payment, ...]:
    return tuple(payment for payment in payments if period.covers(payment.month))


def _holds(begin: date, end: date | None, day: date) -> bool:
    return begin <= day and (end is None or day <= end)


def _right_of(payment: Payment, rights: Sequence[Right]) -> int:
    for index, right in enumerate(rights):
        begun = right.begin_date.replace(day=1) <= payment.month
        if begun and (right.end_date is None or payment.month <= right.end_date):
            return index
    return _NO_RIGHT


def _parts(payments: Sequence[Payment]) -> tuple[tuple[Payment, ...], ...]:
    """In parts that a file can carry; one part without payments when there are none."""
    starts = range(0, max(len(payments), 1), MOST_PAYMENTS)
    return tuple(tuple(payments[start : start + MOST_PAYMENTS]) for start in starts)
