"""How a process that the app started speaks with it: orders on standard input, JSON lines on standard output."""

from __future__ import annotations

import json
import logging
import os
import signal
from contextlib import suppress
from typing import TextIO


def own_output() -> TextIO:
    """For ``tell`` alone: what a package prints goes to standard error and cannot look like something said.

    Ctrl-C in a terminal is for the app from here on, which then closes our input.
    """
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return said


def end_with(orders: TextIO) -> None:
    """Ends the process in the middle of its work when its input closes: nobody waits for it any more."""
    with suppress(OSError):
        while os.read(orders.fileno(), 1024):  # not by the file's own methods: a copy of this process needs their lock
            pass
    os._exit(0)


def tell(said: TextIO, **what: object) -> None:
    """One document a line."""
    with suppress(OSError):
        said.write(json.dumps(what) + "\n")
        said.flush()
