"""The process beside the app that sends to the mirror: started, watched, started again, ended with the app.

It is a process because the mirror's packages take seconds to import and their calls may hang: no page waits for them,
and a kill of either side loses nothing.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from core.config import Settings
from core.mirror.reading import ReadBack
from core.mirror.target import settings_document

_log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "core.jobs.mirror")
ROOT = Path(__file__).resolve().parents[2]
"""From where the process imports ``core``."""
STEADY_S = 60.0
"""A process that lived for so long was no failed start."""
MOST_PAUSE_S = 60.0
"""Between two starts."""
GRACE_S = 5.0
"""How long the process may take to end by itself."""
FAILED_STARTS = 3
"""So many in a row are said in the health."""


class MirrorWorker:
    """One per app. Its methods may be called from any thread."""

    def __init__(self, settings: Settings, *, command: Sequence[str] = COMMAND, first_pause_s: float = 1.0) -> None:
        self._settings = settings
        self._command = list(command)
        self._first_pause_s = first_pause_s
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._starts_failed = 0
        self._said: dict[str, Any] = {}

    # ------------------------------------------------------------------------------------------------ for the app

    def start(self) -> None:
        """Starts the process and watches over it. Safe to call twice."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._watch_over, name="mirror-worker", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the process, gently at first. Safe to call twice."""
        self._closing.set()
        with self._lock:
            thread, process = self._thread, self._process
        if process is not None:
            _end(process)
        if thread is not None:
            thread.join(timeout=GRACE_S)

    @property
    def pid(self) -> int | None:
        """Of the process, where one runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def trouble(self) -> str:
        """Why there is no process, where it ended again and again; else empty."""
        if self._starts_failed < FAILED_STARTS:
            return ""
        reason = self._said.get("failed") or "its reason is in the log"
        return f"Its process ended {self._starts_failed} times in a row: {reason}"

    @property
    def next_try_s(self) -> float | None:
        """Until the process tries the mirror again; None where it does not wait."""
        said = self._said.get("next_try")
        if said is None:
            return None
        left_s = float(said["after_s"] - (time.monotonic() - said["at"]))
        return left_s if left_s > 0 else None

    @property
    def read_back(self) -> ReadBack:
        """How far reading back is, as the process last said."""
        return ReadBack(**self._said.get("read_back", {}))

    def start_read_back(self, since: datetime | None) -> bool:
        """Asks the process to read the mirror's records; whether there is one."""
        line = json.dumps({"read_back": since.isoformat() if since else None})
        with self._lock, suppress(OSError, ValueError):
            if self._process is not None and self._process.stdin is not None and self._process.poll() is None:
                self._said["read_back"] = {"state": "running"}
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()
                return True
        return False

    # ------------------------------------------------------------------------------------------- in its own thread

    def _watch_over(self) -> None:
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                self._live_once()
            except OSError as error:
                self._said["failed"] = f"it cannot be started ({error.strerror})"
            self._starts_failed = 1 if time.monotonic() - began > STEADY_S else self._starts_failed + 1
            pause_s = min(MOST_PAUSE_S, self._first_pause_s * 2.0 ** min(self._starts_failed - 1, 10))
            self._closing.wait(pause_s)

    def _live_once(self) -> None:
        """Returns when the process has ended."""
        with self._lock:
            if self._closing.is_set():
                return
            self._process = process = subprocess.Popen(  # noqa: S603  our own program
                self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        with suppress(OSError, ValueError), process:  # ``close`` may have closed its input already
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{settings_document(self._settings)}\n")
            process.stdin.flush()
            self._listen(process.stdout)
        self._forget(process.returncode)

    def _listen(self, said: IO[str]) -> None:
        """Until the process closes its output. One value a name is kept, however much it says."""
        for line in said:
            with suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict):
                    self._said |= {name: told[name] for name in ("failed", "next_try", "read_back") if name in told}
                    if told.get("next_try"):
                        self._said["next_try"] = {"after_s": told["next_try"], "at": time.monotonic()}

    def _forget(self, code: int) -> None:
        """What the process was at when it ended, it is not at any more."""
        self._said.pop("next_try", None)
        if self._said.get("read_back", {}).get("state") == "running":
            self._said["read_back"] |= {"state": "failed", "detail": "The process that read ended; start it again."}
        if not self._closing.is_set():
            _log.warning("The process that sends to Comet ended (code %s) and is started again", code)


def _end(process: subprocess.Popen[str]) -> None:
    """Closing its input asks the process to end."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    for last in (process.terminate, process.kill):
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            last()
        else:
            return
