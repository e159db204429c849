"""One cell: the call or the remembered answer, its scores, and the traces that it leaves."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import perf_counter
from typing import Any

from core.errors import CuepointError
from core.lab.calls import Call, Caller, cost_of_failure
from core.lab.halts import Halt
from core.lab.money import Purse, WorstCase
from core.lab.plan import Plan
from core.lab.scorers import JUDGE, Context, NothingToCompare, Tools
from core.lab.scoring import Scored, score_all
from core.ledger import RunResult
from core.models import LEFT_OUT, Answer, AnswerStatus, Run, RunState, Span, TestCase, Trace, Usage
from core.ports import Message

_log = logging.getLogger(__name__)

KIND = "lab"
JUDGE_KIND = "lab-judge"


@dataclass(frozen=True, slots=True)
class Cells:
    """Carries out the cells of one experiment. Safe for threads."""

    experiment_id: str
    plan: Plan
    caller: Caller
    tools: Tools
    purse: Purse
    worst: WorstCase
    halt: Callable[[Halt], None]
    """Ends the experiment."""
    user: str = ""
    server: str = ""
    """Host of the model server."""

    def carry_out(self, run: Run, known: RunResult | None) -> RunResult:
        """What became of it. Raises Halt only: then nothing came of it.

        ``known``: an earlier run with the same content, which is used instead of a call.
        """
        case, messages = self.plan.case(run), self.plan.messages(run)
        worst = self._worst(run, case, messages, called=known is None) if self.purse.is_capped else 0.0
        self.purse.reserve(worst)
        cell = _Cell(self, run, case, messages)
        try:
            return cell.remembered(known) if known is not None else cell.called()
        finally:
            self.purse.settle(worst, cell.spent_usd)

    def _worst(self, run: Run, case: TestCase, messages: Sequence[Message], *, called: bool) -> float:
        judges = self.worst.of_judges(messages, case.expected)
        return judges + (self.worst.of_call(run.model, messages) if called else 0.0)


@dataclass(slots=True)
class _Cell:
    """The cell at hand."""

    of: Cells
    run: Run
    case: TestCase
    messages: tuple[Message, ...]
    began: float = field(default_factory=perf_counter)
    costs: list[float | None] = field(default_factory=list)
    judged: list[Trace] = field(default_factory=list)

    @property
    def spent_usd(self) -> float | None:
        """None where a call's cost is not known."""
        return None if None in self.costs else sum(cost for cost in self.costs if cost is not None)

    def remembered(self, known: RunResult) -> RunResult:
        """The earlier run with the scores of today; what it took is what its call took then."""
        earlier = known.run
        scored = self._score(earlier.output or "", earlier.usage, earlier.latency_ms, earlier.cost_usd, known)
        ended = replace(
            self.run,
            state=RunState.DONE,
            trace_id=earlier.trace_id,
            output=earlier.output,
            scores=scored.scores,
            passed=scored.passed,
            usage=earlier.usage,
            cost_usd=earlier.cost_usd,
            latency_ms=earlier.latency_ms,
            cached=True,
        )
        return RunResult(ended, tuple(self.judged), scored.keys)

    def called(self) -> RunResult:
        """A new answer; a call that fails is the cell's failure."""
        started_at = self.of.caller.clock()
        try:
            call = self._call(
                self.run.model,
                self.messages,
                temperature=self.run.temperature or 0.0,
                max_tokens=self.of.plan.max_tokens,
                finishing=False,
            )
        except Halt:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the other cells go on
            return self._failed(error, started_at)
        text, usage = call.completion.text, call.completion.usage
        scored = self._score(text, usage, call.latency_ms, call.cost_usd, None)
        trace = self._trace(call, scored)
        ended = replace(
            self.run,
            state=RunState.DONE,
            trace_id=trace.trace_id,
            output=text,
            scores=scored.scores,
            passed=scored.passed,
            usage=usage,
            cost_usd=call.cost_usd,
            latency_ms=call.latency_ms,
        )
        return RunResult(ended, (trace, *self.judged), scored.keys)

    def _call(
        self, model: str, messages: Sequence[Message], *, temperature: float, max_tokens: int | None, finishing: bool
    ) -> Call:
        try:
            call = self.of.caller.call(
                model, messages, temperature=temperature, max_tokens=max_tokens, finishing=finishing
            )
        except Halt:
            raise
        except Exception as error:
            self.costs.append(cost_of_failure(error))
            raise
        self.costs.append(call.cost_usd)
        return call

    def _score(
        self, output: str, usage: Usage, latency_ms: float | None, cost_usd: float | None, known: RunResult | None
    ) -> Scored:
        context = Context(self.of.tools, self.messages, usage, latency_ms, cost_usd, self._judge)
        return score_all(self.of.plan.scorers, output, self.case, context, known=known, began=self.began)

    # ------------------------------------------------------------------------------------------------ its traces

    def _judge(self, model: str, messages: Sequence[Message], *, max_tokens: int) -> str:
        """A halt must not lose the answer that is judged: it has no verdict then."""
        started_at, began = self.of.caller.clock(), perf_counter()
        made_of = {"template": JUDGE.name, "template_version": JUDGE.version, "temperature": 0.0}
        trace = self._blank(JUDGE_KIND, messages, started_at, model=model, **made_of)
        try:
            call = self._call(model, messages, temperature=0.0, max_tokens=max_tokens, finishing=True)
        except Halt as halt:
            self.of.halt(halt)
            raise NothingToCompare(halt.reason or "The experiment ended before") from halt
        except Exception as error:
            self.judged.append(_ended_badly(trace, _sentence(error), self.costs[-1], (perf_counter() - began) * 1000))
            raise
        self.judged.append(replace(trace, answer=_answer_of(trace.trace_id, call), spans=(_span(call, 0.0),)))
        return call.completion.text

    def _trace(self, call: Call, scored: Scored) -> Trace:
        trace = self._own(call.started_at)
        waited_ms = max(0.0, scored.spans[0].start_ms - call.latency_ms) if scored.spans else 0.0
        spans = (_span(call, waited_ms), *scored.spans)
        made = replace(trace, answer=_answer_of(trace.trace_id, call), spans=spans)
        return replace(made, temperature=None) if "temperature" in call.completion.left_out else made

    def _failed(self, error: Exception, started_at: datetime) -> RunResult:
        reason, took_ms = _sentence(error), (perf_counter() - self.began) * 1000
        trace = _ended_badly(self._own(started_at), reason, self.costs[-1] if self.costs else 0.0, took_ms)
        ended = replace(self.run, state=RunState.FAILED, trace_id=trace.trace_id, error=reason)
        return RunResult(ended, (trace,))

    def _own(self, started_at: datetime) -> Trace:
        run = self.run
        made_of = {"template": run.template, "template_version": run.version, "temperature": run.temperature}
        return self._blank(KIND, self.messages, started_at, model=run.model, **made_of)

    def _blank(
        self, kind: str, messages: Sequence[Message], started_at: datetime, *, model: str, **made_of: Any
    ) -> Trace:
        trace_id = uuid.uuid4().hex
        return Trace(
            trace_id=trace_id,
            kind=kind,
            started_at=started_at,
            question=self.case.variables.get("question") or self.case.case_id,
            channels=(),
            answer=Answer(trace_id, AnswerStatus.FAILED, "", "", model=model),
            conversation_id=self.of.experiment_id,
            user=self.of.user,
            prompt=tuple(messages),
            server=self.of.server,
            **made_of,
        )


