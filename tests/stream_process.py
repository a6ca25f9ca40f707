"""A supplier of a stream in a process of its own, over mutual TLS, that can answer well and in every wrong way.

    python tests/stream_process.py DIRECTORY

As `supplier_process.py`. It gives what stands in `items.jsonl` (reference, ssin, moment, payload), three at a time; a
position is the number of items before it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from kruispunt.mutations.items import CONTRACT, NAMESPACE
from kruispunt.xml.build import boolean, element, wrap
from supplier_process import Asked, Supplier, main

AT_A_TIME = 3


class Stream(Supplier):
    """Items of Dimona, say."""

    namespace = NAMESPACE
    schema = CONTRACT

    def content(self, asked: Asked, number: str | None = None, inner: str | None = None) -> str:
        if inner is None:
            inner = "" if asked.action == "test" else self.items(asked, number)
        return f'<s:{asked.action}Response xmlns:s="{self.namespace}">{inner}</s:{asked.action}Response>'

    def items(self, asked: Asked, number: str | None) -> str:
        file = self._directory / "items.jsonl"
        items = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        start = int(asked.element.findtext("after") or "0")
        page = items[start : start + AT_A_TIME]
        end = start + len(page)
        stream = asked.element.findtext("stream") or ""
        return (
            element("stream", "another" if number else stream)
            + "".join(item_xml(each) for each in page)
            + (element("position", str(end)) if page else "")
            + element("more", boolean(end < len(items)))
        )


def item_xml(item: dict[str, str]) -> str:
    return wrap(
        "item",
        element("reference", item["reference"])
        + element("ssin", item["ssin"])
        + element("moment", item["moment"])
        + wrap("payload", item["payload"]),
    )


if __name__ == "__main__":
    asyncio.run(main(Stream, Path(sys.argv[1])))
