"""The namespaces of SSDN, and the prefixes under which they are written."""

from __future__ import annotations

from typing import Final

_SSDN: Final = "http://www.ksz-bcss.fgov.be/XSD/SSDN/"
SERVICE: Final = _SSDN + "Service"
COMMON: Final = _SSDN + "Common"
PERSON: Final = _SSDN + "Person"
IDENTIFY_PERSON: Final = _SSDN + "IdentifyPerson"
CPAS: Final = _SSDN + "OCMW_CPAS/IdentifyPerson"
CONNECTOR: Final = "http://ksz-bcss.fgov.be/connectors/WebServiceConnector"
MANAGE_ACCESS: Final = _SSDN + "OCMW_CPAS/ManageAccess"
REFERENCE_MANAGER: Final = _SSDN + "ReferenceManagerFacade"
