"""The examples of the page about files over HTTPS are what the gateway says, and its tables are the code's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from fetching import Gateway, gateway

from documentation import ROOT
from kruispunt.gateway.mutations.api import MOST_BYTES
from kruispunt.gateway.mutations.asked import DEFAULT_LIMIT, LARGEST_LIMIT
from kruispunt.gateway.mutations.delivery import PER_CLIENT, TOGETHER
from kruispunt.gateway.mutations.problems import TYPES

PAGE = (ROOT / "docs" / "reference" / "mutations-http.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```http\n(.*?)```\n\n```http\n(.*?)```", PAGE, re.DOTALL)
_VOLATILE = re.compile(r"urn:uuid:[0-9a-f-]{36}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")


@pytest.fixture(scope="module")
def bank(server: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with server.database(template) as dsn, gateway(home, dsn, workers=1) as running:
        running.subscribe("town-people", kinds=["address", "decease"])
        for sequence in (16, 17, 18):
            day = date(2026, 1, 31) + timedelta(days=sequence - 17)
            running.publish("town-people", sequence, b"<mutations>%d</mutations>" % sequence, day)
        yield running


def parts(text: str) -> tuple[str, dict[str, str], str]:
    """First line, headers and content of a message."""
    head, _, body = text.strip().partition("\n\n")
    line, *headers = head.split("\n")
    return line, dict(header.split(": ", 1) for header in headers), body


def told(text: str) -> Any:
    """JSON without what differs each time."""
    return json.loads(_VOLATILE.sub("*", text))


@pytest.mark.parametrize(("request_", "answer"), EXAMPLES, ids=[one.split(" HTTP")[0] for one, _ in EXAMPLES])
def test_an_example_is_what_the_gateway_says(bank: Gateway, request_: str, answer: str) -> None:
    line, headers, body = parts(request_)
    method, path, _ = line.split(" ")
    with bank.as_("alpha") as alpha:
        got = alpha.ask(method, path, body or None, **{k.replace("-", "_"): v for k, v in headers.items()})
    expected, expected_headers, expected_body = parts(answer)
    assert expected.startswith(f"HTTP/1.1 {got.status} ")
    for name, value in expected_headers.items():
        assert got.headers[name.lower()] == value
    if expected_body:
        assert told(got.body.decode()) == told(expected_body)


def test_there_is_an_example_of_each_kind() -> None:
    assert len(EXAMPLES) == 6
    assert PAGE.count("```http") == 12


def test_statuses_types_and_limits_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| ([0-9]{3}) \| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert rows == {str(status): kind for status, (kind, _) in TYPES.items()}
    for limit in (f"M ({DEFAULT_LIMIT}, at most {LARGEST_LIMIT:,})", f"more than {MOST_BYTES:,} bytes"):
        assert limit in PAGE
    for limit in (f"more than {PER_CLIENT} files", f"or {TOGETHER} files"):
        assert limit in PAGE
