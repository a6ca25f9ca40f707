"""A process that writes lines and replaces numbers without end, and keeps a journal of what was acknowledged.

    python writer_process.py DSN JOURNAL OWNER SEED CHAINS

CHAINS is JSON: a list of SSINs for each of the tasks that work at the same time, each on its own people. The journal
has a JSON line before each operation and one after it: `[task, operation, person, begin, end]` and `[task]`. They are
handed to the kernel one by one, so they outlive the process.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from told import ME, register_of, span

from kruispunt.identifiers import cbe
from kruispunt.identifiers.ssin import validate
from kruispunt.registers import changes
from kruispunt.repertory.register import Told
from kruispunt.storage.database import Database

LONGEST = 40


async def work(
    database: Database, journal: int, owner: str, task: int, chain: list[str], chance: random.Random
) -> None:
    register = register_of(database, cbe.validate(owner))
    numbers = [validate(ssin, today=register._today(), test_band=True) for ssin in chain]
    replaced = 0
    while True:
        person, begin = chance.randrange(len(numbers)), chance.randrange(LONGEST)
        end = begin + chance.randrange(4)
        operation = chance.choice(["inscribe", "inscribe", "delete", "replace"])
        if operation == "replace":
            if replaced == len(numbers) - 1:
                continue
            person, replaced = replaced, replaced + 1
        os.write(journal, (json.dumps([task, operation, person, begin, end]) + "\n").encode())
        if operation == "replace":
            await changes.replace(database, numbers[person], numbers[person + 1], author="tests")
        else:
            line = Told(numbers[person], "902", span(begin, end))
            (outcome,) = await (register.inscribe if operation == "inscribe" else register.delete)([line], ME)
            assert outcome.verdict.accepted, outcome
        os.write(journal, (json.dumps([task]) + "\n").encode())


async def main(dsn: str, journal: str, owner: str, seed: str, chains: str) -> None:
    database = await Database.open(dsn, size=8)
    descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    chance = random.Random(int(seed))
    await asyncio.gather(
        *(
            work(database, descriptor, owner, task, chain, random.Random(chance.random()))
            for task, chain in enumerate(json.loads(chains))
        )
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
