"""Comparing what an asker holds of a person with what a register does (22007007, 12007001).

Names are compared without regard to case, diacritics, blanks, hyphens and apostrophes; a former name counts too. What
the asker left out is not compared. How the real service compares is not known: all of this is ours.
"""

from __future__ import annotations

from kruispunt.errors import Information
from kruispunt.registers.legal_data import Dossier
from kruispunt.registers.phonetics import fold
from kruispunt.services.identify_person.asked import PersonData


def differences(data: PersonData, dossier: Dossier) -> Information:
    """The fields that differ, with what was given; none when the data match."""
    legal = dossier.legal
    same_last = [name for name in legal.names if fold(name.last) == fold(data.last_name)]
    result: list[tuple[str, str]] = []
    if not same_last:
        result.append(("Phonetic Info: Last Name", data.last_name))
    names = same_last or legal.names
    for position, label, given in ((0, "First Name", data.first_name), (1, "Middle Name", data.middle_name)):
        if given is None:
            continue
        if not any(len(n.firsts) > position and fold(n.firsts[position]) == fold(given) for n in names):
            result.append((f"Phonetic Info: {label}", given))
    if legal.birth.date != data.birth_date:
        result.append(("Phonetic Info: Birth Date", str(data.birth_date)))
    return tuple(result)
