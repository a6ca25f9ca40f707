"""Exclusive canonicalisation, the only one of the profile (Exclusive XML Canonicalization 1.0)."""

from __future__ import annotations

from lxml import etree

from kruispunt.xml.parse import detached


class NotCanonical(Exception):
    """The element has no canonical form: one of its namespace names is relative (Canonical XML 1.0, §1.3)."""


def canonical(element: etree._Element, prefixes: tuple[str, ...] = ()) -> bytes:
    """The exclusive canonical form of `element`, without comments.

    `prefixes` is the `InclusiveNamespaces PrefixList`; `#default` stands for the default namespace. The
    element is then detached first: lxml looks the list's prefixes up in the name dictionary of the
    running thread, and silently drops those that it does not find there.
    """
    try:
        if prefixes:
            return _dump(detached(element), list(prefixes))
        return _dump(element, None)
    except etree.LxmlError as error:
        raise NotCanonical(str(error)) from error


def _dump(element: etree._Element, prefixes: list[str] | None) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes)