def _answer_of(trace_id: str, call: Call) -> Answer:
    completion = call.completion
    cut = completion.finish_reason == "length"
    return Answer(
        trace_id,
        AnswerStatus.ANSWERED,
        completion.text,
        "",
        notices=("The answer was cut at max_tokens.",) if cut else (),
        model=completion.model,
        usage=completion.usage,
        cost_usd=call.cost_usd,
        latency_ms=call.latency_ms,
    )


def _span(call: Call, start_ms: float) -> Span:
    attributes: dict[str, Any] = {"model": call.completion.model, "finish_reason": call.completion.finish_reason}
    if call.completion.left_out:
        attributes[LEFT_OUT] = " ".join(call.completion.left_out)
    return Span("generate", start_ms, call.latency_ms, attributes | {"refusals": call.refusals})


def _ended_badly(trace: Trace, reason: str, cost_usd: float | None, took_ms: float) -> Trace:
    answer = replace(trace.answer, cost_usd=cost_usd, latency_ms=took_ms)
    return replace(trace, answer=answer, error=reason, spans=(Span("generate", 0.0, took_ms, {}, reason),))


def _sentence(error: Exception) -> str:
    """Ours are made for people; anything else is a fault of ours, of which the log has the details."""
    if isinstance(error, CuepointError):
        return str(error)
    _log.error("A call of the lab failed", exc_info=error)
    return f"A fault of Cuepoint ended the call ({type(error).__name__})"
