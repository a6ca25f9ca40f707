"""Items of further streams: one thing that somebody else tells of a person, passed on as it is (RP-17).

Values and their reading, from a line of JSON or an element of `contract/StreamV1.xsd`:

    {"reference": "D-2026-000017", "ssin": "85673093333", "moment": "2026-11-22T09:30:00+01:00",
     "document": "<dimona xmlns=\"urn:example:dimona\">…</dimona>"}

- `reference`: names the item within its stream, for ever; 1 to 128 letters, digits and . _ : / + = -
- `ssin`: valid, known to a register or not; a number of the test band only where they are admitted.
- `moment`: when it happened, with a zone.
- `document`: one XML element of any schema, read with the limits of every message from outside (PL-09), and kept in
  canonical form, so that it stands in a file as it is: at most MOST_BYTES of it.

Whatever is wrong is a DataError without any value of the item.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from lxml import etree

from kruispunt.errors import DataError, Refusal
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.ssin import InvalidSsin, Ssin
from kruispunt.registers import jsonlines
from kruispunt.registers.jsonlines import Fields
from kruispunt.xml.parse import Limits, detached, parse
from kruispunt.xml.schemas import schema

NAMESPACE: Final = "urn:kruispunt:streams:v1"
CONTRACT: Final = Path(__file__).resolve().parent / "contract" / "StreamV1.xsd"
MOST_BYTES: Final = 32_768
"""Of a document, as it comes and in canonical form."""

_NAMES: Final = frozenset({"reference", "ssin", "moment", "document"})
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_LIMITS: Final = Limits(size=MOST_BYTES, elements=2_000)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a stream."""

    reference: str
    ssin: Ssin
    moment: datetime
    """Aware."""
    document: str
    """One element in canonical form (Canonical XML 1.0, without comments)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """By what items are judged."""

    today: date
    """The civil day in Belgium."""
    test_band: bool = False


def from_fields(fields: Fields, rules: Rules) -> Item:
    """An item from a line of JSON. Raises DataError."""
    jsonlines.allow_only(fields, _NAMES)
    return _item(
        jsonlines.text(fields, "reference"),
        jsonlines.text(fields, "ssin"),
        jsonlines.text(fields, "moment"),
        jsonlines.text(fields, "document").encode("utf-8", "surrogatepass"),
        rules,
    )


def from_element(node: etree._Element, rules: Rules) -> Item:
    """An item from an element of ItemType, which its schema accepted. Raises DataError."""
    reference, ssin, moment, payload = node
    return _item(
        *(reference.text or "", ssin.text or "", (moment.text or "").strip()),
        etree.tostring(detached(payload[0]), encoding="utf-8"),
        rules,
    )


def complaint(node: etree._Element) -> str | None:
    """What is wrong with a single `item`, by the schema; None when nothing is."""
    around = etree.Element(f"{{{NAMESPACE}}}items")
    around.append(deepcopy(node))
    return schema(CONTRACT).check(around)


def canonical(data: bytes) -> str:
    """One XML element in canonical form. Raises DataError."""
    try:
        root = parse(data, _LIMITS)
        text = etree.tostring(root, method="c14n", with_comments=False)
    except Refusal as refusal:
        raise DataError(f"document: {refusal.why}") from None
    except etree.LxmlError:
        raise DataError("document: has no canonical form: a namespace name is relative") from None
    if len(text) > MOST_BYTES:
        raise DataError(f"document: has more than {MOST_BYTES:,} bytes in canonical form")
    return text.decode("utf-8")


def _item(reference: str, ssin: str, moment: str, document: bytes, rules: Rules) -> Item:
    if _REFERENCE.fullmatch(reference) is None:
        raise DataError("reference: 1 to 128 letters, digits and . _ : / + = - are allowed")
    try:
        number = ssins.validate(ssin, today=rules.today, test_band=rules.test_band)
    except InvalidSsin as error:
        raise DataError(f"ssin: {error}") from None
    return Item(reference, number, _moment(moment), canonical(document))


def _moment(text: str) -> datetime:
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise DataError("moment: write it with its zone, as 2026-01-31T09:30:00+01:00")
