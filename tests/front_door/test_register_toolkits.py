"""The services that write lines, called by the toolkits of real clients (RP-02, RP-21)."""

from __future__ import annotations

from typing import Any

import pytest
from bank import Bank, operation_of
from identify import document
from lxml import etree
from test_clients import Watching, customer, suds_client, zeep_client

from kruispunt.demo.personas import Numbers, Persona, load_personas
from kruispunt.pipeline.service import Service
from kruispunt.services.cbss_inscription.service import SERVICE as FACADE
from kruispunt.services.discovery import discover
from kruispunt.services.identify_person import client as ssdn
from kruispunt.services.identify_person.namespaces import COMMON, SERVICE
from kruispunt.services.inscription.service import SERVICE as INSCRIPTION
from kruispunt.services.register.service import SERVICE as REGISTER

PERSONAS = {p.id: p for p in load_personas(discover(), Numbers.BAND)}


def period(begin: str, end: str | None = None) -> dict[str, str]:
    return {"beginDate": begin, **({"endDate": end} if end else {})}


ASKED: dict[tuple[str, str], tuple[str, Any]] = {
    ("InscriptionService", "insertInscription"): ("inscription", {"qualityCode": 902, "period": period("2020-01-01")}),
    ("InscriptionService", "consultInscriptions"): ("criteria", {"qualityCode": 902}),
    ("InscriptionService", "deleteInscription"): ("inscription", {"qualityCode": 902}),
    ("CBSSInscription", "insertInscription"): (
        "inscription",
        {"inscriptionContext": "902", "period": period("2020-01-01", "2020-12-31")},
    ),
    ("CBSSInscription", "consultInscriptions"): ("criteria", {}),
    ("CBSSInscription", "updateInscription"): (
        "inscription",
        {"qualityCode": 902, "period": period("2020-01-01"), "newPeriod": period("2020-06-01")},
    ),
    ("CBSSInscription", "deleteInscription"): ("inscription", {"qualityCode": 902, "period": period("2020-07-01")}),
    ("RegisterService", "inscribe"): ("lines", {"dossierType": "GUIDANCE", "period": period("2020-01-01")}),
    ("RegisterService", "consult"): ("criteria", {"dossierType": "GUIDANCE"}),
    ("RegisterService", "consultHistory"): ("criteria", {}),
    ("RegisterService", "route"): ("criteria", {}),
    ("RegisterService", "delete"): ("lines", {"dossierType": "GUIDANCE"}),
    ("RegisterService", "consultDossierTypes"): ("", None),
}


def of_service(service: Service) -> Persona:
    """Any persona of the service, for its client and its context."""
    return next(
        p
        for p in PERSONAS.values()
        if p.service is service
        and p.code == "MSG00000"
        and p.client != "onem-secondary"
        and (service is not REGISTER or p.client == "vdab")
    )


@pytest.mark.parametrize("service", [INSCRIPTION, FACADE, REGISTER], ids=lambda s: s.name)
def test_zeep_calls_every_operation_from_the_served_wsdl(bank: Bank, ssins: list[str], service: Service) -> None:
    persona = of_service(service)
    client = zeep_client(bank, persona)
    asked = {name: what for (of, name), what in ASKED.items() if of == service.name}
    assert asked.keys() == {o.name for o in service.operations}
    for name, (element, value) in asked.items():
        extra: dict[str, Any] = {}
        if element == "lines":
            extra[element] = {"line": [{"ssin": ssins[0], **value}]}
        elif element:
            extra[element] = {"ssin": ssins[0], **value}
        reply = getattr(client.service, name)(
            informationCustomer=customer(persona), legalContext=persona.legal_context, **extra
        )
        assert reply.status.code == "MSG00000", name
        if name == "inscribe":
            (outcome,) = reply.outcomes.outcome
            assert (outcome.status.value, str(outcome.period.beginDate)) == ("OK", "2020-01-01")
        if name == "consultInscriptions":
            (held,) = reply.result.inscription
            assert held.qualityCode == 902


@pytest.mark.parametrize("toolkit", ["suds", "zeep"])
@pytest.mark.parametrize(
    ("operation", "values", "as_"),
    [
        ("cpasRegister", {"purpose": "902", "begin": "2024-01-01"}, "limited"),
        ("cpasList", {"begin": "2024-01-01"}, "limited"),
        ("cpasUnregister", {"purpose": "902", "begin": "2024-01-01"}, "limited"),
        ("consultOtherSectors", {"begin": "2019-01-01", "end": "2019-12-31"}, "onem"),
    ],
)
def test_toolkits_of_real_clients_call_the_old_services(
    bank: Bank, toolkit: str, operation: str, values: dict[str, str], as_: str
) -> None:
    """OCMWCPASManageAccess and ReferenceManager.consult, as one string through the connector's one operation."""
    persona = PERSONAS["access-registered" if as_ == "limited" else "sectors-all"]
    payload = ssdn.service_request(
        *ssdn.SERVICES[operation],
        operation_of(persona.service, operation).compose({"ssin": persona.ssin, **values}),
    )
    text = document(payload, organisation=as_)
    if toolkit == "suds":
        reply = str(suds_client(bank, persona, Watching()).service.sendXML(text))
    else:
        reply = str(zeep_client(bank, persona).service.sendXML(text))
    told = etree.fromstring(reply.encode())
    summary = told.find(f"{{{SERVICE}}}ServiceReply/{{{COMMON}}}ResultSummary")
    assert summary is not None
    assert summary.get("ok") == "YES"
