"""PL-09: XML is parsed with no DTD, no entities, no network, and within limits."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from kruispunt.errors import InvalidRequest
from kruispunt.xml.parse import NOVEL_BYTES, Limits, detached, known_names, parse

BOMB = b"""<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&y;</a>"""


def refused(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidRequest) as error:
        parse(data, limits) if limits else parse(data)
    assert error.value.information == (("error message", error.value.why),)
    return error.value.rule


@pytest.mark.parametrize(
    "data",
    [
        b"<a/>",
        b"\xef\xbb\xbf<a/>",
        b"<?xml version='1.0'?><a/>",
        b"<?xml version='1.0' encoding='utf-8'?>\n<a/>",
        b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8" standalone="yes" ?><!-- x --> <!--y--><a/>\n<!--z-->',
        "<a>é€😀</a>".encode(),
    ],
)
def test_utf8_documents_are_read(data: bytes) -> None:
    assert parse(data).tag == "a"


@pytest.mark.parametrize(
    "data",
    [
        "<a>é</a>".encode("latin-1"),
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
        b"<?xml version='1.0' encoding='US-ASCII'?><a/>",
        b"<?xml version='1.0' encoding='UTF-7'?><a>+AGE-</a>",
        "<?xml version='1.0' encoding='UTF-16'?><a/>".encode("utf-16"),
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-16-be"),
        "<a/>".encode("utf-32"),
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xc0\xaf</a>",
    ],
)
def test_other_encodings_are_refused(data: bytes) -> None:
    assert refused(data) == "xml.encoding"


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        b"<!DOCTYPE a><a/>",
        b"<?xml version='1.0'?>\n<!-- <a> --><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"\xef\xbb\xbf <!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'> %p;]><a/>",
        b"<!-- a -- >--><!DOCTYPE a><a/>",
    ],
)
def test_doctype_is_refused(data: bytes) -> None:
    assert refused(data) == "xml.doctype"


@pytest.mark.parametrize(
    "data",
    [
        b"<?xml-stylesheet href='x'?><a/>",
        b"<!-- --><?x?><a/>",
        b"<a><?x y?></a>",
        b"<a><b>1<?x?>2</b></a>",
        b"<a/><?x?>",
        b"<?xml version='1.0'?><a/><!-- --><?x?>",
    ],
)
def test_processing_instructions_are_refused(data: bytes) -> None:
    assert refused(data) == "xml.processing-instruction"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"a",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&nbsp;</a>",
        b"<a b='1' b='2'/>",
        b"<p:a/>",
        b"<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
        b"<?xml version='1.1'?><a/>",
        b" <?xml version='1.0'?><a/>",
        b"<!-- <a/>",
        b"<a>&#0;</a>",
        b"<a>\x08</a>",
        b"<!doctype a><a/>".replace(b"<!d", b"<d"),
    ],
)
def test_what_is_not_well_formed_is_refused(data: bytes) -> None:
    assert refused(data) in {"xml.well-formed", "xml.processing-instruction"}


def test_an_escaped_document_in_cdata_is_text() -> None:
    inner = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y 'z'>]><x>&y;<?pi?></x>"
    assert parse(f"<a><![CDATA[{inner}]]></a>".encode()).text == inner


def test_a_comment_never_splits_a_value() -> None:
    """Rule 6 of the signature profile: half an identifier is never read."""
    root = parse(b"<a><ssin>856730<!-- -->99811</ssin><b>85<![CDATA[67]]>30<!----></b></a>")
    assert [child.text for child in root] == ["85673099811", "856730"]
    assert len(root[0]) == 0


@given(st.lists(st.text(st.characters(codec="utf-8", categories=("L", "N", "Zs")), max_size=8), max_size=6))
def test_text_around_comments_joins(pieces: list[str]) -> None:
    root = parse(("<a>" + "<!-- c -->".join(pieces) + "</a>").encode())
    assert (root.text or "") == "".join(pieces)


LIMITS = Limits(size=4_000, depth=10, elements=50, attributes=5, namespaces=7, namespace=20)


def nested(depth: int) -> bytes:
    return b"<a>" * (depth - 1) + b"<b/>" + b"</a>" * (depth - 1)


@pytest.mark.parametrize(
    ("at_limit", "beyond", "rule"),
    [
        (b"<a>" + b"x" * 3_993 + b"</a>", b"<a>" + b"x" * 3_994 + b"</a>", "xml.size"),
        (nested(10), nested(11), "xml.depth"),
        (b"<a>" + b"<b></b>" * 49 + b"</a>", b"<a>" + b"<b/>" * 50 + b"</a>", "xml.elements"),
        (
            b"<a><b a='=====' b='' c='' d='' e=''/></a>",
            b"<a><b/><b a='' b='' c='' d='' e='' f=''/></a>",
            "xml.attributes",
        ),
        (
            b"<a>" + b"<b xmlns='urn:xmlns'/>" * 7 + b"</a>",
            b"<a>" + b"<b xmlns:p='u'><p:c xmlns='u'/></b>" * 4 + b"</a>",
            "xml.namespaces",
        ),
        (
            b"<a b='" + b"x" * 21 + b"' xmlns:p='" + b"u" * 20 + b"'/>",
            b"<a><b xmlns=\n'" + b"u" * 21 + b"'/></a>",
            "xml.namespace-name",
        ),
        (b"<a xmlns='" + b"&#117;" * 20 + b"'/>", b'<a xmlns:p="' + b"&#117;" * 21 + b'"/>', "xml.namespace-name"),
    ],
)
def test_each_limit_is_exact(at_limit: bytes, beyond: bytes, rule: str) -> None:
    parse(at_limit, LIMITS)
    assert refused(beyond, LIMITS) == rule


def test_markup_inside_cdata_does_not_count() -> None:
    parse(b"<a><![CDATA[" + b"<b xmlns:p='u' c=''></b>" * 100 + b"]]></a>", LIMITS)


def test_a_deep_document_is_refused_at_the_default_limits() -> None:
    assert refused(nested(65)) == "xml.depth"
    assert refused(nested(10_000)) == "xml.well-formed"


@pytest.mark.parametrize(
    "data",
    [
        b"<a><ssin>85673099811</ssyn></a>",
        b"<a><![CDATA[<ssin>85673099811</ssin></a>",
        b"<a><!-- 85673099811 -- --></a>",
        b"<a>&x85673099811;</a>",
        b"<a x85673099811='1' x85673099811='2'/>",
        b"<x85673099811:a/>",
        b"<a.85673099811>",
    ],
)
def test_the_reason_tells_nothing_of_the_content(data: bytes) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse(data)
    assert "85673" not in str(error.value)
    assert "line 1, column " in str(error.value)
    assert len(error.value.why) <= 256


def test_invented_names_do_not_fill_the_memory() -> None:
    """libxml2 never forgets a name by itself: a thread's dictionary has to be given up now and then."""
    highest = sent = 0
    while sent < 8 * NOVEL_BYTES:
        names = (b'<n%d_%d a%d_%d=""/>' % (sent, i, sent, i) for i in range(2_000))
        data = b"<r>" + b"".join(names) + b"</r>"
        sent += len(data)
        parse(data)
        highest = max(highest, known_names())
    assert highest < 150_000, "8 MiB of such messages bring some 600,000 names"


