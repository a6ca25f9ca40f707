"""HandiService v1: handicap files of DGPH (document 000)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Field, Operation, Service
from kruispunt.services.handi import criteria, handler, messages
from kruispunt.services.handi.codes import CODES
from kruispunt.services.handi.file import SUPPLIER_NAME, DataGroup
from kruispunt.services.handi.importing import import_files
from kruispunt.services.handi.remote import REMOTE
from kruispunt.services.handi.tables import OwnTables

_SSIN: Final = Field("ssin", help="Number of the person: eleven digits.")

SERVICE: Final = Service(
    name="HandiService",
    version="v1",
    path="/HandiService/consult_01",
    namespace="http://kszbcss.fgov.be/intf/HandiService/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="2013_Handi.wsdl",
    schema="Handi_V1.xsd",
    operations=(
        Operation(
            name="consultFile",
            summary="The handicap file of a person, at one moment, with payments over a period.",
            read=messages.read_file,
            write=messages.write,
            compose=messages.compose_file,
            handle=handler.consult_file,
            fields=(
                _SSIN,
                Field("referenceDate", date, "today", "The moment; empty: ask for payments only."),
                Field("evolutionOfRequest", bool, True, "Ask how far the treatment of a request is."),
                Field("handicapRecognition", bool, True, "Ask for the recognition."),
                Field("rights", bool, True, "Ask for the rights granted."),
                Field("socialCards", bool, True, "Ask for the social cards."),
                Field("paymentsStartDate", date, "", "Ask for payments from this day."),
                Field("paymentsEndDate", date, "", "Ask for payments until this day."),
            ),
            data_groups=criteria.file_groups,
            check=criteria.check_file,
            check_day=criteria.check_reference_date,
            ssin=lambda asked: asked.ssin,
        ),
        Operation(
            name="consultRightsAndPayments",
            summary="Rights and payments of a person over a period of at most two years.",
            read=messages.read_rights,
            write=messages.write,
            compose=messages.compose_rights,
            handle=handler.consult_rights_and_payments,
            fields=(
                _SSIN,
                Field("beginDate", date, help="First day of the period."),
                Field("endDate", date, help="Last day of the period."),
            ),
            data_groups=criteria.rights_groups,
            partial=True,
            check=criteria.check_rights,
            ssin=lambda asked: asked.ssin,
        ),
    ),
    codes=CODES,
    data_groups=frozenset(group.value for group in DataGroup),
    supplier=OwnTables,
    imports={"handicap-files": import_files},
    supplier_name=SUPPLIER_NAME,
    remote=REMOTE,
)
