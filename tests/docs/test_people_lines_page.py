"""`docs/reference/people-lines.md` names every field and code of a line, and its example is read."""

from __future__ import annotations

import json
from datetime import date

from documentation import ROOT, blocks
from kruispunt.registers import legal_data, person_lines
from kruispunt.registers.legal_data import CivilStateCode, LegalData, LinguisticRegime, Subregister, Unreadable
from kruispunt.registers.shapes import Shape

PAGE = ROOT / "docs" / "reference" / "people-lines.md"


def names() -> set[str]:
    """Every field of every shape, as JSON spells it."""
    return {name for shape in shapes() for name in shape.__struct_encode_fields__}


def shapes() -> list[type[Shape]]:
    return [each for each in vars(legal_data).values() if isinstance(each, type) and issubclass(each, Shape)]


def test_every_field_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = names()
    assert found >= set(LegalData.__struct_encode_fields__)
    assert len(shapes()) > 15
    for name in found | {"ssin", "register", "replacedBy", "cancelled", "nationalRegister", "cbssRegister"}:
        assert f"`{name}`" in page, name


def test_every_code_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for each in (*Subregister, *CivilStateCode):
        assert f"| {each.value} |" in page, each
    for part in (*Unreadable, *LinguisticRegime):
        assert f"`{part.value}`" in page, part


def test_the_example_is_read() -> None:
    (block,) = (each for each in blocks(PAGE, "json") if each.title == "line")
    line = person_lines.read(json.loads(block.text), today=date(2026, 11, 22), test_band=True)
    assert line.national is not None
    assert line.national.last_belgian_address is not None
