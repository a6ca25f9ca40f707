"""Messages that were seen before: on any worker, and at once (PL-06).

Respelt, and over other connections: the family `replay` of test_attack_suite.py. After a restart: test_crashes.py.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest
from attacker import Bench, check_refusal
from bank import Got
from processes import one_connection_per_worker

from kruispunt.client.transport import Connection
from kruispunt.securitylog.entry import Kind
from kruispunt.xml.namespaces import SOAP_ACTION


def ask(bench: Bench, connection: Connection, message: bytes) -> Got:
    victim = bench.victim
    action = f"{SOAP_ACTION}{victim.service.name}/{victim.operation.name}"
    return Got(*connection.post(victim.service.path, action, message))


def test_the_same_bytes_on_every_worker(bench: Bench) -> None:
    message = bench.message()
    with one_connection_per_worker(bench.bank, bench.victim.client) as connections:
        first = ask(bench, connections[0], message)
        assert first.code == "MSG00000"
        for connection in connections:
            asked = bench.bank.supplier_calls
            again = ask(bench, connection, message)
            check_refusal(bench.bank, message, again, "MSG00015", "replay", "replay.seen")
            assert bench.bank.supplier_calls == asked


@pytest.mark.parametrize("copies", [2, 8])
def test_the_same_bytes_at_once(bench: Bench, copies: int) -> None:
    """On both workers, and several on each: exactly one is answered, whoever comes first."""
    for _ in range(3):
        message = bench.message()
        asked = bench.bank.supplier_calls
        with ExitStack() as stack:
            pairs = [
                stack.enter_context(one_connection_per_worker(bench.bank, bench.victim.client))
                for _ in range(copies // 2)
            ]
            codes = together(bench, [c for pair in pairs for c in pair], message)
        assert sorted(codes) == ["MSG00000"] + ["MSG00015"] * (copies - 1)
        assert bench.bank.supplier_calls == asked + 1


def together(bench: Bench, connections: list[Connection], message: bytes) -> list[str]:
    codes: list[str] = []
    ready = threading.Barrier(len(connections))

    def send(connection: Connection) -> None:
        ready.wait()
        got = ask(bench, connection, message)
        bench.bank.verify(got.raw)
        codes.append(got.code)

    threads = [threading.Thread(target=send, args=(c,)) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


def test_what_was_refused_for_its_address_may_be_sent_again(bench: Bench) -> None:
    """Only what was let in counts as seen: a wrong SOAPAction is no reason to sign anew."""
    message = bench.message()
    bench.refused(message, "MSG00051", soap_action="x")
    bench.answered(message)


def test_a_replay_is_logged_with_who_signed_it(bench: Bench) -> None:
    message = bench.message()
    bench.answered(message)
    got = bench.refused(message, "MSG00015", "replay")
    incoming, outgoing = bench.bank.logged(got.ticket)
    assert (incoming.kind, outgoing.kind) == (Kind.INCOMING, Kind.OUTGOING)
    assert incoming.facts["application"] == f"urn:kruispunt:demo:{bench.victim.client}"
    assert incoming.facts["signer"] == incoming.facts["tls_client"]
    assert incoming.facts["subjects"] == []
