"""The process that makes a drift report: ``python -m core.jobs.drift``, started by core/drift/worker.py.

It is told by one line of JSON on standard input, and ends when that input closes, which the death of the app does too.
What it says on standard output is one JSON document a line: ``{"stage": "…"}``.
"""

from __future__ import annotations

import json
import logging
import os
import signal
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
from core.ledger import Ledger, open_ledger

NICENESS = 19
"""Answers come before reports."""


def main(orders: TextIO = sys.stdin) -> int:
    """Exit code: 0 the report is finished or its row says why not, 1 the ledger or the order cannot be used."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a package prints must not look like something said
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the app, which then closes our input
    with suppress(OSError):
        os.nice(NICENESS)
    try:
        folder, settings, report_id = read_order(orders.readline())
        threading.Thread(target=_watch, args=(orders,), name="orders", daemon=True).start()
        os.chdir(folder)  # relative paths of the settings begin there
        ledger = open_ledger(settings.ledger_url)
    except CuepointError as error:
        _tell(said, failed=str(error))
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

        make_report(ledger, settings.data_dir, report_id, evidently_report, lambda stage: _tell(said, stage=stage))
    except CuepointError as error:
        ledger.drift.fail(report_id, str(error))
    except Exception as error:  # noqa: BLE001  nobody else is there to say it
        place = traceback.extract_tb(error.__traceback__)[-1]  # its message may hold what somebody asked
        where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        ledger.drift.fail(report_id, f"A fault of Cuepoint ended this report ({where}).")


def _watch(orders: TextIO) -> None:
    """Ends the process in the middle of its work when its input closes: nobody waits for the report any more."""
    with suppress(OSError):
        while os.read(orders.fileno(), 1024):  # not by the file's own methods: a copy of this process needs their lock
            pass
    os._exit(0)


def _tell(said: TextIO, **what: object) -> None:
    with suppress(OSError):
        said.write(json.dumps(what) + "\n")
        said.flush()


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # a thread still waits for input
