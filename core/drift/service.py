"""Drift reports: started, watched, read. What pages, the command and the schedule call."""

from __future__ import annotations

import gzip
import queue
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from core.config import Settings
from core.datasets.folder import DatasetFolder
from core.drift.checking import checked_window, saved_traces
from core.drift.paths import forget_files, keep_upload, reports_folder
from core.drift.sides import Bar, Rows, Side
from core.drift.uploads import clean_uploads, touch_upload
from core.drift.windows import Period, SavedVersion, is_sample, parse_window
from core.drift.worker import STOPPED, DriftWorker
from core.errors import CuepointError, InputError, NotFound
from core.ledger import Ledger
from core.ledger.drift import ENDED, RUNNING
from core.models import DriftColumn, DriftReport
from core.ports import Clock

Ended = Callable[[DriftReport], None]

REFERENCE, CURRENT = "14d..7d", "7d"
"""What is compared where nobody says otherwise."""
USE = "drift_report"
"""By which a data version knows who used it."""
COMMAND = "command"


class Drift:
    """One per process, safe for all threads. One report is made at a time; others wait for their turn."""

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings,
        worker: DriftWorker,
        *,
        ended: Ended = lambda _report: None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """``ended`` hears of each report that this process made, in the thread that made it."""
        self._ledger = ledger
        self._data = DatasetFolder(settings.data_dir)
        self._folder = reports_folder(settings.data_dir)
        self._worker = worker
        self._ended = ended
        self._clock = clock
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._stages: dict[str, str] = {}
        self._done = threading.Condition()

    # ------------------------------------------------------------------------------------------------------- making

    def start(self, reference: str = REFERENCE, current: str = CURRENT, origin: str = "page") -> str:
        """Begins a report and returns its id at once. Windows are as core/drift/windows.py writes them.

        Only a command may name a file that was not uploaded. Raises InputError, NotFound, LibraryError.
        """
        if self._closed:
            raise InputError("The app is being closed", hint="Make the report when it runs again.")
        now = self._clock()
        report_id = uuid.uuid4().hex
        uploads_of = None if origin == COMMAND else self._folder
        checked = [checked_window(self._ledger, window, now, uploads_of) for window in (reference, current)]
        reference, current = (window for window, _ in checked)
        made_up = any(is_sample(parse_window(window, now)) for window in (reference, current))
        report = DriftReport(report_id, now, RUNNING, reference, current, origin, sample=made_up)
        self._ledger.drift.begin(report)
        for window in (report.reference, report.current):
            if uploads_of is not None and window.startswith("file:"):
                touch_upload(Path(window.removeprefix("file:")), now)
        for version in {version for _, version in checked if version}:
            self._ledger.datasets.record_use(version, USE, report_id)
        with self._lock:
            self._stages[report_id] = "waiting for its turn"
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="drift-reports", daemon=True)
                self._thread.start()
        self._queue.put(report_id)
        return report_id

    def upload(self, name: str, content: bytes) -> str:
        """Keeps a file that came from a browser; returns its window. Raises InputError, LibraryError.

        Uploads that no report has used for long are removed.
        """
        self._clean_uploads(self._clock())
        return f"file:{keep_upload(self._folder, name, content)}"

    def stop(self, report_id: str) -> None:
        """Ends a report that this process makes or will make; nothing for one that has ended. Raises LibraryError."""
        if self._ledger.drift.fail(report_id, STOPPED):
            self._worker.stop(report_id)

    def _clean_uploads(self, now: datetime) -> None:
        """Files of reports under way stay, whichever process makes them."""
        running = self._ledger.drift.list(state=RUNNING)
        windows = [window for report in running for window in (report.reference, report.current)]
        in_use = {Path(window.removeprefix("file:")) for window in windows if window.startswith("file:")}
        clean_uploads(self._folder, now, in_use)

    def _work(self) -> None:
        while (report_id := self._queue.get()) is not None:
            with suppress(CuepointError):  # then the report stays running, until the ledger can be written again
                self._make(report_id)
            with self._done:
                self._stages.pop(report_id, None)
                self._done.notify_all()

    def _make(self, report_id: str) -> None:
        if self._ledger.drift.get(report_id).state != RUNNING:  # stopped while it waited
            return

        def tell(stage: str) -> None:
            self._stages[report_id] = stage

        tell("starting its process")
        reason = self._worker.make(report_id, tell)
        self._ledger.drift.fail(report_id, reason or ENDED)  # nothing where it is finished
        try:
            report = self._ledger.drift.get(report_id)
        except NotFound:  # it was removed meanwhile, as those of sample traffic can be
            forget_files(self._folder, [report_id])
            return
        self._ended(report)

    def wait(self, report_id: str, timeout_s: float | None = None) -> bool:
        """Waits for a report of this process; whether it has ended."""
        with self._done:
            return self._done.wait_for(lambda: report_id not in self._stages, timeout_s)

    def stage(self, report_id: str) -> str:
        """What is being done for a running report of this process, in a word or two; else empty."""
        return self._stages.get(report_id, "")

    def close(self) -> None:
        """Ends the work; reports under way are failed, with the reason. Safe to call twice."""
        self._closed = True
        self._queue.put(None)
        self._worker.close()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(10.0)
        with self._done:
            self._stages.clear()
            self._done.notify_all()

    # ------------------------------------------------------------------------------------------------------ reading

    def size(self, window: str) -> int | None:
        """How many rows a period or a saved version has now; None for a file, which is not read for that.

        Raises InputError, NotFound, LibraryError.
        """
        found = parse_window(window, self._clock())
        if isinstance(found, Period):
            return self._ledger.traffic.count(found.since, found.until, found.filters)
        return saved_traces(self._ledger, found.name).rows if isinstance(found, SavedVersion) else None

    def behind(self, report_id: str, side: Side, bar: Bar | None = None) -> Rows:
        """The rows of a report's side, as they are now: those of one bar, or all.

        Raises InputError, NotFound, LibraryError.
        """
        from core.drift.behind import rows_behind  # noqa: PLC0415  pandas takes a second, and no command needs it

        return rows_behind(self._ledger, self._data, self._ledger.drift.get(report_id), side, bar)

    def reports(self, limit: int = 50) -> list[DriftReport]:
        """Newest first, each without its details; those that a dead process left running are failed. LibraryError."""
        self._ledger.drift.fail_dead()
        return self._ledger.drift.list(limit)

    def report(self, report_id: str) -> DriftReport:
        """With its details. Raises NotFound, LibraryError."""
        self._ledger.drift.fail_dead()
        return self._ledger.drift.get(report_id)

    def history(self, column: str, limit: int = 50) -> list[tuple[DriftReport, DriftColumn]]:
        """The column's scores over the last finished reports, oldest first."""
        return self._ledger.drift.history(column, limit)

    def html_path(self, report_id: str) -> Path:
        """Evidently's report, a gzip file. Raises NotFound where there is none on this machine."""
        path = self._folder / f"{self._ledger.drift.get(report_id).report_id}.html.gz"
        if not path.is_file():
            raise NotFound("Evidently's report is not on this machine", subject=report_id, hint="Run it again.")
        return path

    def html(self, report_id: str) -> bytes:
        """Evidently's report as a browser shows it. Raises NotFound, LibraryError."""
        path = self.html_path(report_id)
        try:
            return gzip.decompress(path.read_bytes())
        except (OSError, EOFError, ValueError):
            raise NotFound(f"{path.name} is damaged", subject=report_id, hint="Run the report again.") from None
