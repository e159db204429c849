"""A process of the measurement of budgets: many threads that make calls until the budget is used up.

``python -m benchmarks.budget_calls WAY URL THREADS SEED`` waits for a line on standard input, then calls, and prints
what it spent and how long holding and settling took, as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from core.cost.budgets import Budgets
from core.errors import BudgetExhausted
from core.ledger import Ledger, open_ledger

WORST_USD = 0.01
CALL_S = 0.02
"""A model that answers in this time."""
MODEL = "model"


@dataclass
class Tally:
    """What the threads of this process did."""

    spent_usd: list[float] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    """Holding and settling of one call, the call itself left out."""


def held(ledger: Ledger, budgets: Budgets, tally: Tally, seed: int) -> None:  # noqa: ARG001  as unheld
    """Our way: the worst case is held before each call, and what it did cost is settled after."""
    chance = random.Random(seed)
    while True:
        began = time.perf_counter()
        try:
            call = budgets.reserve(model=MODEL, worst_usd=WORST_USD, patience_s=60)
        except BudgetExhausted:
            return
        held_s = time.perf_counter() - began
        cost = _call(chance)
        began = time.perf_counter()
        call.settle(cost)
        tally.spent_usd.append(cost)
        tally.took_ms.append((held_s + time.perf_counter() - began) * 1000)


def unheld(ledger: Ledger, budgets: Budgets, tally: Tally, seed: int) -> None:
    """The usual way: looks whether the budget is used up, calls, and adds what it did cost, itself atomic."""
    chance = random.Random(seed)
    while True:
        began = time.perf_counter()
        if ledger.budgets.states()[0].is_used_up:
            return
        looked_s = time.perf_counter() - began
        cost = _call(chance)
        began = time.perf_counter()
        budgets.reserve(model=MODEL, worst_usd=None).settle(cost)
        tally.spent_usd.append(cost)
        tally.took_ms.append((looked_s + time.perf_counter() - began) * 1000)


def kept(ledger: Ledger, budgets: Budgets, tally: Tally, seed: int) -> None:  # noqa: ARG001  as unheld
    """Holds a call, and is killed before it ends."""
    budgets.reserve(model=MODEL, worst_usd=WORST_USD)
    time.sleep(600)


def _call(chance: random.Random) -> float:
    time.sleep(CALL_S)
    return round(WORST_USD * chance.uniform(0.1, 1.0), 9)


WAYS = {"held": held, "unheld": unheld, "kept": kept}


def main() -> None:
    way, url, threads, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    ledger, tally = open_ledger(url), Tally()
    budgets = Budgets(ledger.budgets)
    ledger.budgets.states()
    print("ready", flush=True)
    sys.stdin.readline()
    start = threading.Barrier(threads)

    def work(number: int) -> None:
        start.wait()
        WAYS[way](ledger, budgets, tally, 1000 * seed + number)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    print(json.dumps({"spent_usd": tally.spent_usd, "took_ms": tally.took_ms}), flush=True)
    ledger.close()


if __name__ == "__main__":
    main()
