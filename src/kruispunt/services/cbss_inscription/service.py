"""CBSSInscription v1: a facade on InscriptionService for the applications of the social security portal (RP-07).

National, BIS and RAD numbers are treated alike, as long as the dossier is active, or replaced by an active one. Its
form is inferred.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Service
from kruispunt.services._common.inscription_xml import (
    consult_inscriptions,
    delete_inscription,
    insert_inscription,
    update_inscription,
)
from kruispunt.services._common.line_codes import LINE_CODES, NO_LINE
from kruispunt.services._common.registers import OwnRegisters

SERVICE: Final = Service(
    name="CBSSInscription",
    version="v1",
    path="/CBSSInscription/v1/manage",
    namespace="http://kszbcss.fgov.be/intf/CBSSInscription/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="CBSSInscription.wsdl",
    schema="CBSSInscriptionV1.xsd",
    operations=(
        consult_inscriptions(active=True),
        insert_inscription(),
        update_inscription(),
        delete_inscription(active=True),
    ),
    codes=(*LINE_CODES, NO_LINE),
    supplier=OwnRegisters,
)
