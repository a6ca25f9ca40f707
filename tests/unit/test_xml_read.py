"""Reading children by name."""

from lxml import etree

from kruispunt.xml.read import child, child_text

ROOT = etree.fromstring("<r xmlns:n='u'><n:a>other</n:a><b><a>deeper</a></b><a>first</a><a>second</a><c/></r>")


def test_the_first_child_of_the_name_is_read() -> None:
    assert child_text(ROOT, "a") == "first"
    assert child_text(ROOT, "{u}a") == "other"


def test_an_empty_child_is_not_an_absent_one() -> None:
    assert child_text(ROOT, "c") == ""
    assert child_text(ROOT, "d") is None
    assert child(ROOT, "d") is None
