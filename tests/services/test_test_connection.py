"""PL-42: TestConnectionServiceService repeats a text."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from kruispunt.pipeline.service import Call, Reply
from kruispunt.services.test_connection.handler import send_test_message
from kruispunt.services.test_connection.service import SERVICE
from kruispunt.xml.build import is_carriable
from kruispunt.xml.schemas import schema

SCHEMA = schema(SERVICE.folder / "contract" / SERVICE.schema)
(OPERATION,) = SERVICE.operations
CBSS = (
    "<informationCBSS><ticketCBSS>0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b</ticketCBSS>"
    "<timestampReceive>2026-11-22T08:00:00.000Z</timestampReceive>"
    "<timestampReply>2026-11-22T08:00:00.004Z</timestampReply></informationCBSS>"
)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60).filter(is_carriable)


def response(text: str, subject: str) -> str:
    request = etree.fromstring(
        f'<t:sendTestMessageRequest xmlns:t="{SERVICE.namespace}">{OPERATION.compose({"echo": text})}'
        "</t:sendTestMessageRequest>"
    )
    assert SCHEMA.check(request) is None
    call = Call(OPERATION.read(request), None, frozenset(), date(2026, 11, 22), subject)
    outcome = asyncio.run(send_test_message(call, None))
    inner = OPERATION.write(Reply(("<echo></echo>",), CBSS, "", None, outcome))
    return f'<t:sendTestMessageResponse xmlns:t="{SERVICE.namespace}">{inner}</t:sendTestMessageResponse>'


@given(TEXT, TEXT)
def test_the_text_comes_back_with_the_name_of_the_certificate(text: str, subject: str) -> None:
    xml = response(text, subject)
    root = etree.fromstring(xml)
    assert SCHEMA.check(root) is None
    assert etree.tostring(root, method="c14n", exclusive=True).decode() == xml
    assert [child.tag for child in root] == ["informationCBSS", "echo", "sslCertificate"]
    assert (root[1].text or "", root[2].text or "") == (text, subject)


@pytest.mark.parametrize(("subject", "told"), [("CN=a\x01b", r"CN=a\01b"), ("CN=\uffff\x0b", r"CN=\EF\BF\BF\0B")])
def test_a_name_that_xml_cannot_carry_is_told_all_the_same(subject: str, told: str) -> None:
    assert etree.fromstring(response("x", subject)).findtext("sslCertificate") == told


def test_no_control_applies_and_there_is_no_status() -> None:
    assert OPERATION.controls == frozenset()
    assert SERVICE.codes == ()


def test_ct07_the_fault_has_the_common_type() -> None:
    xml = (
        f'<t:sendTestMessageFault xmlns:t="{SERVICE.namespace}">{CBSS}<detail><severity>FATAL</severity>'
        "<reasonCode>MSG00015</reasonCode><diagnostic>d</diagnostic><authorCode>a</authorCode></detail>"
        "</t:sendTestMessageFault>"
    )
    assert SCHEMA.check(etree.fromstring(xml)) is None
