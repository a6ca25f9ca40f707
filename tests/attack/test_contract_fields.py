"""The text fields of a request, read from its schema."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from attack_bench import bench
from kruispunt.attack.bench import Form
from kruispunt.attack.contract import Contract, fields, written
from kruispunt.attack.injection import PAYLOADS, attacks
from kruispunt.attack.model import AsValue
from kruispunt.cli.stage import demo_forms
from kruispunt.clock import SystemClock
from kruispunt.demo.personas import Numbers, load_personas
from kruispunt.services.discovery import discover
from kruispunt.xml.schemas import Schema, schema

KEYS = {persona.organisation: "0206737484" for persona in load_personas(discover(), Numbers.BAND)}
FORMS = demo_forms(KEYS, SystemClock())


@pytest.fixture(params=["unqualified", "qualified"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "t.xsd"
    types = Path(__file__).with_name("every_form.xsd").read_text()
    path.write_text(types.replace("unqualified", request.param))
    return path


def test_every_field_of_every_form_is_found(file: Path) -> None:
    """Extension, choice, group, reference, simple content with an attribute, types of its own and of XML Schema."""
    element = Contract(file).element("{urn:t}request")
    assert [".".join(at) for at in fields(element)] == [
        "first",
        "one",
        "two",
        "three",
        "grouped",
        "money.@currency",
        "money",
        "shared",
        "last",
    ]


def test_a_request_that_is_a_text_is_its_own_field(file: Path) -> None:
    element = Contract(file).element("{urn:t}shared")
    assert fields(element) == [()]
    assert Schema(file).check(written(element, None, (), "false")) is None
    form = Form("x", "/x", "x", file, '<t:shared xmlns:t="urn:t">true</t:shared>', "onem")
    assert [attack.name for attack in attacks([form])] == ["injection/x/shared"]


def test_a_document_inside_a_request_is_attacked_field_by_field(file: Path) -> None:
    """As its sample has it: elements without children, once each."""
    inner = '<d xmlns="urn:d"><head><ticket>1</ticket></head><body><one>x</one><one>y</one></body></d>'
    sample = etree.Element("{urn:t}shared")
    sample.text = inner
    form = Form("x", "/x", "x", file, etree.tostring(sample, encoding="unicode"), "client")
    names = [attack.name for attack in attacks([form])]
    assert names == ["injection/x/head.ticket", "injection/x/body.one", "injection/x/shared"]
    one = next(attack for attack in attacks([form]) if attack.name.endswith("one"))
    shots = list(one.shots(replace(bench(), clients={"client": bench().victim})))
    assert [shot.expected for shot in shots] == [AsValue("one", text) for text in PAYLOADS.values()]
    for shot, text in zip(shots, PAYLOADS.values(), strict=True):
        sent = etree.fromstring(shot.data)[1][0].text or ""
        assert etree.fromstring(sent).findtext("{urn:d}body/{urn:d}one") == text


def test_a_field_is_written_with_all_that_must_stand_around_it(file: Path) -> None:
    """With a text of the field's own kind the whole is valid: then an attack is wrong in that field alone."""
    element = Contract(file).element("{urn:t}request")
    right = {"one": "red", "two": "7", "three": "2026-01-31T09:30:00Z", "grouped": "2026-01-31", "money": "1.5"}
    right |= {"shared": "true", "last": "0000000196"}
    for at in fields(element):
        made = written(element, None, at, right.get(at[-1], "any"))
        assert Schema(file).check(made) is None, etree.tostring(made)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_contracts_that_ship(form: Form) -> None:
    """A sample is written again as it was; the client's own reference is a field that holds any of the texts."""
    sample = etree.fromstring(form.sample)
    contract = Contract(form.schema).element(str(sample.tag))
    again = written(contract, sample, ("nowhere",), "")
    assert _content(again) == _content(sample)
    places = fields(contract)
    assert len(places) == len(set(places)) > 0
    leaves = {tuple(_path(node)) for node in sample.iter() if not len(node)}
    assert leaves <= set(places)
    for at in places:
        if at and at[-1] in ("ticket", "echo"):
            for text in PAYLOADS.values():
                assert schema(form.schema).check(written(contract, sample, at, text)) is None


def _content(node: etree._Element) -> tuple[object, ...]:
    """Everything but the prefixes."""
    return (str(node.tag), dict(node.attrib), node.text or "", [_content(child) for child in node])


def _path(node: etree._Element) -> list[str]:
    return [etree.QName(n).localname for n in [*reversed(list(node.iterancestors())), node]][1:]
