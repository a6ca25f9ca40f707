"""InscriptionService v1: a client's own lines in the repertory of CBSS (RP-02 to RP-05). Its form is inferred."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Service
from kruispunt.services._common.inscription_xml import consult_inscriptions, delete_inscription, insert_inscription
from kruispunt.services._common.line_codes import LINE_CODES
from kruispunt.services._common.registers import OwnRegisters

SERVICE: Final = Service(
    name="InscriptionService",
    version="v1",
    path="/InscriptionService/v1/manage",
    namespace="http://kszbcss.fgov.be/intf/InscriptionService/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="InscriptionService.wsdl",
    schema="InscriptionServiceV1.xsd",
    operations=(consult_inscriptions(active=False), insert_inscription(), delete_inscription(active=False)),
    codes=LINE_CODES,
    supplier=OwnRegisters,
)
