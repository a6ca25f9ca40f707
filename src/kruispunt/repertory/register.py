"""A register: the lines of one user of the repertory, and of nobody else (RP-01 to RP-05, RP-23).

A user is told by its CBE number; the repertory of the social security network is the register of CBSS. What a
`Register` does is keyed by its owner, which no argument names: there is no way to another one's lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from kruispunt.errors import DataError
from kruispunt.identifiers import cbe
from kruispunt.identifiers import ssin as ssins
from kruispunt.identifiers.cbe import CbeNumber
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.identifiers.ssin import InvalidSsin, Ssin
from kruispunt.periods import ALWAYS, Period
from kruispunt.registers.dossiers import Found, look_up
from kruispunt.repertory import writing
from kruispunt.repertory.identification import Field, Identification, differences
from kruispunt.repertory.lines import NO_ORGANISATION, Key, Line, dossier_type, to_lines, to_range
from kruispunt.repertory.writing import Author, Operation, Strictness, Verdict, Written

if TYPE_CHECKING:
    from kruispunt.storage.database import Database

# A number that was replaced has no lines: those of the one that came in its place are given (RP-15).
_CONSULT: Final = """
    SELECT i.ssin, i.organisation, i.dossier_type, i.period
    FROM (
        SELECT asked AS ssin FROM unnest($2::bigint[]) AS asked
        UNION
        SELECT p.final_ssin FROM unnest($2::bigint[]) AS asked JOIN person p ON p.ssin = asked
        WHERE p.final_ssin IS NOT NULL
    ) n
    JOIN inscription i ON i.owner = $1 AND i.ssin = n.ssin
    WHERE i.period && $3 AND ($4::text IS NULL OR i.dossier_type = $4) AND ($5::text IS NULL OR i.organisation = $5)
    ORDER BY i.ssin, i.organisation, i.dossier_type, i.period
"""


_REPLACED: Final = "SELECT ssin, final_ssin FROM person WHERE ssin = ANY ($1::bigint[]) AND final_ssin IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Told:
    """A line as somebody tells it: nothing in it is judged yet."""

    ssin: str
    dossier_type: str
    period: Period = ALWAYS
    """Of a deletion: the days that are taken out; all of them when no period is told (RP-04)."""
    organisation: OrganisationKey = NO_ORGANISATION
    identification: Identification | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line that was told."""

    verdict: Verdict
    ssin: Ssin | None = None
    """The number in use; None when what was told is no number, or leads to none."""
    replaced: bool = False
    """Whether it is another one than was told (RP-02)."""
    held: Period | None = None
    """Of an inscription that was accepted: the line that holds it now, merged with its neighbours (RP-03)."""
    differing: tuple[Field, ...] = ()
    """Of IDENTIFICATION_DIFFERS: all fields that do."""


