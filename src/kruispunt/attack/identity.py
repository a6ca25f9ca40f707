"""Asking in another's name, under another's legal context, for another operation, at another address (PL-03, PL-14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from kruispunt.attack.bench import Bench
from kruispunt.attack.model import Attack, Means, Refused, Shot
from kruispunt.xml.namespaces import SOAP, SOAP12

_ACTION: Final = Refused("MSG00051")
_URI: Final = Refused("MSG00052", rule="uri.unknown")
_ORGANISATION: Final = Refused("MSG00014", rule="organisation.certificate")
_CONTEXT: Final = Refused("MSG00013", rule="legal-context.operation")
_INVALID: Final = Refused("MSG00004", rule="schema.invalid")

CONTEXTS: Final[dict[str, Callable[[str], str]]] = {
    "lower-case": lambda known: known.lower(),
    "blank-before-colon": lambda known: known.replace(":", " :"),
    "longer": lambda known: known + "-",
    "joined": lambda known: f"{known}:{known}",
    "cut": lambda known: known[:-1],
}
"""Legal contexts that look like the victim's own, by name."""
IMPOSSIBLE: Final[dict[str, Callable[[str], str]]] = {
    "blank-behind": lambda known: known + " ",
    "blank-before": lambda known: " " + known,
    "zero-width": lambda known: known + "\u200b",
    "full-width-colon": lambda known: known.replace(":", "\uff1a"),
    "cyrillic": lambda known: known.replace("E", "\u0415"),
    "star": lambda _: "*",
    "percent": lambda _: "%",
    "empty": lambda _: "",
}
"""Legal contexts that the contract's schema refuses."""

PATHS: Final = {
    "root": "/",
    "slash-behind": "{}/",
    "two-slashes": "/{}",
    "dots": "/x/..{}",
    "dots-encoded": "/x/%2e%2e{}",
    "parameter": "{};x=1",
    "zero": "{}%00",
    "metrics": "/metrics",
    "escape-sequence": "/%1b[2J%0a%22forged%22:",
    "long": "/" + "x" * 2_000,
}
"""Paths that are no service, by name; `{}` is the service's own."""


def attacks() -> Iterator[Attack]:
    """All of them."""
    yield from _names()
    yield from _operations()
    yield from _addresses()


def _names() -> Iterator[Attack]:
    yield Attack("identity/other-organisations", "The request names other organisations that exist.", _organisations)
    for name, key in (("unknown-enterprise", "0000000196"), ("unknown-institution", "18/999"), ("zero", "0/0")):
        yield Attack(
            f"identity/organisation-{name}", f"The request names the organisation {key}.", partial(_organisation, key)
        )
    yield Attack("identity/other-contexts", "The request names legal contexts of others.", _contexts)
    for name, change in CONTEXTS.items():
        yield Attack(
            f"identity/context-{name}",
            f"The legal context is the victim's own, {name.replace('-', ' ')}.",
            partial(_context, change, _CONTEXT),
        )
    for name, change in IMPOSSIBLE.items():
        yield Attack(
            f"identity/context-{name}",
            f"The legal context is one that no contract knows: {name.replace('-', ' ')}.",
            partial(_context, change, _INVALID),
        )
    yield Attack(
        "identity/captured-body",
        "Another client signs the victim's captured request, in its own name and over its own connection.",
        _captured,
        frozenset({Means.OTHER}),
    )


def _organisations(bench: Bench) -> Iterator[Shot]:
    for key in bench.question.organisations:
        yield Shot(bench.message(bench.body(organisation=key)), _ORGANISATION)


def _organisation(key: str, bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.message(bench.body(organisation=key)), _ORGANISATION)


def _contexts(bench: Bench) -> Iterator[Shot]:
    for context in bench.question.legal_contexts:
        yield Shot(bench.message(bench.body(legal_context=context)), _CONTEXT)


def _context(change: Callable[[str], str], expected: Refused, bench: Bench) -> Iterator[Shot]:
    context = change(bench.question.legal_context)
    yield Shot(bench.around(bench.body(legal_context=context)), expected)


def _captured(bench: Bench) -> Iterator[Shot]:
    other = bench.means[Means.OTHER]
    expected = Refused("MSG00015", "registration", "registration.service")
    yield Shot(bench.message(bench.body(), other), expected, over=bench.tls(other))


def _operations() -> Iterator[Attack]:
    """A proxy may let messages through by their SOAPAction: it must be that of the Body."""
    yield Attack(
        "identity/action-of-another-operation", "The SOAPAction of another operation of the service.", _other_action
    )
    for name, form in (
        ("of-another-service", "http://kszbcss.fgov.be/OtherService/other"),
        ("bare", "{operation}"),
        ("empty", ""),
        ("blank-behind", "{} "),
        ("quoted-twice", '{}", "x'),
        ("other-case", "{lower}"),
        ("fragment", "{}#x"),
    ):
        yield Attack(
            f"identity/action-{name}",
            f"The SOAPAction is that of the Body, {name.replace('-', ' ')}.",
            partial(_action, form),
        )
    yield Attack("identity/other-service", "A request of another service, signed and posted here.", _other_service)
    yield Attack("identity/soap-1-2", "The message is SOAP 1.2.", _soap_12)


def _other_action(bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.message(), _ACTION, soap_action=bench.question.other_action)


def _action(form: str, bench: Bench) -> Iterator[Shot]:
    action = bench.question.soap_action
    operation = action.rpartition("/")[2]
    yield Shot(bench.message(), _ACTION, soap_action=form.format(action, operation=operation, lower=action.lower()))


def _other_service(bench: Bench) -> Iterator[Shot]:
    for form in bench.forms:
        if form.path != bench.question.path:
            yield Shot(bench.message(form.sample), Refused("MSG00004", rule="schema.element"))


def _soap_12(bench: Bench) -> Iterator[Shot]:
    message = bench.message().replace(SOAP.encode(), SOAP12.encode())
    yield Shot(message, Refused("MSG00053"), content_type="application/soap+xml; charset=utf-8")


def _addresses() -> Iterator[Attack]:
    for name, form in PATHS.items():
        yield Attack(
            f"identity/path-{name}",
            f"The path is {form.replace('{}', '/SERVICE') if len(form) < 40 else 'of 2,000 letters'}.",
            partial(_path, form),
        )
    yield Attack("identity/path-lower-case", "The path in lower case.", _lower)


def _path(form: str, bench: Bench) -> Iterator[Shot]:
    path = bench.question.path
    yield Shot(bench.message(), _URI, path=form.format(path))


def _lower(bench: Bench) -> Iterator[Shot]:
    yield Shot(bench.message(), _URI, path=bench.question.path.lower())
