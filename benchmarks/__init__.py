"""Measurements, one file per claim, each beside its peer or its limit in one run. See docs/benchmarks.md."""
