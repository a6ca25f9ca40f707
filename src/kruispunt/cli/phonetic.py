"""`kruispunt phonetic`: why names match in a search, or do not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kruispunt.cli.terminal import JsonOption, out, print_json
from kruispunt.registers.phonetics import VERSION, Explanation, Key, explain, shared, unpack
from kruispunt.registers.phonetics.reading import Step


def phonetic(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names; one with blanks between quotes.")],
    as_json: JsonOption = False,
) -> None:
    """Show what names sound like, and whether a search for one finds the others.

    Exit code 1 when several names do not all share a key, 2 for a name without letters and digits. A name that begins
    with a hyphen stands behind --.

    Example: kruispunt phonetic "De Clercq" "De Klerk"
    """
    explanations, common = [explain(name) for name in names], shared(names)
    for each in explanations:
        if not each.heard:
            raise typer.BadParameter(f"{each.name!r} has neither letters nor digits: there is nothing to look for.")
    if as_json:
        print_json(
            {
                "version": VERSION,
                "names": [_facts(each) for each in explanations],
                "shared": [_key(key) for key in sorted(common)],
                "match": bool(common),
            }
        )
    else:
        for each in explanations:
            _tell(each, common)
        _conclude(len(names), common)
    if len(names) > 1 and not common:
        raise typer.Exit(1)


def _tell(explanation: Explanation, common: frozenset[Key]) -> None:
    out.print(f"{explanation.name}  (folded: {explanation.folded or '-'})", markup=False)
    for heard in explanation.heard:
        mark = "*" if heard.key in common else " "
        steps = " ".join(map(_step, heard.steps))
        out.print(f"  {mark} {heard.reading:7} {heard.sounds:16} {steps}", markup=False)


def _conclude(names: int, common: frozenset[Key]) -> None:
    if names == 1:
        out.print(f"{len(common)} keys of version {VERSION} of the code.")
    elif common:
        out.print(f"They match: * marks what they share (version {VERSION} of the code).")
    else:
        out.print(f"They do not match: no key is shared by all (version {VERSION} of the code).")


def _step(step: Step) -> str:
    return step.letters if step.letters.upper() == step.sounds else f"{step.letters}→{step.sounds or '∅'}"


def _facts(explanation: Explanation) -> dict[str, Any]:
    return {
        "name": explanation.name,
        "folded": explanation.folded,
        "readings": [
            {
                "language": heard.reading,
                "letters": heard.letters,
                "rules": [{"letters": step.letters, "sounds": step.sounds} for step in heard.steps],
                "sounds": heard.sounds,
                "key": str(heard.key),
            }
            for heard in explanation.heard
        ],
    }


def _key(key: Key) -> dict[str, Any]:
    return {"sounds": unpack(key), "key": str(key)}
