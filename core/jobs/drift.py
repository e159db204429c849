"""The process that makes a drift report: ``python -m core.jobs.drift``, started by core/drift/worker.py.

It is told by one line of JSON on standard input, and ends when that input closes, which the death of the app does too.
What it says on standard output is one JSON document a line: ``{"stage": "…"}``.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from core.config import Settings
from core.drift.making import make_report
from core.drift.order import read_order
from core.errors import CuepointError
from core.jobs.telling import end_with, own_output, tell
from core.ledger import Ledger, open_ledger

NICENESS = 19
"""Answers come before reports."""


def main(orders: TextIO = sys.stdin) -> int:
    """Exit code: 0 the report is finished or its row says why not, 1 the ledger or the order cannot be used."""
    said = own_output()
    with suppress(OSError):
        os.nice(NICENESS)
    try:
        folder, settings, report_id = read_order(orders.readline())
        threading.Thread(target=end_with, args=(orders,), name="orders", daemon=True).start()
        os.chdir(folder)  # relative paths of the settings begin there
        ledger = open_ledger(settings.ledger_url)
    except CuepointError as error:
        tell(said, failed=str(error))
        return 1
    try:
        _make(ledger, settings, report_id, said)
    finally:
        ledger.close()
    return 0


def _make(ledger: Ledger, settings: Settings, report_id: str, said: TextIO) -> None:
    """Whatever goes wrong stands in the report's row afterwards."""
    try:
        from core.adapters.evidently import evidently_report  # noqa: PLC0415  seconds, so not before it is needed

        make_report(ledger, settings.data_dir, report_id, evidently_report, lambda stage: tell(said, stage=stage))
    except CuepointError as error:
        ledger.drift.fail(report_id, str(error))
    except Exception as error:  # noqa: BLE001  nobody else is there to say it
        place = traceback.extract_tb(error.__traceback__)[-1]  # its message may hold what somebody asked
        where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        ledger.drift.fail(report_id, f"A fault of Cuepoint ended this report ({where}).")


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # a thread still waits for input
