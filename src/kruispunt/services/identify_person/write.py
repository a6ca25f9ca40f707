"""The payload of a service reply."""

from __future__ import annotations

from kruispunt.services.identify_person.answered import Answered
from kruispunt.services.identify_person.citizen import write_citizen
from kruispunt.services.identify_person.limited import MOST, write_limited
from kruispunt.services.identify_person.namespaces import CPAS, IDENTIFY_PERSON, PERSON
from kruispunt.services.identify_person.other_services import Consulted, Managed
from kruispunt.services.identify_person.other_xml import write_consulted, write_managed
from kruispunt.xml.build import attribute


def write_payload(answered: Answered | Managed | Consulted) -> str:
    """The reply of the service that was asked; it declares its own prefixes."""
    if isinstance(answered, Managed):
        return write_managed(answered)
    if isinstance(answered, Consulted):
        return write_consulted(answered)
    return _identified(answered)


def _identified(answered: Answered) -> str:
    """`IdentifyPersonReply` of either namespace, which uses `common` for nothing."""
    if answered.limited:
        people = "".join(write_limited(d, extended=answered.extended) for d in answered.people[:MOST])
        results = f"<cpas:SearchResults>{people}</cpas:SearchResults>" if people else ""
        return f"<cpas:IdentifyPersonReply{attribute('xmlns:cpas', CPAS)}>{results}</cpas:IdentifyPersonReply>"
    people = "".join(write_citizen(d, answered.version) for d in answered.people)
    return (
        f"<ip:IdentifyPersonReply{attribute('xmlns:ip', IDENTIFY_PERSON)}{attribute('xmlns:person', PERSON)}>"
        f"<ip:SearchResults>{people}</ip:SearchResults></ip:IdentifyPersonReply>"
    )
