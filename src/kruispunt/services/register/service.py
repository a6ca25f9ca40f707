"""RegisterService v1: Register As A Service, a repertory of one's own (RP-01 to RP-06, RP-21, RP-23).

Its form is ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Control, Field, Operation, Service, ok_or_nok
from kruispunt.services._common.identification import FIELDS as IDENTIFICATION
from kruispunt.services._common.line_codes import LINE_CODES
from kruispunt.services._common.registers import OwnRegisters
from kruispunt.services.register import handler, messages
from kruispunt.xml.parse import Limits

_CUSTOMER: Final = frozenset({Control.CUSTOMER})
_SSIN: Final = Field("ssin", help="Number of the person: eleven digits.")
_KNOWN_TO: Final = Field("knownTo", default="", help="CBE number or sector/institution, in an integrator's register.")
_TYPE: Final = Field("dossierType", help="Dossier type, as the register defines it.")
_ANY_TYPE: Final = Field("dossierType", default="", help="Dossier type; without it, all.")
_BEGIN: Final = Field("begin", help="First day, YYYY-MM-DD.")
_ANY_BEGIN: Final = Field("begin", default="", help="First day; without it, all days.")
_END: Final = Field("end", default="", help="Last day; without it, there is no end.")

LIMITS: Final = Limits(size=1024 * 1024, elements=20_000)
"""A thousand lines with everything in them have some 15,000 elements and half a megabyte."""

SERVICE: Final = Service(
    name="RegisterService",
    version="v1",
    path="/RegisterService/v1/register",
    namespace="http://kszbcss.fgov.be/intf/RegisterService/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="RegisterService.wsdl",
    schema="RegisterServiceV1.xsd",
    operations=(
        Operation(
            name="inscribe",
            summary="Inscribes people in the client's register: up to a thousand lines, each with its outcome.",
            read=messages.read_lines,
            write=messages.write_outcomes,
            compose=messages.compose_lines,
            handle=handler.inscribe,
            controls=_CUSTOMER,
            fields=(_SSIN, _TYPE, _BEGIN, _END, _KNOWN_TO, *IDENTIFICATION),
            status=ok_or_nok,
            changes=True,
        ),
        Operation(
            name="delete",
            summary="Takes days, or all lines, of people and dossier types out of the client's register.",
            read=messages.read_lines,
            write=messages.write_outcomes,
            compose=messages.compose_lines,
            handle=handler.delete,
            controls=_CUSTOMER,
            fields=(_SSIN, _TYPE, _ANY_BEGIN, _END, _KNOWN_TO),
            status=ok_or_nok,
            changes=True,
        ),
        Operation(
            name="consult",
            summary="The lines of the client's register about people.",
            read=messages.read_consult,
            write=messages.write_consult,
            compose=messages.compose_consult,
            handle=handler.consult,
            controls=_CUSTOMER,
            fields=(_SSIN, _ANY_TYPE, _ANY_BEGIN, _END, _KNOWN_TO),
        ),
        Operation(
            name="consultHistory",
            summary="Who changed the client's lines about a person; or the lines as they were at a moment.",
            read=messages.read_history,
            write=messages.write_history,
            compose=messages.compose_history,
            handle=handler.consult_history,
            controls=_CUSTOMER,
            fields=(
                _SSIN,
                Field("asOf", default="", help="A moment, like 2026-01-31T12:00:00Z; without it, all changes."),
            ),
        ),
        Operation(
            name="consultDossierTypes",
            summary="The dossier types that are defined in the client's register.",
            read=messages.read_nothing,
            write=messages.write_types,
            compose=messages.compose_nothing,
            handle=handler.consult_dossier_types,
            controls=_CUSTOMER,
        ),
        Operation(
            name="route",
            summary="Which organisations of the client's register know a person, in which roles, on a day.",
            read=messages.read_route,
            write=messages.write_route,
            compose=messages.compose_route,
            handle=handler.route,
            controls=_CUSTOMER,
            fields=(_SSIN, Field("day", default="", help="YYYY-MM-DD; without it, today.")),
        ),
    ),
    codes=LINE_CODES,
    supplier=OwnRegisters,
    limits=LIMITS,
)
