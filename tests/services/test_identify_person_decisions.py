"""Who is withheld from a search under integration control takes along what was said of them (IP-20)."""

from __future__ import annotations

from kruispunt.identifiers.partial_date import PartialDate
from kruispunt.identifiers.ssin import Ssin
from kruispunt.pipeline.service import Outcome
from kruispunt.registers.legal_data import Birth, Dossier, LegalData, Name, Origin
from kruispunt.services.identify_person import codes
from kruispunt.services.identify_person.answered import Answered
from kruispunt.services.identify_person.citizen import Version
from kruispunt.services.identify_person.handler import withhold
from kruispunt.services.identify_person.summary import Detail, Status, detail, status_of

ONE, OTHER, OLD = Ssin("80651790145"), Ssin("85673099811"), Ssin("80651790343")


def dossier(ssin: Ssin) -> Dossier:
    return Dossier(ssin, Origin.RR, LegalData(Name("Kruis"), Birth(PartialDate(1980))))


def outcome(*people: Ssin, details: tuple[Detail, ...] = (), limited: bool = False) -> Outcome:
    answered = Answered(tuple(map(dossier, people)), details, Version.THREE_NAMES, limited=limited)
    return Outcome(None, answered, subjects=people)


def test_the_others_stay() -> None:
    about = (
        detail(codes.RESULTS_LEFT_OUT),
        detail(codes.REPLACED, ("Original SSIN", OLD), ("Replacing SSIN", ONE)),
        detail(codes.INSCRIPTION, ("SSIN", OTHER)),
    )
    rest = withhold(outcome(ONE, OTHER, details=about), frozenset({ONE}))
    assert [d.ssin for d in rest.result.people] == [OTHER]
    assert [d.code for d in rest.result.details] == ["MSG00012", "30009001", "30009004"]
    assert rest.subjects == (OTHER,), "the log tells of nobody who was not told of"
    assert rest.code is not None
    assert rest.code.code == "MSG00012"


def test_a_comparison_tells_nothing_of_somebody_who_is_withheld() -> None:
    for compared in (codes.IDENTITY_VALIDATED, codes.PERSON_DATA_DIFFER):
        rest = withhold(outcome(ONE, details=(detail(compared, ("Field", "x")),), limited=True), frozenset({ONE}))
        assert [d.code for d in rest.result.details] == ["MSG00012"]
        assert rest.result.people == ()
        assert rest.subjects == ()


def test_an_empty_result_is_no_answer_once_somebody_was_withheld() -> None:
    rest = withhold(outcome(ONE), frozenset({ONE})).result
    assert status_of(rest.details, given=rest.given) is Status.NO
    assert status_of((), given=False) is Status.YES
