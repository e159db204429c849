"""A made-up experiment of the Prompt Lab: made-up outputs, scored by the lab's own scorers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from core.demo import DEMO_QUESTIONS
from core.lab.grid import cells_of
from core.lab.plan import Plan
from core.lab.scorers import Context, Tools
from core.lab.scorers.measures import Cost, Latency
from core.lab.scorers.texts import RougeL
from core.lab.scoring import score_all
from core.ledger import RunResult
from core.models import (
    Answer,
    AnswerStatus,
    Experiment,
    ExperimentState,
    Run,
    RunState,
    Span,
    TestCase,
    Trace,
    Usage,
    Video,
)
from core.ports import Message
from core.prompts import PromptTemplate, estimate_message_tokens, estimate_tokens
from core.sample_traffic.model_call import MAIN, OLD, SERVER, CostOf
from core.sample_traffic.talks import talks

KIND = "sample-lab"
SET_NAME = "Sample: questions with answers"
NAME = "Sample: one sentence or as it comes"
_TEMPLATE = "sample-short-answer"
_TEMPLATES = (
    PromptTemplate(_TEMPLATE, 1, "", "Answer this question: {question}"),
    PromptTemplate(_TEMPLATE, 2, "You are brief.", "Answer in one sentence, in the talk's own words: {question}"),
)
_LOSES = {1: 0.4, 2: 0.45}
"""Version -> share of the expected words that an output lacks, in the mean."""
_OLD_LOSES, _HOT_LOSES, _UNEVEN = 0.06, 0.1, 0.22
_AROUND = {1: "That is a good question, and there is more than one way to look at it. {text}", 2: "{text}"}
_ABOUT = {
    "en": "What is said in “{title}” at {at}?",
    "de": "Was wird in „{title}“ bei {at} gesagt?",
    "es": "¿Qué se dice en «{title}» en {at}?",
}
_MOMENTS = 4
"""Of each talk."""
_AGE = timedelta(days=4)
_AT_ONCE = 8


def cases() -> list[TestCase]:
    """The questions of the demo talks, and one about each of some moments of them, with what the talks say."""
    asked = [(question.text, question.language, question.answer) for question in DEMO_QUESTIONS]
    asked += [
        (_ABOUT[video.language].format(title=video.title, at=at), video.language, said)
        for video, at, said in _moments()
    ]
    return [
        TestCase(f"question-{n:02}", {"question": text, "language": language}, answer)
        for n, (text, language, answer) in enumerate(asked, start=1)
    ]


def _moments() -> Iterator[tuple[Video, str, str]]:
    """Talk, minute and sentence: so many cases that the verdict can tell the two prompts apart."""
    known = {question.answer for question in DEMO_QUESTIONS}
    for parts in talks().values():
        for part in parts[:_MOMENTS]:
            begin, end = part.sentences[len(part.sentences) // 2]
            seconds, _ = part.chunk.times_of(begin, end)
            said = part.chunk.text[begin:end]
            if said not in known:
                yield part.video, f"{int(seconds) // 60}:{int(seconds) % 60:02}", said


def experiment(rng: Random, now: datetime, cost_of: CostOf) -> tuple[Experiment, list[RunResult]]:
    """A finished experiment of four days ago with its runs and their traces."""
    plan, experiment_id, begun = _plan(), f"{rng.getrandbits(128):032x}", now - _AGE
    results, clocks = [], [0.0] * _AT_ONCE
    for run in cells_of(plan, "sample"):  # a server that is none: no real experiment takes a run of it for its own
        lane = clocks.index(min(clocks))
        result = _result(rng, plan, run, begun + timedelta(milliseconds=clocks[lane]), cost_of)
        results.append(_of_experiment(result, experiment_id))
        clocks[lane] += result.run.latency_ms or 0.0
    costs = [result.run.cost_usd for result in results]
    made = Experiment(
        experiment_id=experiment_id,
        name=NAME,
        state=ExperimentState.FINISHED,
        spec=plan.document(),
        total=plan.total,
        created_at=begun,
        finished_at=begun + timedelta(milliseconds=max(clocks)),
        spent_usd=None if None in costs else math.fsum(cost for cost in costs if cost is not None),
        sample=True,
    )
    return made, results


def _plan() -> Plan:
    first = {"template": _TEMPLATE, "version": 1, "model": MAIN, "temperature": 0.0}
    return Plan(
        name=NAME,
        templates=_TEMPLATES,
        models=(MAIN, OLD),
        temperatures=(0.0, 0.7),
        repeats=1,
        cases=tuple(cases()),
        scorers=(RougeL(), Latency(), Cost()),
        concurrency=_AT_ONCE,
        max_tokens=256,
        max_cost_usd=None,
        allow_unknown_price=False,
        baseline=first,
        test_set=SET_NAME,
    )


def _of_experiment(result: RunResult, experiment_id: str) -> RunResult:
    return replace(result, traces=tuple(replace(trace, conversation_id=experiment_id) for trace in result.traces))


def _result(rng: Random, plan: Plan, run: Run, started_at: datetime, cost_of: CostOf) -> RunResult:
    case, messages = plan.case(run), plan.messages(run)
    text = _output(rng, run, case.expected)
    usage = Usage(estimate_message_tokens(messages), estimate_tokens(text), 0, 0)
    latency_ms = round(rng.lognormvariate(math.log(480), 0.3) + 9 * (usage.completion_tokens or 0), 1)
    cost_usd = cost_of(run.model, usage, started_at)
    context = Context(Tools(), messages, usage, latency_ms, cost_usd)
    scored = score_all(plan.scorers, text, case, context, known=None, began=0.0)
    trace = _trace(rng, run, case, messages, started_at)
    answer = replace(trace.answer, text=text, usage=usage, cost_usd=cost_usd, latency_ms=latency_ms)
    trace = replace(trace, answer=answer, spans=(Span("generate", 0.0, latency_ms, {"model": run.model}),))
    ended = replace(
        run,
        state=RunState.DONE,
        trace_id=trace.trace_id,
        output=text,
        scores=scored.scores,
        passed=scored.passed,
        usage=usage,
        cost_usd=cost_usd,
        latency_ms=latency_ms,
    )
    return RunResult(ended, (trace,))


def _output(rng: Random, run: Run, expected: str) -> str:
    """The expected answer without some of its words."""
    version = run.version or 1
    mean = _LOSES[version] + _OLD_LOSES * (run.model == OLD) + _HOT_LOSES * (run.temperature or 0.0)
    loses = rng.gauss(mean, _UNEVEN)
    kept = [word for word in expected.split() if rng.random() >= loses]
    return _AROUND[version].format(text=" ".join(kept))


def _trace(rng: Random, run: Run, case: TestCase, messages: tuple[Message, ...], started_at: datetime) -> Trace:
    trace_id = f"{rng.getrandbits(128):032x}"
    return Trace(
        trace_id=trace_id,
        kind=KIND,
        started_at=started_at,
        question=case.variables["question"],
        channels=(),
        answer=Answer(trace_id, AnswerStatus.ANSWERED, "", "", model=run.model),
        user="sample-ana",
        template=run.template,
        template_version=run.version,
        temperature=run.temperature,
        prompt=messages,
        server=SERVER,
    )
