"""Text that means something to a database, a parser, a terminal or a template, in every text field of every contract.

The fields are read from the schemas. What a field's type does not allow must be refused; what it allows is a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from lxml import etree

from kruispunt.attack.bench import Bench, Form
from kruispunt.attack.contract import Contract, Element, Path_, fields, written
from kruispunt.attack.edit import c14n
from kruispunt.attack.model import AsValue, Attack, Expected, Refused, Shot
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


def _expected(form: Form, request: etree._Element, at: Path_, text: str) -> Expected:
    if schema(form.schema).check(request) is not None:
        return Refused("MSG00004", rule="schema.invalid")
    return AsValue(at[-1] if at else etree.QName(request).localname, text)
