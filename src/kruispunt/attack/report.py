"""A run, for people: as a page in Markdown or HTML, and as JSON. The same server gives the same page, word for word."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, Final

from kruispunt.attack.injection import PAYLOADS
from kruispunt.attack.model import ABOUT, Attack, Family
from kruispunt.attack.run import Report, Result
from kruispunt.attack.suite import ELSEWHERE

TITLE: Final = "Report of the attack suite"
LEAD: Final = (
    "What each attack of `kruispunt attack` did to a server on the same machine, and what came back. A right question "
    "was answered before the first attack and after the last."
)


def summary(report: Report) -> str:
    """One line."""
    told = (
        f"{len(report.results)} attacks: {len(report.results) - len(report.passed)} held, {len(report.passed)} passed"
    )
    return told + (f"; {len(report.left_out)} left out" if report.left_out else "")


def verdict(result: Result) -> str:
    """`held`, or what went wrong."""
    return "held" if result.held else f"PASSED: {result.trouble}"


def to_json(report: Report) -> dict[str, Any]:
    """Names, verdicts and counts."""
    return {
        "attacks": len(report.results),
        "held": len(report.results) - len(report.passed),
        "passed": len(report.passed),
        "results": [
            {
                "name": result.attack.name,
                "family": result.attack.family.value,
                "what": result.attack.what,
                "expected": result.expected,
                "cameBack": result.came_back,
                "held": result.held,
                "trouble": result.trouble,
            }
            for result in report.results
        ],
        "leftOut": [{"name": attack.name, "needs": _needs(attack)} for attack in report.left_out],
        "elsewhere": [{"what": one.what, "why": one.why, "tests": one.tests} for one in ELSEWHERE],
    }


def to_markdown(report: Report) -> str:
    """A page."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield f"# {TITLE}\n"
    yield "<!-- Written by kruispunt attack --report. -->\n"
    yield f"{LEAD} [How to run it](../how-to/attack-your-server.md).\n"
    yield f"**{summary(report)}.**\n"
    yield from _table(("family", "attacks", "held", "passed"), (list(map(str, row)) for row in _counts(report)))
    for family in Family:
        results = report.of(family)
        if results:
            yield f"\n## {family.value}\n\n{_about(family)}\n"
            yield from _table(
                ("attack", "what it does", "must meet", "met", "verdict"),
                ([f"`{_short(r)}`", r.attack.what, r.expected, r.came_back, verdict(r)] for r in results),
            )
    if report.left_out:
        yield "\n## Left out\n\nFor want of a certificate.\n"
        yield from _table(("attack", "needs"), ([f"`{a.name}`", _needs(a)] for a in report.left_out))
    yield "\n## Not in the suite\n\nWhat needs control of the server is in the tests of Kruispunt.\n"
    yield from _table(("attack", "why", "tests"), ([one.what, one.why, f"`{one.tests}`"] for one in ELSEWHERE))


def _about(family: Family) -> str:
    return ABOUT[family] + (f" The texts: {', '.join(PAYLOADS)}." if family is Family.INJECTION else "")


def _counts(report: Report) -> Iterator[tuple[str, int, int, int]]:
    for family in Family:
        results = report.of(family)
        if results:
            held = sum(result.held for result in results)
            yield f"[{family.value}](#{family.value})", len(results), held, len(results) - held


def _table(heads: tuple[str, ...], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |"


def _cell(text: str) -> str:
    shown = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return shown.replace("[", "\\[") if not text.startswith("[") else text


def _short(result: Result) -> str:
    return result.attack.name.partition("/")[2]


def _needs(attack: Attack) -> str:
    return " and ".join(sorted(means.value for means in attack.needs))


def to_html(report: Report) -> str:
    """The same as a page that stands alone."""
    return "\n".join(_html(report)) + "\n"


def _html(report: Report) -> Iterator[str]:
    yield f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{TITLE}</title>'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{TITLE}</h1>\n<p>{escape(LEAD).replace('`', '')}</p>"
    yield f"<p><strong>{summary(report)}.</strong></p>"
    for family in Family:
        results = report.of(family)
        if results:
            yield f"<h2>{family.value}</h2>\n<p>{escape(_about(family))}</p>"
            yield from _html_table(
                ("attack", "what it does", "must meet", "met", "verdict"),
                [(_short(r), r.attack.what, r.expected, r.came_back, verdict(r)) for r in results],
            )
    if report.left_out:
        yield "<h2>Left out</h2>"
        yield from _html_table(("attack", "needs"), [(a.name, _needs(a)) for a in report.left_out])
    yield "<h2>Not in the suite</h2>"
    yield from _html_table(("attack", "why"), [(one.what, one.why) for one in ELSEWHERE])
    yield "</body>\n</html>"


def _html_table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield "<table>\n<tr>" + "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr>"
    for row in rows:
        passed = ' class="passed"' if row[-1].startswith("PASSED") else ""
        yield f"<tr{passed}>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>"
    yield "</table>"


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    ".passed{background:#ffd7d7;font-weight:bold}"
)
