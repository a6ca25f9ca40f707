"""A table as one HTML page that needs nothing else: for a browser, a printer, a colleague without a login."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lxml import etree
from lxml.html import builder as html
from lxml.html import tostring

_STYLE: Final = """
body { font: 14px/1.4 sans-serif; margin: 2em }
table { border-collapse: collapse }
th, td { border: 1px solid #bbb; padding: .3em .6em; text-align: left; vertical-align: top }
thead th { background: #eee; position: sticky; top: 0 }
@media print { body { margin: 0; font-size: 10px } thead { display: table-header-group } }
"""


def page(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A page with one table: the keys of the first row are the headings; a list is shown line by line."""
    headings = list(rows[0]) if rows else []
    table = html.TABLE(
        html.THEAD(html.TR(*(html.TH(name) for name in headings))),
        html.TBODY(*(html.TR(*(html.TD(*_lines(row[name])) for name in headings)) for row in rows)),
    )
    document = html.HTML(
        html.HEAD(html.META(charset="utf-8"), html.TITLE(title), html.STYLE(_STYLE)),
        html.BODY(html.H1(title), table),
    )
    text: str = tostring(document, doctype="<!DOCTYPE html>", encoding="unicode")
    return text


def _lines(value: Any) -> list[str | etree._Element]:
    texts = [value] if isinstance(value, str) else list(value)
    return [part for text in texts for part in (str(text), html.BR())][:-1]
