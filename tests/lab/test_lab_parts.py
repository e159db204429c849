"""The lab's parts by themselves: the gate, the purse, estimates, records, passages, what comes with the app."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.cost.worst import most_tokens
from core.errors import ModelBusy, NotFound
from core.lab.chats import LabModels
from core.lab.estimate import ASSUMED_TOKENS, Estimate, estimate
from core.lab.gate import Gate, Pace
from core.lab.grid import cells_of
from core.lab.halts import CapReached, Stopped, Unanswered
from core.lab.money import Purse, WorstCase
from core.lab.passages import CasePassages, passages_in
from core.lab.planning import Planner
from core.lab.records import record_of
from core.lab.scorers import Tools
from core.lab.shipped import LedgerCases, LedgerTemplates
from core.lab.spec import spec_of
from core.lab.wiring import lab_of
from core.mirror.documents import experiment_from
from core.models import Experiment, ExperimentState, Passage, RunState, Score, TestCase, Usage
from core.prompts import PromptTemplate, format_passages
from tests.fakes.lab import (
    SERVER,
    TEMPLATES,
    USD_PER_TOKEN,
    FewTemplates,
    LabChat,
    cases_by_name,
    echo,
    ledger_in,
    per_token,
    spec_of_cases,
)
from tests.fakes.models import HashingEmbedder
from tests.fakes.passages import passage_of
from tests.ledger.samples import trace

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Time:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def plan_of_cases(count: int = 2, **changes: Any) -> Any:
    planner = Planner(TEMPLATES, cases_by_name, Tools(), lambda: "model-a")
    return planner.plan(spec_of(spec_of_cases(count, **changes)))


# ---------------------------------------------------------------------------------------------------------- the gate


def test_a_refusal_closes_the_gate_for_all_and_the_wait_doubles() -> None:
    now = Time()
    gate = Gate(4, Pace(first_s=1.0, most_s=5.0), now)
    waits = []
    for _ in range(5):
        gate.refused(gate.enter(), ModelBusy("busy"))
        waits.append(gate.waits_s)
        now.now += gate.waits_s
    for wait_s, least_s in zip(waits, (1, 2, 4, 5, 5), strict=True):
        assert least_s <= wait_s <= 1.25 * least_s + 1e-9


def test_a_server_that_names_a_time_is_believed() -> None:
    gate = Gate(4, Pace(first_s=1.0), Time())
    gate.refused(gate.enter(), ModelBusy("busy", retry_after_s=30))
    assert 30 <= gate.waits_s <= 37.5


def test_refusals_of_calls_that_were_under_way_together_count_once() -> None:
    now = Time()
    gate = Gate(8, Pace(first_s=1.0), now)
    tickets = [gate.enter() for _ in range(8)]
    for ticket in tickets:
        gate.refused(ticket, ModelBusy("busy"))
    assert gate.waits_s <= 1.25
    now.now += gate.waits_s
    let_through = [gate.enter() for _ in range(4)]
    assert len(let_through) == 4, "half as many"


def test_after_a_storm_more_are_let_through_bit_by_bit() -> None:
    now = Time()
    gate = Gate(8, Pace(first_s=1.0), now)
    for _ in range(3):
        gate.refused(gate.enter(), ModelBusy("busy"))
        now.now += gate.waits_s
    entered = threading.Semaphore(0)

    def enter() -> None:
        gate.enter()
        entered.release()

    for _ in range(2):
        threading.Thread(target=enter, daemon=True).start()
    assert entered.acquire(timeout=5)
    assert not entered.acquire(timeout=0.05), "one at a time after three refusals"
    gate.passed()
    assert entered.acquire(timeout=5)


def test_nobody_passes_a_closed_gate_but_who_finishes_a_cell() -> None:
    gate = Gate(1, Pace())
    gate.close(Stopped())
    with pytest.raises(Stopped):
        gate.enter()
    assert gate.enter(finishing=True) == 0


def test_a_server_is_waited_for_no_longer_than_patience_lasts() -> None:
    now = Time()
    gate = Gate(1, Pace(first_s=1.0, patience_s=60.0), now)

    def ask_for_ever() -> None:
        for _ in range(100):
            gate.refused(gate.enter(), ModelBusy("The server is busy"))
            now.now += gate.waits_s

    with pytest.raises(Unanswered, match=r"busy for \d+ s; what is done is kept"):
        ask_for_ever()
    assert 160 < now.now < 250


def test_an_answer_in_between_restores_patience() -> None:
    now = Time()
    gate = Gate(1, Pace(first_s=1.0, most_s=50.0, patience_s=60.0), now)
    for _ in range(20):
        gate.refused(gate.enter(), ModelBusy("busy", retry_after_s=40.0))
        now.now += gate.waits_s
        gate.enter()
        gate.passed()


# --------------------------------------------------------------------------------------------------------- the purse


def test_a_purse_is_never_overdrawn_however_many_draw_at_once() -> None:
    purse, spent, lock = Purse(1.0), [0.0], threading.Lock()

    def draw() -> None:
        try:
            while True:
                purse.reserve(0.09)
                with lock:
                    spent[0] += 0.03
                purse.settle(0.09, 0.03)
        except CapReached:
            return

    threads = [threading.Thread(target=draw) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert 1.0 - 0.09 < spent[0] <= 1.0 + 1e-9


def test_a_call_waits_for_the_money_that_others_hold() -> None:
    purse, drawn = Purse(1.0), threading.Event()
    purse.reserve(0.7)
    threading.Thread(target=lambda: (purse.reserve(0.7), drawn.set()), daemon=True).start()
    assert not drawn.wait(0.05)
    purse.settle(0.7, 0.1)
    assert drawn.wait(5)


def test_who_waits_for_money_hears_of_the_end() -> None:
    purse, ended = Purse(1.0), threading.Event()
    purse.reserve(1.0)

    def draw() -> None:
        with pytest.raises(Stopped):
            purse.reserve(1.0)
        ended.set()

    threading.Thread(target=draw, daemon=True).start()
    purse.close(Stopped())
    assert ended.wait(5)


def test_what_was_spent_before_counts() -> None:
    with pytest.raises(CapReached, match=r"The cap of \$1.00 is reached: \$0.95 are spent"):
        Purse(1.0, 0.95).reserve(0.1)
    Purse(None, 1e9).reserve(1e9)


def test_no_prompt_has_more_tokens_than_the_bound() -> None:
    assert most_tokens([{"content": "héllo"}, {"content": "日本"}]) == 6 + 6 + 2 * 16


def test_the_worst_case_is_the_longest_answer_and_the_longest_verdicts() -> None:
    judge = {"type": "judge", "rubric": "r" * 10}
    plan = plan_of_cases(scorers=[judge, {**judge, "name": "second"}], max_tokens=100)
    worst = WorstCase(plan, per_token, NOW)
    messages = [{"content": "x" * 50}]
    assert worst.of_call("m", messages) == pytest.approx((50 + 16 + 100) * USD_PER_TOKEN)
    assert worst.of_judges(messages, "") > 2 * (400 + 200 + 50) * USD_PER_TOKEN
    assert WorstCase(plan_of_cases(), per_token, NOW).of_judges(messages, "") == 0
    assert WorstCase(plan, lambda m, _u, _w: None if m == "model-a" else 0.1, NOW).unpriced() == ["model-a"]


# ---------------------------------------------------------------------------------------------------------- estimates


def estimated(plan: Any, **changes: Any) -> Estimate:
    given: dict[str, Any] = {"server": SERVER, "known": set(), "means": {}, "cost_of": per_token, "when": NOW}
    return estimate(plan, **(given | changes))


def test_an_estimate_counts_calls_tokens_and_money() -> None:
    found = estimated(plan_of_cases(3, temperatures=[0, 1], repeats=2))
    assert (found.cells, found.cached, found.calls, found.judge_calls) == (24, 0, 24, 0)
    assert found.completion_tokens == 24 * ASSUMED_TOKENS
    assert 24 * 8 < found.prompt_tokens < 24 * 30
    assert found.cost_usd == pytest.approx((found.prompt_tokens + found.completion_tokens) * USD_PER_TOKEN)
    assert found.worst_usd is not None
    assert found.worst_usd > found.cost_usd
    assert "300 are assumed" in found.basis


def test_what_comes_from_the_cache_costs_nothing_and_a_repeat_never_does() -> None:
    plan = plan_of_cases(2, repeats=2)
    known = {cell.content_key for cell in cells_of(plan, SERVER) if cell.template == "plain"}
    found = estimated(plan, known=known)
    assert (found.cells, found.cached, found.calls) == (8, 2, 6)


def test_answers_are_estimated_by_earlier_ones_and_bounded_by_max_tokens() -> None:
    found = estimated(plan_of_cases(1), means={"model-a": 42.4})
    assert found.completion_tokens == 2 * 42
    assert "model-a has written 42 on average" in found.basis
    assert estimated(plan_of_cases(1, max_tokens=10)).completion_tokens == 20


def test_an_unknown_price_is_unknown_and_named() -> None:
    found = estimated(plan_of_cases(1), cost_of=lambda _m, _u, _w: None)
    assert (found.cost_usd, found.worst_usd, found.unpriced) == (None, None, ("model-a",))
    assert estimated(plan_of_cases(1, max_tokens=None)).worst_usd is None


def test_a_judge_is_estimated_too() -> None:
    without, judged = (estimated(plan_of_cases(2, scorers=s)) for s in ([], [{"type": "judge", "rubric": "right?"}]))
    assert judged.judge_calls == judged.cells == 4
    assert judged.prompt_tokens > without.prompt_tokens + 4 * ASSUMED_TOKENS


def test_a_large_grid_is_estimated_in_a_moment() -> None:
    plan = plan_of_cases(1000, temperatures=[0, 0.5, 1])
    began = time.perf_counter()
    assert estimated(plan).cells == 6000
    assert time.perf_counter() - began < 5


# ------------------------------------------------------------------------------------------------------- the mirror


def test_an_experiment_is_told_with_parameters_metrics_and_a_row_a_run() -> None:
    plan = plan_of_cases(1, temperatures=[0.5])
    experiment = Experiment("e", "Try", ExperimentState.FINISHED, plan.document(), 2, NOW, spent_usd=0.25)
    done, failed = cells_of(plan, SERVER)
    scores = {"contains": Score(0.5, passed=False), "judge": Score(None, None, "it raised")}
    done = replace(done, state=RunState.DONE, output="x" * 5000, scores=scores, passed=False, usage=Usage(3, 4))
    failed = replace(failed, state=RunState.FAILED, error="why")
    record = record_of(experiment, [done, failed])
    assert record.parameters["templates"] == "plain@1, brief@1"
    assert (record.parameters["cases"], record.parameters["scorers"]) == (1, "contains")
    assert record.metrics == {
        "runs": 2, "failed": 1, "cached": 0, "spent_usd": 0.25, "all/passed": 0.0, "all/contains": 0.5,
        "plain@1 model-a 0.5/passed": 0.0, "plain@1 model-a 0.5/contains": 0.5,
    }  # fmt: skip
    first, second = (dict(zip(record.columns, row, strict=True)) for row in record.rows)
    assert (first["case"], first["contains"], first["judge"], len(str(first["output"]))) == ("1", 0.5, None, 2000)
    assert (second["state"], second["error"], second["contains"]) == ("failed", "why", None)


# ------------------------------------------------------------------------------------------------------- passages


def test_passages_of_a_prompt_are_found_again_with_their_numbers() -> None:
    given = [passage_of("v1", "Vectors are lists.", title='A "talk"', rank=1), passage_of("v2", "Bread rises.", rank=2)]
    found = passages_in(format_passages(given))
    assert [(p.rank, p.chunk.text, p.video.title) for p in found] == [
        (1, "Vectors are lists.", "A ”talk”"), (2, "Bread rises.", "Talk v2"),
    ]  # fmt: skip


def test_a_case_from_a_trace_has_the_passages_of_the_trace(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.traces.finish(trace("t-1"), mirror=False)
    passages = CasePassages(ledger.traces)
    found: list[Passage] = [*passages(TestCase("1", {}, trace_id="t-1"))]
    assert [p.chunk.text for p in found] == ["What was said", "Another"]
    assert passages(TestCase("1", {}, trace_id="gone")) == []
    assert passages(TestCase("1", {"passages": "none"})) == []
    ledger.close()


# ------------------------------------------------------------------------------------------- what comes with the app


class FewPrompts(FewTemplates):
    """As the ledger's prompts."""

    def names(self) -> list[str]:
        return ["cited-answer", "plain"]

    def versions(self, name: str) -> list[PromptTemplate]:
        return [self.get(name, version) for version in ((2, 1) if name == "plain" else (1,))]

    def aliases(self, name: str) -> dict[str, int]:
        return {"production": 1}


