"""Schemas are compiled from the installation alone, and complain in a form that a client may be shown."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from lxml import etree

from kruispunt.errors import ConfigurationError
from kruispunt.services import _common
from kruispunt.xml.namespaces import XSD, XSI
from kruispunt.xml.schemas import Schema, schema

COMMON = Path(_common.__file__).parent / "contract" / "CommonV3.xsd"


def probe(tmp_path: Path, type_name: str) -> Schema:
    """A schema with one element `probe` of a type of CommonV3."""
    own = tmp_path / "probe.xsd"
    own.write_text(
        f'<s:schema xmlns:s="{XSD}" xmlns:c="http://kszbcss.fgov.be/types/common/v3">'
        f'<s:import namespace="http://kszbcss.fgov.be/types/common/v3" schemaLocation="CommonV3.xsd"/>'
        f'<s:element name="probe" type="c:{type_name}"/></s:schema>'
    )
    (tmp_path / "CommonV3.xsd").write_bytes(COMMON.read_bytes())
    return Schema(own)


def accepts(compiled: Schema, value: str) -> bool:
    node = etree.Element("probe")
    node.text = value
    return compiled.check(node) is None


@pytest.mark.parametrize(
    ("type_name", "good", "bad"),
    [
        (
            "SsinType",
            ("85073003328", "85673003360", "85273003300", "85473000000"),
            ("85133003328", "8507300332", "85073000028"),
        ),
        (
            "LegalContextType",
            ("NEO:UNEMPLOYMENT", "VDAB :DOSSIER_MANAGEMENT", "a-b+c"),
            ("", "A", " AB", "AB ", "A" * 65),
        ),
        ("InscriptionContextType", ("A_B:C",), ("A-B",)),
        ("NssoRegistrationNumberType", ("0123456789", "5012345678", "5112345678"), ("5212345678",)),
        ("IncompleteDateType", ("0000-00-00", "2019-07-00"), ("9999-00-00", "2019-7-0")),
        ("YearQuarterType", ("2019Q4",), ("2019Q5", "3019Q1")),
        ("CbeNumberType", ("0206737484",), ("206737484",)),
    ],
)
def test_common_v3_is_revision_3_3_215(
    tmp_path: Path, type_name: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    compiled = probe(tmp_path, type_name)
    assert [value for value in good if not accepts(compiled, value)] == []
    assert [value for value in bad if accepts(compiled, value)] == []


def test_common_v3_declares_types_only() -> None:
    root = etree.parse(str(COMMON)).getroot()
    assert root.get("version") == "3.3-215"
    assert root.findall(f"{{{XSD}}}element") == []
    assert len(root.findall(f"{{{XSD}}}simpleType")) == 20
    assert len(root.findall(f"{{{XSD}}}complexType")) == 26


def test_a_complaint_never_repeats_the_value(tmp_path: Path) -> None:
    for type_name, value in [
        ("SsinType", "12345678901' is not' has x"),
        ("UUIDType", "secret"),
        ("SequenceNumberType", "secret' is not a valid value"),
        ("LegalContextType", "secret" * 20),
        ("LanguageType", "secret"),
        ("SequenceNumberType", "-123456789"),
        ("SsinType", "secret" * 20_000),
        ("SequenceNumberType", "secret" * 20_000),
        ("LegalContextType", "The value 'secret" * 5_000),
        ("SequenceNumberType", ": 'secret" * 10_000),
        ("SequenceNumberType", "The value 'secret' is : 'secret"),
    ]:
        node = etree.Element("probe")
        node.text = value
        complaint = probe(tmp_path, type_name).check(node)
        assert complaint is not None
        assert complaint.startswith("Element 'probe':")
        assert not any(part in complaint for part in ("secret", "1234567"))


def test_a_type_that_does_not_exist_is_not_repeated(tmp_path: Path) -> None:
    node = etree.fromstring(f'<probe xmlns:x="{XSI}" x:type="secret">85073003328</probe>')
    complaint = probe(tmp_path, "SsinType").check(node)
    assert complaint is not None
    assert "secret" not in complaint


def test_a_complaint_fits_the_field_of_a_fault(tmp_path: Path) -> None:
    complaint = probe(tmp_path, "InformationCBSSType").check(etree.Element("a" * 500))
    assert complaint is not None
    assert len(complaint) == 256


def test_a_subtree_is_checked_with_the_namespaces_above_it(tmp_path: Path) -> None:
    envelope = etree.fromstring(
        f'<e xmlns:c="http://kszbcss.fgov.be/types/common/v3" xmlns:x="{XSI}">'
        '<probe x:type="c:SsinType">85073003328</probe><other/></e>'
    )
    assert probe(tmp_path, "SsinType").check(envelope[0]) is None


SPACED = f"""<s:schema xmlns:s="{XSD}">
<s:simpleType name="Recent">
<s:restriction base="s:date"><s:minInclusive value="2000-01-01"/></s:restriction>
</s:simpleType>
<s:simpleType name="Short"><s:restriction base="s:string"><s:maxLength value="10"/></s:restriction></s:simpleType>
<s:element name="a"><s:complexType><s:sequence>
<s:element name="day" type="s:date"/><s:element name="recent" type="Recent"/>
<s:element name="month" type="s:gYearMonth"/><s:element name="moment" type="s:dateTime"/>
<s:element name="flag" type="s:boolean"/><s:element name="text" type="Short"/>
</s:sequence><s:attribute name="since" type="s:date"/></s:complexType></s:element></s:schema>"""


@pytest.mark.parametrize("blanks", ["{}", " {}", "{} ", "\n  {}\n", "\r\n\t{}\t"])
def test_white_space_around_a_day_or_a_moment_means_nothing(tmp_path: Path, blanks: str) -> None:
    """CT-01: libxml2 refuses it where XML Schema collapses it; what was written stays as it is (CT-03)."""
    (tmp_path / "a.xsd").write_text(SPACED)
    compiled = Schema(tmp_path / "a.xsd")
    values = ("2020-02-29+02:00", "2024-06-01", "2024-01", "2024-01-01T09:30:00.5Z", "true", "2024-01-01")
    day, recent, month, moment, flag = (blanks.format(value) for value in values[:5])
    written = (
        f'<a since="{blanks.format("2024-01-01Z")}"><day>{day}</day><recent>{recent}</recent><month>{month}</month>'
        f"<moment>{moment}</moment><flag>{flag}</flag><text>{values[5]}</text></a>"
    )
    element = etree.fromstring(written)
    before = etree.tostring(element)
    assert compiled.check(element) is None
    assert etree.tostring(element) == before

    for wrong, complaint in [
        (written.replace("2020-02-29", "2021-02-29"), "Element 'day': This is not a valid value of"),
        (written.replace("2024-01-01Z", "soon"), "Element 'a', attribute 'since': This is not a valid value of"),
        (written.replace("2024-06-01", "1999-12-31"), "Element 'recent': [facet 'minInclusive']"),
        # Of a text blanks are a part.
        (written.replace("<text>", "<text> "), "Element 'text': [facet 'maxLength'] The value has a length of '11'"),
    ]:
        element = etree.fromstring(wrong)
        before = etree.tostring(element)
        assert (compiled.check(element) or "").startswith(complaint)
        assert etree.tostring(element) == before


def test_a_message_cannot_make_the_schema_fetch_anything(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        node = etree.fromstring(
            f'<probe xmlns:x="{XSI}" x:noNamespaceSchemaLocation="http://127.0.0.1:{port}/a.xsd" '
            f'x:schemaLocation="urn:a http://127.0.0.1:{port}/b.xsd">85073003328</probe>'
        )
        probe(tmp_path, "SsinType").check(node)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/a.xsd",
        "//127.0.0.1/a.xsd",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../../etc/passwd",
    ],
)
def test_a_contract_cannot_name_what_lies_outside(tmp_path: Path, location: str) -> None:
    bad = tmp_path / "bad.xsd"
    bad.write_text(f'<s:schema xmlns:s="{XSD}"><s:import namespace="urn:a" schemaLocation="{location}"/></s:schema>')
    with pytest.raises(ConfigurationError, match="leads outside the contract"):
        Schema(bad)


def test_a_missing_a_malformed_and_a_wrong_schema_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Schema(tmp_path / "absent.xsd")
    broken = tmp_path / "broken.xsd"
    broken.write_text("<a>")
    with pytest.raises(ConfigurationError, match="not well-formed"):
        Schema(broken)
    broken.write_text(f'<s:schema xmlns:s="{XSD}"><s:element name="a" type="b"/></s:schema>')
    with pytest.raises(ConfigurationError, match="not a usable XML Schema"):
        Schema(broken)


def test_a_schema_is_compiled_once() -> None:
    assert schema(COMMON) is schema(COMMON)
