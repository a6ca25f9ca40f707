"""What a stranger can make the platform do, counted: parses, canonical forms, verifications, signatures.

The whole pipeline in this process, from the ASGI application on, with a real database.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

import kruispunt.pipeline.steps.read_message as reading
from kruispunt.app import establish_access, gateway, open_platform
from kruispunt.cli.calls import request_body
from kruispunt.demo.build import Options, build_files
from kruispunt.demo.directory import DemoDirectory
from kruispunt.gateway.caller import EXTENSION
from kruispunt.gateway.secrets import read_certificates
from kruispunt.pipeline.context import TlsClient
from kruispunt.pipeline.platform import Platform
from kruispunt.services.test_connection.service import SERVICE
from kruispunt.wss import verify
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import described
from kruispunt.xml.namespaces import DS, SOAP_ACTION

OPERATION = SERVICE.operations[0]


class Silent:
    def exchange(self, *_: object) -> None: ...
    def supplier(self, *_: object) -> None: ...
    def suppressed(self) -> None: ...


class CountingSigner:
    """The platform's signer; everything but the count is its own."""

    def __init__(self, signer: Signer, done: Counter[str]) -> None:
        self._signer, self._done = signer, done

    def envelope(self, *given: Any, **named: Any) -> bytes:
        self._done["signatures"] += 1
        return self._signer.envelope(*given, **named)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What was done: by name, canonical forms by element."""
    counted: Counter[str] = Counter()
    parse, canonical, check_value = reading.parse, verify.canonical, verify._check_value

    def parsing(data: bytes, *given: Any) -> etree._Element:
        counted["parses"] += 1
        return parse(data, *given)

    def forming(element: etree._Element, *given: Any) -> bytes:
        counted[f"c14n {etree.QName(element).localname}"] += 1
        return canonical(element, *given)

    def verifying(*given: Any) -> None:
        counted["verifications"] += 1
        check_value(*given)

    monkeypatch.setattr(reading, "parse", parsing)
    monkeypatch.setattr(verify, "canonical", forming)
    monkeypatch.setattr(verify, "_check_value", verifying)
    return counted


def message(pki: Path, client: str = "onem") -> bytes:
    now = datetime.now(UTC)
    body = request_body(SERVICE, OPERATION, "0206737484", "", {"echo": "counted"}, "ticket", now)
    return Signer.from_files(pki / f"{client}.key", pki / f"{client}.pem").envelope(body, now)


def forged(pki: Path) -> bytes:
    tree = etree.fromstring(message(pki))
    next(tree.iter(f"{{{DS}}}SignatureValue")).text = b64encode(b"\1" * 256).decode()
    return etree.tostring(tree)


def unsigned(pki: Path) -> bytes:
    tree = etree.fromstring(message(pki))
    tree[0].clear()
    return etree.tostring(tree)


SIGNED = {"parses": 1, "signatures": 1}
CASES: dict[str, tuple[Any, dict[str, int]]] = {
    "too large": (lambda _: b" " * (128 * 1024 + 1), {}),
    "not XML": (lambda _: b"no XML", SIGNED),
    "DOCTYPE": (lambda pki: b"<!DOCTYPE a>" + message(pki), SIGNED),
    "no signature": (unsigned, SIGNED),
    "unregistered signer": (lambda pki: message(pki, "stranger"), SIGNED),
    "bad signature": (forged, {**SIGNED, "c14n SignedInfo": 1, "verifications": 1}),
    "right": (
        message,
        {
            **SIGNED,
            "verifications": 1,
            **{f"c14n {name}": 1 for name in ("SignedInfo", "BinarySecurityToken", "Timestamp", "Body")},
        },
    ),
}


def test_work_before_authentication(fresh_dsn: str, tmp_path: Path, done: Counter[str]) -> None:
    """A refusal costs one bounded parse and the signature of the fault; the Body is touched for nobody unknown."""
    directory = DemoDirectory(tmp_path)
    settings = build_files(directory, Options(dsn=fresh_dsn), lambda _: None)
    certificate = read_certificates(directory.pki / "onem.pem")[0]
    known = described(certificate, (certificate,))
    client = TlsClient(known.fingerprint, known.subject)

    async def work() -> dict[str, dict[str, int]]:
        await establish_access(settings, fresh_dsn, "test")
        async with open_platform(settings, fresh_dsn, Silent()) as opened:
            platform: Platform = replace(opened, signer=CountingSigner(opened.signer, done))  # type: ignore[arg-type]
            app = gateway(platform, settings.max_message_bytes)
            found = {}
            for name, (make, _) in CASES.items():
                data = make(directory.pki)
                done.clear()
                await ask(app, data, client)
                found[name] = dict(done)
            return found

    assert asyncio.run(work()) == {name: expected for name, (_, expected) in CASES.items()}


async def ask(app: Any, data: bytes, client: TlsClient) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": SERVICE.path,
        "query_string": b"",
        "headers": [
            (b"content-type", b"text/xml"),
            (b"soapaction", f"{SOAP_ACTION}{SERVICE.name}/{OPERATION.name}".encode()),
            (b"content-length", str(len(data)).encode()),
        ],
        "extensions": {EXTENSION: {"client": client}},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(_event: dict[str, Any]) -> None: ...

    await app(scope, receive, send)
