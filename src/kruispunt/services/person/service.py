"""PersonService v1: search, register and keep people up to date, for users of a register (RP-10 to RP-13)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kruispunt.pipeline.service import Control, Field, Operation, Service
from kruispunt.services.person import handler, messages
from kruispunt.services.person.asked import GROUPS
from kruispunt.services.person.codes import CODES
from kruispunt.services.person.supplier import OwnTables

_SSIN: Final = Field("ssin", help="Number of the person: eleven digits.")
_GIVEN: Final = Field("givenNames", str, "", "First names, with commas between.")
_GENDER: Final = Field("gender", int, 0, "1 a man, 2 a woman, 0 not told.")
_ABOUT: Final = (
    Field("nationality", str, "", "NIS code of a country."),
    Field("deceaseDate", str, "", "YYYY-MM-DD."),
    Field("civilState", str, "", "Code, for example 10 for unmarried."),
    Field("country", str, "", "NIS code of the country of the address."),
    Field("city", str, "", "Its municipality."),
    Field("since", str, "", "The day from which the data hold."),
)

SERVICE: Final = Service(
    name="PersonService",
    version="v1",
    path="/PersonService/v1/manage",
    namespace="http://kszbcss.fgov.be/intf/PersonService/v1",
    folder=Path(__file__).resolve().parent,
    wsdl="PersonV1.wsdl",
    schema="PersonServiceV1.xsd",
    operations=(
        Operation(
            name="searchPersonBySsin",
            summary="What the registers hold of a person, by number.",
            read=messages.read_ssin,
            write=messages.write(messages.told_found),
            compose=messages.compose_ssin,
            handle=handler.search_by_ssin,
            fields=(_SSIN,),
            ssin=lambda criteria: criteria.ssin,
        ),
        Operation(
            name="searchPersonPhonetically",
            summary="People whose name sounds like that, and who were born then.",
            read=messages.read_name,
            write=messages.write(messages.told_identified),
            compose=messages.compose_name,
            handle=handler.search_phonetically,
            controls=frozenset({Control.CUSTOMER, Control.RETURNED}),
            returned=handler.people_found,
            withhold=handler.withhold,
            fields=(
                Field("lastName", help="Last name, as it sounds."),
                Field("birthDate", help="YYYY-MM-DD, with 00 for what is not known."),
                _GIVEN,
                _GENDER,
                Field("variation", int, -1, "Days, months or years around the birth date; -1 not told."),
                Field("maximum", int, 0, "Most people to be told; 0 not told."),
            ),
        ),
        Operation(
            name="registerPerson",
            summary="A BIS number for somebody who is in neither register.",
            read=messages.read_registration,
            write=messages.write(messages.told_registered),
            compose=messages.compose_registration,
            changes=True,
            handle=handler.register,
            controls=frozenset({Control.CUSTOMER}),
            fields=(
                Field("lastName", help="Last name."),
                Field("birthDate", help="YYYY-MM-DD, with 00 for what is not known."),
                _GIVEN,
                _GENDER,
                *_ABOUT,
                Field("others", str, "", "Numbers of people who resemble and are somebody else, with commas between."),
            ),
            data_groups=handler.groups_declared,
        ),
        Operation(
            name="updatePerson",
            summary="Other data of a person in the CBSS register.",
            read=messages.read_update,
            write=messages.write(messages.told_changed),
            compose=messages.compose_update,
            changes=True,
            handle=handler.update,
            fields=(
                _SSIN,
                Field("lastName", str, "", "Last name."),
                _GIVEN,
                Field("birthDate", str, "", "YYYY-MM-DD, with 00 for what is not known."),
                _GENDER,
                *_ABOUT,
                Field("removed", str, "", "Elements to be removed, with commas between."),
            ),
            data_groups=handler.groups_declared,
            ssin=lambda criteria: criteria.ssin,
        ),
        Operation(
            name="replaceSsin",
            summary="Another number in the place of a BIS number.",
            read=messages.read_replacement,
            write=messages.write(messages.told_ended),
            compose=messages.compose_replacement,
            changes=True,
            handle=handler.replace,
            fields=(_SSIN, Field("replacedBy", help="The number that comes in its place.")),
            ssin=lambda criteria: criteria.ssin,
        ),
        Operation(
            name="cancelSsin",
            summary="A BIS number is cancelled.",
            read=messages.read_ssin,
            write=messages.write(messages.told_ended),
            compose=messages.compose_ssin,
            handle=handler.cancel,
            changes=True,
            fields=(_SSIN,),
            ssin=lambda criteria: criteria.ssin,
        ),
    ),
    codes=CODES,
    data_groups=GROUPS,
    supplier=OwnTables,
)