class Register:
    """The register of one user. `today` gives the civil day in Belgium; `test_band` is never so in production."""

    def __init__(
        self, database: Database, owner: CbeNumber, *, today: Callable[[], date], test_band: bool = False
    ) -> None:
        self._database = database
        self._owner = owner
        self._today = today
        self._test_band = test_band

    @property
    def owner(self) -> CbeNumber:
        """The CBE number of its user."""
        return self._owner

    async def inscribe(self, lines: Sequence[Told], author: Author) -> tuple[Outcome, ...]:
        """Inscribe people; what became of each line, in order (RP-02, RP-03).

        A line that is refused does not stop the others. What was accepted is on disk. Raises StorageError: as
        `writing.write`.
        """
        outcomes, accepted = self._judged(lines)
        await self._verify(lines, outcomes, accepted)
        await self._write(Operation.INSCRIBED, Strictness.INSCRIBING, outcomes, accepted, author)
        return tuple(outcomes[place] for place in range(len(lines)))

    async def delete(self, lines: Sequence[Told], author: Author) -> tuple[Outcome, ...]:
        """Take days out of the lines of each key, all of them when no period is told (RP-04).

        Also of a number that is cancelled, or that no register knows. Otherwise as `inscribe`.
        """
        outcomes, accepted = self._judged(lines)
        await self._write(Operation.DELETED, Strictness.LOADING, outcomes, accepted, author)
        return tuple(outcomes[place] for place in range(len(lines)))

    async def change(self, line: Told, instead: Period, author: Author) -> Outcome:
        """Other days in the place of those that `line` tells, as one step; a day in both stays (RP-06, RP-07).

        Nothing is inscribed where there is nothing to change. Otherwise as `inscribe`.
        """
        outcomes, accepted = self._judged([line])
        for place, each in accepted.items():
            written = await writing.change_days(self._database, self._owner, each, instead, author)
            outcomes[place] = _outcome(each, written)
        return outcomes[0]

    async def consult(
        self,
        asked: Iterable[Ssin],
        *,
        kind: str | None = None,
        known_to: OrganisationKey | None = None,
        period: Period = ALWAYS,
    ) -> tuple[Line, ...]:
        """The lines about people that overlap `period`, of one dossier type or organisation or of all (RP-05).

        In order of SSIN, organisation, dossier type and period. A number that was replaced gives the lines of the
        one in its place, whose keys tell so. With a day as the period, they tell to whom the people are known on
        that day, and as what: where a message about them goes (RP-23). Raises StorageError.
        """
        rows = await self._database.fetch(
            _CONSULT, cbe.to_int(self._owner), [ssins.to_int(ssin) for ssin in asked], to_range(period), kind, known_to
        )
        return to_lines(rows)

    async def followed(self, asked: Iterable[Ssin], lines: Iterable[Line]) -> dict[Ssin, Ssin]:
        """The numbers asked whose lines stand under another one, with that one: of those that have `lines` (RP-02).

        Of others it is not told that they were replaced. Raises StorageError.
        """
        holding = {line.key.ssin for line in lines}
        without = [ssins.to_int(ssin) for ssin in asked if ssin not in holding]
        rows = await self._database.fetch(_REPLACED, without) if without and holding else ()
        found = {ssins.from_int(old): ssins.from_int(new) for old, new in rows}
        return {old: new for old, new in found.items() if new in holding}

    def _judged(self, lines: Sequence[Told]) -> tuple[dict[int, Outcome], dict[int, Line]]:
        """What can be said of each line from itself: those that are refused, and the others, by place."""
        outcomes: dict[int, Outcome] = {}
        accepted: dict[int, Line] = {}
        today = self._today()
        for place, told in enumerate(lines):
            try:
                ssin = ssins.validate(told.ssin, today=today, test_band=self._test_band)
                key = Key(ssin, told.organisation, dossier_type(told.dossier_type))
            except InvalidSsin:
                outcomes[place] = Outcome(Verdict.SSIN_INVALID)
            except DataError:
                outcomes[place] = Outcome(Verdict.TYPE_UNKNOWN)
            else:
                accepted[place] = Line(key, told.period)
        return outcomes, accepted

    async def _verify(self, lines: Sequence[Told], outcomes: dict[int, Outcome], accepted: dict[int, Line]) -> None:
        """Refuse the lines whose identification is not that of the registers (RP-02)."""
        wanted = {place: line.key.ssin for place, line in accepted.items() if lines[place].identification is not None}
        if not wanted:
            return
        found = await look_up(self._database, set(wanted.values()))
        for place, ssin in wanted.items():
            told = lines[place].identification
            if told is None or ssin not in found or found[ssin].person.final_ssin is None:
                continue
            refused = compared(told, found[ssin])
            if refused is not None:
                outcomes[place] = refused
                del accepted[place]

    async def _write(
        self,
        operation: Operation,
        strictness: Strictness,
        outcomes: dict[int, Outcome],
        accepted: dict[int, Line],
        author: Author,
    ) -> None:
        written = await writing.write(
            self._database, self._owner, operation, list(accepted.values()), author, strictness
        )
        for (place, line), result in zip(accepted.items(), written, strict=True):
            outcomes[place] = _outcome(line, result)


def _outcome(line: Line, result: Written) -> Outcome:
    replaced = result.ssin != line.key.ssin
    if result.verdict in (Verdict.SSIN_UNKNOWN, Verdict.SSIN_CANCELLED):
        return Outcome(result.verdict)
    return Outcome(result.verdict, result.ssin, replaced, result.held)


def compared(told: Identification, found: Found) -> Outcome | None:
    """The refusal of a line whose identification is not that of the registers (RP-02); None when nothing differs.

    Of a person of whom nothing is told there is nothing to compare with (IP-18).
    """
    final, held = found.person.final_ssin, found.comparable
    replaced = final != found.person.ssin
    if held is None:
        return Outcome(Verdict.IDENTIFICATION_UNKNOWN, final, replaced)
    differing = differences(told, held.legal)
    return Outcome(Verdict.IDENTIFICATION_DIFFERS, final, replaced, differing=differing) if differing else None
