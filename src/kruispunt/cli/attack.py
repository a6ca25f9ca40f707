"""`kruispunt attack`: the attack suite, against a server on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from kruispunt.attack import report as reports
from kruispunt.attack.bench import Form
from kruispunt.attack.judge import Judge
from kruispunt.attack.model import ABOUT, Attack, Family
from kruispunt.attack.run import Report, Result, run
from kruispunt.attack.suite import suite
from kruispunt.attack.wire import Trap, Wire, find
from kruispunt.cli.stage import Asked, Stage, demo_forms, demo_stage, own_stage
from kruispunt.cli.terminal import JsonOption, err, harmless, out, print_json
from kruispunt.client.signing import ClientSecurity, platform_trust
from kruispunt.clock import SystemClock
from kruispunt.demo.directory import default_directory
from kruispunt.errors import ConfigurationError

DEFAULT_TARGET = "https://localhost:4520"
WRITERS = {".md": reports.to_markdown, ".html": reports.to_html}


def attack(
    target: Annotated[
        str | None,
        typer.Option(
            help="Address of the server, on this machine.", show_default="that of the demo, or " + DEFAULT_TARGET
        ),
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Directory of the demo.", show_default="a place of your own")
    ] = None,
    family: Annotated[list[Family] | None, typer.Option(help="Only these attacks; may be given again.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Say what the attacks do, and make none.")] = False,
    as_json: JsonOption = False,
    report: Annotated[Path | None, typer.Option(help="Write a report: FILE.md or FILE.html.")] = None,
    pki: Annotated[Path | None, typer.Option(help="Certificates for a server of your own, instead of --dir.")] = None,
    organisation: Annotated[str, typer.Option(help="With --pki: whom the client speaks for.")] = "",
    legal_context: Annotated[str, typer.Option(help="With --pki: under which it may ask.")] = "",
    ssin: Annotated[str, typer.Option(help="With --pki: a number about which it is answered with data.")] = "",
    other_ssin: Annotated[str, typer.Option(help="With --pki: another such number.")] = "",
) -> None:
    """Attack a server on this machine, and report what it held.

    Exit code 0 only when a right question was answered before and after, and no attack passed.

    Example: kruispunt attack --target https://localhost:4520 --family wrapping
    """
    if report is not None and (report.suffix not in WRITERS or not report.parent.is_dir()):
        raise ConfigurationError(f"{report} must end in .md or .html, and lie in a directory that is there")
    if listing:
        _list(_chosen(demo_forms({}, SystemClock()), family), as_json)
        return
    stage = _stage(directory, pki, Asked(organisation, legal_context, ssin, other_ssin))
    chosen = _chosen(stage.bench.forms, family)
    done = _run(target or _address(directory, pki), stage, chosen, quiet=as_json)
    if report is not None:
        report.write_text(WRITERS[report.suffix](done), encoding="utf-8")
    if as_json:
        print_json(reports.to_json(done))
    else:
        _tell(done, report)
    if done.passed:
        raise typer.Exit(1)


def _chosen(forms: Sequence[Form], families: list[Family] | None) -> list[Attack]:
    return [attack for attack in suite(forms) if not families or attack.family in families]


def _stage(directory: Path | None, pki: Path | None, asked: Asked) -> Stage:
    if pki is None:
        return demo_stage(directory or default_directory())
    if not (asked.organisation and asked.legal_context and asked.ssin and asked.other_ssin):
        raise ConfigurationError(
            "--pki needs a question that your server answers with data: give --organisation, --legal-context, --ssin "
            "and --other-ssin"
        )
    return own_stage(pki, asked)


def _address(directory: Path | None, pki: Path | None) -> str:
    ready = (directory or default_directory()) / "ready.json"
    return str(json.loads(ready.read_text())["url"]) if pki is None and ready.exists() else DEFAULT_TARGET


def _list(attacks: list[Attack], as_json: bool) -> None:
    if as_json:
        print_json([{"name": a.name, "family": a.family.value, "what": a.what} for a in attacks])
        return
    for family, members in groupby(attacks, key=lambda a: a.family):
        out.print(f"\n{family.value}: {ABOUT[family]}", markup=False)
        for one in members:
            out.print(f"  {one.name}\n      {harmless(one.what)}", markup=False)


def _run(target: str, stage: Stage, attacks: list[Attack], *, quiet: bool) -> Report:
    found = find(target)
    bench = stage.bench
    judge = Judge(bench, ClientSecurity(bench.victim.signer, platform_trust(stage.platform), clock=bench.clock))
    progress = _Progress(attacks, quiet=quiet)
    with Trap() as trap:
        bench = replace(bench, trap=trap.url)
        with Wire(found, bench) as wire:
            return run(attacks, bench, wire, judge, trap, progress.add)


class _Progress:
    """A line for each family when it is over, on standard error; and one for each attack that passed."""

    def __init__(self, attacks: list[Attack], *, quiet: bool) -> None:
        self._left = {family: sum(a.family is family for a in attacks) for family in Family}
        self._held = dict.fromkeys(Family, 0)
        self._quiet = quiet

    def add(self, result: Result) -> None:
        family = result.attack.family
        self._left[family] -= 1
        self._held[family] += result.held
        if self._quiet:
            return
        if not result.held:
            err.print(f"PASSED  {result.attack.name}: {harmless(result.trouble)}", markup=False)
        if not self._left[family]:
            err.print(f"{family.value:10} {self._held[family]:4} held", markup=False)


def _tell(done: Report, report: Path | None) -> None:
    for result in done.passed:
        out.print(f"\nPASSED  {result.attack.name}", markup=False)
        for title, text in (
            ("did", result.attack.what),
            ("must meet", result.expected),
            ("met", result.came_back),
            ("so", result.trouble),
        ):
            out.print(f"  {title:10} {harmless(text)}", markup=False)
    for one in done.left_out:
        needs = " and ".join(sorted(means.value for means in one.needs))
        out.print(f"left out  {one.name}: needs {needs}", markup=False)
    out.print(reports.summary(done), markup=False)
    if report is not None:
        out.print(f"report    {report}", markup=False)
