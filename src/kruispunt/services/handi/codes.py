"""Every living business code of HandiService, and the rules that are its own (HA-08, HA-08a).

Texts are those of document 000. Clients compare codes, never texts (CT-04). The codes that the document declares
retired (HAN00030 to HAN00033, MSG00009, MSG00020, MSG00025 as a status, MSG00041) do not exist here, so that none can
be sent: a failing supplier is the fault MSG00002, and a decease is not looked at (HA-07).
"""

from __future__ import annotations

from typing import Final

from kruispunt.errors import BusinessRule, Rule
from kruispunt.pipeline.service import ReturnCode, StatusValue

_SOURCE: Final = "000"


class HandiRule(BusinessRule):
    """What this service checks of its criteria beside the rules of the platform (HA-05)."""

    PERIOD_LENGTH = "criteria.period-length"
    PERIOD_ORDER = "criteria.period-order"
    REFERENCE_DATE = "criteria.reference-date"


DATA_FOUND: Final = ReturnCode("MSG00000", StatusValue.DATA_FOUND, "successful treatment", _SOURCE)
NO_DATA_FOUND: Final = ReturnCode(
    "MSG00000",
    StatusValue.NO_DATA_FOUND,
    "successful treatment",
    "000; the text is ours",
    remedy="Nothing to mend: DGPH knows the person, and holds nothing of what was asked.",
)
SSIN_UNKNOWN: Final = ReturnCode(
    "MSG00005",
    StatusValue.NO_RESULT,
    "The SSIN given in request does not exist",
    _SOURCE,
    remedy="Check the number with the person or in the file: it is well formed, but no register knows it.",
    rule=Rule.SSIN_UNKNOWN,
)
SSIN_REPLACED: Final = ReturnCode(
    "MSG00006",
    StatusValue.NO_RESULT,
    "The SSIN given in request has been replaced",
    _SOURCE,
    remedy="Ask with the number under newSSIN, and note it in the file.",
    rule=Rule.SSIN_REPLACED,
)
SSIN_CANCELLED: Final = ReturnCode(
    "MSG00007",
    StatusValue.NO_RESULT,
    "The SSIN given in request is canceled",
    "ours",
    remedy="Find out the person's present number: this one was withdrawn, and no other took its place.",
    rule=Rule.SSIN_CANCELLED,
)
SSIN_STRUCTURE: Final = ReturnCode(
    "MSG00011",
    StatusValue.NO_RESULT,
    "The SSIN giving in request is not valid (checksum error)",
    _SOURCE,
    remedy="Check the digits: the check number or the date of birth in the number is wrong.",
    rule=Rule.SSIN_STRUCTURE,
    tells=frozenset({"ssin"}),
)
NOT_INTEGRATED: Final = ReturnCode(
    "MSG00012",
    StatusValue.NO_RESULT,
    "SSIN not integrated",
    _SOURCE,
    remedy="Inscribe the person first, under a quality code and a period that this legal context accepts.",
    rule=Rule.NOT_INTEGRATED,
    tells=frozenset({"sector/institution"}),
)
LEGAL_CONTEXT: Final = ReturnCode(
    "MSG00013",
    StatusValue.NO_RESULT,
    "Incorrect legal context for this operation by this organization (unauthorized)",
    _SOURCE,
    remedy="Use a legal context that your authorisation names for this operation, spelt as it names it.",
    rule=Rule.LEGAL_CONTEXT,
)
ORGANISATION: Final = ReturnCode(
    "MSG00014",
    StatusValue.NO_RESULT,
    "Incorrect cbe by this organization (unauthorized)",
    _SOURCE,
    remedy="Name, in customerIdentification, an organisation that the signing certificate stands for.",
    rule=Rule.ORGANISATION,
)
UNKNOWN_AT_SUPPLIER: Final = ReturnCode(
    "MSG00021",
    StatusValue.NO_RESULT,
    "Unknown SSIN by the supplier (not integrated)",
    _SOURCE,
    remedy="Nothing to mend: DGPH has no file about this person.",
)
PERIOD_LENGTH: Final = ReturnCode(
    "MSG00030",
    StatusValue.NO_RESULT,
    "period of about 2 years",
    _SOURCE,
    remedy="Ask for payments over two years at most; ask again for the years before.",
    rule=HandiRule.PERIOD_LENGTH,
)
PERIOD_ORDER: Final = ReturnCode(
    "MSG00031",
    StatusValue.NO_RESULT,
    "not growing period",
    _SOURCE,
    remedy="Let the period begin before it ends.",
    rule=HandiRule.PERIOD_ORDER,
)
REFERENCE_DATE: Final = ReturnCode(
    "MSG00032",
    StatusValue.NO_RESULT,
    "date of consultation over a year",
    _SOURCE,
    remedy="Take a reference date within a year of today.",
    rule=HandiRule.REFERENCE_DATE,
)
NOTHING_ASKED: Final = ReturnCode(
    "MSG00040",
    StatusValue.NO_RESULT,
    "nothing is asked",
    _SOURCE,
    remedy="Set one of the booleans to true, or ask for payments over a period.",
    rule=Rule.NOTHING_ASKED,
)
DATA_GROUP: Final = ReturnCode(
    "MSG00050",
    StatusValue.NO_RESULT,
    "unauthorized information",
    _SOURCE,
    remedy="Ask only for groups that your authorisation names: one too many refuses the whole request.",
    rule=Rule.DATA_GROUP,
)

CODES: Final = (
    DATA_FOUND,
    NO_DATA_FOUND,
    SSIN_UNKNOWN,
    SSIN_REPLACED,
    SSIN_CANCELLED,
    SSIN_STRUCTURE,
    NOT_INTEGRATED,
    LEGAL_CONTEXT,
    ORGANISATION,
    UNKNOWN_AT_SUPPLIER,
    PERIOD_LENGTH,
    PERIOD_ORDER,
    REFERENCE_DATE,
    NOTHING_ASKED,
    DATA_GROUP,
)
