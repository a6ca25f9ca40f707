"""`ResultSummary`: how a reply and each service reply went, with the messages (IP-17 to IP-19)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kruispunt.errors import Information
from kruispunt.pipeline.service import ReturnCode
from kruispunt.services.identify_person.codes import Severity, severity_of
from kruispunt.xml.build import attribute, element, optional

AUTHOR: Final = "CBSS"
MOST_DETAILS: Final = 30
MOST_INFORMATION: Final = 5
"""Both by the contract."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One message."""

    code: str
    text: str
    information: Information = ()

    @property
    def severity(self) -> Severity:
        return severity_of(self.code)


class Status(Enum):
    """`ok` and `ReturnCode`."""

    YES = ("YES", 0)
    WARNING = ("WARNING", 1)
    NO = ("NO", 10_000)


def detail(code: ReturnCode, *information: tuple[str, str]) -> Detail:
    return Detail(code.code, code.text, information)


def status_of(details: Iterable[Detail], *, given: bool) -> Status:
    """YES without a message above information; else WARNING when data are given, and NO when none are (IP-19)."""
    worst = {each.severity for each in details}
    if worst <= {Severity.INFORMATION}:
        return Status.YES
    return Status.WARNING if given or Severity.ERROR not in worst else Status.NO


def write_summary(status: Status, details: Sequence[Detail]) -> str:
    """The element, whose prefix `common` somebody around it declares. What is told first is what is kept."""
    ok, number = status.value
    return (
        f"<common:ResultSummary{attribute('ok', ok)}>{element('common:ReturnCode', str(number))}"
        f"{''.join(map(_detail, details[:MOST_DETAILS]))}</common:ResultSummary>"
    )


def _detail(each: Detail) -> str:
    information = "".join(
        f"<common:Information>{element('common:FieldName', name)}{optional('common:FieldValue', value or None)}"
        "</common:Information>"
        for name, value in each.information[:MOST_INFORMATION]
    )
    return (
        f"<common:Detail>{element('common:Severity', each.severity.value)}{element('common:ReasonCode', each.code)}"
        f"{element('common:Diagnostic', each.text)}{element('common:AuthorCodeList', AUTHOR)}{information}"
        "</common:Detail>"
    )
