"""MSG00025 as a client reads it: its own reference comes back with it (PL-15, PL-26)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

import pytest
from lxml import etree

from in_process import begin, platform, walk
from kruispunt.access.model import AccessTable
from kruispunt.cli.calls import request_body
from kruispunt.errors import InvalidRequest, NotBuilt, Refusal
from kruispunt.pipeline.context import Incoming, TlsClient
from kruispunt.pipeline.reply import compose
from kruispunt.pipeline.steps.find_operation import find_operation
from kruispunt.pipeline.steps.read_message import read_message
from kruispunt.pipeline.steps.validate import validate
from kruispunt.services.discovery import discover
from kruispunt.wss.structure import body_of
from kruispunt.xml.namespaces import SOAP_ACTION
from kruispunt.xml.schemas import schema
from signed_messages import NOW, ec_signer, trust

BUILT: Final = next(s for s in discover() if s.name == "ForeignerSituationService")
SERVICE: Final = replace(BUILT, operations=tuple(replace(o, handle=None) for o in BUILT.operations))
OPERATION: Final = SERVICE.operations[0]
VALUES: Final = {"ssin": "85673099811", "employmentCards": True, "workPermits": False}


def refused(body: str, kind: type[Refusal]) -> etree._Element:
    """The fault's own element, after the steps that lead to it."""
    on = replace(platform((SERVICE,), AccessTable({}, {}, {}), trust(), NOW), signer=cast("Any", ec_signer()))
    data = ec_signer().envelope(body, NOW)
    action = f"{SOAP_ACTION}{SERVICE.name}/{OPERATION.name}"
    exchange = begin(Incoming(SERVICE.path, action, data, "192.0.2.1", TlsClient("", "CN=test")), NOW)
    walk((read_message, find_operation), exchange, on)
    exchange.request = body_of(exchange.root)[0]
    with pytest.raises(kind) as stopped:
        walk((validate,), exchange, on)
    exchange.refusal = stopped.value
    fault = body_of(etree.fromstring(compose(exchange, on).body))[0]
    return fault.find("detail")[0]


def test_it_repeats_the_customer_of_a_request_that_its_schema_accepts() -> None:
    body = request_body(SERVICE, OPERATION, "0206737484", "NEO:UNEMPLOYMENT", VALUES, "my-reference", NOW)
    told = refused(body, NotBuilt)
    assert told.findtext("detail/reasonCode") == "MSG00025"
    assert told.findtext("informationCustomer/ticket") == "my-reference"
    assert schema(SERVICE.folder / "contract" / SERVICE.schema).check(told) is None


def test_nothing_is_repeated_of_a_request_that_its_schema_refuses() -> None:
    body = request_body(SERVICE, OPERATION, "no number", "NEO:UNEMPLOYMENT", VALUES, "my-reference", NOW)
    told = refused(body, InvalidRequest)
    assert told.findtext("detail/reasonCode") == "MSG00004"
    assert told.find("informationCustomer") is None
