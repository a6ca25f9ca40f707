"""A process that loads a file, in small parts; started by the tests and killed by them.

Arguments: DSN, file.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from senders import bench

from kruispunt.batch import loading, outcomes
from kruispunt.batch.run import load_file
from kruispunt.storage.database import Database


async def main(dsn: str, file: Path) -> None:
    database = await Database.open(dsn, size=2)
    try:
        loaded = await load_file(bench(database), file)
    finally:
        await database.close()
    print(loaded.before.value, loaded.status.lines)


if __name__ == "__main__":
    loading.BLOCK = outcomes.BLOCK = 700
    loading.MOST_LINES = 20
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
