"""Experiments at work: what is called, kept, reused, capped, waited for, stopped and resumed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.errors import InputError, LibraryError, ModelBusy, ModelRefused, ModelUnreachable, SettingsError
from core.lab.gate import Pace
from core.lab.service import Lab
from core.lab.verdict import verdict
from core.ledger import Ledger, TraceFilter, open_ledger
from core.models import AnswerStatus, ExperimentState, Run, RunState, Score, Usage
from tests.fakes.lab import USD_PER_TOKEN, LabChat, echo, open_lab, spec_of_cases

LONGEST_S = 30.0
Open = Callable[..., Lab]


@pytest.fixture
def lab_with(ledger: Ledger) -> Iterator[Open]:
    """Opens labs over one ledger and closes them."""
    opened: list[Lab] = []

    def open_(*chats: LabChat, **options: Any) -> Lab:
        opened.append(open_lab(ledger, *chats, **options))
        return opened[-1]

    yield open_
    for lab in opened:
        lab.close()


def run(lab: Lab, spec: dict[str, Any]) -> str:
    experiment_id = lab.start(lab.plan(spec))
    assert lab.wait(experiment_id, LONGEST_S)
    return experiment_id


def ended(lab: Lab, experiment_id: str) -> tuple[ExperimentState, int, int]:
    progress = lab.progress(experiment_id)
    return progress.state, progress.done, progress.failed


# --------------------------------------------------------------------------------------------------------- the grid


def test_every_cell_of_the_grid_is_called_once_and_kept(lab_with: Open) -> None:
    first, second = LabChat(echo), LabChat(echo, name="model-b")
    lab = lab_with(first, second)
    spec = spec_of_cases(3, models=["model-a", "model-b"], temperatures=[0, 0.5], repeats=2)
    experiment_id = run(lab, spec)
    runs = lab.runs(experiment_id)
    assert len(runs) == 2 * 2 * 2 * 3 * 2
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 48, 0)
    assert {(r.template, r.model, r.temperature, r.case_id, r.repeat) for r in runs}.__len__() == 48
    assert (first.calls, second.calls) == (24, 24)
    assert [r.position for r in runs] == list(range(48))
    assert {r.output for r in runs if r.case_id == "2"} == {"It is the answer 1."}
    assert all(r.passed and r.scores == {"contains": Score(1.0, True, r.scores["contains"].reason)} for r in runs)


def test_variants_are_compared_case_by_case_so_that_an_early_end_is_fair(lab_with: Open) -> None:
    lab = lab_with(LabChat(echo))
    runs = lab.runs(run(lab, spec_of_cases(2, repeats=2)))
    assert [(r.repeat, r.case_id, r.template) for r in runs] == [
        (repeat, case, template) for repeat in (0, 1) for case in ("1", "2") for template in ("plain", "brief")
    ]


def test_a_cell_leaves_a_trace_with_prompt_usage_cost_and_steps(lab_with: Open, ledger: Ledger) -> None:
    lab = lab_with(LabChat(echo))
    experiment_id = lab.start(lab.plan(spec_of_cases(1, temperatures=[0.5])), user="ada@example.org")
    assert lab.wait(experiment_id, LONGEST_S)
    brief = lab.runs(experiment_id)[1]
    trace = ledger.traces.get(brief.trace_id or "")
    assert (trace.kind, trace.template, trace.template_version, trace.temperature) == ("lab", "brief", 1, 0.5)
    assert (trace.question, trace.user, trace.conversation_id) == ("question 0", "ada@example.org", experiment_id)
    assert [message["role"] for message in trace.prompt] == ["system", "user"]
    answer = trace.answer
    assert (answer.status, answer.text, answer.model) == (AnswerStatus.ANSWERED, "It is the answer 0.", "model-a")
    assert (answer.usage, answer.cost_usd) == (Usage(10, 5), pytest.approx(15 * USD_PER_TOKEN))
    assert [span.name for span in trace.spans] == ["generate", "score contains"]
    assert answer.latency_ms == brief.latency_ms is not None
    assert lab.progress(experiment_id).spent_usd == pytest.approx(30 * USD_PER_TOKEN)


def test_no_more_calls_are_made_at_once_than_the_spec_says(lab_with: Open) -> None:
    together = threading.Barrier(4)
    chat = LabChat(lambda text, t: (together.wait(LONGEST_S) and "") or echo(text, t))
    lab = lab_with(chat)
    run(lab, spec_of_cases(8, concurrency=4))
    assert chat.busiest == 4


def test_there_is_no_experiment_without_a_chat_model(lab_with: Open) -> None:
    with pytest.raises(SettingsError, match="no chat model"):
        lab_with().plan(spec_of_cases(1))


# -------------------------------------------------------------------------------------------------------- the cache


def test_the_same_content_is_not_called_again(lab_with: Open) -> None:
    chat = LabChat(echo)
    lab = lab_with(chat)
    first = run(lab, spec_of_cases(3))
    second = run(lab, spec_of_cases(3, scorers=["exact"]))
    assert chat.calls == 6
    runs = lab.runs(second)
    assert all(r.cached and r.state is RunState.DONE for r in runs)
    assert [r.trace_id for r in runs] == [r.trace_id for r in lab.runs(first)]
    assert [(r.usage, r.latency_ms, r.cost_usd) for r in runs] == [
        (r.usage, r.latency_ms, r.cost_usd) for r in lab.runs(first)
    ]
    assert {r.passed for r in runs} == {False}, "today's scorers judge, not those of then"
    assert (lab.progress(second).spent_usd, lab.progress(second).cached) == (0.0, 6)


@pytest.mark.parametrize(
    "change",
    [
        {"temperatures": [0.1]},
        {"max_tokens": 77},
        {"models": ["model-b"]},
        {"templates": ["plain@2", {"name": "own", "user": "{question}?"}]},
    ],
)
def test_whatever_decides_an_output_is_part_of_its_key(lab_with: Open, change: dict[str, Any]) -> None:
    first, second = LabChat(echo), LabChat(echo, name="model-b")
    lab = lab_with(first, second)
    run(lab, spec_of_cases(2))
    run(lab, spec_of_cases(2, **change))
    assert first.calls + second.calls == 8


def test_a_repeat_is_never_served_from_the_cache(lab_with: Open) -> None:
    chat = LabChat(echo)
    lab = lab_with(chat)
    run(lab, spec_of_cases(2, repeats=3))
    assert chat.calls == 12
    again = run(lab, spec_of_cases(2, repeats=3))
    assert chat.calls == 12 + 8
    assert {r.cached for r in lab.runs(again) if r.repeat > 0} == {False}


def test_failed_and_empty_answers_are_called_again(lab_with: Open) -> None:
    answers = iter([ModelUnreachable("The server failed"), "", "answer 0", "answer 0"])
    chat = LabChat(lambda _text, _t: next(answers))
    lab = lab_with(chat)
    spec = spec_of_cases(1, concurrency=1)
    run(lab, spec)
    again = run(lab, spec)
    assert chat.calls == 4
    assert [r.output for r in lab.runs(again)] == ["answer 0", "answer 0"]


# --------------------------------------------------------------------------------------------------------- failures


def test_a_failed_call_fails_its_cell_with_the_reason_and_the_rest_goes_on(lab_with: Open, ledger: Ledger) -> None:
    def answer(text: str, temperature: float) -> str | Exception:
        if text.endswith("1"):
            return ModelRefused("The server rejected the request", hint="Shorten it.")
        return RuntimeError("boom") if text.endswith("2") else echo(text, temperature)

    lab = lab_with(LabChat(answer))
    experiment_id = run(lab, spec_of_cases(4, templates=["plain"]))
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 2, 2)
    fine, refused, broken, _ = lab.runs(experiment_id)
    assert fine.state is RunState.DONE
    assert (refused.state, refused.error) == (RunState.FAILED, "The server rejected the request. Shorten it.")
    assert broken.error == "A fault of Cuepoint ended the call (RuntimeError)"
    trace = ledger.traces.get(refused.trace_id or "")
    assert (trace.answer.status, trace.error, trace.answer.cost_usd) == (AnswerStatus.FAILED, refused.error, 0.0)
    assert lab.progress(experiment_id).spent_usd is None, "how far the broken call came is not known"


def test_an_empty_answer_is_an_output_that_fails(lab_with: Open) -> None:
    lab = lab_with(LabChat(lambda _text, _t: ""))
    scorers = ["contains", "exact", "rouge_l", "similarity", {"type": "regex", "pattern": "a"}, "json_schema"]
    (cell, _) = lab.runs(run(lab, spec_of_cases(1, scorers=scorers)))
    assert (cell.state, cell.output, cell.passed) == (RunState.DONE, "", False)
    assert {score.passed for score in cell.scores.values()} == {False}


def test_a_scorer_that_raises_gives_no_value_and_its_reason(lab_with: Open) -> None:
    lab = lab_with(LabChat(lambda _text, _t: "a" * 400 + "!"))
    slow = {"type": "regex", "pattern": "(a|aa)+$", "name": "slow"}
    cases = [{"question": "q"}, {"question": "q", "expected": "a"}]
    scorers = [slow, {"type": "contains", "values": ["a"]}, "exact"]
    cell, *_ = lab.runs(run(lab, spec_of_cases(1, cases=cases, scorers=scorers)))
    assert cell.state is RunState.DONE
    assert cell.scores["slow"].value is None
    assert "longer than 0.5 s" in cell.scores["slow"].reason
    assert cell.scores["exact"].reason == "The case has no expected answer"
    assert (cell.scores["contains"].passed, cell.passed) == (True, True)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (ModelRefused("The server rejected the key", hint="Check it.", rejects="key"), "rejected the key. Check it."),
        (ModelRefused("There is no model model-a", rejects="model"), "no model model-a. Name another model"),
    ],
)
def test_a_key_or_a_model_that_is_rejected_ends_the_experiment_before_its_cells_fail(
    lab_with: Open, refused: ModelRefused, said: str
) -> None:
    chat = LabChat(lambda _text, _t: refused)
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(200, concurrency=4))
    assert ended(lab, experiment_id) == (ExperimentState.FAILED, 0, 0)
    assert said in (lab.progress(experiment_id).error or "")
    assert chat.calls <= 4
    chat.answer = echo
    lab.resume(experiment_id)
    assert lab.wait(experiment_id, LONGEST_S)
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 400, 0)


def test_one_prompt_that_a_server_forbids_fails_alone_once_its_model_has_answered(lab_with: Open) -> None:
    forbidden = ModelRefused("The server does not let this key use model-a", rejects="model")
    lab = lab_with(LabChat(lambda text, t: forbidden if text.endswith("2") else echo(text, t)))
    experiment_id = run(lab, spec_of_cases(6, concurrency=1))
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 10, 2)


def test_a_judge_that_does_not_exist_ends_the_experiment_and_the_answer_is_kept(lab_with: Open) -> None:
    judge = LabChat(lambda _text, _t: ModelRefused("There is no model judge", rejects="model"), name="judge")
    lab = lab_with(LabChat(echo), judge)
    experiment_id = run(lab, spec_of_cases(50, scorers=[RUBRIC], concurrency=1))
    assert ended(lab, experiment_id) == (ExperimentState.FAILED, 1, 0)
    assert "There is no model judge" in lab.runs(experiment_id)[0].scores["judge"].reason


def test_a_server_that_stays_out_of_reach_ends_the_experiment(lab_with: Open) -> None:
    chat = LabChat(lambda _text, _t: ModelUnreachable("The server cannot be reached"))
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(200, concurrency=4))
    state, done, failed = ended(lab, experiment_id)
    assert (state, done) == (ExperimentState.FAILED, 0)
    assert failed < chat.calls <= 14
    assert "cannot be reached, 10 calls in a row" in (lab.progress(experiment_id).error or "")


def test_a_call_that_never_reached_its_server_costs_nothing_and_leaves_the_cap_as_it_is(
    lab_with: Open, ledger: Ledger
) -> None:
    def answer(text: str, temperature: float) -> str | Exception:
        down = ModelUnreachable("The server cannot be reached", may_cost=False)
        return down if text.endswith("1") else echo(text, temperature)

    lab = lab_with(LabChat(answer))
    experiment_id = run(lab, spec_of_cases(3, templates=["plain"], max_tokens=100, max_cost_usd=9))
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 2, 1)
    [failed] = [one for one in lab.runs(experiment_id) if one.state is RunState.FAILED]
    assert ledger.traces.get(failed.trace_id or "").answer.cost_usd == 0.0
    assert lab.progress(experiment_id).spent_usd == pytest.approx(2 * 15 * USD_PER_TOKEN)


def test_failures_with_answers_between_end_nothing(lab_with: Open) -> None:
    chat = LabChat(lambda text, t: echo(text, t) if text.endswith(("0", "5")) else ModelUnreachable("It is down"))
    lab = lab_with(chat)
    assert ended(lab, run(lab, spec_of_cases(50, concurrency=1))) == (ExperimentState.FINISHED, 20, 80)


# ------------------------------------------------------------------------------------------------------------- 429


def test_a_storm_of_refusals_fails_no_cell_and_makes_fewer_calls(lab_with: Open) -> None:
    lock, left = threading.Lock(), [60]

    def answer(text: str, temperature: float) -> str | Exception:
        with lock:
            left[0] -= 1
            if left[0] >= 0:
                return ModelBusy("too many requests")
        return echo(text, temperature)

    chat = LabChat(answer)
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(20, concurrency=16))
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 40, 0)
    assert chat.calls == 100, "each refusal was asked again once"
    assert all(r.state is RunState.DONE for r in lab.runs(experiment_id))


@pytest.mark.parametrize(
    "busy",
    [ModelBusy("The quota is used up", lasting=True), ModelBusy("too many requests", retry_after_s=3600.0)],
)
def test_a_server_that_will_not_answer_ends_the_experiment_and_keeps_its_cells(lab_with: Open, busy: ModelBusy) -> None:
    chat = LabChat(lambda text, t: busy if text.endswith("3") else echo(text, t))
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(6, templates=["plain"], concurrency=1))
    assert ended(lab, experiment_id) == (ExperimentState.FAILED, 3, 0)
    assert busy.message in (lab.progress(experiment_id).error or "")
    chat.answer = echo
    lab.resume(experiment_id)
    assert lab.wait(experiment_id, LONGEST_S)
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 6, 0)
    assert max(chat.asked.values()) == 2


def test_patience_ends(lab_with: Open) -> None:
    lab = lab_with(
        LabChat(lambda _text, _t: ModelBusy("busy")), pace=Pace(first_s=0.001, most_s=0.002, patience_s=0.05)
    )
    assert ended(lab, run(lab, spec_of_cases(3))) == (ExperimentState.FAILED, 0, 0)


# ------------------------------------------------------------------------------------------------------------- money


def test_a_cap_is_never_exceeded_and_what_is_done_is_kept(lab_with: Open) -> None:
    """A call costs 0.015 and may cost up to about 0.15: eight at once would overdraw the cap without reservations."""
    chat = LabChat(echo)
    lab = lab_with(chat)
    spec = spec_of_cases(40, templates=["plain"], max_tokens=100, max_cost_usd=0.4, concurrency=8)
    experiment_id = run(lab, spec)
    progress = lab.progress(experiment_id)
    assert progress.state is ExperimentState.CAPPED
    assert 0.2 < (progress.spent_usd or 0) <= 0.4
    assert progress.done == chat.calls == round((progress.spent_usd or 0) / 0.015)
    assert "The cap of $0.40 is reached" in (progress.error or "")
    assert progress.pending == 40 - progress.done


def test_a_raised_cap_goes_on_where_it_stopped(lab_with: Open) -> None:
    chat = LabChat(echo)
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(20, templates=["plain"], max_tokens=100, max_cost_usd=0.3))
    done = lab.progress(experiment_id).done
    lab.resume(experiment_id)
    assert lab.wait(experiment_id, LONGEST_S)
    assert (lab.progress(experiment_id).state, lab.progress(experiment_id).done) == (ExperimentState.CAPPED, done)
    lab.resume(experiment_id, max_cost_usd=5.0)
    assert lab.wait(experiment_id, LONGEST_S)
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 20, 0)
    assert set(chat.asked.values()) == {1}


def test_a_cap_of_zero_calls_nothing_but_serves_the_cache(lab_with: Open) -> None:
    chat = LabChat(echo)
    lab = lab_with(chat)
    assert ended(lab, run(lab, spec_of_cases(2, max_cost_usd=0))) == (ExperimentState.CAPPED, 0, 0)
    assert chat.calls == 0
    run(lab, spec_of_cases(2))
    assert ended(lab, run(lab, spec_of_cases(2, max_cost_usd=0))) == (ExperimentState.FINISHED, 4, 0)


def test_a_call_whose_cost_stays_unknown_counts_as_its_worst_case(lab_with: Open) -> None:
    chat = LabChat(echo, usage=Usage())
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(40, templates=["plain"], max_tokens=100, max_cost_usd=0.6))
    assert lab.progress(experiment_id).state is ExperimentState.CAPPED
    assert 2 <= chat.calls <= 5
    assert lab.progress(experiment_id).spent_usd is None


def test_a_cap_with_an_unknown_price_is_refused_unless_that_is_allowed(lab_with: Open) -> None:
    lab = lab_with(LabChat(echo), cost_of=lambda _model, _usage, _when: None)
    with pytest.raises(InputError, match=r"the price of model-a at .* is unknown"):
        lab.start(lab.plan(spec_of_cases(1, max_cost_usd=1)))
    assert lab.experiments() == []
    experiment_id = run(lab, spec_of_cases(1, max_cost_usd=1, allow_unknown_price=True))
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 2, 0)
    assert lab.progress(experiment_id).spent_usd is None


# ------------------------------------------------------------------------------------------------------------- judge

RUBRIC = {"type": "judge", "rubric": "Is it right?", "model": "judge"}


def test_a_judge_is_called_once_for_an_answer_and_its_cost_counts(lab_with: Open, ledger: Ledger) -> None:
    chat, judge = LabChat(echo), LabChat(lambda _text, _t: '{"score": 9, "reason": "right"}', name="judge")
    lab = lab_with(chat, judge)
    spec = spec_of_cases(2, scorers=[RUBRIC])
    experiment_id = run(lab, spec)
    assert {r.scores["judge"] for r in lab.runs(experiment_id)} == {Score(0.9, True, "right")}
    assert (chat.calls, judge.calls) == (4, 4)
    assert lab.progress(experiment_id).spent_usd == pytest.approx(8 * 15 * USD_PER_TOKEN)
    assert [r.cost_usd for r in lab.runs(experiment_id)] == [pytest.approx(15 * USD_PER_TOKEN)] * 4
    kinds = [trace.kind for trace in ledger.traces.list(TraceFilter(limit=None))]
    assert (kinds.count("lab"), kinds.count("lab-judge")) == (4, 4)
    again = run(lab, spec)
    assert (chat.calls, judge.calls) == (4, 4), "a verdict on the same answer is remembered"
    assert {r.scores["judge"].value for r in lab.runs(again)} == {0.9}
    run(lab, spec_of_cases(2, scorers=[RUBRIC | {"rubric": "Is it short?"}]))
    assert (chat.calls, judge.calls) == (4, 8)


def test_a_judge_that_fails_costs_the_verdict_and_not_the_answer(lab_with: Open, ledger: Ledger) -> None:
    lab = lab_with(LabChat(echo), LabChat(lambda _text, _t: ModelUnreachable("It is down"), name="judge"))
    (cell, _) = lab.runs(run(lab, spec_of_cases(1, scorers=[RUBRIC])))
    assert (cell.state, cell.output) == (RunState.DONE, "It is the answer 0.")
    assert cell.scores["judge"] == Score(None, None, "It is down")
    failed = [t for t in ledger.traces.list(TraceFilter(limit=None)) if t.kind == "lab-judge"]
    assert {t.answer.status for t in failed} == {AnswerStatus.FAILED}


def test_a_quota_that_ends_at_the_judge_keeps_the_answer_that_was_paid(lab_with: Open) -> None:
    judge = LabChat(lambda _text, _t: ModelBusy("The quota is used up", lasting=True), name="judge")
    lab = lab_with(LabChat(echo), judge)
    experiment_id = run(lab, spec_of_cases(5, scorers=[RUBRIC], concurrency=1))
    assert ended(lab, experiment_id) == (ExperimentState.FAILED, 1, 0)
    first = lab.runs(experiment_id)[0]
    assert first.output == "It is the answer 0."
    assert "quota" in first.scores["judge"].reason


# --------------------------------------------------------------------------------------------------- stop and resume


class Held:
    """Calls after the first ones wait until they are let go."""

    def __init__(self, free: int) -> None:
        self.waiting = threading.Semaphore(0)
        self.go = threading.Event()
        self._free = free
        self._lock = threading.Lock()

    def __call__(self, text: str, temperature: float) -> str:
        with self._lock:
            self._free -= 1
            held = self._free < 0
        if held:
            self.waiting.release()
            assert self.go.wait(LONGEST_S)
        return echo(text, temperature)


def test_a_stop_finishes_the_calls_under_way_and_a_resumption_runs_only_what_is_missing(lab_with: Open) -> None:
    held = Held(free=5)
    chat = LabChat(held)
    lab = lab_with(chat)
    experiment_id = lab.start(lab.plan(spec_of_cases(10, concurrency=3)))
    for _ in range(3):
        assert held.waiting.acquire(timeout=LONGEST_S)
    lab.stop(experiment_id)
    assert lab.progress(experiment_id).stopping
    held.go.set()
    assert lab.wait(experiment_id, LONGEST_S)
    assert ended(lab, experiment_id) == (ExperimentState.STOPPED, 8, 0)
    lab.resume(experiment_id)
    assert lab.wait(experiment_id, LONGEST_S)
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 20, 0)
    assert set(chat.asked.values()) == {1}


def test_a_stop_ends_the_wait_for_a_busy_server(lab_with: Open) -> None:
    refused = threading.Event()

    def answer(_text: str, _temperature: float) -> Exception:
        refused.set()
        return ModelBusy("busy", retry_after_s=600.0)

    lab = lab_with(LabChat(answer), pace=Pace(patience_s=900.0))
    experiment_id = lab.start(lab.plan(spec_of_cases(3)))
    assert refused.wait(LONGEST_S)
    lab.stop(experiment_id)
    assert lab.wait(experiment_id, 5)
    assert ended(lab, experiment_id) == (ExperimentState.STOPPED, 0, 0)


def test_another_process_can_stop_an_experiment(lab_with: Open, ledger: Ledger) -> None:
    held = Held(free=2)
    lab = lab_with(LabChat(held))
    experiment_id = lab.start(lab.plan(spec_of_cases(200, concurrency=1)))
    assert held.waiting.acquire(timeout=LONGEST_S)
    other = open_ledger(ledger.url)
    open_lab(other, LabChat(echo)).stop(experiment_id)
    held.go.set()
    assert lab.wait(experiment_id, LONGEST_S)
    assert lab.progress(experiment_id).state is ExperimentState.STOPPED
    assert lab.progress(experiment_id).done < 400
    with pytest.raises(InputError, match="still runs"):
        lab.remove(lab.start(lab.plan(spec_of_cases(2, repeats=50))))
    other.close()


def test_a_process_that_closes_leaves_its_experiment_to_the_next(ledger: Ledger) -> None:
    """Its calls under way are not waited for where they take too long; what is done is kept."""
    first = open_ledger(ledger.url)
    chat = LabChat(Held(free=4))
    lab = open_lab(first, chat)
    experiment_id = lab.start(lab.plan(spec_of_cases(6, concurrency=2)))
    for _ in range(2):
        assert chat.answer.waiting.acquire(timeout=LONGEST_S)  # type: ignore[attr-defined]
    chat.answer.go.set()  # type: ignore[attr-defined]
    lab.close()
    first.close()
    second = LabChat(echo)
    next_lab = open_lab(ledger, second)
    before = next_lab.progress(experiment_id)
    assert before.state is ExperimentState.RUNNING
    assert next_lab.resume_all() == [experiment_id]
    assert next_lab.wait(experiment_id, LONGEST_S)
    assert ended(next_lab, experiment_id) == (ExperimentState.FINISHED, 12, 0)
    assert second.calls == 12 - before.done


def test_failed_cells_are_run_again_when_asked_for(lab_with: Open) -> None:
    chat = LabChat(lambda _text, _t: ModelUnreachable("It is down"))
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(2))
    chat.answer = echo
    lab.resume(experiment_id)
    assert lab.wait(experiment_id, LONGEST_S)
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 0, 4)
    lab.resume(experiment_id, failed_too=True)
    assert lab.wait(experiment_id, LONGEST_S)
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 4, 0)


def test_the_same_spec_finds_its_unfinished_experiment_whatever_its_cap(lab_with: Open) -> None:
    lab = lab_with(LabChat(echo))
    experiment_id = run(lab, spec_of_cases(4, max_cost_usd=0))
    again = lab.plan(spec_of_cases(4, max_cost_usd=9, concurrency=2))
    found = lab.unfinished(again)
    assert found is not None
    assert found.experiment_id == experiment_id
    assert lab.unfinished(lab.plan(spec_of_cases(5))) is None
    lab.resume(experiment_id, max_cost_usd=9)
    assert lab.wait(experiment_id, LONGEST_S)
    assert lab.unfinished(again) is None


# ----------------------------------------------------------------------------------------------------------- trouble


def test_a_ledger_that_cannot_be_written_for_a_moment_loses_nothing(
    lab_with: Open, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.lab.writer._RETRIES_S", (0.001, 0.001, 0.001))
    finish, failures = ledger.experiments.finish, iter([LibraryError("locked"), LibraryError("locked")])

    def unreliable(*arguments: Any, **options: Any) -> Any:
        for failure in failures:
            raise failure
        return finish(*arguments, **options)

    monkeypatch.setattr(ledger.experiments, "finish", unreliable)
    lab = lab_with(LabChat(echo))
    assert ended(lab, run(lab, spec_of_cases(5))) == (ExperimentState.FINISHED, 10, 0)


def test_a_ledger_that_stays_unwritable_ends_the_experiment(
    lab_with: Open, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.lab.writer._RETRIES_S", (0.001,))

    def full(*_: Any, **__: Any) -> Any:
        raise LibraryError("The disk is full")

    monkeypatch.setattr(ledger.experiments, "finish", full)
    chat = LabChat(echo)
    lab = lab_with(chat)
    experiment_id = run(lab, spec_of_cases(50, concurrency=2))
    assert ended(lab, experiment_id) == (ExperimentState.FAILED, 0, 0)
    assert "The disk is full" in (lab.progress(experiment_id).error or "")
    assert chat.calls < 20


def test_what_is_told_of_an_experiment_cannot_break_it(lab_with: Open) -> None:
    told: list[tuple[str, ExperimentState]] = []

    def record(experiment_id: str, state: ExperimentState) -> None:
        told.append((experiment_id, state))
        raise RuntimeError("mirror")

    lab = lab_with(LabChat(echo), record=record)
    experiment_id = run(lab, spec_of_cases(1))
    assert ended(lab, experiment_id) == (ExperimentState.FINISHED, 2, 0)
    assert told == [(experiment_id, ExperimentState.FINISHED)]


def test_runs_arrive_while_the_experiment_goes_on(lab_with: Open) -> None:
    held = Held(free=3)
    lab = lab_with(LabChat(held))
    experiment_id = lab.start(lab.plan(spec_of_cases(5, concurrency=1)))
    assert held.waiting.acquire(timeout=LONGEST_S)
    deadline = threading.Event()
    while lab.progress(experiment_id).done < 3:
        assert not deadline.wait(0.005)
    latest: list[Run] = lab.latest(experiment_id)
    assert [r.position for r in latest] == [2, 1, 0]
    progress = lab.progress(experiment_id)
    assert (progress.pending, progress.ended, progress.time_left_s is not None) == (7, False, True)
    assert lab.active() == [experiment_id]
    held.go.set()
    assert lab.wait(experiment_id, LONGEST_S)
    assert lab.active() == []


def test_a_model_whose_server_takes_no_temperature_is_named_in_the_traces_and_the_verdict(
    lab_with: Open, ledger: Ledger
) -> None:
    stubborn = LabChat(echo, left_out=("max_tokens", "temperature"))
    lab = lab_with(stubborn, LabChat(echo, name="model-b", left_out=("max_tokens",)))
    spec = spec_of_cases(3, models=["model-a", "model-b"], temperatures=[0, 0.5, 1])
    for cached in (0, 36):
        experiment_id = run(lab, spec)
        assert lab.progress(experiment_id).cached == cached, "an answer from the cache was made so too"
        results = lab.results(experiment_id)
        assert results.untempered == {"model-a"}
        found = verdict(results, results.metrics[0], results.baseline)
        assert "model-a takes no temperature: its 3 temperatures are the same request" in found.notes
        assert not any("model-b" in note for note in found.notes)
    traces = ledger.traces.list(TraceFilter(model="model-a", limit=None))
    assert {trace.temperature for trace in traces} == {None}
    assert {trace.spans[0].attributes["left_out"] for trace in traces} == {"max_tokens temperature"}
    assert {trace.temperature for trace in ledger.traces.list(TraceFilter(model="model-b", limit=None))} == {0, 0.5, 1}
