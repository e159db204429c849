"""Measurements, one file per claim, each beside its peer or its limit in one run. See docs/benchmarks.md."""

import core as core  # before NumPy, whose threads it settles as in the app
