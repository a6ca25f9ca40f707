"""`python -m benchmarks.repertory`."""

from benchmarks.repertory.run import main

main()
