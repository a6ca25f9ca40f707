"""The reply of the newer services: the order that some twenty real contracts share (PL-11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kruispunt.pipeline.service import Reply
from kruispunt.xml.build import element


def standard_reply(tail: Callable[[Any], str]) -> Callable[[Reply], str]:
    """Make an `Operation.write` for a request with informationCustomer, legalContext and criteria.

    The order: informationCustomer, informationCBSS, legalContext, criteria, status, ssin, and what `tail`
    makes of the outcome's result. The first, third and fourth are the request's own text (CT-03). The number
    and the tail are told only when the request was let in: a refusal tells nothing of anybody.
    """

    def write(reply: Reply) -> str:
        customer, legal_context, criteria = reply.echo
        common = f"{customer}{reply.information_cbss}{legal_context}{criteria}{reply.status}"
        outcome = reply.outcome
        if outcome is None:
            return common
        ssin = "" if reply.ssin is None else element("ssin", reply.ssin)
        result = "" if outcome.result is None else tail(outcome.result)
        return f"{common}{ssin}{result}"

    return write
