"""Finds the services: every folder here with a `service.py`, and the modules that an operator names.

Nothing is registered anywhere else, so that a new service is a new folder and no edit.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from kruispunt.errors import ConfigurationError
from kruispunt.pipeline.service import Service

_HERE = Path(__file__).resolve().parent


def discover(extra_modules: Sequence[str] = ()) -> tuple[Service, ...]:
    """Every service of the package, sorted by folder, then those of `extra_modules` in their order.

    An extra module is named as Python imports it and holds `SERVICE`. ConfigurationError when a module cannot
    be imported or holds no service, a contract file is missing, or two services claim one path.
    """
    services: list[Service] = []
    paths: dict[str, str] = {}
    for module_name in (*map(_module, folders()), *extra_modules):
        service = _load(module_name)
        _require_files(service, module_name)
        if service.path in paths:
            raise ConfigurationError(
                f"{module_name}: the path {service.path} belongs to {paths[service.path]} already; "
                "give each service a path of its own, and name no module twice"
            )
        paths[service.path] = module_name
        services.append(service)
    return tuple(services)


def folders() -> tuple[Path, ...]:
    """The folder of every service of the package, sorted. No service is imported."""
    return tuple(declaration.parent for declaration in sorted(_HERE.glob("[!_]*/service.py")))


def service_in(folder: Path) -> Service:
    """The service in a folder of the package. ConfigurationError as `discover`."""
    service = _load(_module(folder))
    _require_files(service, _module(folder))
    return service


def _module(folder: Path) -> str:
    return f"{__package__}.{folder.name}.service"


def _load(module_name: str) -> Service:
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigurationError(
            f"{module_name}: cannot be imported ({error}); is it installed here, and spelt right?"
        ) from error
    service = getattr(module, "SERVICE", None)
    if not isinstance(service, Service):
        raise ConfigurationError(f"{module_name}: holds no SERVICE; a service module declares exactly one")
    return service


def _require_files(service: Service, module_name: str) -> None:
    for name in (service.wsdl, service.schema):
        path = service.folder / "contract" / name
        if not path.is_file():
            raise ConfigurationError(f"{module_name}: {path} is missing; the contract belongs to the service's folder")
