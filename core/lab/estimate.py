"""What an experiment will take, before it starts: calls, tokens, money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from core.cost.worst import CostOf
from core.lab.grid import cells_of
from core.lab.money import WorstCase
from core.lab.plan import Plan
from core.lab.scorers.judge import JUDGE_TEXTS, ModelJudge
from core.models import Run, Usage
from core.prompts import estimate_message_tokens, estimate_tokens

ASSUMED_TOKENS = 300
"""Of an answer of a model that the lab has never called: about 220 English words."""
_VERDICT_TOKENS = 60


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one plan, now."""

    cells: int
    cached: int
    """Cells that are served from earlier runs and cost nothing."""
    calls: int
    judge_calls: int
    """At most: a remembered verdict needs none."""
    prompt_tokens: int
    completion_tokens: int
    basis: str
    """Where the completions' tokens come from, in words."""
    cost_usd: float | None
    """None where the price of a model is unknown."""
    worst_usd: float | None
    """Where every answer is as long as ``max_tokens`` lets it be; None likewise, or where nothing bounds it."""
    unpriced: tuple[str, ...]
    """Models whose price nobody knows."""
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sum:
    """Adds calls up."""

    cost_of: CostOf
    when: datetime
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0

    def add(self, model: str, prompt_tokens: int, completion_tokens: int) -> None:
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        cost = self.cost_of(model, Usage(prompt_tokens, completion_tokens, 0, 0), self.when)
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost


def estimate(
    plan: Plan,
    *,
    server: str,
    known: AbstractSet[str],
    means: Mapping[str, float],
    cost_of: CostOf,
    when: datetime,
) -> Estimate:
    """``known``: content keys with an answer; ``means``: model -> mean tokens of its answers so far."""
    cells = cells_of(plan, server)
    called = [cell for cell in cells if cell.repeat > 0 or cell.content_key not in known]
    judges = [scorer for scorer in plan.scorers if isinstance(scorer, ModelJudge)]
    worst = WorstCase(plan, cost_of, when)
    total = _Sum(cost_of, when)
    prompts = _prompt_tokens(plan, called)
    for cell in called:
        total.add(cell.model, prompts[cell.template, cell.version, cell.case_id], _expected(plan, cell.model, means))
    for judge in judges:
        frame = estimate_message_tokens(JUDGE_TEXTS) + estimate_tokens(judge.rubric)
        for cell in cells:
            answer = _expected(plan, cell.model, means)
            read = frame + answer + estimate_message_tokens(plan.messages(cell))
            total.add(judge.model or "", read, _VERDICT_TOKENS)
    unpriced = tuple(worst.unpriced())
    return Estimate(
        cells=len(cells),
        cached=len(cells) - len(called),
        calls=len(called),
        judge_calls=len(judges) * len(cells),
        prompt_tokens=total.prompt_tokens,
        completion_tokens=total.completion_tokens,
        basis=_basis(plan, means),
        cost_usd=total.cost_usd,
        worst_usd=None if unpriced or plan.max_tokens is None else _worst(plan, worst, cells, {*map(id, called)}),
        unpriced=unpriced,
        notices=plan.notices,
    )


def _prompt_tokens(plan: Plan, called: Sequence[Run]) -> dict[tuple[str, int | None, str], int]:
    """Each prompt is counted once, however many models and temperatures it is sent to."""
    firsts = {(cell.template, cell.version, cell.case_id): cell for cell in called}
    return {key: estimate_message_tokens(plan.messages(cell)) for key, cell in firsts.items()}


def _expected(plan: Plan, model: str, means: Mapping[str, float]) -> int:
    tokens = round(means.get(model, ASSUMED_TOKENS))
    return tokens if plan.max_tokens is None else min(tokens, plan.max_tokens)


def _basis(plan: Plan, means: Mapping[str, float]) -> str:
    known = [f"{model} has written {means[model]:,.0f} on average" for model in plan.models if model in means]
    if len(known) < len(plan.models):
        known.append(f"{ASSUMED_TOKENS} are assumed for a model without earlier runs")
    return "Tokens of an answer: " + "; ".join(known) + "."


def _worst(plan: Plan, worst: WorstCase, cells: Sequence[Run], called: AbstractSet[int]) -> float:
    total = 0.0
    cases = {case.case_id: case.expected for case in plan.cases}
    for cell in cells:
        messages = plan.messages(cell)
        total += worst.of_call(cell.model, messages) if id(cell) in called else 0.0
        total += worst.of_judges(messages, cases[cell.case_id])
    return total
