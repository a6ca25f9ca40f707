"""Who gets through the handshake (PL-01). Who does not: the families `tls` and `headers` of test_attack_suite.py."""

from __future__ import annotations

import ssl

import pytest
from attacker import Bench
from wire import head, say

GET_WSDL = head("/ForeignerSituationService/v1/consult?wsdl", method="GET")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_is_what_lets_a_client_in(untouched: Bench, version: ssl.TLSVersion) -> None:
    """In TLS 1.3 the refusal shows at the first read, in TLS 1.2 in the handshake."""
    context = ssl.create_default_context(cafile=untouched.bank.pki / "ca.pem")
    context.minimum_version = context.maximum_version = version
    assert say(untouched.bank, GET_WSDL, context) == b""
    context.load_cert_chain(untouched.bank.pki / "onem.pem", untouched.bank.pki / "onem.key")
    assert say(untouched.bank, GET_WSDL, context).startswith(b"HTTP/1.1 200")
