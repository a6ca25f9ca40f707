"""The codes of the services that write lines: InscriptionService, CBSSInscription, RegisterService.

Those that the newer services share keep their meaning; the others are ours (`REG002..`), because nobody outside has
seen what the real services answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kruispunt.errors import Information, Rule
from kruispunt.pipeline.service import ReturnCode, StatusValue
from kruispunt.repertory.register import Outcome
from kruispunt.repertory.writing import Verdict

_SHARED: Final = "004 §6.1"
_OURS: Final = "ours"
_REFUSED: Final = StatusValue.NO_RESULT

DONE: Final = ReturnCode("MSG00000", StatusValue.DATA_FOUND, "Treatment successful", _SHARED)
NOTHING: Final = ReturnCode(
    "MSG00100",
    StatusValue.NO_DATA_FOUND,
    "Treatment successful, but no data found",
    _SHARED,
    remedy="Nothing to mend: there is no such line.",
)
SSIN_UNKNOWN: Final = ReturnCode(
    "MSG00005",
    _REFUSED,
    "The SSIN given in request does not exist",
    _SHARED,
    remedy="Check the number with the person or in the file: it is well formed, but no register knows it.",
    rule=Rule.SSIN_UNKNOWN,
)
SSIN_CANCELLED: Final = ReturnCode(
    "MSG00007",
    _REFUSED,
    "The SSIN given in request is canceled",
    _SHARED,
    remedy="Find out the person's present number: this one was withdrawn, and no other took its place.",
    rule=Rule.SSIN_CANCELLED,
)
SSIN_STRUCTURE: Final = ReturnCode(
    "MSG00011",
    _REFUSED,
    "The structure of the SSIN given in request is invalid",
    _SHARED,
    remedy="Check the digits: the check number or the date of birth in the number is wrong.",
    rule=Rule.SSIN_STRUCTURE,
)
LEGAL_CONTEXT: Final = ReturnCode(
    "MSG00013",
    _REFUSED,
    "Access to this operation is not allowed with the given legal context and credentials",
    _SHARED,
    remedy="Use the legal context that your authorisation names for this operation; it is spelt in capitals.",
    rule=Rule.LEGAL_CONTEXT,
)
ORGANISATION: Final = ReturnCode(
    "MSG00014",
    _REFUSED,
    "Credentials provided by client do not match the customer organization",
    _SHARED,
    remedy="Name the organisation that the signing certificate stands for, and no other one in the lines.",
    rule=Rule.ORGANISATION,
)
TYPE_UNKNOWN: Final = ReturnCode(
    "REG00201",
    _REFUSED,
    "The dossier type is not defined for this organization",
    _OURS,
    remedy="Use a type that the register defines, for the organisation that it is defined for, or have it defined.",
)
TYPE_CLOSED: Final = ReturnCode(
    "REG00202",
    _REFUSED,
    "The dossier type is closed: nothing new is inscribed under it",
    _OURS,
    remedy="Use the type that came in its place.",
)
IDENTIFICATION_DIFFERS: Final = ReturnCode(
    "REG00203",
    _REFUSED,
    "The identification given differs from the registers",
    _OURS,
    remedy="Check the number and the fields that the information names: it may be another person's number.",
)
IDENTIFICATION_UNKNOWN: Final = ReturnCode(
    "REG00204",
    _REFUSED,
    "The registers hold nothing that the identification given could be compared with",
    _OURS,
    remedy="Inscribe without identification, when you are sure of the number.",
)
PERIOD_REVERSED: Final = ReturnCode(
    "REG00205",
    _REFUSED,
    "The period ends before it begins",
    _OURS,
    remedy="Correct beginDate or endDate; both days belong to the period.",
)
NO_LINE: Final = ReturnCode(
    "REG00206",
    _REFUSED,
    "No line holds a day of the period that should be changed",
    _OURS,
    remedy="Consult the lines and correct the period, or inscribe the days with insertInscription.",
)
"""Of updateInscription alone."""

LINE_CODES: Final = (
    DONE,
    NOTHING,
    SSIN_UNKNOWN,
    SSIN_CANCELLED,
    SSIN_STRUCTURE,
    LEGAL_CONTEXT,
    ORGANISATION,
    TYPE_UNKNOWN,
    TYPE_CLOSED,
    IDENTIFICATION_DIFFERS,
    IDENTIFICATION_UNKNOWN,
    PERIOD_REVERSED,
)

_BY_VERDICT: Final[Mapping[Verdict, ReturnCode]] = {
    Verdict.DONE: DONE,
    Verdict.UNCHANGED: DONE,  # who sends again what was done, is answered as the first time
    Verdict.SSIN_UNKNOWN: SSIN_UNKNOWN,
    Verdict.SSIN_CANCELLED: SSIN_CANCELLED,
    Verdict.SSIN_INVALID: SSIN_STRUCTURE,
    Verdict.TYPE_UNKNOWN: TYPE_UNKNOWN,
    Verdict.TYPE_CLOSED: TYPE_CLOSED,
    Verdict.NO_LINE: NO_LINE,
    Verdict.IDENTIFICATION_DIFFERS: IDENTIFICATION_DIFFERS,
    Verdict.IDENTIFICATION_UNKNOWN: IDENTIFICATION_UNKNOWN,
}
_TELLS: Final = frozenset(
    {Verdict.SSIN_UNKNOWN, Verdict.SSIN_CANCELLED, Verdict.SSIN_INVALID, Verdict.IDENTIFICATION_DIFFERS}
)


def code_of(outcome: Outcome) -> ReturnCode:
    """How a line went."""
    return _BY_VERDICT[outcome.verdict]


def information_of(outcome: Outcome) -> Information:
    """All fields that differ, by name; never what the registers hold (RP-02)."""
    return tuple(("differs", field.value) for field in outcome.differing)


def tells(outcome: Outcome) -> bool:
    """Whether the refusal answers a guess, at a number or at what the registers hold: these are counted (PL-16)."""
    return outcome.verdict in _TELLS
