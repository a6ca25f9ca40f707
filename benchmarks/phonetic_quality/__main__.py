"""Prints the table."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from time import process_time

from benchmarks.phonetic_quality.count import quality
from benchmarks.phonetic_quality.methods import METHODS
from benchmarks.phonetic_quality.names import everybody
from kruispunt.registers.phonetics import CODE


def microseconds_a_name() -> float:
    """Of the keys of a name that was not seen before, in processor time."""
    names = everybody()
    began = process_time()
    for _ in range(5):
        for name in names:
            CODE.keys_anew(name)
    return (process_time() - began) / 5 / len(names) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality of the phonetic code.")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--misses", action="store_true", help="also print the pairs that the code gets wrong")
    options = parser.parse_args()
    found = {name: quality(method) for name, method in METHODS.items()}
    print("| method | found | held out | recall of both | taken as one | false pairs |")
    print("|---|---|---|---|---|---|")
    for name, each in found.items():
        print(
            f"| {name} | {each.found} of {each.variants} | {each.held_out_found} of {each.held_out} "
            f"| {each.recall:.1%} | {each.taken_as_one} of {each.different} | {each.false} |"
        )
    print(f"\nThe keys of a name take {microseconds_a_name():.0f} µs of a processor.")
    if options.misses:
        print("Not found:", *(" / ".join(pair) for pair in found["kruispunt"].misses), sep="\n  ")
        print("False:", *(" / ".join(pair) for pair in found["kruispunt"].false_pairs), sep="\n  ")
    if options.json:
        options.json.write_text(json.dumps({name: asdict(each) for name, each in found.items()}, indent=1))


main()
