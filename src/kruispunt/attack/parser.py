"""Messages that attack the XML parser, or those who read after it (PL-09)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from lxml import etree

from kruispunt.attack.bench import Bench
from kruispunt.attack.edit import every
from kruispunt.attack.model import Answered, Attack, Expected, Refused, Shot
from kruispunt.xml.namespaces import EXC_C14N, XSI

_LAUGHS: Final = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
TICKET: Final = "attack"
"""The client's own reference in every message: a text that some attacks replace."""


def _refused(rule: str) -> Refused:
    return Refused("MSG00004", rule=f"xml.{rule}")


def attacks() -> Iterator[Attack]:
    """All of them."""
    yield from _documents()
    yield from _encodings()
    yield from _limits()
    yield from _bombs()
    yield from _splits()
    yield from _requests()


def _attack(name: str, what: str, make: Callable[[Bench], bytes], expected: Expected) -> Attack:
    def shots(bench: Bench) -> Iterator[Shot]:
        yield Shot(make(bench), expected)

    return Attack(f"parser/{name}", what, shots)


# Document types and instructions.

DOCTYPES: Final = {
    "billion-laughs": ("Entities that grow to a thousand million words", f'<!DOCTYPE x [<!ENTITY l0 "ha">{_LAUGHS}]>'),
    "external-entity": ("An entity that is a file", '<!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>'),
    "parameter-entity": (
        "A parameter entity from an address",
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "{trap}/p.dtd"> %p;]>',
    ),
    "external-subset": ("A DTD from an address", '<!DOCTYPE x SYSTEM "{trap}/x.dtd">'),
    "empty": ("A DOCTYPE and nothing more", "<!DOCTYPE x>"),
    "default-attribute": ("An attribute by default", '<!DOCTYPE x [<!ATTLIST ssin a CDATA "b">]>'),
    "after-comment": ("A DOCTYPE behind a comment", "<!-- a comment first -->\n<!DOCTYPE x>"),
    "after-declaration": ("A DOCTYPE behind the declaration", '<?xml version="1.0"?>\n<!DOCTYPE x>'),
}
"""What stands before the message, by name."""


def _documents() -> Iterator[Attack]:
    for name, (told, doctype) in DOCTYPES.items():
        yield _attack(
            f"doctype-{name}",
            f"{told}.",
            lambda bench, doctype=doctype: doctype.replace("{trap}", bench.trap).encode() + bench.message(),  # type: ignore[misc]
            _refused("doctype"),
        )
    yield _attack(
        "entity-undeclared",
        "An entity that nobody declared, in the place of the number.",
        lambda bench: bench.message().replace(bench.question.ssin.encode(), b"&l9;"),
        _refused("well-formed"),
    )
    yield _attack(
        "schema-location", "The request names a schema at an address, rightly signed.", _schema_location, Answered()
    )
    instruction = _refused("processing-instruction")
    yield _attack(
        "instruction-before", "An instruction before the message.", lambda b: b"<?x y?>" + b.message(), instruction
    )
    yield _attack(
        "instruction-behind", "An instruction behind the message.", lambda b: b.message() + b"<?x y?>", instruction
    )
    yield _attack(
        "instruction-in-number",
        "An instruction splits the number, rightly signed.",
        partial(_around, "{}<?x?>{}"),
        instruction,
    )
    yield _attack(
        "stylesheet",
        "A stylesheet from an address is named.",
        lambda b: f'<?xml-stylesheet href="{b.trap}/x.xsl"?>'.encode() + b.message(),
        instruction,
    )


def _schema_location(bench: Bench) -> bytes:
    place = f"{bench.trap}/x.xsd"
    hints = f' xmlns:xsi="{XSI}" xsi:schemaLocation="urn:x {place}" xsi:noNamespaceSchemaLocation="{place}">'
    start, _, rest = bench.body().partition(">")
    return bench.around(start + hints + rest)


# Encodings.