class Sets:
    """As the ledger's test sets."""

    def sets(self) -> list[Any]:
        return [type("TestSet", (), {"name": "mine", "set_id": "s1"})]

    def cases(self, set_id: str) -> list[TestCase]:
        return [TestCase(set_id, {})]


def test_the_ledgers_templates_go_before_those_of_the_app() -> None:
    own = PromptTemplate("cited-answer", 1, "", "mine {question}")
    plain = [PromptTemplate("plain", n, "", "{question}") for n in (1, 2)]
    templates = LedgerTemplates(FewPrompts(own, *plain))
    assert templates.get("cited-answer") == own
    assert templates.get("code-with-tests").name == "code-with-tests"
    assert templates.offered() == [
        "cited-answer", "code-with-tests", "code-without-tests", "condense-question", "plain", "plain@2", "plain@1",
        "translate-query",
    ]  # fmt: skip
    for name, ref in (("nobody", "production"), ("code-with-tests", 2), ("code-with-tests", "other")):
        with pytest.raises(NotFound, match=name):
            templates.get(name, ref)
    with pytest.raises(NotFound, match="nobody"):
        LedgerTemplates(None).get("nobody")


def test_test_sets_are_found_by_name() -> None:
    cases = LedgerCases(Sets())
    assert [case.case_id for case in cases("mine")] == ["s1"]
    assert [case.case_id for case in cases("code-tasks")] == ["image", "evaluator", "merge-lists"]
    assert cases.offered() == ["mine", "code-tasks"]
    with pytest.raises(NotFound, match=r"no test set 'x'. There is code-tasks, mine"):
        cases("x")


@pytest.mark.parametrize(
    ("enabled", "cap", "state"), [(True, None, "finished"), (True, 0.0, "capped"), (False, None, "")]
)
def test_an_experiment_that_ends_goes_to_the_mirror_with_its_traces(
    tmp_path: Path, enabled: bool, cap: float | None, state: str
) -> None:
    ledger, mirroring = ledger_in(tmp_path), SimpleNamespace(enabled=enabled)
    models = LabModels(LabChat(echo, name="gpt-4o"), None, "https://api.openai.com/v1")
    lab = lab_of(ledger, models, HashingEmbedder(), mirroring)  # type: ignore[arg-type]
    spec = spec_of_cases(1, templates=[{"name": "own", "user": "{question}"}], max_cost_usd=cap)
    experiment_id = lab.start(lab.plan(spec))
    assert lab.wait(experiment_id, 30)
    if enabled:
        document = ledger.outbox.row("experiment", experiment_id).document
        record = experiment_from(document)
        assert (record.experiment_id, record.metrics["runs"], len(record.rows)) == (experiment_id, 1, 1)
        assert record.parameters["state"] == state
    assert ledger.outbox.stats().pending == {"finished": 2, "capped": 1, "": 0}[state]
    lab.close()
    ledger.close()
