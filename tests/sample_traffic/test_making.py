"""What sample traffic is made of."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median

import pytest

from core.drift.report import compare
from core.drift.rows import period_rows
from core.drift.windows import Period
from core.errors import InputError
from core.lab.results import results_of
from core.lab.verdict import verdict
from core.ledger import Ledger, SampleBatch, SampleState, open_ledger
from core.models import AnswerStatus, Trace
from core.prompts import format_passages
from core.sample_traffic import answers
from core.sample_traffic.experiment import experiment
from core.sample_traffic.reports import rows
from core.sample_traffic.service import SampleTraffic
from core.sample_traffic.talks import talks
from tests.fakes.sample_batches import NOW, listed_usd, small_sample

WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def batch() -> SampleBatch:
    """Enough that shares mean something."""
    return small_sample(2026, questions=1500, days=42)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = open_ledger(f"sqlite:///{tmp_path}/cuepoint.db", clock=lambda: NOW)
    yield opened
    opened.close()


def written(batch: SampleBatch) -> list[Trace]:
    return [trace for trace in batch.traces if trace.answer.status is AnswerStatus.ANSWERED]


def is_recent(trace: Trace) -> bool:
    return trace.started_at > NOW - WEEK


def test_the_same_seed_makes_the_same_and_another_one_something_else() -> None:
    assert small_sample(7) == small_sample(7)
    assert small_sample(7).traces != small_sample(8).traces


def test_everything_carries_the_mark_of_a_sample(batch: SampleBatch) -> None:
    made = [*batch.traces, *(trace for result in batch.results for trace in result.traces)]
    assert {trace.kind for trace in made} == {"sample-ask", "sample-lab"}
    assert all(trace.user.startswith("sample-") for trace in made)
    assert all(trace.template.startswith("sample-") for trace in made if trace.template)
    assert all(trace.library_version is None for trace in made)
    assert batch.experiment.sample
    assert all(report.sample for report in batch.reports)
    assert batch.set_name.startswith("Sample")
    assert batch.experiment.name.startswith("Sample")


def test_ids_are_told_apart_and_nothing_is_of_the_future(batch: SampleBatch) -> None:
    ids = [trace.trace_id for trace in batch.traces]
    assert len(set(ids)) == len(ids) == 1500
    times = [trace.started_at for trace in batch.traces]
    assert times == sorted(times)
    assert NOW - timedelta(days=42) <= times[0]
    assert times[-1] <= NOW + timedelta(minutes=5)


def test_people_ask_more_on_working_days_and_more_each_month(batch: SampleBatch) -> None:
    by_day = Counter(trace.started_at.weekday() for trace in batch.traces)
    assert min(by_day[day] for day in range(5)) > 2 * max(by_day[5], by_day[6])
    middle = NOW - timedelta(days=21)
    later = sum(trace.started_at >= middle for trace in batch.traces)
    assert later > 1.2 * (1500 - later)


def test_answers_quote_the_talks_word_by_word(batch: SampleBatch) -> None:
    texts = {part.chunk.id: part.chunk.text for parts in talks().values() for part in parts}
    for trace in written(batch)[:300]:
        assert trace.answer.citations
        assert {citation.chunk_id for citation in trace.answer.citations} <= {p.chunk_id for p in trace.passages}
        assert all(citation.quote in texts[citation.chunk_id] for citation in trace.answer.citations)
        numbers = [n for claim in trace.answer.claims for n in claim.citations]
        assert numbers == [citation.n for citation in trace.answer.citations]


def test_a_prompt_holds_its_passages_as_ask_writes_them(batch: SampleBatch) -> None:
    parts = {part.chunk.id: part for parts in talks().values() for part in parts}
    passages = [
        answers.Passage(parts[record.chunk_id].chunk, parts[record.chunk_id].video, record.rank, record.score)
        for record in written(batch)[0].passages
    ]
    assert answers.as_data(passages) == format_passages(passages)
    assert format_passages(passages) in written(batch)[0].prompt[1]["content"]


def test_costs_are_those_of_the_price_list(batch: SampleBatch) -> None:
    for trace in written(batch):
        assert trace.answer.model is not None
        expected = listed_usd(trace.answer.model, trace.answer.usage, trace.started_at)
        assert trace.answer.cost_usd == expected
        assert expected is not None
        assert (trace.answer.usage.cached_tokens or 0) <= (trace.answer.usage.prompt_tokens or 0)
        assert (trace.answer.usage.reasoning_tokens or 0) <= (trace.answer.usage.completion_tokens or 0)


def test_steps_follow_each_other_and_end_when_the_answer_does(batch: SampleBatch) -> None:
    for trace in written(batch):
        ends = [span.start_ms + span.duration_ms for span in trace.spans]
        assert all(later.start_ms >= end for later, end in zip(trace.spans[1:], ends, strict=False))
        assert trace.answer.latency_ms == pytest.approx(ends[-1], abs=1)
        assert 0 < (trace.answer.ttft_ms or 0) <= trace.answer.latency_ms


def test_some_are_refused_some_quoted_and_thumbs_down_say_why(batch: SampleBatch) -> None:
    shares = Counter(trace.answer.status for trace in batch.traces)
    assert 0.03 < shares[AnswerStatus.REFUSED] / 1500 < 0.15
    assert shares[AnswerStatus.QUOTED] > 0
    thumbs = [trace.feedback for trace in batch.traces if trace.feedback is not None]
    down = [thumb for thumb in thumbs if thumb.value < 0]
    assert 0 < len(down) < len(thumbs) / 2
    assert all(thumb.reason for thumb in down)
    assert len({trace.answer.language for trace in batch.traces}) == 3


def test_in_the_last_week_the_topic_has_shifted_and_the_main_model_is_slower(batch: SampleBatch) -> None:
    about = [
        ("injection" in trace.question or "attacker" in trace.question, is_recent(trace)) for trace in batch.traces
    ]
    shares = {recent: sum(hit for hit, when in about if when is recent) / sum(when is recent for _, when in about)
              for recent in (True, False)}  # fmt: skip
    assert shares[True] > 2 * shares[False]
    took = {recent: median(trace.answer.latency_ms or 0 for trace in written(batch)
                           if trace.answer.model == "gpt-5.4-mini" and is_recent(trace) is recent)
            for recent in (True, False)}  # fmt: skip
    assert took[True] > 1.5 * took[False]


def test_the_last_drift_report_finds_the_shift_and_the_slower_model(batch: SampleBatch) -> None:
    assert len(batch.reports) == 5
    drifted = {column.column for column in batch.reports[-1].columns if column.drifted}
    assert {"question", "latency_ms"} <= drifted


def test_its_drift_reports_are_those_that_the_service_would_make(ledger: Ledger, batch: SampleBatch) -> None:
    ledger.samples.replace(batch)
    sides = [Period(NOW - 2 * WEEK, NOW - WEEK), Period(NOW - WEEK, NOW)]
    real = [period_rows(ledger, period, sample=True) for period in sides]
    made = [rows(batch.traces, period.since, period.until) for period in sides]
    assert all(one.equals(other) for one, other in zip(real, made, strict=True))
    outcome, report = compare(*real), batch.reports[-1]
    assert (outcome.verdict, outcome.sentence, outcome.columns) == (report.verdict, report.sentence, report.columns)


def test_the_experiment_is_whole_and_its_scores_are_computed(batch: SampleBatch) -> None:
    experiment = batch.experiment
    assert experiment.total == len(batch.results) == 2 * 2 * 2 * len(batch.cases)
    assert experiment.spent_usd == pytest.approx(sum(result.run.cost_usd or 0 for result in batch.results))
    expected = {case.case_id: case.expected for case in batch.cases}
    for result in batch.results:
        value = result.run.scores["rouge_l"].value
        assert value is not None
        if result.run.output == expected[result.run.case_id]:
            assert value == 1
        assert result.run.passed == (value >= 0.5)
        assert [trace.conversation_id for trace in result.traces] == [experiment.experiment_id]


@pytest.mark.parametrize(("days", "questions"), [(0, 10), (731, 10), (-3, 10), (10, 0), (10, 20_001)])
def test_a_sample_that_cannot_be_is_named(ledger: Ledger, tmp_path: Path, days: int, questions: int) -> None:
    with pytest.raises(InputError, match="cannot be made"):
        SampleTraffic(ledger, listed_usd, tmp_path).make(days, questions)
    assert not ledger.samples.state()


def test_a_day_and_a_question_are_a_sample_too(ledger: Ledger, tmp_path: Path) -> None:
    made = SampleTraffic(ledger, listed_usd, tmp_path, clock=lambda: NOW).make(1, 1)
    assert (made.traces, made.drift_reports, made.only) == (1 + 576, 1, True)


def test_the_files_of_its_drift_reports_go_with_it(ledger: Ledger, tmp_path: Path) -> None:
    sample = SampleTraffic(ledger, listed_usd, tmp_path, clock=lambda: NOW)
    sample.make(8, 20)
    folder = tmp_path / "drift"
    folder.mkdir()
    report_id = ledger.drift.list(1)[0].report_id
    for name in (f"{report_id}.html.gz", f"{report_id}.json.gz", "other.html.gz"):
        (folder / name).write_bytes(b"x")
    assert sample.remove().drift_reports == 1
    assert [path.name for path in folder.iterdir()] == ["other.html.gz"]
    assert sample.remove() == SampleState()


@pytest.mark.parametrize("seed", [1, 2026])
def test_the_verdict_of_its_experiment_names_a_winner(seed: int) -> None:
    made, runs = experiment(Random(seed), NOW, listed_usd)
    results = results_of([result.run for result in runs], made.spec)
    found = verdict(results, results.quality[0], results.baseline)
    assert "beats sample-short-answer@1 at 0" in found.headline
    assert found.lines[0].variant.version == 2
