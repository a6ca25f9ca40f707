"""What a day of mutations costs: `python -m benchmarks.distribution`."""
