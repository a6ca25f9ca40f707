"""What OCMWCPASManageAccess and ReferenceManager.consult decide: lines in the repertory of CBSS, over SSDN (RP-02 to
RP-05, RP-23). The SSIN control has refused unknown and cancelled numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from kruispunt.errors import BusinessRefusal, Rule
from kruispunt.identifiers import organisation
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import Ssin
from kruispunt.periods import Period, merge
from kruispunt.pipeline.service import Call, Outcome, ReturnCode
from kruispunt.repertory.identification import Field, Identification, differences
from kruispunt.repertory.lines import NO_ORGANISATION, Line
from kruispunt.repertory.register import Register, Told
from kruispunt.services._common.line_codes import (
    DONE,
    IDENTIFICATION_DIFFERS,
    IDENTIFICATION_UNKNOWN,
    PERIOD_REVERSED,
    code_of,
)
from kruispunt.services._common.registers import author_of
from kruispunt.services.identify_person import codes
from kruispunt.services.identify_person.other_services import (
    Access,
    Action,
    Consultation,
    Consulted,
    Managed,
    Network,
    OtherSectors,
    Registration,
)
from kruispunt.services.identify_person.summary import Detail, detail
from kruispunt.services.identify_person.supplier import OwnTables

_LABELS: Final = {
    Field.LAST_NAME: "Person Data: Last Name",
    Field.FIRST_NAME: "Person Data: First Name",
    Field.BIRTH_DATE: "Person Data: Birth Date",
    Field.SEX: "Person Data: Gender",
}
_LARGEST_CODE: Final = 999


async def manage_access(call: Call, tables: OwnTables) -> Outcome:
    """Inscribe, take out, or list the organisation's own lines. What is done is on disk, and may be sent again."""
    asked: Access = call.criteria
    period, known_to = asked.days.period(), _client(call)
    if period is None:
        return _refused(asked, detail(PERIOD_REVERSED))
    if asked.identification is not None:
        differing = await _compared(asked.identification, Ssin(asked.ssin), tables)
        if differing is not None:
            return _refused(asked, differing)
    repertory = tables.lines.repertory(call)
    if asked.action is not Action.LIST:
        code = await _changed(asked, period, known_to, repertory, call)
        if code is not DONE:
            return _refused(asked, detail(code))
        found = await repertory.consult([Ssin(asked.ssin)], kind=str(asked.purpose), known_to=known_to)
        return _managed(asked, call, _registrations(found, Network.PRIMARY, known_to))
    return _managed(asked, call, await _listed(asked, period, known_to, call, tables))


async def consult_other_sectors(call: Call, tables: OwnTables) -> Outcome:
    """In which sectors somebody is known, as what and when; only of people whom the asker has a line for itself."""
    asked: OtherSectors = call.criteria
    requested = asked.requested.period()
    integrated = Period.day(call.today) if asked.integrated is None else asked.integrated.period()
    if requested is None or integrated is None:
        return _consulted(PERIOD_REVERSED, Consulted((detail(PERIOD_REVERSED),), given=False))
    repertory, ssin = tables.lines.repertory(call), Ssin(asked.ssin)
    own = await repertory.consult([ssin], kind=str(asked.requestor), known_to=_client(call), period=integrated)
    if not own:
        raise BusinessRefusal(
            Rule.NOT_INTEGRATED,
            f"the repertory holds no line of this organisation with quality code {asked.requestor} for the period",
            element="QualityCodeRequestor",
            remedy="Inscribe the person first, under the quality code that the request names.",
        )
    found = await repertory.consult([ssin], period=requested)
    details = _replaced(asked.ssin, call)
    leading = codes.REPLACED if details else None
    return _consulted(leading, Consulted(details, _consultations(asked, found)), call.ssin)


async def _changed(
    asked: Access, period: Period, known_to: OrganisationKey, repertory: Register, call: Call
) -> ReturnCode:
    told = Told(asked.ssin, str(asked.purpose), period, known_to)
    change = repertory.inscribe if asked.action is Action.REGISTER else repertory.delete
    (outcome,) = await change([told], author_of(call))
    return code_of(outcome)


