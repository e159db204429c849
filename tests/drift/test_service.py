"""Reports from start to end, through real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings, load_settings
from core.datasets.folder import DatasetFolder
from core.datasets.saving import Content, Label, Saver
from core.documents import trace_document
from core.drift.service import Drift
from core.drift.worker import DriftWorker
from core.errors import InputError, NotFound
from core.ledger import DatasetKind, Ledger, TraceFilter, open_ledger
from core.models import DriftReport, DriftVerdict
from tests.drift.tables import table
from tests.ledger.samples import trace

pytestmark = pytest.mark.slow
NOW = datetime.now(UTC)


def wait_for(true: Callable[[], Any], within_s: float = 60.0) -> Any:
    end = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(_env_file=None, data_dir=tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    opened = open_ledger(settings.ledger_url)
    yield opened
    opened.close()


Make = Callable[..., Drift]


@pytest.fixture
def make(ledger: Ledger, settings: Settings) -> Iterator[Make]:
    opened: list[Drift] = []

    def make(behaviour: str = "say", **options: Any) -> Drift:
        command = [sys.executable, "-m", "tests.drift.child", behaviour]
        worker = DriftWorker(settings, command=command, most_s=options.pop("most_s", 60.0))
        opened.append(Drift(ledger, settings, worker, **options))
        return opened[-1]

    yield make
    for drift in opened:
        drift.close()


def fill(ledger: Ledger, days_ago: float, n: int = 150, *, new: float = 0.0, kind: str = "ask") -> None:
    rows = table(n, int(days_ago), new=new).to_dict("records")
    began = NOW - timedelta(days=days_ago)
    ledger.traces.finish_all(
        [
            trace(f"{kind}-{days_ago}-{at}", kind=kind, started_at=began, question=row["question"],
                  answer_changes={"latency_ms": row["latency_ms"]})
            for at, row in enumerate(rows)
        ],
        mirror=False,
    )  # fmt: skip


def made(drift: Drift, *windows: str, origin: str = "page") -> DriftReport:
    report_id = drift.start(*windows, origin=origin)
    assert drift.wait(report_id, 60)
    return drift.report(report_id)


def test_last_week_is_compared_with_the_week_before_in_another_process(ledger: Ledger, make: Make):
    fill(ledger, 10)
    fill(ledger, 3, new=0.5)
    heard: list[DriftReport] = []
    drift = make(ended=heard.append)
    report = made(drift)
    assert (report.state, report.verdict, report.error) == ("finished", DriftVerdict.DRIFT, None)
    assert (report.n_reference, report.n_current) == (150, 150)
    assert "question" in {column.column for column in report.columns if column.drifted}
    assert drift.html(report.report_id).decode() == "<html>7d against 14d..7d</html>"
    assert heard == [report]
    assert [known.report_id for known in drift.reports()] == [report.report_id]
    assert [item.column for _, item in drift.history("question")] == ["question"]


def test_of_a_report_that_is_removed_while_it_is_made_no_file_stays(ledger: Ledger, settings: Settings, make: Make):
    fill(ledger, 10, kind="sample-ask")
    fill(ledger, 3, kind="sample-ask")
    heard: list[DriftReport] = []
    drift = make(ended=heard.append)
    worker_make = drift._worker.make

    def removed_meanwhile(report_id: str, tell: Callable[[str], None]) -> str:
        said = worker_make(report_id, tell)
        ledger.samples.remove()
        return said

    drift._worker.make = removed_meanwhile  # type: ignore[method-assign]
    assert drift.wait(drift.start("14d..7d?kind=sample-ask", "7d?kind=sample-ask"), 60)
    assert drift.reports() == []
    assert not list((settings.data_dir / "drift").glob("*.gz"))
    assert heard == []


def test_a_report_that_is_killed_half_way_is_failed_with_the_reason_and_the_next_one_works(ledger: Ledger, make: Make):
    fill(ledger, 10)
    fill(ledger, 3)
    hanging = make("hang")
    report_id = hanging.start()
    wait_for(lambda: hanging.stage(report_id) == "making Evidently's report")
    pid = hanging._worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert hanging.wait(report_id, 60)
    report = hanging.report(report_id)
    assert report.state == "failed"
    assert "SIGKILL" in (report.error or "")
    with pytest.raises(NotFound, match="not on this machine"):
        hanging.html_path(report_id)
    assert made(make()).state == "finished"


def test_a_report_that_never_ends_is_ended(ledger: Ledger, make: Make):
    fill(ledger, 10)
    fill(ledger, 3)
    report = made(make("hang", most_s=4.0))
    assert report.state == "failed"
    assert "took more than" in (report.error or "")


def test_a_fault_is_named_without_what_somebody_asked(ledger: Ledger, make: Make):
    fill(ledger, 10)
    fill(ledger, 3)
    report = made(make("crash"))
    assert report.state == "failed"
    assert "RuntimeError at child.py" in (report.error or "")
    assert "secret" not in (report.error or "")


def test_an_empty_ledger_is_not_enough_data_and_a_ledger_with_only_samples_is_compared_as_samples(
    ledger: Ledger, make: Make
):
    drift = make()
    assert made(drift).verdict is DriftVerdict.NOT_ENOUGH
    fill(ledger, 10, kind="sample-ask")
    fill(ledger, 3, kind="sample-ask")
    sampled = made(drift)
    assert (sampled.verdict, sampled.details["sample"]) == (DriftVerdict.NO_DRIFT, True)
    fill(ledger, 2)
    mixed = made(drift)
    assert (mixed.n_reference, mixed.n_current, mixed.details["sample"]) == (0, 150, False)


def test_files_are_compared_by_a_command_and_by_a_page_only_after_an_upload(tmp_path: Path, make: Make):
    paths = [tmp_path / "before.csv", tmp_path / "after.csv"]
    for path, new in zip(paths, (0.0, 0.6), strict=True):
        table(200, 5, new=new).to_csv(path, index=False)
    drift = make()
    windows = [f"file:{path}" for path in paths]
    with pytest.raises(InputError, match="Upload it instead"):
        drift.start(*windows)
    assert made(drift, *windows, origin="command").verdict is DriftVerdict.DRIFT
    uploaded = [drift.upload(path.name, path.read_bytes()) for path in paths]
    assert made(drift, *uploaded).verdict is DriftVerdict.DRIFT


def test_a_file_that_breaks_when_it_is_read_fails_the_report_with_its_name(tmp_path: Path, make: Make):
    (tmp_path / "broken.csv").write_text("a\n1,2,3\n1\n1,2,3,4,5,6\n")
    report = made(make(), f"file:{tmp_path / 'broken.csv'}", "7d", origin="command")
    assert report.state == "failed"
    assert (report.error or "").startswith("broken.csv cannot be read")


@pytest.mark.parametrize(
    ("window", "error"),
    [("last week", "cannot be read"), ("version:nobody", "no data version"), ("file:gone.csv", "no file gone")],
)
def test_a_window_that_is_wrong_is_named_before_anything_begins(make: Make, window: str, error: str):
    drift = make()
    with pytest.raises((InputError, NotFound), match=error):
        drift.start(window, origin="command")
    assert drift.reports() == []


def save(ledger: Ledger, settings: Settings, kind: DatasetKind) -> str:
    """All traces as a version named "frozen"."""
    saver = Saver(ledger, DatasetFolder(settings.data_dir), settings, lambda: NOW)
    rows = map(trace_document, ledger.traces.list(TraceFilter(limit=1000)))
    return saver.save_rows(Content(kind, {}, InputError("nothing")), rows, Label("frozen")).version.version


def test_a_saved_version_is_a_reference_and_knows_that_it_was_used(ledger: Ledger, settings: Settings, make: Make):
    fill(ledger, 10, 120)
    name = save(ledger, settings, DatasetKind.TRACES)
    fill(ledger, 3)
    report = made(make(), "version:frozen", "7d")
    assert report.error is None
    assert (report.reference, report.n_reference) == (f"version:{name}", 120)
    assert [(use.kind, use.id) for use in ledger.datasets.uses(name).others] == [("drift_report", report.report_id)]


def test_a_version_of_something_else_is_refused(ledger: Ledger, settings: Settings, make: Make):
    fill(ledger, 10, 5)
    save(ledger, settings, DatasetKind.FEEDBACK)
    with pytest.raises(InputError, match="no traces"):
        make().start("version:frozen")


# ------------------------------------------------------------------------------------------------- stopping, and after


def test_a_report_that_is_stopped_ends_with_its_process_and_the_next_one_is_made(ledger: Ledger, make: Make):
    fill(ledger, 10)
    fill(ledger, 3)
    hanging = make("hang")
    report_id, waiting = hanging.start(), hanging.start()
    wait_for(lambda: hanging.stage(report_id) == "making Evidently's report")
    pid = hanging._worker.pid
    hanging.stop(waiting)
    hanging.stop(report_id)
    assert hanging.wait(report_id, 60)
    assert hanging.wait(waiting, 60)
    assert {hanging.report(one).error for one in (report_id, waiting)} == {"It was stopped before it was done."}
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()
    finished = made(make())
    hanging.stop(finished.report_id)
    assert hanging.report(finished.report_id).state == "finished"


def test_a_side_knows_how_many_rows_it_has(ledger: Ledger, settings: Settings, make: Make):
    fill(ledger, 3, 20)
    fill(ledger, 3, 7, kind="sample-ask")
    fill(ledger, 2, 5, kind="lab-cell")
    save(ledger, settings, DatasetKind.TRACES)
    drift = make()
    assert [drift.size(window) for window in ("7d", "7d?model=nobody", "14d..7d")] == [20, 0, 0]
    assert drift.size("version:frozen") == 32
    assert drift.size(drift.upload("a.csv", b"a\n1\n")) is None
