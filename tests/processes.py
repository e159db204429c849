"""What tests ask about other processes."""

from __future__ import annotations

import psutil


def is_at_work(pid: int) -> bool:
    """Not one that has ended and whose entry in the process table nobody has cleared yet: a container's first process
    may never do so."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
