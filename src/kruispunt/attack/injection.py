"""Text that means something to a database, a parser, a terminal or a template, in every text field of every contract.

The fields are read from the schemas. What a field's type does not allow must be refused; what it allows is a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from lxml import etree

from kruispunt.attack.answer import REPLY_LIMITS
from kruispunt.attack.bench import Bench, Form
from kruispunt.attack.contract import Contract, Element, Path_, fields, written
from kruispunt.attack.edit import c14n
from kruispunt.attack.model import AsValue, Attack, Expected, Refused, Shot
from kruispunt.errors import InvalidRequest
from kruispunt.xml.parse import parse
from kruispunt.xml.schemas import schema

PAYLOADS: Final = {
    "sql": "'; drop table log_entry; --",
    "sql-or": "\\x00' or '1'='1' /*",
    "sql-array": '{"a":[1,2]},NULL',
    "markup": "</ticket><ssin>1</ssin><x a='",
    "cdata": "]]><![CDATA[<x/>",
    "entity": "&l9;&#65;&lt;",
    "line": 'a\n{"event": "forged"}',
    "terminal": "\u009b2J\u009b31m\u0085\u202egnorts",
    "template": "${7*7}{{7*7}}<%=7*7%>#{7*7}",
    "lookup": "${jndi:ldap://127.0.0.1:1/x}",
    "path": "../../../../../../etc/passwd",
    "format": "%s%n%x%1$s{0.__class__}{}",
    "shell": "`id`;$(id)|id&",
}
"""Texts by name: at most 36 characters, so that the client's own reference may hold each."""


def attacks(forms: Sequence[Form]) -> Iterator[Attack]:
    """One for each text field of each form, with every text."""
    for form in forms:
        yield from _enclosed(form)
        element = Contract(form.schema).element(str(etree.fromstring(form.sample).tag))
        for at in fields(element):
            # A request that is nothing but a text has one field: itself.
            shown = at or (element.name,)
            yield Attack(
                f"injection/{form.name}/{'.'.join(shown)}",
                f"{len(PAYLOADS)} texts in {shown[-1]}.",
                partial(_injected, form, element, at),
            )


def _injected(form: Form, element: Element, at: Path_, bench: Bench) -> Iterator[Shot]:
    client = bench.clients[form.client]
    context = bench.tls(client)
    sample = etree.fromstring(form.sample)
    for text in PAYLOADS.values():
        request = written(element, sample, at, text)
        yield Shot(
            bench.around(c14n(request).decode(), client),
            _expected(form, request, at, text),
            over=context,
            path=form.path,
            soap_action=form.soap_action,
        )


def _enclosed(form: Form) -> Iterator[Attack]:
    """Of a request that holds a whole document as its text: the fields of that document, as the sample has them."""
    document = enclosed(etree.fromstring(form.sample))
    if document is None:
        return
    for at in dict.fromkeys(_places(document)):
        yield Attack(
            f"injection/{form.name}/{'.'.join(at)}",
            f"{len(PAYLOADS)} texts in {at[-1]}, of the document inside.",
            partial(_injected_inside, form, at),
        )


def enclosed(element: etree._Element) -> etree._Element | None:
    """The document that stands in an element as text, if one does."""
    text = (element.text or "").strip()
    if len(element) or not text.startswith("<"):
        return None
    try:
        return parse(text.encode(), REPLY_LIMITS)
    except InvalidRequest:
        return None


def _places(document: etree._Element) -> Iterator[Path_]:
    for leaf in document.iter("*"):
        if not len(leaf):
            above = [etree.QName(e).localname for e in (*reversed(list(leaf.iterancestors())), leaf)]
            yield tuple(above[1:])


def _injected_inside(form: Form, at: Path_, bench: Bench) -> Iterator[Shot]:
    client = bench.clients[form.client]
    context = bench.tls(client)
    for text in PAYLOADS.values():
        request = etree.fromstring(form.sample)
        document = enclosed(request)
        assert document is not None
        leaf = document
        for name in at:
            leaf = next(child for child in leaf if etree.QName(child).localname == name)
        leaf.text = text
        request.text = etree.tostring(document, encoding="unicode")
        yield Shot(
            bench.around(c14n(request).decode(), client),
            AsValue(at[-1], text),
            over=context,
            path=form.path,
            soap_action=form.soap_action,
        )


def _expected(form: Form, request: etree._Element, at: Path_, text: str) -> Expected:
    if schema(form.schema).check(request) is not None:
        return Refused("MSG00004", rule="schema.invalid")
    return AsValue(at[-1] if at else etree.QName(request).localname, text)
