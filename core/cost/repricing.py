"""What the calls of a time would have cost on another model, by that model's price. Pure.

Tokens are taken as the model in use counted them: another tokenizer counts a few percent more or fewer, and another
model writes longer or shorter answers. Cached tokens are taken to be as many there. Calls without a model, quotes and
cached answers, stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.cost.prices import Price, cost_usd
from core.cost.report import Report
from core.ledger import Tally
from core.models import Usage
from core.phrases import count, money, one_line

_LEAST_CHANGE = 0.005


@dataclass(frozen=True, slots=True)
class Repriced:
    """The calls of one model."""

    model: str | None
    """None: calls that were cut off before their model was written down."""
    tally: Tally
    """What they are now."""
    there_usd: float | None
    """What their counted tokens cost at the other price; None where none was counted."""

    @property
    def difference_usd(self) -> float | None:
        """More there than now; None where either is not known of all calls."""
        if self.there_usd is None or self.tally.uncounted_calls or not self.tally.complete:
            return None
        return self.there_usd - self.tally.known_usd


@dataclass(frozen=True, slots=True)
class Repricing:
    """A time's calls at another price."""

    price: Price
    rows: tuple[Repriced, ...]
    """By model, what has most tokens first."""

    @property
    def total(self) -> Repriced:
        tally = sum((row.tally for row in self.rows), Tally())
        known = [row.there_usd for row in self.rows if row.there_usd is not None]
        return Repriced(None, tally, sum(known) if known else None)

    @property
    def unknown(self) -> tuple[Repriced, ...]:
        """Whose cost now is not known of all calls, so that there is nothing to compare with."""
        return tuple(row for row in self.rows if not row.tally.complete)

    @property
    def uncounted_calls(self) -> int:
        """Whose tokens nobody counted, so that they are in neither sum in full."""
        return sum(row.tally.uncounted_calls for row in self.rows)

    @property
    def comparable(self) -> Repriced | None:
        """The sums over the models of which both costs are known; None where there is no such model."""
        both = [row for row in self.rows if row.difference_usd is not None]
        if not both:
            return None
        tally = sum((row.tally for row in both), Tally())
        return Repriced(None, tally, sum(row.there_usd or 0.0 for row in both))

    def in_words(self) -> str:
        """What it says in sum, in one to three sentences."""
        if not self.rows:
            return "No model was called in this time."
        both, all_of_it, model = self.comparable, self.total, one_line(self.price.model)
        if all_of_it.there_usd is None:
            return f"Nobody counted the tokens of this time, so what they cost on {model} is unknown."
        if both is None:
            said = f"On {model} it would cost {money(all_of_it.there_usd)}; what it costs now is unknown"
        else:
            asked = count(both.tally.calls, "question")
            which = asked if both.tally.calls == all_of_it.tally.calls else f"the {asked} whose cost is known"
            said = f"On {model} {which} would cost {money(both.there_usd)} instead of {money(both.tally.known_usd)}"
            said += _change(both)
        left_out = f" {count(self.uncounted_calls, 'call')} without counted tokens left out." * bool(
            self.uncounted_calls
        )
        return f"{said}.{left_out}"


def _change(both: Repriced) -> str:
    """In percent, where there is something to take it of."""
    now, there = both.tally.known_usd, both.there_usd or 0.0
    if now == 0:
        return ""
    part = there / now - 1
    return f", {abs(part):.0%} {'more' if part > 0 else 'less'}" if abs(part) >= _LEAST_CHANGE else ", about the same"


def reprice(report: Report, price: Price) -> Repricing:
    """A report by model at ``price``."""
    rows = [
        Repriced(None if row.key is None else str(row.key), row.tally, _there(row.tally, price))
        for row in report.rows()
        if row.tally.tokens or row.tally.unpriced_calls
    ]
    return Repricing(price, tuple(sorted(rows, key=lambda row: (-row.tally.tokens, str(row.model)))))


def _there(tally: Tally, price: Price) -> float | None:
    """By the same rule that prices a call: a sum of calls costs what they cost one by one, as prices are linear."""
    if not tally.tokens:
        return None
    usage = Usage(tally.prompt_tokens, tally.completion_tokens, tally.cached_tokens, tally.reasoning_tokens)
    return cost_usd(price.model, usage, price.since, price.base_url, own_prices=[price])


def writers(prices: Iterable[Price], now: datetime) -> Sequence[Price]:
    """The prices in force at ``now`` of models that write, by model and server: an embedder writes nothing."""
    latest: dict[tuple[str, str | None], Price] = {}
    for price in prices:
        held = latest.get((price.model, price.base_url))
        if price.since <= now and (held is None or held.since <= price.since):
            latest[price.model, price.base_url] = price
    return sorted(
        (price for price in latest.values() if price.output_usd > 0 or price.input_usd == 0),
        key=lambda price: (price.model, price.base_url or ""),
    )
