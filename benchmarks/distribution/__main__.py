"""`python -m benchmarks.distribution`; see `run.py`."""

from benchmarks.distribution.run import main

main()
