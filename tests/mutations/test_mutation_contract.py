"""The schema of mutation files, and what their reference shows (RP-18)."""

from __future__ import annotations

import pytest
from lxml import etree

from documentation import ROOT, Block, blocks
from kruispunt.mutations.kinds import Kind
from kruispunt.registers.parts import GROUPS
from kruispunt.xml.schemas import PACKAGE, Schema

CONTRACT = PACKAGE / "mutations" / "contract" / "MutationsV1.xsd"
EXAMPLES = blocks(ROOT / "docs" / "reference" / "mutation-files.md", "xml")
XSD = "{http://www.w3.org/2001/XMLSchema}"


def listed(name: str) -> list[str]:
    """The values that a type of the contract enumerates."""
    found = etree.parse(str(CONTRACT)).find(f".//{XSD}simpleType[@name='{name}']")
    assert found is not None
    return [each.get("value", "") for each in found.iter(f"{XSD}enumeration")]


@pytest.mark.parametrize("example", EXAMPLES, ids=["mutations", "streamItems"])
def test_rp_18_the_examples_follow_the_contract(example: Block) -> None:
    root = etree.fromstring(example.text)
    assert Schema(CONTRACT).check(root) is None
    root.append(etree.fromstring("<more/>"))
    assert Schema(CONTRACT).check(root) is not None


def test_rp_16_the_contract_names_every_kind_and_every_group() -> None:
    assert set(listed("KindType")) == {kind.value for kind in Kind}
    assert set(listed("GroupsType")) == set(GROUPS)
