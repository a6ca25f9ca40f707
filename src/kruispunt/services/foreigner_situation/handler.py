"""What ForeignerSituationService decides once a request has been let in: was anything found.

The data go through as the register delivers them; nothing here looks into them (FS-03). A RAD person is asked
like any other: closed data are delivered too (FS-07).
"""

from __future__ import annotations

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.service import Call, Outcome
from kruispunt.services.foreigner_situation.codes import DATA_FOUND, NO_DATA_FOUND
from kruispunt.services.foreigner_situation.situation import (
    DataGroup,
    EmploymentCriteria,
    FictionalNumber,
    ForeignerRegister,
    SpecialInfo,
)


def employment_groups(criteria: EmploymentCriteria) -> frozenset[str]:
    """The data groups that the request asks for."""
    asked = {
        DataGroup.EMPLOYMENT_CARDS: criteria.employment_cards,
        DataGroup.WORK_PERMITS: criteria.work_permits,
    }
    return frozenset(group.value for group, wanted in asked.items() if wanted)


def check_employment(criteria: EmploymentCriteria) -> None:
    """Raises BusinessRefusal (MSG00040) when both data groups are false (FS-01)."""
    if not (criteria.employment_cards or criteria.work_permits):
        raise BusinessRefusal(
            Rule.NOTHING_ASKED,
            "employmentCards and workPermits are both false, so nothing is asked",
            element="criteria/dataGroups",
            remedy="set at least one of them to true",
        )


async def consult_employment_infos(call: Call, register: ForeignerRegister) -> Outcome:
    """Employment cards and work permits, of the groups asked for (FS-02)."""
    employment = await register.employment(
        _person(call),
        cards=DataGroup.EMPLOYMENT_CARDS in call.data_groups,
        permits=DataGroup.WORK_PERMITS in call.data_groups,
    )
    if employment.cards or employment.permits:
        return Outcome(DATA_FOUND, employment)
    return Outcome(NO_DATA_FOUND)


async def consult_special_infos(call: Call, register: ForeignerRegister) -> Outcome:
    """Special information (FS-04); who opens the right to family reunification is a subject too (PL-30)."""
    infos = await register.special_infos(_person(call))
    if infos:
        return Outcome(DATA_FOUND, infos, subjects=_told(infos))
    return Outcome(NO_DATA_FOUND)


def _told(infos: tuple[SpecialInfo, ...]) -> tuple[Ssin, ...]:
    bases = (info.limosa.base for info in infos if info.limosa is not None)
    return tuple(dict.fromkeys(b for b in bases if b is not None and not isinstance(b, FictionalNumber)))


def _person(call: Call) -> Ssin:
    assert call.ssin is not None, "both operations have SSIN control"
    return call.ssin
