"""Own prices: in force at once, checked, priced by, previewed, taken back."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.cost import PRICES, Price, cost_usd
from core.cost.price_checks import warnings
from core.cost.price_list import Origin, PriceList
from core.cost.prices import price_usage, server_of
from core.cost.pricing import Prices
from core.errors import InputError, LibraryReadOnly, NotFound
from core.ledger import Ledger, NewPrice, open_ledger, price_filling
from core.models import Answer, AnswerStatus, Trace, Usage

DAY = datetime(2026, 11, 1, tzinfo=UTC)
LOCAL = "http://localhost:8000/v1"
USAGE = Usage(1_000_000, 100_000, 0, 0)
LLAMA = Price("llama", DAY, 1.0, 2.0, base_url=LOCAL)


def trace(trace_id: str, model: str = "llama", **changes: Any) -> Trace:
    answer = Answer(
        trace_id, AnswerStatus.ANSWERED, "So.", "en", model=model, usage=USAGE, cost_usd=changes.pop("cost_usd", None)
    )
    given = {"server": "localhost:8000", "started_at": DAY + timedelta(days=1)}
    return Trace(trace_id, "ask", question="?", channels=(), answer=answer, **(given | changes))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path}/cuepoint.db")
    yield opened
    opened.close()


@pytest.fixture
def prices(ledger: Ledger) -> Prices:
    return Prices(ledger.prices, ledger.price_filling)


def cost(ledger: Ledger, trace_id: str) -> float | None:
    return ledger.traces.get(trace_id).answer.cost_usd


# -------------------------------------------------------------------------------------------------- the price of a call


def test_reasoning_tokens_are_part_of_the_answer_and_may_cost_otherwise() -> None:
    price = Price("m", DAY, 1.0, 2.0, reasoning_usd=10.0)
    assert price_usage(price, Usage(1_000_000, 500_000, 0, 100_000)) == pytest.approx(1.0 + 0.8 + 1.0)
    assert price_usage(replace(price, reasoning_usd=None), Usage(0, 500_000, 0, 100_000)) == pytest.approx(1.0)


def test_a_long_prompt_costs_twice_as_much_and_its_answer_half_as_much_again() -> None:
    short, long = Usage(272_000, 1000, 100_000, 0), Usage(272_001, 1000, 100_000, 0)
    assert cost_usd("gpt-5.4", short, DAY) == pytest.approx((172_000 * 2.5 + 100_000 * 0.25 + 1000 * 15) / 1e6)
    assert cost_usd("gpt-5.4", long, DAY) == pytest.approx((172_001 * 5.0 + 100_000 * 0.5 + 1000 * 22.5) / 1e6)
    assert cost_usd("gpt-5.4-mini", long, DAY) == pytest.approx((172_001 * 0.75 + 100_000 * 0.075 + 1000 * 4.5) / 1e6)


BAD_COUNTS = [
    Usage(-1, 5, 0, 0), Usage(5, -1, 0, 0), Usage(5, 5, -1, 0), Usage(5, 5, 0, -1), Usage(None, 5, 0, 0),
    Usage(5, None, 0, 0), Usage(5, 5, 0, None), Usage(5, 5, 0, 6), Usage(2**60, 5, 0, 0),
]  # fmt: skip


@pytest.mark.parametrize("usage", BAD_COUNTS, ids=str)
def test_missing_negative_and_impossible_counts_make_no_number(usage: Usage) -> None:
    assert price_usage(Price("m", DAY, 1.0, 2.0, reasoning_usd=3.0), usage) is None


@pytest.mark.parametrize(
    ("address", "server"),
    [(None, "api.openai.com"), ("https://API.openai.com:443/v1", "api.openai.com"), (LOCAL, "localhost:8000"),
     ("http://me:secret@host/v1", "host"), ("host:80", "host:80"), ("http://[::1]:8000/v1", "[::1]:8000"),
     ("http://host:port", ""), ("http://[", ""), ("/v1", "")],
)  # fmt: skip
def test_a_server_is_known_by_host_and_port(address: str | None, server: str) -> None:
    assert server_of(address) == server


def test_without_own_prices_a_call_costs_what_the_shipped_table_says(prices: Prices) -> None:
    for price in PRICES:
        for usage in (USAGE, Usage(1000, 10, 500, 3), Usage(5)):
            assert prices.cost_of(price.model, usage, DAY) == cost_usd(price.model, usage, DAY)


def test_the_price_list_finds_what_the_plain_search_finds(prices: Prices) -> None:
    own = [Price("gpt-4o", DAY, 9, 9), Price("gpt-4o", DAY + timedelta(days=9), 8, 8), LLAMA]
    for price in own:
        prices.add(price)
    for model in ("gpt-4o", "gpt-4o-2024-11-20", "gpt-4o-2024-05-13", "llama", "no"):
        server = LOCAL if model == "llama" else None
        for days in (-900, -1, 0, 5, 9, 10):
            when = DAY + timedelta(days=days)
            assert prices.cost_of(model, USAGE, when, server) == cost_usd(model, USAGE, when, server, own_prices=own)
    assert prices.cost_of("gpt-4o-2024-11-20", USAGE, DAY) == pytest.approx(9.9)
    assert prices.cost_of("gpt-4o-2024-05-13", USAGE, DAY) == pytest.approx(6.5)


def test_an_own_price_is_in_force_at_once_and_only_from_its_start_on_its_server(prices: Prices) -> None:
    assert prices.cost_of("llama", USAGE, DAY, LOCAL) is None
    prices.add(LLAMA, "ada", "from the bill")
    assert prices.cost_of("llama", USAGE, DAY, LOCAL) == pytest.approx(1.2)
    assert prices.cost_of("llama-2026-10-01", USAGE, DAY, LOCAL) == pytest.approx(1.2)
    assert prices.cost_of("llama", USAGE, DAY - timedelta(microseconds=1), LOCAL) is None
    assert prices.cost_of("llama", USAGE, DAY) is None
    assert prices.price_of("llama", DAY, "localhost:8000") is not None


def test_an_own_price_of_an_openai_model_goes_before_the_shipped_one(prices: Prices) -> None:
    added = prices.add(Price("gpt-4o", DAY, 100.0, 0.0)).kept
    assert prices.cost_of("gpt-4o-2024-11-20", USAGE, DAY) == pytest.approx(100.0)
    assert prices.cost_of("gpt-4o", USAGE, DAY - timedelta(days=1)) == pytest.approx(3.5)
    prices.withdraw(added.price_id)
    assert prices.cost_of("gpt-4o", USAGE, DAY) == pytest.approx(3.5)


def test_what_another_process_adds_is_known_without_a_restart(ledger: Ledger) -> None:
    mine, theirs = (Prices(ledger.prices, ledger.price_filling, fresh_s=0) for _ in range(2))
    assert mine.cost_of("llama", USAGE, DAY, LOCAL) is None
    kept = theirs.add(LLAMA).kept
    assert mine.cost_of("llama", USAGE, DAY, LOCAL) == pytest.approx(1.2)
    theirs.withdraw(kept.price_id)
    assert mine.cost_of("llama", USAGE, DAY, LOCAL) is None


class Failing:
    """A price store that cannot be read while ``broken``."""

    def __init__(self, ledger: Ledger) -> None:
        self.broken = True
        self.asked = 0
        self._store = ledger.prices

    def revision(self) -> tuple[int, int]:
        self.asked += 1
        if self.broken:
            raise LibraryReadOnly("The disk is gone")
        return self._store.revision()

    def list(self) -> Any:
        return self._store.list()


def test_a_ledger_that_cannot_be_read_makes_no_number_up_and_stops_no_call(ledger: Ledger) -> None:
    store = Failing(ledger)
    prices = Prices(store, ledger.price_filling, fresh_s=0)  # type: ignore[arg-type]
    assert prices.cost_of("gpt-4o", USAGE, DAY) is None
    store.broken = False
    assert prices.cost_of("gpt-4o", USAGE, DAY) == pytest.approx(3.5)
    store.broken = True
    assert prices.cost_of("gpt-4o", USAGE, DAY) == pytest.approx(3.5)


def test_a_thousand_calls_of_many_threads_ask_the_ledger_once(ledger: Ledger) -> None:
    store = Failing(ledger)
    store.broken = False
    prices = Prices(store, ledger.price_filling, fresh_s=3600)  # type: ignore[arg-type]
    found: list[float | None] = []
    work = [
        threading.Thread(target=lambda: found.extend(prices.cost_of("gpt-4o", USAGE, DAY) for _ in range(250)))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert found == [pytest.approx(3.5)] * 1000
    assert store.asked <= len(work)


# ------------------------------------------------------------------------------------------------------------ the list


def test_the_table_says_where_each_price_is_from_and_until_when_it_holds(prices: Prices) -> None:
    later = DAY + timedelta(days=10)
    prices.add(Price("gpt-4.1", DAY, 5.0, 5.0), "ada")
    prices.add(Price("gpt-4.1", later, 6.0, 6.0), "ada")
    rows = [row for row in prices.table() if row.price.model == "gpt-4.1"]
    assert [(row.origin, row.price.since, row.until) for row in rows] == [
        (Origin.OWN, DAY, later),
        (Origin.OWN, later, None),
        (Origin.SHIPPED, datetime(2025, 4, 14, tzinfo=UTC), DAY),
    ]
    assert [row.kept.author for row in rows if row.kept] == ["ada", "ada"]
    assert len(prices.table()) == len(PRICES) + 2


def test_a_shipped_price_that_an_own_one_replaces_from_its_first_day_is_not_used(prices: Prices) -> None:
    prices.add(Price("gpt-4.1", datetime(2020, 1, 1, tzinfo=UTC), 5.0, 5.0))
    [shipped] = [r for r in prices.table() if r.price.model == "gpt-4.1" and r.origin is Origin.SHIPPED]
    assert not shipped.is_used
    assert all(row.is_used for row in prices.table() if row is not shipped and row.price.model != "gpt-4.1")


# ----------------------------------------------------------------------------------------------------- what is refused

REFUSED = {
    "no name": ({"model": " "}, "model"),
    "a long name": ({"model": "m" * 201}, "model"),
    "a hidden character": ({"model": "gpt\u202e"}, "model"),
    "negative": ({"input_usd": -0.01}, "input_usd"),
    "not a number": ({"output_usd": math.nan}, "output_usd"),
    "endless": ({"cached_usd": math.inf}, "cached_usd"),
    "a dollar a token": ({"reasoning_usd": 1_000_001.0}, "reasoning_usd"),
    "no server": ({"base_url": "http://["}, "server"),
    "a server with a space": ({"base_url": "my host"}, "server"),
    "a year that cannot be": ({"since": datetime(1, 1, 1, tzinfo=UTC)}, "since"),
}


@pytest.mark.parametrize(("changes", "field"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_price_is_refused_at_its_field_and_nothing_is_kept(
    prices: Prices, changes: dict[str, Any], field: str
) -> None:
    for act in (prices.add, prices.preview):
        with pytest.raises(InputError) as error:
            act(replace(LLAMA, **changes))
        assert error.value.subject == field
        assert error.value.hint
    assert prices.history() == []


def test_a_price_of_the_same_model_server_and_start_is_refused_and_named(prices: Prices) -> None:
    prices.add(LLAMA)
    for act in (prices.add, prices.preview):
        with pytest.raises(InputError, match=r"a price of llama on localhost:8000 from 2026-11-01"):
            act(replace(LLAMA, input_usd=3.0, since=DAY.replace(tzinfo=None)))
    assert len(prices.history()) == 1


def test_a_free_model_costs_nothing_and_that_is_known(prices: Prices) -> None:
    prices.add(replace(LLAMA, input_usd=0.0, output_usd=0.0))
    assert prices.cost_of("llama", USAGE, DAY, LOCAL) == 0.0


# ---------------------------------------------------------------------------------------------------- what looks wrong


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (
            Price("gpt-4o", DAY, 0.0025, 10.0),
            "The input price, $0.0025 for a million tokens, is a 1,000th of the least",
        ),
        (Price("gpt-4o", DAY, 2.5, 10_000.0), "is 1,000 times the most in the price before or after it"),
        (replace(LLAMA, model="gpt-4o", output_usd=20_000.0), "is 2,000 times the most on other servers"),
        (replace(LLAMA, input_usd=50_000.0), "is 10,000 times the most in the whole list"),
        (Price("gpt-4o", DAY, 2.5, 10.0, cached_usd=3.0), "Cached input costs more than fresh input"),
    ],
)
def test_a_price_a_thousand_times_its_neighbours_is_asked_about(price: Price, said: str) -> None:
    [found] = warnings(price, PriceList())
    assert said in found


@pytest.mark.parametrize("price", [LLAMA, replace(LLAMA, input_usd=0.0, output_usd=0.0), Price("gpt-4o", DAY, 3, 12)])
def test_a_price_like_its_neighbours_is_not(price: Price) -> None:
    assert warnings(price, PriceList()) == []


# -------------------------------------------------------------------------------------------------------- back-filling


def test_adding_a_price_fills_in_what_has_no_cost_and_tells_how_much(ledger: Ledger, prices: Prices) -> None:
    ledger.traces.finish_all([trace("a"), trace("b", cost_usd=9.0), trace("old", server="")], mirror=False)
    told, whole = prices.preview(LLAMA).change, prices.preview(LLAMA, reprice=True).change
    assert (told.traces, whole.traces, whole.usd) == (1, 2, pytest.approx(2.4 - 9.0))
    assert prices.preview(LLAMA, any_server=True).change.traces == 2
    seen: list[int] = []
    done = prices.add(LLAMA, "ada", on_portion=lambda change: seen.append(change.traces))
    assert (done.traces, done.runs, done.usd) == (1, 0, pytest.approx(1.2))
    assert seen == [1]
    assert [cost(ledger, key) for key in ("a", "b", "old")] == [pytest.approx(1.2), 9.0, None]
    assert prices.history()[0].filled_at is not None


def test_a_price_is_for_no_longer_than_to_the_next_own_one(ledger: Ledger, prices: Prices) -> None:
    ledger.traces.finish(trace("a", started_at=DAY + timedelta(days=5)), mirror=False)
    prices.add(replace(LLAMA, since=DAY + timedelta(days=3), input_usd=7.0, output_usd=0.0))
    assert cost(ledger, "a") == pytest.approx(7.0)
    assert prices.preview(LLAMA, reprice=True).change.traces == 0


def test_costs_that_are_known_change_only_where_that_was_chosen(ledger: Ledger, prices: Prices) -> None:
    ledger.traces.finish(trace("a", cost_usd=9.0), mirror=False)
    kept = prices.add(LLAMA).kept
    assert cost(ledger, "a") == 9.0
    prices.withdraw(kept.price_id)
    assert prices.add(LLAMA, reprice=True).usd == pytest.approx(1.2 - 9.0)
    assert cost(ledger, "a") == pytest.approx(1.2)


def test_a_wrong_price_can_be_taken_back_with_the_costs_that_it_gave(ledger: Ledger, prices: Prices) -> None:
    ledger.traces.finish_all([trace("a"), trace("gpt", "gpt-4o", server="api.openai.com", cost_usd=3.5)], mirror=False)
    wrong = [
        prices.add(replace(LLAMA, input_usd=1000.0)).kept,
        prices.add(Price("gpt-4o", DAY, 77.0, 0.0), reprice=True).kept,
    ]
    assert [cost(ledger, key) for key in ("a", "gpt")] == [pytest.approx(1000.2), pytest.approx(77.0)]
    assert prices.preview_withdrawal(wrong[0].price_id).lost == 1
    for kept in wrong:
        prices.withdraw(kept.price_id, "bob", reprice=True)
    assert [cost(ledger, key) for key in ("a", "gpt")] == [None, pytest.approx(3.5)]
    assert [kept.withdrawn_by for kept in prices.history()] == ["bob", "bob"]


def test_an_unknown_price_cannot_be_withdrawn(prices: Prices) -> None:
    with pytest.raises(NotFound):
        prices.withdraw("nothing")
    with pytest.raises(NotFound):
        prices.preview_withdrawal("nothing")


def test_what_a_killed_process_left_is_filled_at_the_next_start(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_filling, "PORTION", 2)
    ledger.traces.finish_all([trace(f"t{n}") for n in range(6)], mirror=False)

    def stop(_change: object) -> None:
        raise KeyboardInterrupt

    dying = Prices(ledger.prices, ledger.price_filling)
    with pytest.raises(KeyboardInterrupt):
        dying.add(LLAMA, on_portion=stop)
    started = Prices(ledger.prices, ledger.price_filling)
    assert [kept.model for kept in started.unfinished()] == ["llama"]
    assert sum(cost(ledger, f"t{n}") is None for n in range(6)) == 4
    started.resume()
    started.resume()
    started.close()
    assert sum(cost(ledger, f"t{n}") is None for n in range(6)) in {0, 2, 4}  # closing stops after a portion
    last = Prices(ledger.prices, ledger.price_filling)
    last.resume()
    last.wait()
    last.close()
    assert last.unfinished() == []
    assert all(cost(ledger, f"t{n}") == pytest.approx(1.2) for n in range(6))


def test_everything_without_a_cost_can_be_filled_by_todays_prices(ledger: Ledger, prices: Prices) -> None:
    ledger.traces.finish_all([trace("a", "gpt-4o", server="api.openai.com"), trace("b")], mirror=False)
    assert prices.fill().traces == 1
    assert [cost(ledger, key) for key in ("a", "b")] == [pytest.approx(3.5), None]


def test_models_without_a_price_are_told_by_server_with_their_tokens(ledger: Ledger, prices: Prices) -> None:
    ledger.traces.finish_all(
        [trace("a"), trace("b", started_at=DAY), trace("old", server=""), trace("paid", cost_usd=0.0)], mirror=False
    )
    [local, unknown] = prices.unpriced()
    assert (local.model, local.server, local.calls, local.tokens) == ("llama", "localhost:8000", 2, 2_200_000)
    assert (local.first_at, unknown.server, unknown.calls) == (DAY, "", 1)
    prices.add(LLAMA, any_server=True)
    assert prices.unpriced() == []


def test_a_large_back_fill_goes_on_in_the_background_and_one_worker_does_all_of_them(
    ledger: Ledger, prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_filling, "PORTION", 2)
    ledger.traces.finish_all([trace(f"{m}{n}", m) for n in range(6) for m in ("llama", "qwen")], mirror=False)
    added = [prices.add(replace(LLAMA, model=model), later=True) for model in ("llama", "qwen")]
    assert [one.traces for one in added] == [0, 0]
    assert prices.cost_of("qwen", USAGE, DAY, LOCAL) == pytest.approx(1.2)
    while prices.at_work() is not None:
        prices.wait(5)
    assert (prices.unfinished(), prices.unpriced()) == ([], [])
    prices.withdraw(added[0].kept.price_id, reprice=True, later=True)
    while prices.at_work() is not None:
        prices.wait(5)
    assert [one.calls for one in prices.unpriced()] == [6]


def test_a_price_that_is_withdrawn_while_it_is_filled_in_leaves_no_cost_behind(
    ledger: Ledger, prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_filling, "PORTION", 2)
    ledger.traces.finish_all([trace(f"t{n}") for n in range(6)], mirror=False)

    def withdraw_once(_change: object) -> None:
        if prices.history()[0].in_force:
            prices.withdraw(prices.history()[0].price_id, reprice=True, later=True)
            prices.wait(5)

    prices.add(LLAMA, on_portion=withdraw_once)
    assert [cost(ledger, f"t{n}") for n in range(6)] == [None] * 6
    assert prices.unfinished() == []


def test_a_price_that_is_withdrawn_while_the_background_fills_it_in_is_followed_again(
    ledger: Ledger, prices: Prices
) -> None:
    ledger.traces.finish_all([trace("a")], mirror=False)
    before = prices.add(LLAMA).kept
    ledger.prices.withdraw(before.price_id, author="", reprice=True)
    ledger.prices.filled(before)
    assert [kept.price_id for kept in prices.unfinished()] == [before.price_id]
    prices.fill()
    assert (cost(ledger, "a"), prices.unfinished()) == (None, [])


def test_a_later_price_that_is_added_while_an_earlier_one_is_filled_in_is_the_one_of_its_time(
    ledger: Ledger, prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_filling, "PORTION", 1)
    times = [DAY + timedelta(days=day) for day in (1, 9)]
    ledger.traces.finish_all([trace(f"t{n}", started_at=at) for n, at in enumerate(times)], mirror=False)

    later = NewPrice("llama", "localhost:8000", DAY + timedelta(days=5), 7.0, 2.0, None, None)

    def add_once(_change: object) -> None:
        if len(prices.history()) == 1:
            ledger.prices.add(later, author="", note="", reprice=False, any_server=False)
            prices.refresh()

    prices.add(LLAMA, on_portion=add_once)
    prices.fill()
    assert [cost(ledger, f"t{n}") for n in range(2)] == [pytest.approx(1.2), pytest.approx(7.2)]
