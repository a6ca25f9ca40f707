"""SOAP 1.1, section 4.2.3: what a sender marks `mustUnderstand` is obeyed, or the message is refused (PL-01)."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from in_process import begin, platform, walk
from kruispunt.access.model import AccessTable
from kruispunt.errors import NotUnderstood
from kruispunt.pipeline.context import Exchange, Incoming, TlsClient
from kruispunt.pipeline.steps.find_operation import find_operation
from kruispunt.pipeline.steps.read_message import read_message
from kruispunt.services.discovery import discover
from kruispunt.wss.structure import locate
from kruispunt.xml.namespaces import SOAP, SOAP_ACTION
from kruispunt.xml.parse import parse
from signed_messages import NOW, ec_signer, trust

SERVICE: Final = next(s for s in discover() if s.name == "TestConnectionServiceService")
ADDRESSING: Final = '<a:To xmlns:a="http://www.w3.org/2005/08/addressing"{}>https://localhost:4520/</a:To>'
NEXT: Final = "http://schemas.xmlsoap.org/soap/actor/next"


def found(header: str) -> Exchange:
    """A signed message with one more header in front of Security, after the steps that read its envelope."""
    inner = f'<t:sendTestMessageRequest xmlns:t="{SERVICE.namespace}"><echo>x</echo></t:sendTestMessageRequest>'
    data = ec_signer().envelope(inner, NOW).decode().replace("<soapenv:Header>", "<soapenv:Header>" + header, 1)
    action = f"{SOAP_ACTION}{SERVICE.name}/sendTestMessage"
    exchange = begin(Incoming(SERVICE.path, action, data.encode(), "192.0.2.1", TlsClient("", "CN=test")), NOW)
    walk((read_message, find_operation), exchange, platform((SERVICE,), AccessTable({}, {}, {}), trust(), NOW))
    return exchange


@pytest.mark.parametrize("mark", ["1", " 1 "])
@pytest.mark.parametrize("actor", ["", ' soapenv:actor=""', f' soapenv:actor="{NEXT}"'])
def test_what_must_be_understood_and_is_not_ends_it(mark: str, actor: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        found(ADDRESSING.format(f' soapenv:mustUnderstand="{mark}"{actor}'))
    assert (refused.value.code, refused.value.side) == ("MSG00004", "MustUnderstand")
    assert refused.value.rule == "soap.must-understand"


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        ' soapenv:mustUnderstand="0"',
        ' mustUnderstand="1"',
        ' soapenv:mustUnderstand="1" soapenv:actor="urn:somebody:else"',
    ],
)
def test_any_other_header_is_passed_over(attributes: str) -> None:
    exchange = found(ADDRESSING.format(attributes))
    assert exchange.operation is not None


def test_a_mark_counts_on_a_header_itself_alone() -> None:
    assert found('<x:y xmlns:x="urn:x"><x:z soapenv:mustUnderstand="1"></x:z></x:y>').operation is not None


def test_security_says_so_of_itself_and_is_understood() -> None:
    exchange = found("")
    (security,) = exchange.root[0]
    assert security.get(f"{{{SOAP}}}mustUnderstand") == "1"
    assert locate(parse(etree.tostring(exchange.root))).token_is_signed
