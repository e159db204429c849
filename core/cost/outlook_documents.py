"""What ``cost`` prints of the month's forecast and of a what-if, as JSON and in lines. Pure."""

from __future__ import annotations

from typing import Any

from core.cost.forecast import Forecast, Step
from core.cost.outlook import Outlook
from core.cost.report import By
from core.cost.repricing import Repriced, Repricing
from core.cost.summary import name_of
from core.phrases import count, money

Document = dict[str, Any]


def forecast_document(made: Outlook) -> Document | None:
    """None where nothing was asked; amounts are null where they are unknown."""
    if not made.asked:
        return None
    total = made.recent.total
    return {
        "timezone": made.zone,
        "today": made.today.isoformat(),
        "in_words": made.in_words(),
        **_amounts(made.forecast),
        "lower_bound": made.lower_bound,
        "unknown_price_calls": total.unpriced_calls,
        "unknown_price_tokens": total.unpriced_tokens,
    }


def _amounts(found: Forecast | None) -> Document:
    names = ("spent_usd", "expected_usd", "low_usd", "high_usd", "method", "backtest_error", "backtests",
             "history_days")  # fmt: skip
    known = {name: None if found is None else getattr(found, name) for name in names}
    ends = None if found is None else found.month_ends.isoformat()
    return {"month_ends": ends, **known, "days": [] if found is None else [_step(step) for step in found.course]}


def _step(step: Step) -> Document:
    names = ("spent_usd", "expected_usd", "low_usd", "high_usd")
    return {"day": step.day.isoformat(), **{name: getattr(step, name) for name in names}}


def what_if_document(made: Repricing) -> Document:
    """The calls of each model at another price; null is unknown."""
    price, total = made.price, made.total
    return {
        "model": price.model,
        "in_words": made.in_words(),
        "price": {
            "since": price.since.isoformat(),
            "input_usd": price.input_usd,
            "output_usd": price.output_usd,
            "cached_usd": price.cached_usd,
            "reasoning_usd": price.reasoning_usd,
            "server": price.server,
        },
        **_repriced(total),
        "comparable": None if made.comparable is None else _repriced(made.comparable),
        "rows": [{"model": row.model, **_repriced(row)} for row in made.rows],
    }


def _repriced(row: Repriced) -> Document:
    return {
        "calls": row.tally.calls,
        "cost_usd": row.tally.cost_usd,
        "what_if_usd": row.there_usd,
        "difference_usd": row.difference_usd,
        "unknown_price_calls": row.tally.unpriced_calls,
        "uncounted_calls": row.tally.uncounted_calls,
    }


def what_if_lines(made: Repricing) -> list[str]:
    """For people: the sentence, and a line for each model."""
    rows = [
        f"{name_of(row.model, By.MODEL)}, {count(row.tally.calls, 'call')}: {money(row.there_usd)} "
        f"instead of {money(row.tally.cost_usd)}"
        for row in made.rows
    ]
    return [made.in_words(), *rows]
