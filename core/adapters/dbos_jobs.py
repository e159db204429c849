"""A daily job by DBOS: its times stand in a database, so that it survives restarts and runs once for all processes.

DBOS has one instance a process, so there is one such job a process. Its import takes a second and it asks its database
every second: it is loaded in the background, and only where a job is wanted.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from core.ledger.database import parse_url

Work = Callable[[datetime], None]
"""Is told when it was due. It is called again where its process died in the middle of it, and sees what is done."""

_APP = "cuepoint"
_VERSION = "1"
"""Of the job's code: DBOS resumes only work of the same. By default it would be a hash that each release changes."""
_log = logging.getLogger(__name__)


class DailyJob:
    """Starts in the background, and says in the log where it cannot."""

    def __init__(self, name: str, at: time, database_url: str, work: Work) -> None:
        """``database_url``: the ledger's; DBOS keeps its tables beside it. ``at`` is in UTC."""
        self._name = name
        self._at = at
        self._url = database_beside(database_url)
        self._work = work
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._dbos: Any = None

    def start(self, missed: datetime | None = None) -> None:
        """``missed``: a time at which the job was due while no process was there; it is done at once. Safe twice."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._launch, args=(missed,), name=f"daily-{self._name}", daemon=True
            )
            self._thread.start()

    def ready(self, timeout_s: float) -> bool:
        """Whether DBOS runs, within the time."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._dbos is not None

    def close(self) -> None:
        """What is under way is done again by the next process. Safe to call twice."""
        with self._lock:
            self._closed = True
            dbos, self._dbos = self._dbos, None
        if dbos is not None:
            dbos.destroy(destroy_registry=True)

    def _launch(self, missed: datetime | None) -> None:
        try:
            with self._lock:
                if not self._closed:
                    self._dbos = self._open(missed)
        except Exception:  # noqa: BLE001  DBOS raises anything, and the app goes on without its schedule
            _log.exception("The daily job %s cannot be scheduled", self._name)

    def _open(self, missed: datetime | None) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dbos import DBOS  # noqa: PLC0415  a second

        DBOS(
            config={
                "name": _APP, "system_database_url": self._url, "application_version": _VERSION,
                "log_level": "ERROR", "enable_otlp": False, "use_listen_notify": False,
            }
        )  # fmt: skip

        @DBOS.workflow(name=self._name)
        def daily(due: datetime, _context: Any) -> None:
            self._run(due)

        DBOS.launch()
        cron = f"{self._at.minute} {self._at.hour} * * *"
        DBOS.apply_schedules([{"schedule_name": self._name, "workflow_fn": daily, "schedule": cron}])
        if missed is not None:
            DBOS.start_workflow(daily, missed, None)
        return DBOS

    def _run(self, due: datetime) -> None:
        try:
            self._work(due.astimezone(UTC))
        except Exception:  # noqa: BLE001  else DBOS would keep it, and what it says may hold a question
            _log.exception("The daily job %s failed", self._name)


def database_beside(ledger_url: str) -> str:
    """For SQLite a file of its own in the ledger's folder; a PostgreSQL server keeps both, in a schema of its own."""
    url = parse_url(ledger_url)
    if url.drivername == "sqlite":
        return f"sqlite:///{Path(str(url.database)).absolute().with_name('schedules.db')}"
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
