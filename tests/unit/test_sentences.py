"""Sentences that begin with what is refused: a URN, a number or a field stays as it is written."""

from __future__ import annotations

import json
import uuid

import pytest

from kruispunt.errors import TransportRefusal, sentence
from kruispunt.gateway.mutations.problems import problem
from kruispunt.identifiers.ticket import Ticket


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("the certificate is not registered", "The certificate is not registered."),
        ("no such file.", "No such file."),
        ("a client-side mistake", "A client-side mistake."),
        ("well, no", "Well, no."),
        ("urn:kruispunt:demo:tester is not registered", "urn:kruispunt:demo:tester is not registered."),
        ("ab12: unknown", "ab12: unknown."),
        ("85673093333 is unknown", "85673093333 is unknown."),
        ("", "."),
    ],
)
def test_words_alone_are_raised(why: str, said: str) -> None:
    assert sentence(why) == said


def test_a_problem_names_a_urn_as_it_is() -> None:
    refusal = TransportRefusal(403, "registration.service", "urn:kruispunt:demo:tester is not registered for it")
    told = json.loads(problem(refusal, Ticket(str(uuid.UUID(int=1)))))
    assert told["detail"].startswith("urn:kruispunt:demo:tester is not registered for it.")
