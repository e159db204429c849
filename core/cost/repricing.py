"""What the calls of a time would have cost on another model, by that model's price. Pure.

Tokens are taken as the model in use counted them: another tokenizer counts a few percent more or fewer, and another
model writes longer or shorter answers. Cached tokens are taken to be as many there. Calls without a model, quotes and
cached answers, stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from core.cost.price_list import ListedPrice, Origin
from core.cost.prices import OPENAI, Price, price_usage
from core.cost.report import Report
from core.errors import InputError
from core.ledger import Tally
from core.models import Usage
from core.phrases import count, listed, money, one_line

_LEAST_CHANGE = 0.005
_ALMOST_ALL = -0.995
"""Beyond it a share rounds to all, which it is not."""


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
    if abs(part) < _LEAST_CHANGE:
        return ", about the same"
    share = "over 99%" if -1 < part < _ALMOST_ALL else f"{abs(part):.0%}"
    return f", {share} {'more' if part > 0 else 'less'}"


def reprice(report: Report, price: Price) -> Repricing:
    """A report by model at ``price``."""
    rows = [
        Repriced(None if row.key is None else str(row.key), row.tally, _there(row.tally, price))
        for row in report.rows()
        if row.tally.tokens or row.tally.unpriced_calls
    ]
    return Repricing(price, tuple(sorted(rows, key=lambda row: (-row.tally.tokens, str(row.model)))))


def _there(tally: Tally, price: Price) -> float | None:
    """A sum of calls costs what they cost one by one, as prices are linear: long prompts are not told apart here."""
    if not tally.tokens:
        return None
    usage = Usage(tally.prompt_tokens, tally.completion_tokens, tally.cached_tokens, tally.reasoning_tokens)
    return price_usage(price, usage)


def writers(table: Iterable[ListedPrice], now: datetime) -> list[Price]:
    """The prices in force at ``now`` of models that write, by model and server: an embedder writes nothing.

    Of two prices of a model on one server an own one goes before the one that ships.
    """
    found: dict[tuple[str, str], Price] = {}
    for row in sorted(table, key=lambda row: row.origin is Origin.OWN):
        in_force = row.price.since <= now and (row.until is None or now < row.until)
        if in_force and (row.price.output_usd > 0 or row.price.input_usd == 0):
            found[row.price.model, row.price.server] = row.price
    return [found[key] for key in sorted(found)]


def labels_of(prices: Sequence[Price]) -> list[str]:
    """For people: the model, and its server where that is not OpenAI."""
    return [one_line(price.model + (f" on {price.server}" if price.server != OPENAI else "")) for price in prices]


def price_named(name: str, prices: Sequence[Price]) -> Price:
    """The price of that label, or of that model where it stands there once. Raises InputError."""
    labels = labels_of(prices)
    found = [
        price for label, price in zip(labels, prices, strict=True) if label == name
    ] or [price for price in prices if price.model == name]  # fmt: skip
    if len(found) == 1:
        return found[0]
    if found:
        hint = f"Name one of: {listed(labels_of(found))}."
        raise InputError(f"{one_line(name)!r:.80} has a price on several servers", subject=name, hint=hint)
    near = get_close_matches(name, labels, n=3) or labels[:3]
    hint = f"There is one of {listed(near)}." if near else "Add it to the price list."
    raise InputError(f"There is no price of {one_line(name)!r:.80}", subject=name, hint=hint)
