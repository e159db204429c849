"""Sample traffic in the ledger: all of it or nothing, beside anything real, and gone without a trace."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from core.errors import LibraryError, LibraryFull
from core.ledger import Ledger, SampleBatch, SampleState, Source, TraceFilter, open_ledger
from core.ledger.schema import metadata
from core.models import DriftReport, DriftVerdict, Feedback, Run, TestCase
from tests.fakes.sample_batches import small_sample
from tests.ledger.samples import START, trace

RUN = Run(0, "t", 1, "small", 0.0, "case", 0, content_key="key")
OF_EXPERIMENT = 576


@pytest.fixture(scope="module")
def batch() -> SampleBatch:
    return small_sample()


def rows(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is in the ledger but who has it open."""
    tables = [table for table in metadata.sorted_tables if table.name != "processes"]
    with ledger._database.read() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}


def fill_with_real(ledger: Ledger) -> None:
    """A bit of each thing of which a sample has one too."""
    ledger.traces.finish_all([replace(trace(f"real-{n}"), kind="ask") for n in range(3)], mirror=True)
    ledger.traces.save_feedback(Feedback("real-1", -1, "Wrong"), mirror=True)
    ledger.experiments.create({"name": "Mine"}, [RUN])
    ledger.test_sets.put(ledger.test_sets.create("Sample: questions with answers"), [TestCase("mine", {"q": "?"})])
    ledger.drift.begin(DriftReport("mine", START, "running", "14d..7d", "7d"))
    ledger.drift.finish(replace(ledger.drift.get("mine"), verdict=DriftVerdict.NO_DRIFT))
    ledger.datasets.record_use("v1", "drift_report", "mine")


def test_what_is_removed_is_all_of_the_sample_and_nothing_else(ledger: Ledger, batch: SampleBatch) -> None:
    fill_with_real(ledger)
    before = rows(ledger)
    ledger.samples.replace(batch)
    ledger.datasets.record_use("v1", "drift_report", batch.reports[0].report_id)
    ledger.traces.save_feedback(Feedback(batch.traces[0].trace_id, 1), mirror=True)
    state = SampleState(40 + OF_EXPERIMENT, 1, 1, 1, only=False)
    assert ledger.samples.state() == state
    assert ledger.samples.remove().state == state
    assert rows(ledger) == before
    assert not ledger.samples.state()


def test_a_sample_reads_back_as_it_was_made_with_its_thumbs(ledger: Ledger, batch: SampleBatch) -> None:
    ledger.samples.replace(batch)
    made = next(trace for trace in batch.traces if trace.feedback is not None)
    assert ledger.traces.get(made.trace_id) == made
    sample = ledger.experiments.get(batch.experiment.experiment_id)
    assert sample == batch.experiment
    assert ledger.experiments.runs(sample.experiment_id) == [result.run for result in batch.results]
    assert [case.case_id for case in ledger.test_sets.cases("sample-set")] == [case.case_id for case in batch.cases]
    assert ledger.drift.get(batch.reports[0].report_id).sample


def test_a_second_sample_takes_the_place_of_the_first(ledger: Ledger, batch: SampleBatch) -> None:
    ledger.samples.replace(batch)
    other = small_sample(2, questions=15)
    ledger.samples.replace(other)
    found = {trace.trace_id for trace in ledger.traces.list(TraceFilter(kind="sample-ask", limit=None))}
    assert found == {trace.trace_id for trace in other.traces}
    assert ledger.samples.state() == SampleState(15 + OF_EXPERIMENT, 1, 1, 1, only=True)


def test_sums_of_spending_hold_either_the_sample_or_what_is_real(ledger: Ledger, batch: SampleBatch) -> None:
    fill_with_real(ledger)
    stretch = [(batch.traces[0].started_at, batch.traces[-1].started_at.replace(year=2027))]
    real = ledger.spending.tallies(Source.LEDGER, stretch)
    ledger.samples.replace(batch)
    assert ledger.spending.tallies(Source.LEDGER, stretch) == real
    tally = sum(
        (item.tally for item in ledger.spending.tallies(Source.LEDGER, stretch, sample=True)[1:]),
        start=(ledger.spending.tallies(Source.LEDGER, stretch, sample=True)[0].tally),
    )
    made = [*batch.traces, *(trace for result in batch.results for trace in result.traces)]
    assert tally.calls == len(made)
    assert tally.known_usd == pytest.approx(sum(trace.answer.cost_usd or 0.0 for trace in made), abs=1e-6)
    assert tally.thumbs_up == sum(trace.feedback is not None and trace.feedback.value == 1 for trace in made)
    ledger.samples.remove()
    assert ledger.spending.tallies(Source.LEDGER, stretch, sample=True) == []


