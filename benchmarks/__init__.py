"""Benchmarks: speed and memory as ratios against the plain alternative in the same run."""
