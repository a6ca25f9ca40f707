"""IdentifyPerson over SSDN: people by number, by name and by address (document 001), and the variant for public centres
for social welfare.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from kruispunt.pipeline.service import Control, Field, Handler, Operation, Service
from kruispunt.services.identify_person import client, handler, payload
from kruispunt.services.identify_person.codes import CODES
from kruispunt.services.identify_person.connector import Connector
from kruispunt.services.identify_person.namespaces import CONNECTOR
from kruispunt.services.identify_person.supplier import OwnTables

_KNOWN: Final = frozenset({Control.CUSTOMER, Control.SSIN, Control.INTEGRATION})
_SEARCH: Final = frozenset({Control.CUSTOMER, Control.RETURNED})


def _framed(*_: Any) -> str:
    raise AssertionError("The dialect reads and writes.")


def _by_number(name: str, summary: str, handle: Handler, fields: tuple[Field, ...]) -> Operation:
    return Operation(
        name,
        summary,
        _framed,
        _framed,
        partial(client.payload_of, name),
        handle,
        controls=_KNOWN,
        fields=fields,
        ssin=lambda asked: str(asked.ssin),
    )


def _search(name: str, summary: str, handle: Handler, fields: tuple[Field, ...]) -> Operation:
    return Operation(
        name,
        summary,
        _framed,
        _framed,
        partial(client.payload_of, name),
        handle,
        controls=_SEARCH,
        fields=fields,
        returned=handler.people_of,
        withhold=handler.withhold,
    )


SERVICE: Final = Service(
    name="IdentifyPerson",
    version="20090818",
    path="/connectors/webservice/KSZBCSSWebServiceConnectorPort",
    namespace=CONNECTOR,
    folder=Path(__file__).resolve().parent,
    wsdl="KSZBCSSWebService.wsdl",
    schema="SSDN20090818.xsd",
    operations=(
        _by_number(payload.BY_SSIN, "A person by number.", handler.by_ssin, client.FIELDS_BY_SSIN),
        _search(payload.PHONETIC, "People by name and birth date.", handler.phonetic, client.FIELDS_PHONETIC),
        _search(
            payload.BY_ADDRESS, "People by their last Belgian address.", handler.by_address, client.FIELDS_BY_ADDRESS
        ),
        _by_number(
            payload.CPAS_BY_SSIN,
            "For public centres for social welfare: a person by number.",
            handler.limited,
            client.FIELDS_CPAS_BY_SSIN,
        ),
        _search(
            payload.CPAS_PHONETIC,
            "For public centres for social welfare: people by name and birth date.",
            handler.limited,
            client.FIELDS_CPAS_PHONETIC,
        ),
    ),
    codes=CODES,
    supplier=OwnTables,
    dialect=Connector(),
)
