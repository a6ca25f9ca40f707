"""Every XML namespace of the product, and the prefix under which it is written.

Prefixes are fixed because replies are written as canonical text: the same meaning always gives the same
bytes. What is read may use any prefix.
"""

from __future__ import annotations

from typing import Final

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
"""SOAP 1.1, the only version that is served (PL-01)."""
SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"
"""SOAP 1.2, known only to be refused by name (MSG00053)."""

WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSSE11: Final = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
"""Both the algorithm's name and the namespace of its `InclusiveNamespaces`."""

XML: Final = "http://www.w3.org/XML/1998/namespace"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP: Final = "http://schemas.xmlsoap.org/wsdl/soap/"

COMMON: Final = "http://kszbcss.fgov.be/types/common/v3"
"""CommonV3: the types that every service shares."""
FAULT: Final = "urn:kruispunt:fault:v1"
"""Ours: the fault detail of a message of which no operation is known."""

SOAP_ACTION: Final = "http://kszbcss.fgov.be/"
"""What a SOAPAction begins with; `<Service>/<operation>` follows, without a version (CT-02)."""
"""Prefix to namespace, as the product writes them."""
