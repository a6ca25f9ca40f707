"""One line of an import file: what DGPH holds of one person, as a JSON object.

    {"ssin": "85673003360",
     "addressHandicappedPerson": {"lastName": "Peeters", "address": {"class": "belgianAddress", "countryCode": "150"}},
     "socialCards": [{"deliveryDate": "2021-03-01", "cardNumber": "0000000001", "cardType": "PARKINGCARD"}]}

(on one line). Names are those of the elements of the reply, misspellings included; every field is told in
`docs/reference/handicap-files.md`. The rules:

- A line makes the person known to DGPH, even one that names no group: MSG00021 is for people without a line (HA-08).
- A line replaces the groups that it names, whole, and identity and address too. What it does not name stays as it was,
  so that each group can come in a file of its own. An empty list removes what was there.
- `"removed": true` takes the whole file away; such a line names nothing else. A later line may bring a new file.
- The later of two lines counts. The same file twice changes nothing.
- Order is kept. At most 500 entries a group.
- A code, amount or text must have the form that the contract demands; nothing is interpreted or repaired. Whether a
  period ends before it begins is not judged.

A line that breaks a rule is refused whole and reported; the others are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from kruispunt.errors import DataError
from kruispunt.identifiers.ssin import Ssin
from kruispunt.registers.jsonfields import optional_entries, optional_flag, optional_object
from kruispunt.registers.jsonlines import Fields, allow_only, required_ssin
from kruispunt.services.handi import entries
from kruispunt.services.handi.file import (
    Payment,
    Person,
    Recognition,
    RequestEvolution,
    Right,
    SocialCard,
)

MOST_ENTRIES: Final = 500

_GROUPS: Final = (
    "addressHandicappedPerson",
    "evolutionOfRequest",
    "handicapRecognition",
    "rights",
    "socialCards",
    "payments",
)
_NAMES: Final = {"ssin", "removed", *_GROUPS}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: each group as it shall be, None for a group that the line does not name."""

    ssin: Ssin
    removed: bool = False
    person: Person | None = None
    requests: tuple[RequestEvolution, ...] | None = None
    recognitions: tuple[Recognition, ...] | None = None
    rights: tuple[Right, ...] | None = None
    cards: tuple[SocialCard, ...] | None = None
    payments: tuple[Payment, ...] | None = None


def read(fields: Fields, *, today: date, test_band: bool) -> Line:
    """One line as a value. Raises DataError, whose text names the place and holds no value of the line."""
    allow_only(fields, _NAMES)
    ssin = required_ssin(fields, "ssin", today=today, test_band=test_band)
    if optional_flag(fields, "removed"):
        if any(fields.get(name) is not None for name in _GROUPS):
            raise DataError("removed: such a line names nothing else")
        return Line(ssin, removed=True)
    return Line(
        ssin,
        person=optional_object(fields, "addressHandicappedPerson", entries.person),
        requests=optional_entries(fields, "evolutionOfRequest", entries.request, most=MOST_ENTRIES),
        recognitions=optional_entries(fields, "handicapRecognition", entries.recognition, most=MOST_ENTRIES),
        rights=optional_entries(fields, "rights", entries.right, most=MOST_ENTRIES),
        cards=optional_entries(fields, "socialCards", entries.card, most=MOST_ENTRIES),
        payments=optional_entries(fields, "payments", entries.payment, most=MOST_ENTRIES),
    )
