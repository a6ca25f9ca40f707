"""Invented people and where they stay. Municipalities exist, with their postal and NIS codes; nobody lives there."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Final, NamedTuple

from kruispunt.services.handi.file import Address, AddressClass, Description, Language, Person


class Place(NamedTuple):
    """A municipality, with its name in each language that it has one in."""

    postal_code: str
    city_code: str
    weight: int
    names: tuple[tuple[Language, str], ...]


NL, FR, DE = Language.NL, Language.FR, Language.DE

PLACES: Final = (
    Place("2000", "11002", 14, ((NL, "Antwerpen"), (FR, "Anvers"), (DE, "Antwerpen"))),
    Place("9000", "44021", 14, ((NL, "Gent"), (FR, "Gand"), (DE, "Gent"))),
    Place("3000", "24062", 10, ((NL, "Leuven"), (FR, "Louvain"), (DE, "Löwen"))),
    Place("8000", "31005", 10, ((NL, "Brugge"), (FR, "Bruges"), (DE, "Brügge"))),
    Place("3500", "71022", 9, ((NL, "Hasselt"), (FR, "Hasselt"), (DE, "Hasselt"))),
    Place("1000", "21004", 7, ((NL, "Brussel"), (FR, "Bruxelles"), (DE, "Bruxelles"))),
    Place("1030", "21015", 5, ((NL, "Schaarbeek"), (FR, "Schaerbeek"), (DE, "Schaerbeek"))),
    Place("4000", "62063", 9, ((FR, "Liège"), (NL, "Luik"), (DE, "Liège"))),
    Place("6000", "52011", 8, ((FR, "Charleroi"), (NL, "Charleroi"), (DE, "Charleroi"))),
    Place("5000", "92094", 6, ((FR, "Namur"), (NL, "Namen"), (DE, "Namur"))),
    Place("7000", "53053", 4, ((FR, "Mons"), (NL, "Bergen"), (DE, "Mons"))),
    Place("7500", "57081", 2, ((FR, "Tournai"), (NL, "Doornik"), (DE, "Tournai"))),
    Place("4700", "63023", 1, ((DE, "Eupen"), (FR, "Eupen"))),
    Place("4780", "63067", 1, ((DE, "Sankt Vith"), (FR, "Saint-Vith"))),
)
"""German repeats the French in many, as it does at DGPH (HA-04)."""

COUNTRY: Final = (Description("België", NL), Description("Belgique", FR), Description("Belgique", DE))
STREETS: Final = {
    NL: ("Lindelaan", "Molenstraat", "Kapelstraat", "Nieuwe Weg", "Beukendreef"),
    FR: ("Avenue des Tilleuls", "Rue du Moulin", "Rue de la Chapelle", "Chemin Neuf", "Drève des Hêtres"),
    DE: ("Lindenallee", "Mühlenstraße", "Kapellenweg", "Neuer Weg", "Buchenallee"),
}
INSTITUTIONS: Final = {NL: "Tehuis De Beuk", FR: "Foyer Le Hêtre", DE: "Haus Buche"}
LAST_NAMES: Final = (
    "Vandenboom",
    "Molenaers",
    "Dubois-Dormant",
    "Steenweg",
    "Dumoulin",
    "Lindemans",
    "Beukelaer",
    "Duhêtre",
    "Kapelaan",
    "Delachapelle",
    "Waterval",
    "Larivière",
    "Lindenweg",
    "Zonneveld",
    "Duchemin",
    "D'Hondebeek",
)
FIRST_NAMES: Final = (
    "Lou",
    "Robin",
    "Sam",
    "Noor",
    "Camille",
    "Charlie",
    "Alix",
    "Sacha",
    "Dominique",
    "Claude",
    "Kim",
    "Jo",
)
"""For a man or a woman: the number says which, and a name shall not contradict it."""


def somebody(chance: random.Random, today: date) -> Person:
    """A person with an address, one in ten of them in an institution."""
    (place,) = chance.choices(PLACES, [place.weight for place in PLACES])
    language = place.names[0][0]
    return Person(
        chance.choice(LAST_NAMES),
        chance.choice(FIRST_NAMES),
        Address(
            AddressClass.BELGIAN,
            "150",
            building=INSTITUTIONS[language] if chance.random() < 0.1 else None,
            street_code=f"{chance.randint(1, 9_999):010d}",
            street_names=(Description(chance.choice(STREETS[language]), language),),
            house_number=str(chance.randint(1, 250)),
            box_number=str(chance.randint(1, 40)) if chance.random() < 0.2 else None,
            postal_code=place.postal_code,
            city_code=place.city_code,
            city_names=tuple(Description(name, own) for own, name in place.names),
            country_names=COUNTRY,
            since=today - timedelta(days=chance.randint(100, 6_000)),
        ),
    )
