"""The process that makes sample traffic: ``python -m core.jobs.sample``, started by core/sample_traffic/behind.py.

It is told by one line of JSON on standard input, and ends when that input closes, which the death of the app does too:
the ledger then has nothing of it. What it says is ``{"share": 0.5}`` while it works and ``{"failed": "…"}``.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import closing
from typing import TextIO

from core.drift.order import read_order
from core.errors import CuepointError
from core.jobs.telling import end_with, own_output, tell
from core.services import build_services

_STEP = 0.01


def main(orders: TextIO = sys.stdin) -> int:
    """Exit code: 0 the sample is there, 1 it is not."""
    said, told = own_output(), 0.0

    def progress(share: float) -> None:
        nonlocal told
        if share >= told + _STEP:
            told = share
            tell(said, share=share)

    try:
        folder, settings, _ = read_order(orders.readline())
        threading.Thread(target=end_with, args=(orders,), name="orders", daemon=True).start()
        os.chdir(folder)  # relative paths of the settings begin there
        with closing(build_services(settings)) as services:
            services.sample.make(tell=progress)
    except CuepointError as error:
        tell(said, failed=str(error))
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # a thread still waits for input
