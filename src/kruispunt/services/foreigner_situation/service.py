"""ForeignerSituationService v1: cards, permits and special information about foreigners (document 004)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Field, Operation, Service
from kruispunt.services.foreigner_situation import handler, messages
from kruispunt.services.foreigner_situation.codes import CODES
from kruispunt.services.foreigner_situation.importing import import_situations
from kruispunt.services.foreigner_situation.remote import REMOTE
from kruispunt.services.foreigner_situation.situation import DataGroup
from kruispunt.services.foreigner_situation.supplier import OwnTables

_SSIN: Final = Field("ssin", help="National number of the person: eleven digits.")

SERVICE: Final = Service(
    name="ForeignerSituationService",
    version="v1",
    path="/ForeignerSituationService/v1/consult",
    namespace="http://kszbcss.fgov.be/intf/ForeignerSituationService/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="ForeignerSituationV1.wsdl",
    schema="ForeignerSituationServiceV1.xsd",
    operations=(
        Operation(
            name="consultEmploymentInfos",
            summary="Employment cards and work permits of a foreigner.",
            read=messages.read_employment,
            write=messages.write_employment,
            compose=messages.compose_employment,
            handle=handler.consult_employment_infos,
            fields=(
                _SSIN,
                Field("employmentCards", bool, True, "Ask for the employment cards."),
                Field("workPermits", bool, True, "Ask for the work permits."),
            ),
            data_groups=handler.employment_groups,
            check=handler.check_employment,
            ssin=lambda criteria: criteria.ssin,
            bis_allowed=False,
        ),
        Operation(
            name="consultSpecialInfos",
            summary="Special information about a foreigner, such as the reason of stay.",
            read=messages.read_special,
            write=messages.write_special,
            compose=messages.compose_special,
            handle=handler.consult_special_infos,
            fields=(_SSIN,),
            data_groups=lambda _criteria: frozenset({DataGroup.SPECIAL_INFOS.value}),
            ssin=lambda criteria: criteria.ssin,
            bis_allowed=False,
        ),
    ),
    codes=CODES,
    data_groups=frozenset(group.value for group in DataGroup),
    supplier=OwnTables,
    imports={"situations": import_situations},
    supplier_name="National Register",
    remote=REMOTE,
)
