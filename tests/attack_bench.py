"""A bench for attacks on functions: no server, a clock that stands still, and a request of no service."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kruispunt.attack.bench import Bench, Identity, Question
from kruispunt.attack.model import Means
from kruispunt.attack.parser import TICKET
from kruispunt.clock import FixedClock
from signed_messages import INNER, NOW, ec_key, ec_signer, root, rsa_key, rsa_signer


def compose(
    *,
    ssin: str | None = None,
    organisation: str | None = None,
    legal_context: str | None = None,
    ticket: str | None = None,
) -> str:
    """A request of no service: what stands in it is read by nobody here."""
    text = INNER.replace("<legalContext>", f"<ticket>{ticket or TICKET}</ticket><legalContext>")
    return text if ssin is None else text.replace("85673099811", ssin)


@cache
def bench() -> Bench:
    certificate, key = root()
    signer = rsa_signer()
    return Bench(
        question=Question(
            path="/x",
            soap_action="x",
            compose=compose,
            ssin="85673099811",
            forged="85673099822",
            legal_context="TEST:CONTEXT",
            other_action="y",
        ),
        victim=Identity(signer.certificate, rsa_key()),
        ca=certificate.public_bytes(Encoding.PEM),
        clock=FixedClock(NOW),
        means={
            Means.ECDSA: Identity(ec_signer().certificate, ec_key(ec.SECP256R1)),
            Means.ISSUER: Identity(certificate, key),
        },
    )
