"""IdentifyPerson over SSDN: people by number, by name and by address (document 001), and the variant for public centres
for social welfare; and on the same connector OCMWCPASManageAccess and ReferenceManager.consult.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from kruispunt.pipeline.service import Control, Field, Handler, Operation, Service
from kruispunt.services.identify_person import client, handler, other_handler, other_payload, other_xml, payload
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


def _lines(name: str, summary: str, handle: Handler, fields: tuple[Field, ...]) -> Operation:
    return Operation(
        name,
        summary,
        _framed,
        _framed,
        partial(other_xml.compose, name),
        handle,
        controls=frozenset({Control.CUSTOMER, Control.SSIN}),
        fields=fields,
        ssin=lambda asked: str(asked.ssin),
        changes=name in (other_payload.CPAS_REGISTER, other_payload.CPAS_UNREGISTER),
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
        _lines(
            other_payload.CPAS_REGISTER,
            "For public centres for social welfare: inscribes a person.",
            other_handler.manage_access,
            client.FIELDS_MANAGE,
        ),
        _lines(
            other_payload.CPAS_UNREGISTER,
            "For public centres for social welfare: takes days of a person and a purpose out.",
            other_handler.manage_access,
            client.FIELDS_MANAGE,
        ),
        _lines(
            other_payload.CPAS_LIST,
            "For public centres for social welfare: lists their own lines about a person.",
            other_handler.manage_access,
            client.FIELDS_MANAGE,
        ),
        _lines(
            other_payload.OTHER_SECTORS,
            "In which sectors, roles and periods a person is known.",
            other_handler.consult_other_sectors,
            client.FIELDS_SECTORS,
        ),
    ),
    codes=CODES,
    supplier=OwnTables,
    dialect=Connector(),
)
