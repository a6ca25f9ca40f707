"""A supplier in a process of its own, over mutual TLS, that can answer well and in every wrong way.

    python tests/supplier_process.py DIRECTORY

DIRECTORY/pki is a PKI of the demo's kind; `platform-ca.pem`, when it is there, holds issuers of who signs requests.
`mode` says how to answer, and is read for each request; `well` when it is absent. `seen.jsonl` gets one line for each
request that arrived. The port stands in `port`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from lxml import etree

from kruispunt.errors import Refusal
from kruispunt.services.foreigner_situation.remote import NAMESPACE, SCHEMA, TYPES
from kruispunt.wss.policy import STRICT
from kruispunt.wss.sign import Signer
from kruispunt.wss.trust import TrustStore
from kruispunt.wss.verify import verify
from kruispunt.xml.parse import parse
from kruispunt.xml.schemas import schema
from kruispunt.xml.soap import unsigned_envelope

CARDS = (
    '<r:EmploymentCards><r:EmploymentCard Type="197"><r:Date><r:Century>20</r:Century><r:Year>19</r:Year>'
    "<r:Month>07</r:Month></r:Date><r:CardNumber>C-1</r:CardNumber><r:ExpiryDate><r:Century>99</r:Century>"
    "<r:Year>99</r:Year><r:Month>00</r:Month><r:Day>00</r:Day><r:Graphic>unlimited</r:Graphic></r:ExpiryDate>"
    "</r:EmploymentCard></r:EmploymentCards>"
)
PERMITS = (
    "<r:WorkPermits><r:WorkPermit><r:Date></r:Date><r:DelDate><r:Century>20</r:Century><r:Year>20</r:Year></r:DelDate>"
    "<r:PermitNumber>P-1</r:PermitNumber><r:ExpiryDate></r:ExpiryDate></r:WorkPermit></r:WorkPermits>"
)
INFOS = (
    "<r:SpecialInfos><r:SpecialInfo><r:Date><r:Century>20</r:Century><r:Year>20</r:Year><r:Month>01</r:Month>"
    "<r:Day>15</r:Day></r:Date><r:Graphic1></r:Graphic1><r:Limosa><r:Reason1><r:Code>01010301</r:Code>"
    "<r:Label>reunification</r:Label></r:Reason1></r:Limosa></r:SpecialInfo></r:SpecialInfos>"
)
FAULT = (
    '<soapenv:Fault xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>soapenv:Server</faultcode>'
    "<faultstring>the person 85673099811 cannot be read</faultstring></soapenv:Fault>"
)
LARGE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    action: str
    element: etree._Element
    signature: str

    @property
    def number(self) -> str:
        return self.element.findtext("nationalNumber") or ""


class Supplier:
    """The National Register; a subclass can be another one."""

    namespace = NAMESPACE
    schema = SCHEMA

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        pki = directory / "pki"
        issuers = [file.read_bytes() for file in (pki / "ca.pem", directory / "platform-ca.pem") if file.exists()]
        self._trust = TrustStore(x509.load_pem_x509_certificates(b"".join(issuers)))
        self._signer = Signer.from_files(pki / "signing.key", pki / "signing.pem")
        self._stranger = Signer.from_files(pki / "stranger.key", pki / "stranger.pem")
        self._connections = itertools.count(1)

    @property
    def mode(self) -> str:
        try:
            return (self._directory / "mode").read_text().strip()
        except FileNotFoundError:
            return "well"

    def mode_of(self, action: str) -> str:
        """`hang:employment` concerns one action; all others are answered well."""
        mode, _, only = self.mode.partition(":")
        return mode if not only or only == action else "well"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = next(self._connections)
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")) and await self._one(connection, head, reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.transport.abort() if self.mode.startswith("close") else writer.close()

    async def _one(
        self, connection: int, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in lines.items()}
        data = await reader.readexactly(int(headers["content-length"]))
        asked, trouble = self._understand(headers["soapaction"], data)
        self._note(connection=connection, action=asked.action, trouble=trouble, headers=headers)
        answer = getattr(self, "_" + self.mode_of(asked.action).replace("-", "_"))
        return await answer(asked, writer)  # type: ignore[no-any-return]

    def _understand(self, action: str, data: bytes) -> tuple[Asked, str]:
        """What was asked, and what is wrong with it: the platform's side is checked as strictly as a client's."""
        root = parse(data)
        trouble, value = "", ""
        try:
            signed = verify(root, self._trust, datetime.now(UTC), lambda _: STRICT)
            value = signed.signature_value
        except Refusal as refusal:
            trouble = refusal.rule
        element = root[-1][0]
        name = action.strip('"').removeprefix(f"{self.namespace}/")
        if element.tag != f"{{{self.namespace}}}{name}Request":
            trouble = "action"
        return Asked(name, element, value), trouble or schema(self.schema).check(element) or ""

    def _note(self, **facts: object) -> None:
        with (self._directory / "seen.jsonl").open("a") as file:
            file.write(json.dumps(facts) + "\n")

    # The ways to answer.

    def content(self, asked: Asked, number: str | None = None, inner: str | None = None) -> str:
        if inner is None:
            wanted = {one.tag: one.text == "true" for one in asked.element}
            parts = {"employmentCards": CARDS, "workPermits": PERMITS}
            inner = "".join(text for name, text in parts.items() if wanted.get(name))
            inner += INFOS if asked.action == "specialInfos" else ""
        if asked.action != "test":
            inner = f"<nationalNumber>{number or asked.number}</nationalNumber>{inner}"
        return f'<n:{asked.action}Response xmlns:n="{NAMESPACE}" xmlns:r="{TYPES}">{inner}</n:{asked.action}Response>'

    def signed(self, asked: Asked, content: str, signer: Signer | None = None, confirm: str | None = None) -> bytes:
        return (signer or self._signer).envelope(
            content, datetime.now(UTC), confirm=asked.signature if confirm is None else confirm, canonical=False
        )

    async def _well(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked)))

    async def _unsigned(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, unsigned_envelope(self.content(asked)))

    async def _body(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """What a test wrote into `body.xml`, beside the number."""
        inner = (self._directory / "body.xml").read_text()
        return await say(writer, self.signed(asked, self.content(asked, inner=inner)))

    async def _everything(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """More than was asked for."""
        return await say(writer, self.signed(asked, self.content(asked, inner=CARDS + PERMITS)))

    async def _empty(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked, inner="")))

    async def _stranger_signs(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked), self._stranger))

    async def _confirms_another(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked), confirm="QUJD"))

    async def _confirms_nothing(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self._signer.envelope(self.content(asked), datetime.now(UTC), canonical=False))

    async def _tampered(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked)).replace(b"C-1<", b"C-2<"))

    async def _other_person(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked, number="00000000000")))

    async def _schema(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(
            writer, self.signed(asked, self.content(asked, inner="<s85673099811>85673099811</s85673099811>"))
        )

    async def _other_element(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Valid, and not what was asked for."""
        return await say(writer, self.signed(asked, f'<n:testRequest xmlns:n="{self.namespace}"></n:testRequest>'))

    async def _fault(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, FAULT), status="500 Internal Server Error")

    async def _fault_200(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, FAULT))

    async def _http_500(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"<html>oops</html>", status="500 Internal Server Error", kind="text/html")

    async def _well_but_500(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked)), status="500 Internal Server Error")

    async def _http_404(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"no", status="404 Not Found", kind="text/plain")

    async def _redirect(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"", status="307 Temporary Redirect", more="Location: https://localhost:1/\r\n")

    async def _garbage(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"\x00\xff<not xml")

    async def _doctype(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]>" + self.signed(asked, ""))

    async def _other_xml(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"<hello></hello>")

    async def _two_elements(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked) * 2))

    async def _page(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"<html></html>", kind="text/html")

    async def _compressed(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, self.signed(asked, self.content(asked)), more="Content-Encoding: gzip\r\n")

    async def _no_http(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"hello there\r\n\r\n")
        await writer.drain()
        return False

    async def _too_large(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        """Four megabytes, without a length that would tell it before."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n<a>")
        for _ in range(64):
            writer.write(b" " * LARGE)
            await writer.drain()
        return False

    async def _many_elements(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        return await say(writer, b"<a>" + b"<b/>" * 40_000 + b"</a>")

    async def _slow(self, _: Asked, writer: asyncio.StreamWriter) -> bool:
        """Never silent for long, and never done."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(3_000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)
        return False

    async def _hang(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Says nothing until the mode changes."""
        while self.mode_of(asked.action) == "hang":  # noqa: ASYNC110  told by a file
            await asyncio.sleep(0.02)
        return await self._well(asked, writer)

    async def _close(self, _: Asked, _writer: asyncio.StreamWriter) -> bool:
        return False


async def say(
    writer: asyncio.StreamWriter, content: bytes, status: str = "200 OK", kind: str = "text/xml", more: str = ""
) -> bool:
    """A whole answer on a connection that is kept."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\n{more}Content-Length: {len(content)}\r\n\r\n"
    writer.write(head.encode() + content)
    await writer.drain()
    return True


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def main(supplier: type[Supplier], directory: Path) -> None:
    pki = directory / "pki"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    context.load_verify_locations(pki / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    known = directory / "port"
    port = int(known.read_text()) if known.exists() else 0
    server = await asyncio.start_server(supplier(directory).serve, "127.0.0.1", port, ssl=context)
    draft = directory / "port.new"
    draft.write_text(str(server.sockets[0].getsockname()[1]))
    draft.replace(known)
    (directory / "ready").touch()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Supplier, Path(sys.argv[1])))
