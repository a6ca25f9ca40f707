"""Benchmarks: what an exchange costs, as ratios to the floor timed in the same run. See README.md."""
