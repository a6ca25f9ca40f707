"""Every business code of ForeignerSituationService (FS-09).

A code means something within its service only (CT-04). Texts are those of document 004, section 6.1; clients
compare codes, never texts.
"""

from __future__ import annotations

from typing import Final

from kruispunt.errors import Rule
from kruispunt.pipeline.service import ReturnCode, StatusValue

_SOURCE: Final = "004 §6.1"

DATA_FOUND: Final = ReturnCode("MSG00000", StatusValue.DATA_FOUND, "Treatment successful", _SOURCE)
NO_DATA_FOUND: Final = ReturnCode(
    "MSG00100",
    StatusValue.NO_DATA_FOUND,
    "Treatment successful, but no data found at the supplier",
    _SOURCE,
    remedy="Nothing to mend; the register is no authentic source, so this proves no absence.",
)
SSIN_UNKNOWN: Final = ReturnCode(
    "MSG00005",
    StatusValue.NO_RESULT,
    "The SSIN given in request does not exist",
    _SOURCE,
    remedy="Check the number with the person or in the file: it is well formed, but no register knows it.",
    rule=Rule.SSIN_UNKNOWN,
)
SSIN_CANCELLED: Final = ReturnCode(
    "MSG00007",
    StatusValue.NO_RESULT,
    "The SSIN given in request is canceled",
    _SOURCE,
    remedy="Find out the person's present number: this one was withdrawn, and no other took its place.",
    rule=Rule.SSIN_CANCELLED,
)
SSIN_STRUCTURE: Final = ReturnCode(
    "MSG00011",
    StatusValue.NO_RESULT,
    "The structure of the SSIN given in request is invalid",
    _SOURCE,
    remedy="Check the digits: the check number or the date of birth in the number is wrong.",
    rule=Rule.SSIN_STRUCTURE,
)
NOT_INTEGRATED: Final = ReturnCode(
    "MSG00012",
    StatusValue.NO_RESULT,
    "The SSIN given in request is not integrated for the source (client)",
    _SOURCE,
    remedy="Inscribe the person first, under a quality code and a period that this legal context accepts.",
    rule=Rule.NOT_INTEGRATED,
)
LEGAL_CONTEXT: Final = ReturnCode(
    "MSG00013",
    StatusValue.NO_RESULT,
    "Access to this operation is not allowed with the given legal context and credentials",
    _SOURCE,
    remedy="Use the legal context that your authorisation names for this operation; it is spelt in capitals.",
    rule=Rule.LEGAL_CONTEXT,
)
ORGANISATION: Final = ReturnCode(
    "MSG00014",
    StatusValue.NO_RESULT,
    "Credentials provided by client do not match the customer organization",
    _SOURCE,
    remedy="Name, in customerIdentification, an organisation that the signing certificate stands for.",
    rule=Rule.ORGANISATION,
)
NOTHING_ASKED: Final = ReturnCode(
    "MSG00040",
    StatusValue.NO_RESULT,
    "None of the datagroups is requested",
    "ours",
    remedy="Set employmentCards or workPermits, or both, to true.",
    rule=Rule.NOTHING_ASKED,
)
SSIN_BIS: Final = ReturnCode(
    "REG00004",
    StatusValue.NO_RESULT,
    "The SSIN is a BIS number",
    _SOURCE,
    remedy="Ask with a number of the National Register: the BIS register holds none of these data.",
    rule=Rule.SSIN_BIS,
)
DATA_GROUP: Final = ReturnCode(
    "REG00101",
    StatusValue.NO_RESULT,
    "There is no authorization to fetch one of the datagroups requested",
    _SOURCE,
    remedy="Ask only for data groups that your authorisation names: one too many refuses the whole request.",
    rule=Rule.DATA_GROUP,
)

CODES: Final = (
    DATA_FOUND,
    NO_DATA_FOUND,
    SSIN_UNKNOWN,
    SSIN_CANCELLED,
    SSIN_STRUCTURE,
    NOT_INTEGRATED,
    LEGAL_CONTEXT,
    ORGANISATION,
    NOTHING_ASKED,
    SSIN_BIS,
    DATA_GROUP,
)
