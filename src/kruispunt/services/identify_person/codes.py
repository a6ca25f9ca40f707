"""Every code of IdentifyPerson: the seventeen of document 001's appendix B, those of the variant for public centres for
social welfare, and the common ones (IP-17 to IP-19).

A code's first digit is its severity: 1 information, 2 warning, 3 error. The common codes of the newer services, which
have no such digit, are errors. Clients compare codes, never texts.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from kruispunt.errors import InvalidRequest, Rule
from kruispunt.pipeline.service import ReturnCode, StatusValue
from kruispunt.services._common.line_codes import (
    IDENTIFICATION_DIFFERS,
    IDENTIFICATION_UNKNOWN,
    PERIOD_REVERSED,
    TYPE_CLOSED,
    TYPE_UNKNOWN,
)

_APPENDIX: Final = "001 appendix B"
_SEEN: Final = "seen"
_REFUSED, _FOUND, _NOTHING = StatusValue.NO_RESULT, StatusValue.DATA_FOUND, StatusValue.NO_DATA_FOUND
_REPORT: Final = "Report the ticket and the number to the service desk: what the register holds must be mended there."


class Severity(Enum):
    """Of one message."""

    INFORMATION = "INFORMATION"
    WARNING = "WARNING"
    ERROR = "ERROR"


def severity_of(code: str) -> Severity:
    """By the first digit; a code without one is an error (ours)."""
    return {"1": Severity.INFORMATION, "2": Severity.WARNING}.get(code[:1], Severity.ERROR)


RESULTS_LEFT_OUT: Final = ReturnCode(
    "30009001",
    _FOUND,
    "Errors occurred while getting the data for some of the search results. These results are not displayed.",
    _APPENDIX,
    "Ask for the missing person by number, where it is known.",
)
TEMPORARY_ADDRESS: Final = ReturnCode(
    "30009002",
    _FOUND,
    "An error occurred getting the temporary address for this person. No temporary address is given.",
    _APPENDIX,
    _REPORT,
)
POST_ADDRESS_ABROAD: Final = ReturnCode(
    "30009003",
    _FOUND,
    "An error occurred getting the post address abroad for this person. No post address abroad is given.",
    _APPENDIX,
    _REPORT,
)
INSCRIPTION: Final = ReturnCode(
    "30009004",
    _FOUND,
    "An error occurred getting the register inscription for this person. No register inscription is given.",
    _APPENDIX,
    _REPORT,
)
LEGAL_ADDRESS: Final = ReturnCode(
    "30009005",
    _FOUND,
    "An error occurred getting extended legal address information. The legal address may not be complete.",
    _APPENDIX,
    _REPORT,
)
TEMPORARY_ADDRESS_ABROAD: Final = ReturnCode(
    "30009006",
    _FOUND,
    "An error occurred getting the temporary address abroad for this person. No temporary address abroad is given.",
    _APPENDIX,
    _REPORT,
)
TOLERANCE_MISSING: Final = ReturnCode(
    "31009001",
    _REFUSED,
    "When the birth date in the phonetic criteria is not a complete date, a birth date tolerance must be specified.",
    _APPENDIX,
    "Give a tolerance: months for a month, years for a year; 0 is one.",
)
FIRST_NAME_MISSING: Final = ReturnCode(
    "31009002",
    _REFUSED,
    "If a middle name is specified in the phonetic criteria, a first name must also be specified.",
    _APPENDIX,
    "Give the first name too, or leave the middle name out: it is not compared.",
)
PERIOD_IN_FUTURE: Final = ReturnCode(
    "31009003",
    _REFUSED,
    "The period indicated by the birth date and the birth date tolerance is completely in the future.",
    _APPENDIX,
    "Check the birth date.",
)
BIRTH_IN_FUTURE: Final = ReturnCode(
    "31009004", _REFUSED, "The birth date is completely in the future.", _APPENDIX, "Check the birth date."
)
BLOCKED: Final = ReturnCode(
    "32000001",
    _REFUSED,
    "Access to the data is temporarily blocked.",
    _APPENDIX,
    "Try again later; the National Register lifts the block.",
)
CANCELLED: Final = ReturnCode(
    "32012002",
    _REFUSED,
    "The SSIN was marked as replaced, but no valid replacing SSIN could be found.",
    _APPENDIX,
    "Search the person by name.",
    rule=Rule.SSIN_CANCELLED,
)
TOO_MANY: Final = ReturnCode(
    "32012003",
    _REFUSED,
    "The phonetic search returned too many matches. Please refine your search criteria.",
    _APPENDIX,
    "Give a first name, a more exact birth date or a smaller tolerance.",
)
NO_MATCH: Final = ReturnCode(
    "32012004",
    _NOTHING,
    "The phonetic search did not return any matches.",
    _APPENDIX,
    "Check the spelling of the name and the birth date; give a tolerance.",
)
NATIONAL_UNREADABLE: Final = ReturnCode(
    "33009001",
    _FOUND,
    "The National Register returned data that could not be interpreted by the service. The result may be incomplete.",
    _APPENDIX,
    _REPORT,
)
CBSS_UNREADABLE: Final = ReturnCode(
    "33009002",
    _FOUND,
    "The CBSS Register returned data that could not be interpreted by the service. The result may be incomplete.",
    _APPENDIX,
    _REPORT,
)
REPLACED: Final = ReturnCode(
    "22012001",
    _FOUND,
    "A requested SSIN had been replaced by another one. Using the new SSIN instead.",
    _APPENDIX,
    "Use the new number from now on.",
)

APPENDIX_B: Final = (
    RESULTS_LEFT_OUT,
    TEMPORARY_ADDRESS,
    POST_ADDRESS_ABROAD,
    INSCRIPTION,
    LEGAL_ADDRESS,
    TEMPORARY_ADDRESS_ABROAD,
    TOLERANCE_MISSING,
    FIRST_NAME_MISSING,
    PERIOD_IN_FUTURE,
    BIRTH_IN_FUTURE,
    BLOCKED,
    CANCELLED,
    TOO_MANY,
    NO_MATCH,
    NATIONAL_UNREADABLE,
    CBSS_UNREADABLE,
    REPLACED,
)
"""The list that document 001 calls exhaustive."""

IDENTITY_VALIDATED: Final = ReturnCode(
    "12007001", _FOUND, "The identity of the person has been validated.", _SEEN, "Nothing to mend."
)
PHONETIC_IGNORED: Final = ReturnCode(
    "21007001",
    _FOUND,
    "Both a SSIN and phonetic criteria were given. The phonetic criteria are ignored.",
    _SEEN,
    "Give one of both.",
)
PERSON_DATA_DIFFER: Final = ReturnCode(
    "22007007",
    _FOUND,
    "The PersonData do not match the data that were found.",
    _SEEN,
    "Compare what you know of the person with the reply before you go on.",
)

ARGUMENT_MISSING: Final = ReturnCode(
    "31000007",
    _REFUSED,
    "A mandatory argument is missing or empty.",
    _SEEN,
    "Give the field that the information names.",
    rule=Rule.NOTHING_ASKED,
)

_OURS: Final = "newer services, by IP-19"

COMMON: Final = (
    ReturnCode(
        InvalidRequest.code,
        _REFUSED,
        InvalidRequest.text,
        _OURS,
        "Correct what the information names; follow the XSDs of the connector.",
    ),
    ReturnCode(
        "MSG00005",
        _REFUSED,
        "The SSIN given in request does not exist",
        _OURS,
        "Check the number: it is well formed, but no register knows it.",
        rule=Rule.SSIN_UNKNOWN,
    ),
    ReturnCode(
        "MSG00011",
        _REFUSED,
        "The structure of the SSIN given in request is invalid",
        _OURS,
        "Check the digits: the check number or the date of birth in the number is wrong.",
        rule=Rule.SSIN_STRUCTURE,
    ),
    ReturnCode(
        "MSG00012",
        _REFUSED,
        "The SSIN given in request is not integrated for the source (client)",
        _OURS,
        "Inscribe the person first, where your authorisation asks for it.",
        rule=Rule.NOT_INTEGRATED,
    ),
    ReturnCode(
        "MSG00013",
        _REFUSED,
        "Access to this operation is not allowed with the given legal context and credentials",
        _OURS,
        "Ask the operator which searches your authorisation covers.",
        rule=Rule.LEGAL_CONTEXT,
    ),
    ReturnCode(
        "MSG00014",
        _REFUSED,
        "Credentials provided by client do not match the customer organization",
        _OURS,
        "Name, in OrgUnit or MatrixID and MatrixSubID, an organisation that the signing certificate stands for.",
        rule=Rule.ORGANISATION,
    ),
)

CODES: Final = (
    *APPENDIX_B,
    IDENTITY_VALIDATED,
    PHONETIC_IGNORED,
    PERSON_DATA_DIFFER,
    ARGUMENT_MISSING,
    *COMMON,
    TYPE_UNKNOWN,
    TYPE_CLOSED,
    IDENTIFICATION_DIFFERS,
    IDENTIFICATION_UNKNOWN,
    PERIOD_REVERSED,
)

BY_CODE: Final = {code.code: code for code in CODES}

SOME_WARNING: Final = ("20000001", "At least one service request has generated a warning.")
SOME_ERROR: Final = ("30000001", "At least one service request has generated an error.")
"""At the level of the reply: seen in real ones."""
