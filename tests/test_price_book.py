"""The price list that every call looks at."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from core.cost.price_book import PriceBook
from core.models import Usage

WHEN = datetime(2026, 11, 1, tzinfo=UTC)


class SlowStore:
    """A PriceStore without own prices. Each look at it but the first waits until it is let go."""

    def __init__(self) -> None:
        self.looks = 0
        self.waiting, self.go_on = threading.Event(), threading.Event()

    def revision(self) -> tuple[int, int]:
        self.looks += 1
        if self.looks > 1:
            self.waiting.set()
            assert self.go_on.wait(10)
        return (0, 0)

    def list(self) -> list[object]:
        return []


def test_while_one_thread_looks_for_new_prices_the_others_use_those_they_have():
    store = SlowStore()
    book = PriceBook(store, fresh_s=0.0)  # type: ignore[arg-type]
    usage = Usage(1_000_000, 0, 0, 0)
    known = book.cost_of("gpt-5.4-mini", usage, WHEN)
    assert known
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(book.cost_of, "gpt-5.4-mini", usage, WHEN)
        assert store.waiting.wait(10)
        assert [book.cost_of("gpt-5.4-mini", usage, WHEN) for _ in range(5)] == [known] * 5
        store.go_on.set()
        assert slow.result(10) == known
    assert store.looks == 2