def _encodings() -> Iterator[Attack]:
    encoding = _refused("encoding")
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield _attack(f"in-{name}", f"The message is written in {name}.", partial(_encoded, name), encoding)
    yield _attack(
        "in-latin-1", "The message is written in latin-1, with letters of it.", partial(_encoded, "latin-1"), encoding
    )
    yield _attack("in-ebcdic", "The message is written in EBCDIC.", partial(_encoded, "cp500"), encoding)
    for name in ("UTF-16", "ISO-8859-1", "UTF-7", "us-ascii", "ebcdic-cp-be"):
        yield _attack(
            f"declared-{name.lower()}",
            f"The message says that it is written in {name}.",
            lambda b, name=name: f'<?xml version="1.0" encoding="{name}"?>'.encode() + b.message(),  # type: ignore[misc]
            encoding,
        )
    yield _attack(
        "xml-1-1",
        "XML 1.1, with other line ends and characters.",
        lambda b: b'<?xml version="1.1"?>' + b.message(),
        _refused("well-formed"),
    )
    for name, data, rule in (
        ("byte-ff", b"\xff", "encoding"),
        ("overlong", b"\xc0\xaf", "encoding"),
        ("surrogate", b"\xed\xa0\x80", "encoding"),
        ("zero", b"\x00", "encoding"),
        ("zero-reference", b"&#0;", "well-formed"),
        ("surrogate-reference", b"&#xD800;", "well-formed"),
        ("escape", b"\x1b[31m", "well-formed"),
    ):
        yield _attack(
            f"character-{name}",
            f"{data!r} in the client's reference.",
            lambda b, data=data: b.message().replace(TICKET.encode(), data),  # type: ignore[misc]
            _refused(rule),
        )


def _encoded(encoding: str, bench: Bench) -> bytes:
    return bench.message(bench.body(ticket="één")).decode().encode(encoding)


# Limits.


def _limits() -> Iterator[Attack]:
    for name, told, content, rule in (
        ("deep", "200 elements within each other", "<a>" * 200 + "</a>" * 200, "depth"),
        ("very-deep", "20,000 elements within each other", "<a>" * 20_000 + "</a>" * 10, "well-formed"),
        ("many-elements", "6,000 elements", "<a></a>" * 6_000, "elements"),
        (
            "attributes",
            "5,000 attributes",
            "<a {}></a>".format(" ".join(f'a{n}="x"' for n in range(5_000))),
            "attributes",
        ),
        ("attribute-twice", "An attribute twice", '<a b="1" b="2"></a>', "well-formed"),
        ("crossed", "Elements that cross", "<a></b>", "well-formed"),
        ("no-prefix", "A prefix that nobody declared", "<a:a></a:a>", "well-formed"),
        ("open-cdata", "CDATA that never ends", "<![CDATA[", "well-formed"),
        ("open-comment", "A comment that never ends", "<!--", "well-formed"),
    ):
        yield _attack(f"limit-{name}", f"{told}, in the Body.", partial(_stuffed, content), _refused(rule))
    for name, told, data, expected in (
        ("nothing", "Nothing", b"", _refused("well-formed")),
        ("blank", "A blank", b" ", _refused("well-formed")),
        ("json", "JSON", b"{}", _refused("well-formed")),
        ("gzip", "Compressed bytes", b"\x1f\x8b\x08\x00", _refused("encoding")),
        ("other-root", "Another element", b"<x/>", Refused("MSG00004", rule="soap.envelope")),
        ("two-marks", "Two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf<x/>", _refused("well-formed")),
    ):
        yield _attack(f"no-message-{name}", f"{told} instead of a message.", lambda _, data=data: data, expected)  # type: ignore[misc]


def _stuffed(content: str, bench: Bench) -> bytes:
    return bench.message().replace(b"<soapenv:Body", content.encode() + b"<soapenv:Body")


# Bombs: short messages that are expensive to canonicalise.


def _bombs() -> Iterator[Attack]:
    for number in (129, 1_000):
        many = " ".join(f'xmlns:p{n}="urn:p{n}"' for n in range(number))
        yield _attack(
            f"bomb-{number}-namespaces",
            f"{number:,} namespaces: seconds of work for inclusive canonicalisation.",
            partial(_declared, many),
            _refused("namespaces"),
        )
    yield _attack(
        "bomb-inclusive",
        "1,000 namespaces, and inclusive canonicalisation asked for.",
        partial(_inclusive, " ".join(f'xmlns:p{n}="urn:p{n}"' for n in range(1_000))),
        _refused("namespaces"),
    )
    yield _attack(
        "bomb-long-namespace",
        "A namespace name of 64,000 characters that 4,000 elements use: hundreds of megabytes in canonical form.",
        lambda b: b.around(f'<x xmlns:p="urn:{"x" * 64_000}">{"<p:b></p:b>" * 4_000}</x>'),
        _refused("namespace-name"),
    )
    for name, told, text in (
        ("prefixes", "17 prefixes", " ".join(f"p{n}" for n in range(17))),
        ("characters", "a prefix of 300 characters", "a" * 300),
        ("repeated", "one prefix 4,000 times", "a " * 4_000),
    ):
        yield _attack(
            f"bomb-exclusive-{name}",
            f"A PrefixList with {told}, for exclusive canonicalisation.",
            partial(_listed, text),
            Refused("MSG00015", "signature", "signature.prefix-list"),
        )
    yield _attack(
        "relative-namespace",
        "A namespace that is relative and has no canonical form.",
        partial(_declared, 'xmlns:r="relative"'),
        Refused("MSG00015", "signature", "signature.canonical"),
    )


