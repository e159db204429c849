"""A month of requests of one size: hosted, paid by the token, against machines of one's own, paid by the hour. Pure.

A month has thirty days. core/cost/repricing.py is about another model for what was asked already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.cost.prices import Price
from core.errors import InputError
from core.phrases import count, money

HOURS_A_MONTH = 720.0
"""Thirty days."""
DAYS_A_MONTH = 30
_SECONDS_AN_HOUR = 3600.0
_MILLION = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Workload:
    """A month of requests of one size."""

    users: int
    searches_a_day: float
    """Of one user."""
    input_tokens: float
    """Of one search."""
    output_tokens: float

    def __post_init__(self) -> None:
        """Raises InputError for what is no amount."""
        _check("number of users", self.users)
        _check("number of searches a day", self.searches_a_day)
        _check("number of tokens read", self.input_tokens)
        _check("number of tokens written", self.output_tokens)

    @property
    def searches(self) -> float:
        """Of all users in a month of thirty days."""
        return self.users * self.searches_a_day * DAYS_A_MONTH

    @property
    def tokens(self) -> float:
        """Read and written in a month."""
        return self.searches * (self.input_tokens + self.output_tokens)


@dataclass(frozen=True, slots=True)
class Hosted:
    """What a month costs by the token."""

    search_usd: float
    month_usd: float


@dataclass(frozen=True, slots=True)
class Machines:
    """Instances that serve a model, paid by the hour, busy or not."""

    instances: int
    hour_usd: float
    """Of one instance."""
    tokens_per_s: float
    """That one instance reads and writes when it is fully busy; measure it, vendors' figures are for large batches."""

    def __post_init__(self) -> None:
        """Raises InputError for what is no amount."""
        _check("number of instances", self.instances, above_zero=True)
        _check("price of an hour", self.hour_usd)
        _check("number of tokens a second", self.tokens_per_s, above_zero=True)

    @property
    def month_usd(self) -> float:
        return self.instances * self.hour_usd * HOURS_A_MONTH

    @property
    def most_tokens(self) -> float:
        """That they can serve in a month."""
        return self.instances * self.tokens_per_s * _SECONDS_AN_HOUR * HOURS_A_MONTH


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hosted against machines of one's own for a workload."""

    hosted: Hosted
    own_month_usd: float
    utilisation: float
    """Share of what the machines could serve; above 1 they cannot serve the workload."""
    break_even_searches: float | None
    """A month's searches from which the machines are cheaper; None where they cannot serve so many, or never are."""
    break_even_utilisation: float | None

    def in_words(self) -> str:
        """One sentence."""
        hosted, own = self.hosted.month_usd, self.own_month_usd
        if self.utilisation > 1:
            return f"These machines cannot serve that: they would be {self.utilisation:.0%} busy."
        cheaper = "Hosted is cheaper" if hosted <= own else "Own machines are cheaper"
        sums = f"{cheaper}: ${hosted:,.0f} against ${own:,.0f} a month"
        if self.break_even_searches is None or self.break_even_utilisation is None:
            return f"{sums}; the machines never pay off at this price."
        at = f"{self.break_even_searches:,.0f} searches a month, at {self.break_even_utilisation:.0%} utilisation"
        return f"{sums}; they are level at {at}."


def _check(what: str, value: float, *, above_zero: bool = False) -> None:
    if not math.isfinite(value) or value < 0 or (above_zero and value == 0):
        least = "above 0" if above_zero else "0 or more"
        raise InputError(f"The {what} is {value:g}", subject=what, hint=f"It is a number, {least}.")


def hosted(workload: Workload, price: Price) -> Hosted:
    """The cost by a price list.

    >>> from datetime import UTC, datetime
    >>> price = Price("m", datetime(2024, 1, 1, tzinfo=UTC), input_usd=10.0, output_usd=30.0)
    >>> month = hosted(Workload(1000, 30, 50, 250), price)
    >>> round(month.search_usd, 4), round(month.month_usd)
    (0.008, 7200)
    """
    search = (workload.input_tokens * price.input_usd + workload.output_tokens * price.output_usd) / _MILLION
    return Hosted(search, search * workload.searches)


def compare(workload: Workload, price: Price, machines: Machines) -> Comparison:
    """Hosted against own machines, with where they break even."""
    by_token = hosted(workload, price)
    of_search = workload.input_tokens + workload.output_tokens
    most = machines.most_tokens / of_search if of_search else 0.0
    needed = machines.month_usd / by_token.search_usd if by_token.search_usd > 0 else None
    reachable = needed is not None and needed <= most
    return Comparison(
        hosted=by_token,
        own_month_usd=machines.month_usd,
        utilisation=_utilisation(workload, machines),
        break_even_searches=needed if reachable else None,
        break_even_utilisation=needed / most if reachable and needed is not None else None,
    )


def utilisation_curve(machines: Machines, shares: Sequence[float]) -> list[tuple[float, float]]:
    """(utilisation, US dollars for a million tokens on the machines); shares above 0."""
    return [(share, machines.month_usd / (machines.most_tokens * share) * _MILLION) for share in shares if share > 0]


def arithmetic(workload: Workload, price: Price, machines: Machines) -> list[str]:
    """How the two sums come about, one line a step."""
    by_token, w, m = hosted(workload, price), workload, machines
    rates = f"{w.input_tokens:,g} tokens in × {money(price.input_usd)} + {w.output_tokens:,g} out"
    search, busy = _exact(by_token.search_usd), f"{_utilisation(w, m):.1%} utilisation"
    per_user = f"{count(w.users, 'user')} × {w.searches_a_day:,g} searches a day × {DAYS_A_MONTH} days"
    rent = f"{count(m.instances, 'instance')} × {money(m.hour_usd)} an hour × {HOURS_A_MONTH:,g} hours"
    return [
        f"{per_user} = {w.searches:,.0f} searches a month",
        f"({rates} × {money(price.output_usd)}) ÷ 1,000,000 = {search} a search",
        f"{w.searches:,.0f} × {search} = {money(by_token.month_usd)} a month, hosted",
        f"{rent} = {money(m.month_usd)} a month, own machines",
        f"{w.tokens:,.0f} tokens a month of {m.most_tokens:,.0f} that the machines can serve = {busy}",
    ]


def _exact(usd: float) -> str:
    """A search's price with four places at least: a rounded one would not give the month's sum."""
    return f"${usd:.4f}" if usd == 0 or round(usd, 4) == usd else f"${usd:.8f}".rstrip("0")


def _utilisation(workload: Workload, machines: Machines) -> float:
    return workload.tokens / machines.most_tokens


BOOK_WORKLOAD = Workload(users=1000, searches_a_day=30, input_tokens=50, output_tokens=250)
"""The book's example."""
BOOK_PRICE = Price("the book's model", datetime(2024, 1, 1, tzinfo=UTC), input_usd=10.0, output_usd=30.0)
"""Its $0.01 and $0.03 for 1,000 tokens. So a search is $0.0080 and a month $7,200."""
BOOK_NOTE = (
    "The book prints $0.0105 a search and $9,450 a month. These do not follow from its own numbers, "
    "which give $0.0080 and $7,200."
)
BOOK_MACHINES = Machines(instances=2, hour_usd=20.0, tokens_per_s=1000.0)
"""Its two instances at $20 an hour: $28,800 a month. The throughput is an assumption of ours, to be replaced."""
