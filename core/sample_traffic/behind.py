"""Sample traffic made beside the app, in a process of its own: the pages stay as quick as they were."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

COMMAND = (sys.executable, "-m", "core.jobs.sample")
_ROOT = Path(__file__).resolve().parents[2]
"""From where the process imports ``core``."""
_LONGEST_END_S = 10.0
_ENDED = "The process that made sample traffic was ended before it was done. Nothing of it was kept."

Tell = Callable[[float], None]
"""Hears which share is done, 0 to 1."""


def silent(_share: float) -> None:
    """For whom nobody waits."""


@dataclass(frozen=True, slots=True)
class Making:
    """A sample that is being made, or why it was not."""

    share: float
    """0 to 1."""
    seconds: float
    """Since it began."""
    error: str = ""
    """In a sentence; then it has ended."""


class Behind:
    """One sample at a time. Safe for all threads."""

    def __init__(self, order: str, command: Sequence[str] = COMMAND) -> None:
        """``order``: the line that the process is told; see core/drift/order.py."""
        self._order = order
        self._command = list(command)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._began = self._share = 0.0
        self._error = ""
        self._closed = False

    def start(self) -> None:
        """Begins one; nothing where one is under way."""
        with self._lock:
            if self._closed or self._process is not None:
                return
            self._began, self._share, self._error = monotonic(), 0.0, ""
            try:
                self._process = process = subprocess.Popen(  # noqa: S603  our own program
                    self._command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
                )
            except OSError as error:
                self._error = f"The process for sample traffic cannot be started ({error.strerror})."
                return
            self._thread = threading.Thread(target=self._attend, args=(process,), name="sample-traffic", daemon=True)
            self._thread.start()

    def now(self) -> Making | None:
        """What is under way, or how the last one failed; None where it is done or there was none."""
        with self._lock:
            if self._process is None and not self._error:
                return None
            return Making(self._share, monotonic() - self._began, self._error)

    def close(self) -> None:
        """Ends what is under way, as if it had not begun. Safe to call twice."""
        with self._lock:
            self._closed, process, thread = True, self._process, self._thread
        if process is not None:
            process.kill()
        if thread is not None:
            thread.join(_LONGEST_END_S)

    def _attend(self, process: subprocess.Popen[str]) -> None:
        """Until it has ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:  # the process ends when its input closes
            with suppress(OSError):
                process.stdin.write(f"{self._order}\n")
                process.stdin.flush()
            failed = self._listen(process.stdout)
            code = process.wait()
        with self._lock:
            self._process = None
            self._error = failed or ("" if code == 0 or self._closed else _ENDED)

    def _listen(self, lines: Iterable[str]) -> str:
        """Until the process closes its output; why it did not do its work, or ""."""
        failed = ""
        for line in lines:
            with suppress(ValueError, TypeError):
                told = json.loads(line)
                failed = str(told.get("failed", failed))
                self._share = min(1.0, max(self._share, float(told.get("share", 0.0))))
        return failed