def test_a_sample_that_cannot_be_written_whole_leaves_the_one_before(ledger: Ledger, batch: SampleBatch) -> None:
    ledger.samples.replace(batch)
    before = rows(ledger)
    broken = replace(small_sample(3), reports=(batch.reports[0], batch.reports[0]))
    with pytest.raises(LibraryError):
        ledger.samples.replace(broken)
    assert rows(ledger) == before


def test_of_two_samples_at_once_one_is_there_whole(url: str) -> None:
    ledgers = [open_ledger(url) for _ in range(2)]
    batches = [small_sample(seed, questions=20 + seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(ledgers[n % 2].samples.replace, one) for n, one in enumerate(batches)]
        for job in jobs:
            job.result()
    state = ledgers[0].samples.state()
    assert (state.experiments, state.drift_reports, state.test_sets) == (1, 1, 1)
    found = {t.trace_id for t in ledgers[0].traces.list(TraceFilter(kind="sample-ask", limit=None))}
    assert found in [{t.trace_id for t in one.traces} for one in batches]
    for one in ledgers:
        one.close()


class KillsWhenRead(Sequence[DriftReport]):
    """The reports are written last: by then all traces are in the transaction."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, place: Any) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[DriftReport]:
        os.kill(os.getpid(), signal.SIGKILL)
        return iter(())


def write_and_die(url: str) -> None:
    open_ledger(url).samples.replace(replace(small_sample(5), reports=KillsWhenRead()))


def test_a_process_that_is_killed_half_way_leaves_nothing_of_its_sample(url: str, batch: SampleBatch) -> None:
    ledger = open_ledger(url)
    ledger.samples.replace(batch)
    before = rows(ledger)
    ledger.close()
    victim = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(url,))
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    ledger = open_ledger(url)
    assert rows(ledger) == before
    ledger.close()


def test_a_full_disk_leaves_the_sample_before(sqlite_url: str, batch: SampleBatch) -> None:
    ledger = open_ledger(sqlite_url)
    ledger.samples.replace(batch)
    before = rows(ledger)

    @event.listens_for(ledger._database.engine, "connect")
    def _limit(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    ledger._database.engine.dispose()
    with pytest.raises(LibraryFull):
        ledger.samples.replace(small_sample(6, questions=300))
    assert rows(ledger) == before
    ledger.close()


def test_a_mirror_is_told_nothing_of_a_sample_not_even_later(ledger: Ledger, batch: SampleBatch) -> None:
    ledger.samples.replace(batch)
    thumbed = next(trace for trace in batch.traces if trace.feedback is not None)
    ledger.traces.save_feedback(Feedback(thumbed.trace_id, 1), mirror=True)
    assert ledger.outbox.backfill(None, None) == 0
    assert ledger.traces.outbox_counts().pending == 0


def test_the_lab_learns_nothing_from_made_up_runs(ledger: Ledger, batch: SampleBatch) -> None:
    ledger.samples.replace(batch)
    assert ledger.experiments.models() == []
    assert ledger.experiments.mean_completion_tokens(["gpt-5.4-mini"]) == {}


def test_a_filter_leaves_the_sample_out_or_lets_nothing_else_through(ledger: Ledger, batch: SampleBatch) -> None:
    fill_with_real(ledger)
    ledger.samples.replace(batch)
    kinds = {
        wanted: Counter(t.kind for t in ledger.traces.list(TraceFilter(sample=wanted, limit=None)))
        for wanted in (None, True, False)
    }
    assert kinds[False] == {"ask": 3}
    assert kinds[True] == {"sample-ask": 40, "sample-lab": OF_EXPERIMENT}
    assert kinds[None] == kinds[True] + kinds[False]
    assert ledger.traces.count(TraceFilter(sample=False)) == 3


def test_reports_are_listed_by_what_they_were_made_of(ledger: Ledger, batch: SampleBatch) -> None:
    fill_with_real(ledger)
    ledger.samples.replace(batch)
    assert [report.report_id for report in ledger.drift.list(sample=False)] == ["mine"]
    assert [report.report_id for report in ledger.drift.list(sample=True)] == [batch.reports[0].report_id]