def test_runs_of_blanks_do_not_fill_the_memory() -> None:
    def blanks(number: int) -> bytes:
        return bytes(b" \t"[number >> bit & 1] for bit in range(40))

    highest = 0
    for number in range(300):
        parse(b"<r>" + b"".join(blanks(number * 1_000 + i) + b"<a/>" for i in range(1_000)) + b"</r>")
        highest = max(highest, known_names())
    assert highest < 150_000, "these are 300,000 different runs"


def test_a_document_outlives_the_dictionary_it_was_made_with() -> None:
    kept = parse(b"<t:kept xmlns:t='urn:t' xmlns:u='urn:u' kind='1'><child>x</child></t:kept>")
    for number in range(40):
        parse(b"<r>" + b"".join(b"<m%d_%d_%s/>" % (number, i, b"x" * 20) for i in range(3_000)) + b"</r>")
    canonical = b'<t:kept xmlns:t="urn:t" kind="1"><child>x</child></t:kept>'
    assert etree.tostring(kept, method="c14n", exclusive=True) == canonical
    assert kept.xpath("string(child)") == "x"
    assert detached(kept).nsmap == {"t": "urn:t", "u": "urn:u"}


def test_every_thread_has_its_own_parser() -> None:
    tags: list[str] = []
    threads = [threading.Thread(target=lambda n=n: tags.append(str(parse(b"<a%d/>" % n).tag))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tags) == [f"a{n}" for n in range(8)]


def test_a_detached_element_has_every_namespace_in_scope_and_no_tail() -> None:
    root = parse(b"<p:a xmlns:p='urn:p' xmlns='urn:d'><b xmlns:q='urn:q'><c/></b>tail</p:a>")
    copy = detached(root[0])
    assert copy.nsmap == {"p": "urn:p", None: "urn:d", "q": "urn:q"}
    assert copy.tail is None
    assert copy.getparent() is None
