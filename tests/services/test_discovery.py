"""A service is found by its folder; a service that cannot be served stops the start."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from kruispunt.errors import ConfigurationError
from kruispunt.pipeline.service import Service
from kruispunt.services.discovery import discover
from kruispunt.services.test_connection.service import SERVICE


@pytest.fixture
def outside() -> Iterator[ModuleType]:
    """A module that an operator could name."""
    module = ModuleType("acme_service")
    sys.modules["acme_service"] = module
    yield module
    del sys.modules["acme_service"]


def named(**changes: object) -> Service:
    return dataclasses.replace(SERVICE, **changes)  # type: ignore[arg-type]


def test_every_folder_with_a_service_is_found() -> None:
    names = [service.name for service in discover()]
    assert names == sorted(names)
    assert {"ForeignerSituationService", "TestConnectionServiceService"} <= set(names)


def test_a_service_outside_the_package_comes_last(outside: ModuleType) -> None:
    outside.SERVICE = named(name="Acme", path="/Acme")  # type: ignore[attr-defined]
    assert [s.name for s in discover(["acme_service"])][-1] == "Acme"


def test_two_services_with_one_path_are_refused(outside: ModuleType) -> None:
    outside.SERVICE = named(name="Acme")  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match=r"acme_service.*sendTestMessage belongs to"):
        discover(["acme_service"])


def test_a_module_named_twice_is_refused(outside: ModuleType) -> None:
    outside.SERVICE = named(name="Acme", path="/Acme")  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match="name no module twice"):
        discover(["acme_service", "acme_service"])


@pytest.mark.parametrize("changes", [{"wsdl": "absent.wsdl"}, {"schema": "absent.xsd"}])
def test_a_service_without_its_contract_is_refused(outside: ModuleType, changes: dict[str, str]) -> None:
    outside.SERVICE = named(name="Acme", path="/Acme", **changes)  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match=r"absent.* is missing"):
        discover(["acme_service"])


def test_a_module_without_a_service_is_refused(outside: ModuleType) -> None:
    with pytest.raises(ConfigurationError, match="holds no SERVICE"):
        discover(["acme_service"])


def test_a_module_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no_such_service: cannot be imported"):
        discover(["no_such_service"])