async def _compared(told: Identification, ssin: Ssin, tables: OwnTables) -> Detail | None:
    """None when nothing differs (RP-02)."""
    found = await tables.look_up(ssin)
    held = None if found is None else found.comparable
    if held is None:
        return detail(IDENTIFICATION_UNKNOWN)
    differing = differences(told, held.legal)
    return detail(IDENTIFICATION_DIFFERS, *((_LABELS[field], "") for field in differing)) if differing else None


async def _listed(
    asked: Access, period: Period, known_to: OrganisationKey, call: Call, tables: OwnTables
) -> tuple[Registration, ...]:
    kind = None if asked.purpose is None else str(asked.purpose)
    ssins, network = [Ssin(asked.ssin)], asked.network or Network.ALL
    found: tuple[Registration, ...] = ()
    if network is not Network.SECONDARY:
        lines = await tables.lines.repertory(call).consult(ssins, kind=kind, known_to=known_to, period=period)
        found = _registrations(lines, Network.PRIMARY, known_to)
    number = None if call.organisation is None else call.organisation.cbe
    if network is not Network.PRIMARY and number is not None:
        own = await tables.lines.own(call).consult(ssins, kind=kind, known_to=NO_ORGANISATION, period=period)
        found += _registrations(own, Network.SECONDARY, number)
    return found


def _registrations(lines: Iterable[Line], network: Network, unit: str) -> tuple[Registration, ...]:
    """Purposes are numbers: a line with another dossier type cannot be told here."""
    return tuple(
        Registration(int(line.key.dossier_type), line.period, unit, network)
        for line in lines
        if _is_code(line.key.dossier_type)
    )


def _consultations(asked: OtherSectors, lines: Iterable[Line]) -> tuple[Consultation, ...]:
    """By sector and quality code; a pair that was asked for by name is answered with no period when there is none."""
    periods: defaultdict[tuple[int, int], list[Period]] = defaultdict(list)
    wanted = dict.fromkeys((sector for sector, kinds in asked.combinations if not kinds), True)
    for sector, kinds in asked.combinations:
        for kind in kinds:
            periods[sector, kind] = []
    for line in lines:
        where = _sector_of(line.key.organisation, asked)
        if where is None or not _is_code(line.key.dossier_type):
            continue
        pair = where, int(line.key.dossier_type)
        if not asked.combinations or where in wanted or pair in periods:
            periods[pair].append(line.period)
    return tuple(Consultation(*pair, merge(days)) for pair, days in sorted(periods.items()))


def _sector_of(key: OrganisationKey, asked: OtherSectors) -> int | None:
    pair = organisation.to_institution(key)
    return asked.sectors.get(key) if pair is None else pair[0]


def _is_code(kind: str) -> bool:
    """Whether a dossier type is a quality code, 0 to 999, in its ordinary spelling."""
    return kind.isascii() and kind.isdigit() and len(kind) <= len(str(_LARGEST_CODE)) and str(int(kind)) == kind


def _client(call: Call) -> OrganisationKey:
    assert call.organisation is not None
    return OrganisationKey(call.organisation.inscribed_as)


def _replaced(asked: str, call: Call) -> tuple[Detail, ...]:
    if call.ssin is None or call.ssin == asked:
        return ()
    return (detail(codes.REPLACED, ("Original SSIN", asked), ("Replacing SSIN", call.ssin)),)


def _managed(asked: Access, call: Call, registrations: tuple[Registration, ...]) -> Outcome:
    details = _replaced(asked.ssin, call)
    assert call.ssin is not None
    return Outcome(codes.REPLACED if details else None, Managed(asked, details, registrations), subjects=(call.ssin,))


def _refused(asked: Access, why: Detail) -> Outcome:
    return Outcome(
        codes.BY_CODE[why.code],
        Managed(asked, (why,), given=False),
        refused_numbers=int(why.code == IDENTIFICATION_DIFFERS.code),
    )


def _consulted(code: ReturnCode | None, result: Consulted, ssin: Ssin | None = None) -> Outcome:
    return Outcome(code, result, subjects=() if ssin is None else (ssin,))
