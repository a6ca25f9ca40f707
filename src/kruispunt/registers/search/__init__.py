"""Searches in the registers: by name and birth date, and by address (IP-05 to IP-15).

    criteria.py     what may be asked, and which rule a request breaks
    births.py       a birth date and a tolerance as one range of numbers
    by_name.py      who sounds like that and was born then: numbers, or that they are too many
    by_address.py   whose last Belgian address it is: numbers
    resolving.py    from the numbers found to the people they stand for, best match first

The set of results is defined by the rules alone; tests hold it against a search that looks at everybody.
"""

from kruispunt.registers.search.by_address import by_address
from kruispunt.registers.search.by_name import Found, Hit, TooMany, by_name
from kruispunt.registers.search.criteria import AddressCriteria, Breach, Field, NameCriteria, Rule, name_criteria
from kruispunt.registers.search.resolving import Resolved, ResolvedPerson, best_first, resolve

__all__ = [
    "AddressCriteria",
    "Breach",
    "Field",
    "Found",
    "Hit",
    "NameCriteria",
    "Resolved",
    "ResolvedPerson",
    "Rule",
    "TooMany",
    "best_first",
    "by_address",
    "by_name",
    "name_criteria",
    "resolve",
]
