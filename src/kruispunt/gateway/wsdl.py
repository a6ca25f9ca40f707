"""A service's contract as clients fetch it: `?wsdl` on its URI, and `?xsd=<file name>` (PL-02).

On disk a contract refers to its schemas by relative file names. Served, every reference is absolute and names
the host that the client used, so that any toolkit can follow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from lxml import etree

from kruispunt.errors import ConfigurationError
from kruispunt.pipeline.service import Service
from kruispunt.xml.build import attribute_value
from kruispunt.xml.namespaces import WSDL_SOAP
from kruispunt.xml.schemas import locations, reachable, resolve

_HERE: Final = "urn:kruispunt:wsdl:here"
"""Stands for the service's address in the texts that are kept."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The files of one service, ready to be served; make it with `documents`."""

    path: str
    _wsdl: str
    _schemas: Mapping[str, str]

    @property
    def schemas(self) -> tuple[str, ...]:
        """File name of every schema that the WSDL imports, directly or not."""
        return tuple(self._schemas)

    def wsdl(self, base_url: str) -> bytes:
        """The WSDL with every address below `base_url` (`https://host:4520`, no slash behind), UTF-8.

        ValueError when `base_url` holds a character that XML cannot carry.
        """
        return self._at(base_url, self._wsdl)

    def xsd(self, name: str, base_url: str) -> bytes | None:
        """One schema by file name, with its own imports absolute; None when the contract has no such file."""
        text = self._schemas.get(name)
        return None if text is None else self._at(base_url, text)

    def _at(self, base_url: str, text: str) -> bytes:
        here = attribute_value(base_url.rstrip("/") + self.path)
        return text.replace(_HERE, here).encode()


def documents(service: Service) -> Contract:
    """Read a service's contract; ConfigurationError when a file is absent, unusable or ambiguous."""
    main = (service.folder / "contract" / service.wsdl).resolve()
    files = reachable(main)
    for name in () if service.dialect is None else service.dialect.schemas:
        files |= reachable(main.with_name(name))
    by_name: dict[str, Path] = {}
    for path in files:
        if by_name.setdefault(path.name, path) != path:
            raise ConfigurationError(
                f"{main}: imports both {path} and {by_name[path.name]}; schemas are served by file name, so rename one"
            )
    texts = {path.name: _rewritten(path, tree) for path, tree in files.items()}
    wsdl = texts.pop(main.name)
    return Contract(service.path, wsdl, texts)


def _rewritten(path: Path, tree: etree._ElementTree) -> str:
    for node, location in locations(tree):
        node.set("schemaLocation", f"{_HERE}?xsd={quote(resolve(location, path).name)}")
    for address in tree.iter(f"{{{WSDL_SOAP}}}address"):
        address.set("location", _HERE)
    return etree.tostring(tree, encoding="UTF-8", xml_declaration=True).decode()
