"""XML written as text that already is in canonical form (Canonical XML 1.0 and its exclusive form).

What these functions return is, byte for byte, what a canonicaliser would make of it: a reply is signed
without being parsed or canonicalised on the way out. Elements of the SOAP services are in no namespace
(CT-02), so a name is enough.

Names are constants of the caller and are not checked. Values come from outside and always are.
"""

from __future__ import annotations

import re
from typing import Final

_BEYOND_XML: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
"""Characters that XML 1.0 cannot carry, not even as a reference (section 2.2)."""

_illegal: Final = re.compile(f"[{_BEYOND_XML}]").search
_text_special: Final = re.compile(f"[&<>\r{_BEYOND_XML}]").search
_attribute_special: Final = re.compile(f'[&<"\t\n\r{_BEYOND_XML}]').search


def is_carriable(value: str) -> bool:
    """Whether XML 1.0 can carry every character of `value`."""
    return _illegal(value) is None


def _refuse_illegal(value: str) -> None:
    found = _illegal(value)
    if found is not None:
        raise ValueError(f"character U+{ord(found.group()):04X} at position {found.start()} cannot stand in XML")


def text(value: str) -> str:
    """`value` as a text node; ValueError on a character that XML 1.0 cannot carry."""
    # Letters and digits are the common case, and none of them is special: ten times cheaper than the search.
    if value.isalnum() or _text_special(value) is None:
        return value
    _refuse_illegal(value)
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


def attribute_value(value: str) -> str:
    """`value` as it stands between the quotes of an attribute; ValueError on what XML 1.0 cannot carry."""
    if _attribute_special(value) is None:
        return value
    _refuse_illegal(value)
    return (
        value.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace('"', "&quot;")
        .replace("\t", "&#x9;")
        .replace("\n", "&#xA;")
        .replace("\r", "&#xD;")
    )


def attribute(name: str, value: str) -> str:
    """` name="value"` with the leading blank; ValueError on a character that XML 1.0 cannot carry.

    The order of several attributes is the caller's: sorted by name where none has a prefix.
    """
    return f' {name}="{attribute_value(value)}"'


def element(name: str, value: str, attributes: str = "") -> str:
    """An element that holds text; `attributes` as `attribute` wrote them."""
    return f"<{name}{attributes}>{text(value)}</{name}>"


def optional(name: str, value: str | None) -> str:
    """As `element`; nothing at all for None. The empty text is a value."""
    return "" if value is None else f"<{name}>{text(value)}</{name}>"


def wrap(name: str, inner: str) -> str:
    """An element around canonical XML."""
    return f"<{name}>{inner}</{name}>"


def boolean(value: bool) -> str:
    """The form of `xsd:boolean` that is written; 0 and 1 are only read."""
    return "true" if value else "false"