def _declared(declarations: str, bench: Bench) -> bytes:
    start, _, rest = bench.message().decode().partition("<soapenv:Body")
    return f"{start}<soapenv:Body {declarations}{rest}".encode()


def _inclusive(declarations: str, bench: Bench) -> bytes:
    exclusive, inclusive = EXC_C14N.encode(), b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    return _declared(declarations, bench).replace(exclusive, inclusive)


def _listed(text: str, bench: Bench) -> bytes:
    def add(tree: etree._Element) -> None:
        for found in every(tree, "//ds:Transform | //ds:CanonicalizationMethod"):
            etree.SubElement(found, f"{{{EXC_C14N}}}InclusiveNamespaces", PrefixList=text)

    return bench.resigned(add)


# The reader after the parser: what was signed is what is read.


def _splits() -> Iterator[Attack]:
    for name, told, split in (
        ("comment", "A comment splits the number", "{}<!-- -->{}"),
        ("comments-around", "Comments around the number", "<!---->{}{}<!-- x -->"),
        ("cdata-behind", "The second half of the number in CDATA", "{}<![CDATA[{}]]>"),
        ("cdata-before", "The first half of the number in CDATA", "<![CDATA[{}]]>{}"),
        ("cdata-empty", "Empty CDATA splits the number", "{}<![CDATA[]]>{}"),
        ("reference", "A digit of the number as a character reference", "{}&#x{last:x};{rest}"),
    ):
        yield _attack(
            f"split-{name}",
            f"{told}: the signature holds, so all of it must be read.",
            partial(_split, split),
            Answered(),
        )
    invalid = Refused("MSG00004", rule="schema.invalid")
    yield _attack(
        "split-element", "An element splits the number, rightly signed.", partial(_around, "{}<x></x>{}"), invalid
    )
    yield _attack("two-numbers", "Two numbers, rightly signed.", partial(_around, "{}{}</ssin><ssin>{}"), invalid)


def _split(form: str, bench: Bench) -> bytes:
    ssin = bench.question.ssin
    text = form.format(ssin[:6], ssin[6:], last=ord(ssin[6]), rest=ssin[7:])
    return bench.message().replace(ssin.encode(), text.encode())


def _around(form: str, bench: Bench) -> bytes:
    ssin, forged = bench.question.ssin, bench.question.forged
    return bench.around(bench.body().replace(ssin, form.format(ssin[:6], ssin[6:], forged)))


def _requests() -> Iterator[Attack]:
    body = Refused("MSG00004", rule="soap.body")
    element = Refused("MSG00004", rule="schema.element")
    yield _attack("two-requests", "Two requests in one signed Body.", lambda b: b.around(b.body() + b.forged()), body)
    yield _attack("no-request", "An empty Body, signed.", lambda b: b.around(""), body)
    yield _attack("other-request", "Another element in the Body, signed.", lambda b: b.around("<x></x>"), element)
    yield _attack(
        "response-as-request",
        "A response in the Body, signed.",
        lambda b: b.around(b.body().replace("Request", "Response")),
        element,
    )
    yield _attack("two-bodies", "The Body stands twice.", _two_bodies, Refused("MSG00004", rule="soap.structure"))
    for name, piece in (("quote", ": '"), ("value", "The value '"), ("is", "' is ")):
        yield _attack(
            f"long-value-{name}",
            f"{piece!r} thousands of times as the number: the schema's message is neither long nor slow.",
            partial(_long, piece),
            Refused("MSG00004", rule="schema.invalid"),
        )


def _two_bodies(bench: Bench) -> bytes:
    return bench.edited(lambda tree: tree.append(etree.fromstring(etree.tostring(tree[1]))))


def _long(piece: str, bench: Bench) -> bytes:
    return bench.around(bench.body().replace(bench.question.ssin, piece * (90_000 // len(piece))))
