"""What importing the package does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ASK = "import core, numpy, threadpoolctl; print(max(l['num_threads'] for l in threadpoolctl.threadpool_info()))"


@pytest.mark.parametrize(("setting", "threads"), [(None, 1), ("2", 2)])
def test_numpy_multiplies_in_one_thread_unless_the_machine_says_otherwise(setting: str | None, threads: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {} if setting is None else {"OPENBLAS_NUM_THREADS": setting}
    command = [sys.executable, "-c", _ASK]
    said = subprocess.run(command, cwd=Path(__file__).parents[1], env=environment, capture_output=True, check=True)
    assert int(said.stdout) == min(threads, os.cpu_count() or 1)
