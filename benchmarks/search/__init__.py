"""What a look-up and a search in the registers cost.

    python -m benchmarks.search [--people 1000000] [--questions 2000] [--dsn postgresql://…] [--json FILE]

With twelve million people (`--people 12000000`) it is as large as Belgium, and takes its time to load. The people are
made up (`population.py`), and the database is an embedded one in a temporary directory, or one that is made on the
server of `--dsn`, by a role that may make databases, and dropped again.

Where the server has the extension fuzzystrmatch, which the embedded one lacks and Debian's has, the same names are
also indexed by the Double Metaphone code, with the birth date, and searched there.

Questions are asked one after another on one connection, as a worker asks them, in random order, each about somebody
else. What is told is the time from asking to the answer as a value of this project, in microseconds: 50 and 99 of 100
answers came within it. Server and client share the cores of the machine.
"""
