"""How an import tells what became of a file."""

from __future__ import annotations

from pathlib import Path

import typer

from kruispunt.cli.terminal import err, out, print_json
from kruispunt.registers.jsonlines import ImportReport


def tell_report(report: ImportReport, file: Path, as_json: bool) -> None:
    """Prints the report; exit code 1 when a line was refused."""
    if as_json:
        refused = [{"line": r.line, "why": r.why} for r in report.refused]
        told = {"accepted": report.accepted, "refusedCount": report.refused_count, "refused": refused}
        print_json(told | ({"remarks": report.remarks} if report.remarks else {}))
    else:
        out.print(f"{report.accepted:,} lines taken, {report.refused_count:,} refused.")
        for line, why in report.refused:
            err.print(f"{file}:{line}: {why}", markup=False)
        if len(report.refused) < report.refused_count:
            err.print(f"... and {report.refused_count - len(report.refused):,} more")
        for remark in report.remarks:
            err.print(remark, markup=False)
    if report.refused_count:
        raise typer.Exit(1)
