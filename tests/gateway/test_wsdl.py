"""PL-02: what `?wsdl` serves is enough for ordinary toolkits, without anything else at hand."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import suds.client
import zeep
from lxml import etree

from kruispunt.errors import ConfigurationError
from kruispunt.gateway.wsdl import Contract, documents
from kruispunt.pipeline.service import Service
from kruispunt.services.discovery import discover
from kruispunt.xml.namespaces import WSDL, WSDL_SOAP, XSD

SERVICES = discover()


@cache
def contract(service_name: str) -> Contract:
    return documents(next(s for s in SERVICES if s.name == service_name))


class _Files(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        base = f"http://{self.headers['Host']}"
        service = next(s for s in SERVICES if s.path == parts.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        files = contract(service.name)
        body = files.xsd(query["xsd"][0], base) if "xsd" in query else files.wsdl(base)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """Address of a plain server on the loopback interface that serves the contracts as the gateway does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def operations(service: Service) -> set[str]:
    """Those of the WSDL: in a dialect one, whatever it carries."""
    if service.dialect is not None:
        return {service.dialect.door.name}
    return {operation.name for operation in service.operations}


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_zeep_loads_the_contract(service: Service, base: str) -> None:
    client = zeep.Client(f"{base}{service.path}?wsdl")
    (wsdl_service,) = client.wsdl.services.values()
    assert wsdl_service.name == ("KSZBCSSWebService" if service.dialect else service.name)
    (port,) = wsdl_service.ports.values()
    assert port.binding_options["address"] == f"{base}{service.path}"
    assert set(port.binding.all()) == operations(service)


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_suds_loads_the_contract(service: Service, base: str) -> None:
    client = suds.client.Client(f"{base}{service.path}?wsdl", cache=None)
    (port,) = client.wsdl.services[0].ports
    assert port.location == f"{base}{service.path}"
    assert set(port.methods) == operations(service)


def test_zeep_composes_a_request_that_the_schema_accepts(base: str) -> None:
    service = next(s for s in SERVICES if s.name == "ForeignerSituationService")
    client = zeep.Client(f"{base}{service.path}?wsdl")
    message = client.create_message(
        client.service,
        "consultEmploymentInfos",
        informationCustomer={"customerIdentification": {"sector": 18, "institution": 0}},
        legalContext="NEO:UNEMPLOYMENT",
        criteria={"ssin": "85673003360", "dataGroups": {"employmentCards": True, "workPermits": False}},
    )
    assert _schema(service).validate(message[-1][0])


def test_suds_composes_a_request_that_the_schema_accepts(base: str) -> None:
    service = next(s for s in SERVICES if s.name == "ForeignerSituationService")
    client = suds.client.Client(f"{base}{service.path}?wsdl", cache=None, nosend=True)
    sent = client.service.consultSpecialInfos(
        {"customerIdentification": {"cbeNumber": "0206737484"}},
        None,
        "NEO:UNEMPLOYMENT",
        {"ssin": "85673003360"},
    )
    envelope = etree.fromstring(sent.envelope)
    assert _schema(service).validate(envelope[-1][0])


def _schema(service: Service) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(service.folder / "contract" / service.schema)))


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_every_file_is_reached_by_the_addresses_that_are_named(service: Service, base: str) -> None:
    files = contract(service.name)
    beside = () if service.dialect is None else service.dialect.schemas
    waiting, seen = [files.wsdl(base), *(files.xsd(name, base) or b"" for name in beside)], set(beside)
    while waiting:
        for node in etree.fromstring(waiting.pop()).iter(f"{{{XSD}}}import"):
            address = urlsplit(node.get("schemaLocation", ""))
            assert f"{address.scheme}://{address.netloc}{address.path}" == f"{base}{service.path}"
            name = parse_qs(address.query)["xsd"][0]
            if name not in seen:
                seen.add(name)
                body = files.xsd(name, base)
                assert body is not None
                waiting.append(body)
    assert seen == set(files.schemas)
    assert ("SSDNCommon.xsd" if service.dialect else "CommonV3.xsd") in seen


