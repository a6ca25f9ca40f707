"""Every business code of PersonService. All are ours: no document of this service was ever public.

Codes that other services have mean the same here; those that begin with PER are this service's own.
"""

from __future__ import annotations

from typing import Final

from kruispunt.errors import Rule
from kruispunt.pipeline.service import ReturnCode, StatusValue

_OURS: Final = "ours"

DATA_FOUND: Final = ReturnCode("MSG00000", StatusValue.DATA_FOUND, "Treatment successful", _OURS)
NO_DATA_FOUND: Final = ReturnCode(
    "MSG00100",
    StatusValue.NO_DATA_FOUND,
    "Treatment successful, but no data found",
    _OURS,
    remedy="Nothing to mend; try a search with fewer or less exact criteria.",
)
EXISTING_PERSONS: Final = ReturnCode(
    "PER00001",
    StatusValue.DATA_FOUND,
    "Nobody was registered: these persons may be the one declared",
    _OURS,
    remedy="Look at each of them; when all are somebody else, name them under otherPersons and ask again.",
)
TOO_MANY: Final = ReturnCode(
    "PER00002",
    StatusValue.NO_RESULT,
    "More persons match than may be told",
    _OURS,
    remedy="Give a first name, the whole birth date, or a smaller variation.",
)
RULE_BROKEN: Final = ReturnCode(
    "PER00003",
    StatusValue.NO_RESULT,
    "What was declared or asked breaks a rule",
    _OURS,
    remedy="The information tells the element and the rule.",
)
NOT_OF_CBSS: Final = ReturnCode(
    "PER00004",
    StatusValue.NO_RESULT,
    "The CBSS register does not keep this number",
    _OURS,
    remedy="Data of the National Register are changed there; only BIS numbers are replaced or cancelled here.",
)
WITHHELD: Final = ReturnCode(
    "PER00005",
    StatusValue.NO_RESULT,
    "The data of a person are blocked or cannot be read",
    _OURS,
    remedy="Try later. When it was met while registering somebody: ask the service desk, who may see more.",
)
NOT_ACTIVE: Final = ReturnCode(
    "PER00006",
    StatusValue.NO_RESULT,
    "The number that should come in its place is not active",
    _OURS,
    remedy="Use the number that is valid today.",
)
SSIN_UNKNOWN: Final = ReturnCode(
    "MSG00005",
    StatusValue.NO_RESULT,
    "The SSIN given in request does not exist",
    _OURS,
    remedy="Check the number: it is well formed, but no register knows it.",
    rule=Rule.SSIN_UNKNOWN,
)
SSIN_REPLACED: Final = ReturnCode(
    "MSG00006",
    StatusValue.NO_RESULT,
    "The SSIN given in request is replaced",
    _OURS,
    remedy="Use the new number, which the information tells. A search follows replacements by itself.",
)
SSIN_CANCELLED: Final = ReturnCode(
    "MSG00007",
    StatusValue.NO_RESULT,
    "The SSIN given in request is canceled",
    _OURS,
    remedy="Find out the person's present number: this one was withdrawn, and no other took its place.",
    rule=Rule.SSIN_CANCELLED,
)
SSIN_STRUCTURE: Final = ReturnCode(
    "MSG00011",
    StatusValue.NO_RESULT,
    "The structure of the SSIN given in request is invalid",
    _OURS,
    remedy="Check the digits: the check number or the date of birth in the number is wrong.",
    rule=Rule.SSIN_STRUCTURE,
)
NOT_INTEGRATED: Final = ReturnCode(
    "MSG00012",
    StatusValue.NO_RESULT,
    "The SSIN given in request is not integrated for the source (client)",
    _OURS,
    remedy="Inscribe the person first, under a quality code and a period that this legal context accepts.",
    rule=Rule.NOT_INTEGRATED,
)
LEGAL_CONTEXT: Final = ReturnCode(
    "MSG00013",
    StatusValue.NO_RESULT,
    "Access to this operation is not allowed with the given legal context and credentials",
    _OURS,
    remedy="Use the legal context that your authorisation names for this operation.",
    rule=Rule.LEGAL_CONTEXT,
)
ORGANISATION: Final = ReturnCode(
    "MSG00014",
    StatusValue.NO_RESULT,
    "Credentials provided by client do not match the customer organization",
    _OURS,
    remedy="Name, in customerIdentification, an organisation that the signing certificate stands for.",
    rule=Rule.ORGANISATION,
)
DATA_GROUP: Final = ReturnCode(
    "REG00101",
    StatusValue.NO_RESULT,
    "There is no authorization for one of the datagroups declared",
    _OURS,
    remedy="Declare, change or remove only what your authorisation names.",
    rule=Rule.DATA_GROUP,
)

CODES: Final = (
    DATA_FOUND,
    NO_DATA_FOUND,
    EXISTING_PERSONS,
    TOO_MANY,
    RULE_BROKEN,
    NOT_OF_CBSS,
    WITHHELD,
    NOT_ACTIVE,
    SSIN_UNKNOWN,
    SSIN_REPLACED,
    SSIN_CANCELLED,
    SSIN_STRUCTURE,
    NOT_INTEGRATED,
    LEGAL_CONTEXT,
    ORGANISATION,
    DATA_GROUP,
)
