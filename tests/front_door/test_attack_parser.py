"""Attacks on the XML parser, and on those who read after it, through the front door (PL-09)."""

from __future__ import annotations

import socket
import threading

import pytest
from attacker import FORGED, Bench
from lxml import etree

from kruispunt.securitylog.entry import Kind
from kruispunt.xml.namespaces import XSI

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p.dtd"> %p;]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        "<!DOCTYPE x>",
        '<!DOCTYPE x [<!ATTLIST ssin a CDATA "b">]>',
        "<!-- a comment first -->\n<!DOCTYPE x>",
    ],
    ids=["billion-laughs", "external", "parameter", "external-subset", "empty", "default-attribute", "after-comment"],
)
def test_document_types(bench: Bench, doctype: str) -> None:
    bench.refused(doctype.encode() + bench.message(), "MSG00004", rule="xml.doctype")


def test_an_entity_that_nobody_declared(bench: Bench) -> None:
    message = bench.message().replace(bench.ssin.encode(), b"&l9;")
    bench.refused(message, "MSG00004", rule="xml.well-formed")


@pytest.mark.parametrize("address", ["http", "file"])
def test_a_schema_location_is_not_followed(bench: Bench, address: str) -> None:
    """A validator that fetched what a message names would knock at any door inside the network."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = f"http://127.0.0.1:{listening.getsockname()[1]}/x.xsd" if address == "http" else "file:///etc/passwd"
        hints = f'xmlns:xsi="{XSI}" xsi:schemaLocation="urn:x {place}" xsi:noNamespaceSchemaLocation="{place}"'
        bench.answered(bench.around(bench.body().replace("<criteria>", f"<criteria {hints}>")))
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize("where", ["<?x y?>{}", "{}<?x y?>"])
def test_processing_instructions(bench: Bench, where: str) -> None:
    whole = where.format(bench.message().decode()).encode()
    bench.refused(whole, "MSG00004", rule="xml.processing-instruction")
    inside = bench.around(bench.body().replace(bench.ssin, f"{bench.ssin[:6]}<?x?>{bench.ssin[6:]}"))
    bench.refused(inside, "MSG00004", rule="xml.processing-instruction")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp500"])
def test_other_encodings(bench: Bench, encoding: str) -> None:
    message = bench.message().decode().replace("front-door-test", "één")
    bench.refused(message.encode(encoding), "MSG00004")


@pytest.mark.parametrize("name", ["UTF-16", "ISO-8859-1", "UTF-7", "us-ascii", "ebcdic-cp-be"])
def test_declared_encodings(bench: Bench, name: str) -> None:
    declared = f'<?xml version="1.0" encoding="{name}"?>'.encode()
    bench.refused(declared + bench.message(), "MSG00004", rule="xml.encoding")


def test_xml_1_1(bench: Bench) -> None:
    """It allows control characters, and has other line ends: nobody who signed under 1.0 meant that."""
    bench.refused(b'<?xml version="1.1"?>' + bench.message(), "MSG00004", rule="xml.well-formed")


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x00", b"&#0;", b"&#xD800;", b"\x1b[31m"])
def test_what_is_no_utf_8_and_no_character(bench: Bench, text: bytes) -> None:
    bench.refused(bench.message().replace(b"front-door-test", text), "MSG00004")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("<a>" * 200 + "</a>" * 200, "xml.depth"),
        ("<a>" * 20_000 + "</a>" * 10, "xml.well-formed"),
        ("<a></a>" * 6_000, "xml.elements"),
        ("<a {}></a>".format(" ".join(f'a{n}="x"' for n in range(5_000))), "xml.attributes"),
        ("<a {}></a>".format(" ".join(f'xmlns:p{n}="u"' for n in range(3_000))), "xml.namespaces"),
        ('<a b="1" b="2"></a>', "xml.well-formed"),
        ("<a></b>", "xml.well-formed"),
        ("<a:a></a:a>", "xml.well-formed"),
        ("<![CDATA[", "xml.well-formed"),
    ],
    ids=["deep", "very-deep", "many", "attributes", "namespaces", "twice", "crossed", "no-prefix", "open-cdata"],
)
def test_limits_and_well_formedness(bench: Bench, content: str, rule: str) -> None:
    """Before anybody is authenticated, by anybody with a certificate: so the message costs next to nothing."""
    message = bench.message().replace(b"<criteria>", content.encode() + b"<criteria>")
    bench.refused(message, "MSG00004", rule=rule)


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (b"", "xml.well-formed"),
        (b" ", "xml.well-formed"),
        (b"{}", "xml.well-formed"),
        (b"\x1f\x8b\x08\x00", "xml.encoding"),
        (b"<x/>", "soap.envelope"),
        (b"\xef\xbb\xbf\xef\xbb\xbf<x/>", "xml.well-formed"),
    ],
)
def test_what_is_no_message_at_all(bench: Bench, message: bytes, rule: str) -> None:
    bench.refused(message, "MSG00004", rule=rule)


# The reader after the parser: what was signed is what is read.


@pytest.mark.parametrize(
    "split",
    ["{}<!-- -->{}", "{}<![CDATA[{}]]>", "<![CDATA[{}]]>{}", "<!---->{}{}<!-- x -->", "{}<![CDATA[]]>{}"],
    ids=["comment", "cdata-behind", "cdata-before", "comments-around", "empty-cdata"],
)
def test_a_number_is_never_read_in_part(bench: Bench, split: str) -> None:
    """Canonicalisation drops comments and unpacks CDATA: the signature holds, so the whole value must be read."""
    plain = bench.message()
    text = split.format(bench.ssin[:6], bench.ssin[6:])
    message = plain.replace(bench.ssin.encode(), text.encode())
    got = bench.answered(message)
    assert got.payload.findtext("criteria/ssin") == bench.ssin
    incoming, _ = bench.bank.logged(got.ticket)
    usual, _ = bench.bank.logged(bench.answered(bench.message()).ticket)
    assert incoming.kind is Kind.INCOMING
    assert len(incoming.facts["subjects"]) == 1
    assert incoming.facts["subjects"] == usual.facts["subjects"]


def test_a_number_in_two_pieces_is_none(bench: Bench) -> None:
    split = bench.around(bench.body().replace(bench.ssin, f"{bench.ssin[:6]}<x></x>{bench.ssin[6:]}"))
    bench.refused(split, "MSG00004", rule="schema.invalid")
    doubled = bench.around(bench.body().replace("<ssin>", f"<ssin>{FORGED}</ssin><ssin>"))
    bench.refused(doubled, "MSG00004", rule="schema.invalid")


def test_the_schemas_message_does_not_repeat_a_number(bench: Bench) -> None:
    got = bench.refused(bench.around(bench.body(ssin=FORGED + "1")), "MSG00004", rule="schema.invalid")
    assert FORGED not in etree.tostring(got.payload).decode()
    assert got.information["error message"].startswith("Element 'ssin'")


@pytest.mark.parametrize("piece", [": '", "The value '", "' is ", FORGED])
def test_a_very_long_value_is_not_repeated_either(bench: Bench, piece: str) -> None:
    """libxml2 cuts its message off; and taking the value out of it must not cost more than the message is long."""
    long = piece * (90_000 // len(piece))
    for name, start, end in (("ssin", "<ssin>", "</ssin>"), ("timestampSent", "<timestampSent>", "</timestampSent>")):
        head, _, rest = bench.body().partition(start)
        tail = rest.partition(end)[2]
        got = bench.refused(bench.around(f"{head}{start}{long}{end}{tail}"), "MSG00004", rule="schema.invalid")
        assert got.information["error message"].startswith(f"Element '{name}': ")
        assert got.information["error message"].count(piece) <= 1


def test_two_requests_and_none(bench: Bench) -> None:
    bench.refused(bench.around(bench.body() + bench.body(ssin=FORGED)), "MSG00004", rule="soap.body")
    bench.refused(bench.around(""), "MSG00004", rule="soap.body")
    bench.refused(bench.around("<x></x>"), "MSG00004", rule="schema.element")
    bench.refused(bench.around(bench.body().replace("Request", "Response")), "MSG00004", rule="schema.element")


def test_many_parsers_at_once_do_not_mix_messages(bench: Bench) -> None:
    """Names and texts live in memory that all parsers of a worker share."""
    wrong: list[str] = []

    def ask(number: int) -> None:
        for turn in range(5):
            ticket = f"{number}-{turn}"
            got = bench.answered(bench.around(bench.body(ticket=ticket), **{f"p{number}": "urn:p"}))
            if got.payload.findtext("informationCustomer/ticket") != ticket:
                wrong.append(ticket)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