def test_the_connector_is_as_it_was_seen() -> None:
    """One operation, one element for request and reply, part names of the older form."""
    service = next(s for s in SERVICES if s.name == "IdentifyPerson")
    root = etree.parse(str(service.folder / "contract" / service.wsdl)).getroot()
    namespace = "http://ksz-bcss.fgov.be/connectors/WebServiceConnector"
    assert root.get("targetNamespace") == namespace == service.namespace
    parts = {p.get("name"): p.get("element") for p in root.iter(f"{{{WSDL}}}part")}
    assert parts == {"requestXML": "tns:xmlString", "replyXML": "tns:xmlString"}
    (action,) = (n.get("soapAction") for n in root.iter(f"{{{WSDL_SOAP}}}operation"))
    assert action == f"{namespace}/sendXML"
    (port,) = root.iter(f"{{{WSDL}}}port")
    assert port.get("name") == service.path.rpartition("/")[2] == "KSZBCSSWebServiceConnectorPort"
    # A client names them: `create_service` of zeep takes the binding's name, generated classes have the port type's.
    (binding,) = root.findall(f"{{{WSDL}}}binding")
    (port_type,) = root.findall(f"{{{WSDL}}}portType")
    assert port.get("binding") == f"tns:{binding.get('name')}" == "tns:KSZBCSSWebServiceConnectorBinding"
    assert binding.get("type") == f"tns:{port_type.get('name')}" == "tns:KSZBCSSWebServiceConnector"


@pytest.mark.parametrize("service", [s for s in SERVICES if s.dialect is None], ids=lambda s: s.name)
def test_the_wsdl_follows_the_house_style(service: Service) -> None:
    root = etree.parse(str(service.folder / "contract" / service.wsdl)).getroot()
    assert root.get("targetNamespace") == service.namespace
    for operation in service.operations:
        for kind in ("Request", "Response", "Fault"):
            (part,) = root.findall(f"{{{WSDL}}}message[@name='{operation.name}{kind}']/{{{WSDL}}}part")
            assert part.get("name") == f"{operation.name}{kind}Parameters"
            assert part.get("element") == f"tns:{operation.name}{kind}"
    actions = {node.get("soapAction") for node in root.iter(f"{{{WSDL_SOAP}}}operation")}
    assert actions == {f"http://kszbcss.fgov.be/{service.name}/{o.name}" for o in service.operations}


@pytest.mark.parametrize(
    "host", ["https://host:4520", "https://[::1]:4520", 'https://a"><x y="&amp;', "https://é:1/<>&'"]
)
def test_the_host_is_escaped(host: str) -> None:
    service = SERVICES[0]
    root = etree.fromstring(contract(service.name).wsdl(host))
    (address,) = root.iter(f"{{{WSDL_SOAP}}}address")
    assert address.get("location") == f"{host}{service.path}"


def test_a_host_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot stand in XML"):
        contract(SERVICES[0].name).wsdl("https://a\x00")


@pytest.mark.parametrize("name", ["", "absent.xsd", "../service.py", "/etc/passwd", "ForeignerSituationV1.wsdl"])
def test_only_files_of_the_contract_are_served(name: str) -> None:
    assert contract("ForeignerSituationService").xsd(name, "https://host") is None


def test_two_schemas_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "contract"
    (folder / "sub").mkdir(parents=True)
    for path, location in ((folder / "a.xsd", "sub/a.xsd"), (folder / "sub" / "a.xsd", None)):
        line = "" if location is None else f'<s:include schemaLocation="{location}"/>'
        path.write_text(f'<s:schema xmlns:s="{XSD}">{line}</s:schema>')
    (folder / "a.wsdl").write_text(f'<d xmlns:s="{XSD}"><s:schema><s:import schemaLocation="a.xsd"/></s:schema></d>')
    with pytest.raises(ConfigurationError, match="imports both"):
        documents(dataclasses.replace(SERVICES[0], folder=tmp_path, wsdl="a.wsdl"))
