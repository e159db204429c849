"""The process that makes a report, watched from beside it: it is told what to do, listened to, ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from core.config import Settings
from core.drift.order import order_line

COMMAND = (sys.executable, "-m", "core.jobs.drift")
ROOT = Path(__file__).resolve().parents[2]
"""From where the process imports ``core``."""
MOST_S = 1800.0
"""A report that takes longer is ended."""
STOPPED = "It was stopped before it was done."
_GRACE_S = 5.0


class DriftWorker:
    """Makes one report at a time, each in a process of its own: the memory that it took is free afterwards."""

    def __init__(self, settings: Settings, *, command: Sequence[str] = COMMAND, most_s: float = MOST_S) -> None:
        self._settings = settings
        self._command = list(command)
        self._most_s = most_s
        self._lock = threading.Lock()
        self._closed = False
        self._making = ""
        self._stopped = False
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, where one runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def make(self, report_id: str, tell: Callable[[str], None]) -> str:
        """Returns when the process has ended: why it did not do its work, or "". ``tell`` hears its stages."""
        with self._lock:
            self._making, self._stopped = report_id, False
        try:
            process = self._start(report_id)
        except OSError as error:
            return f"The process for the report cannot be started ({error.strerror})."
        timer = threading.Timer(self._most_s, process.kill)
        timer.daemon = True
        timer.start()
        try:
            failed = _listen(process, tell)
            code = process.wait()
        finally:
            took_too_long = not timer.is_alive()
            timer.cancel()
            _close(process)
        if self._stopped:
            return STOPPED
        if took_too_long:
            return f"The report took more than {self._most_s / 60:,.0f} minutes and was ended."
        return failed or _reason(code)

    def stop(self, report_id: str) -> None:
        """Ends the process of this report; nothing where it makes another one, or none."""
        with self._lock:
            if report_id != self._making:
                return
            self._stopped = True
            process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Ends the process; no other is started afterwards."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)

    def _start(self, report_id: str) -> subprocess.Popen[str]:
        with self._lock:
            if self._closed or self._stopped:
                raise OSError(0, "the app is being closed" if self._closed else "it was stopped")
            self._process = process = subprocess.Popen(  # noqa: S603  our own program
                self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.write(f"{order_line(self._settings, report_id)}\n")
            process.stdin.flush()
        return process


def _listen(process: subprocess.Popen[str], tell: Callable[[str], None]) -> str:
    """Until the process closes its output; why it could not begin, or ""."""
    failed = ""
    assert process.stdout is not None
    for line in process.stdout:
        with suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict):
                failed = str(told.get("failed", failed))
                if "stage" in told:
                    tell(str(told["stage"]))
    return failed


def _reason(code: int) -> str:
    if code == 0:
        return ""
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
    return f"The process that made the report was ended {how} before it was done. Run it again."


def _close(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
