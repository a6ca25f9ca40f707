"""The whole suite, in its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kruispunt.attack import again, algorithms, edge, identity, injection, key_info, parser, people, signature, wrapping
from kruispunt.attack.bench import Form
from kruispunt.attack.model import Attack


def suite(forms: Sequence[Form] = ()) -> tuple[Attack, ...]:
    """Every attack; injections for the contracts of the forms."""
    return tuple(_all(forms))


def _all(forms: Sequence[Form]) -> Iterator[Attack]:
    yield from wrapping.attacks()
    yield from signature.attacks()
    yield from algorithms.attacks()
    yield from key_info.attacks()
    yield from people.signers()
    yield from people.tls_clients()
    yield from people.headers()
    yield from again.clocks()
    yield from again.replays()
    yield from parser.attacks()
    yield from identity.attacks()
    yield from injection.attacks(forms)
    yield from edge.attacks()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Attacks that need control of the server: no client can try them from outside."""

    what: str
    why: str
    tests: str
    """The file of this repository that holds them."""


ELSEWHERE: Final = (
    Elsewhere(
        "A replay on another worker, and at once on all",
        "needs to know the workers",
        "tests/front_door/test_attack_replay.py",
    ),
    Elsewhere(
        "A replay after a restart, and after a loss of power", "stops the server", "tests/front_door/test_crashes.py"
    ),
    Elsewhere(
        "The platform's own clock jumps forward and back", "sets its clock", "tests/security/test_clock_jumps.py"
    ),
    Elsewhere(
        "A revoked certificate, of signer and TLS client",
        "needs the issuer's list",
        "tests/front_door/test_revocation_live.py",
    ),
    Elsewhere(
        "Forged headers at a server behind a proxy, and from addresses that are not listed",
        "needs the proxy's place",
        "tests/front_door/test_proxy.py",
    ),
    Elsewhere(
        "Headers, chunks and connections without end",
        "looks at the memory of the server",
        "tests/front_door/test_attack_http.py",
    ),
    Elsewhere(
        "What the security log holds of each attack, and that no supplier is asked",
        "reads the log",
        "tests/front_door/test_attack_suite.py",
    ),
    Elsewhere(
        "A hundred thousand changed messages, a million by option",
        "runs inside the server",
        "tests/security/test_fuzz.py",
    ),
)
"""What the tests do besides; the report names it."""
