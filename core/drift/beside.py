"""Work in a copy of this process, beside what this one does meanwhile."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 120.0
"""After which a copy hangs."""
_log = logging.getLogger(__name__)


def beside(work: Callable[[], T], *, patience_s: float = PATIENCE_S) -> Callable[[], T]:
    """Begins the work and returns what waits for its result, which must be picklable.

    For processes that own no thread which holds a lock: the copy has this process's memory, but none of its threads.
    Where no copy can be made, or it dies or hangs, this process does the work when the result is asked for.
    """
    if sys.platform != "linux":
        return work
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(work, sender), daemon=True)
    gc.freeze()  # looking for garbage writes to every object: each copy would have to get memory of its own
    try:
        process.start()
    except OSError:
        return work
    finally:
        gc.unfreeze()
        sender.close()

    def result() -> T:
        try:
            if receiver.poll(patience_s):
                found: T = receiver.recv()
                process.join()
                return found
        except EOFError:  # it died
            pass
        process.kill()
        return work()

    return result


def _do(work: Callable[[], object], sender: Connection) -> None:
    """Whatever fails here fails again, with its own error, in the process that wants the result."""
    try:
        found = work()
    except Exception:  # noqa: BLE001  as the docstring says
        _log.debug("The copy of the process failed", exc_info=True)
        return
    with suppress(OSError):  # nobody wants it any more
        sender.send(found)
