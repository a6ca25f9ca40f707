"""What can be wrong with what came, each with a name and an exit code of its own (RP-18).

Nothing of a file that is wrong is loaded, and later files wait until it is dealt with.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from kruispunt.errors import KruispuntError


class Problem(Enum):
    """The value is the name in JSON, logs and status."""

    BUSY = "busy"
    """Another `kruispunt receive` works in the same directory."""
    UNREACHABLE = "unreachable"
    """The platform, or the folder; trying again later may help."""
    REFUSED = "refused"
    """The platform answers that it does not give this."""
    ANSWER = "answer"
    """What the platform answers is not what its contract says."""
    STORE = "store"
    """The directory or the copy in it cannot be written."""
    LATE = "late"
    """No file came of a day that should have been told: all that came is loaded."""
    MISSING = "missing"
    """A file, while a later one is there; or a file of which only the voucher is there."""
    TRUNCATED = "truncated"
    ALTERED = "altered"
    """Other bytes than those that were signed for."""
    REPEATED = "repeated"
    """A file that was loaded before, under a new number; or another file under a number that was loaded."""
    REORDERED = "reordered"
    """A file of a later number in the place of this one."""
    SWAPPED = "swapped"
    """The voucher is that of another file."""
    UNSIGNED = "unsigned"
    """The voucher is not signed, or not by the platform."""
    VOUCHER = "voucher"
    """It is no voucher of a mutation file."""
    SUBSCRIPTION = "subscription"
    ENVIRONMENT = "environment"
    RECEIVER = "receiver"
    SENDER = "sender"
    LEGAL_CONTEXT = "legal-context"
    KIND = "kind"
    HEAD = "head"
    """File and voucher do not say the same."""
    RECORDS = "records"
    """Not as many as the voucher tells."""
    SCHEMA = "schema"

    @property
    def exit_code(self) -> int:
        """Of `kruispunt receive`."""
        return _EXIT_CODES[self]

    @property
    def is_of_a_file(self) -> bool:
        """It is about one file and lasts until that file is dealt with; else trying again may be enough."""
        return self.exit_code >= Problem.MISSING.exit_code


_EXIT_CODES: Final = {
    Problem.BUSY: 10,
    Problem.UNREACHABLE: 11,
    Problem.REFUSED: 12,
    Problem.ANSWER: 13,
    Problem.STORE: 14,
    Problem.LATE: 15,
    Problem.MISSING: 20,
    Problem.TRUNCATED: 21,
    Problem.ALTERED: 22,
    Problem.REPEATED: 23,
    Problem.REORDERED: 24,
    Problem.SWAPPED: 25,
    Problem.UNSIGNED: 26,
    Problem.VOUCHER: 27,
    Problem.SUBSCRIPTION: 30,
    Problem.ENVIRONMENT: 31,
    Problem.RECEIVER: 32,
    Problem.SENDER: 33,
    Problem.LEGAL_CONTEXT: 34,
    Problem.KIND: 35,
    Problem.HEAD: 40,
    Problem.RECORDS: 41,
    Problem.SCHEMA: 42,
}


class NotReceived(KruispuntError):
    """A file that cannot be loaded, or not now. `why` holds nothing about a person."""

    def __init__(
        self, problem: Problem, why: str, remedy: str = "", *, sequence: int | None = None, until: int | None = None
    ) -> None:
        super().__init__(f"{why}. {remedy}" if remedy else why)
        self.problem = problem
        self.why = why
        self.remedy = remedy
        self.sequence = sequence
        """Of the file that it is about, if of any."""
        self.until = sequence if until is None else until
        """The last one, of several that are missing."""
