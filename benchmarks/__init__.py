"""Benchmarks: Vigilar and a peer on the same clips in the same run, printed as ratios (lower is better)."""
