"""What is read after the parser, and by many at once (PL-09). Attacks on the parser: test_attack_suite.py."""

from __future__ import annotations

import threading

import pytest
from attacker import FORGED, Bench
from lxml import etree

from kruispunt.securitylog.entry import Kind


@pytest.mark.parametrize(
    "split",
    ["{}<!-- -->{}", "{}<![CDATA[{}]]>"],
    ids=["comment", "cdata"],
)
def test_a_number_is_never_read_in_part(bench: Bench, split: str) -> None:
    """Canonicalisation drops comments and unpacks CDATA: the signature holds, so the whole value must be read."""
    plain = bench.message()
    text = split.format(bench.ssin[:6], bench.ssin[6:])
    message = plain.replace(bench.ssin.encode(), text.encode())
    got = bench.answered(message)
    assert got.payload.findtext("criteria/ssin") == bench.ssin
    incoming, _ = bench.bank.logged(got.ticket)
    usual, _ = bench.bank.logged(bench.answered(bench.message()).ticket)
    assert incoming.kind is Kind.INCOMING
    assert len(incoming.facts["subjects"]) == 1
    assert incoming.facts["subjects"] == usual.facts["subjects"]


def test_the_schemas_message_does_not_repeat_a_number(bench: Bench) -> None:
    got = bench.refused(bench.around(bench.body(ssin=FORGED + "1")), "MSG00004", rule="schema.invalid")
    assert FORGED not in etree.tostring(got.payload).decode()
    assert got.information["error message"].startswith("Element 'ssin'")


@pytest.mark.parametrize("piece", [": '", "The value '", "' is ", FORGED])
def test_a_very_long_value_is_not_repeated_either(bench: Bench, piece: str) -> None:
    """libxml2 cuts its message off; and taking the value out of it must not cost more than the message is long."""
    long = piece * (90_000 // len(piece))
    for name, start, end in (("ssin", "<ssin>", "</ssin>"), ("timestampSent", "<timestampSent>", "</timestampSent>")):
        head, _, rest = bench.body().partition(start)
        tail = rest.partition(end)[2]
        got = bench.refused(bench.around(f"{head}{start}{long}{end}{tail}"), "MSG00004", rule="schema.invalid")
        assert got.information["error message"].startswith(f"Element '{name}': ")
        assert got.information["error message"].count(piece) <= 1


def test_many_parsers_at_once_do_not_mix_messages(bench: Bench) -> None:
    """Names and texts live in memory that all parsers of a worker share."""
    wrong: list[str] = []

    def ask(number: int) -> None:
        for turn in range(5):
            ticket = f"{number}-{turn}"
            got = bench.answered(bench.around(bench.body(ticket=ticket), **{f"p{number}": "urn:p"}))
            if got.payload.findtext("informationCustomer/ticket") != ticket:
                wrong.append(ticket)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
