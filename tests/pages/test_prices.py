"""The tab of prices on the Cost page, over a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.cost import PRICES, Price
from core.cost.pricing import Prices
from core.ledger import Ledger, open_ledger
from core.models import Answer, AnswerStatus, Trace, Usage
from core.ui import price_effect
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words

NOW = datetime.now(UTC)
LLAMA = "llama **bold**"
HOST = "models.example:8000"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path}/cuepoint.db")
    yield opened
    opened.close()


@pytest.fixture
def prices(ledger: Ledger, services: FakeServices) -> Prices:
    """Two calls that nobody knows the price of, one of them on a server that nobody knows, and one that was paid."""
    for n, (server, cost) in enumerate([(HOST, None), ("", None), (HOST, 9.0)]):
        usage = Usage(1_000_000, 100_000, 0, 0)
        answer = Answer(f"t{n}", AnswerStatus.ANSWERED, "So.", "en", model=LLAMA, usage=usage, cost_usd=cost)
        asked = Trace(f"t{n}", "ask", NOW - timedelta(hours=n), "Why?", (), answer, server=server)
        ledger.traces.finish(asked, mirror=False)
        services.traces.put(asked)
    services.prices = Prices(ledger.prices, ledger.price_filling)  # type: ignore[assignment]
    return services.prices  # type: ignore[return-value]


def costs(ledger: Ledger) -> list[float | None]:
    return [ledger.traces.get(f"t{n}").answer.cost_usd for n in range(3)]


def open_tab(open_page: OpenPage) -> AppTest:
    return open_page("cost", **{"cost-tab": "Prices"})


def llama_of(app: AppTest) -> AppTest:
    """The form with model and server, before it is drawn anew."""
    app.text_input("price-model").set_value(LLAMA)
    app.text_input("price-server").set_value(HOST)
    return app


def write(app: AppTest, **amounts: float) -> AppTest:
    for name, usd in amounts.items():
        app.number_input(f"price-{name}").set_value(usd)
    return app.run()


def test_the_list_has_every_price_with_its_server_and_time(open_page: OpenPage, prices: Prices) -> None:
    prices.add(Price("gpt-4.1", datetime(2026, 1, 1, tzinfo=UTC), 5.0, 6.0, reasoning_usd=7.0))
    table = open_tab(open_page).dataframe[0].value
    assert len(table) == len(PRICES) + 1
    own, shipped = (table[(table.Model == "gpt-4.1") & (table.Origin == origin)].iloc[0] for origin in ("Own", "Ships"))
    assert (own.Server, own.Input, own.Output, own.Reasoning, own.From, own.Until) == (
        "api.openai.com", 5.0, 6.0, 7.0, "2026-01-01", "",
    )  # fmt: skip
    assert (shipped.From, shipped.Until) == ("2025-04-14", "2026-01-01")


def test_the_banner_leads_to_the_form_with_model_and_server_filled_in(open_page: OpenPage, prices: Prices) -> None:
    app = open_page("cost")
    app.button("cost-price-0").click().run()
    assert app.text_input("price-model").value == LLAMA
    assert app.text_input("price-server").value == HOST


def test_the_banner_of_a_dated_snapshot_sets_the_price_of_its_family_which_calls_ask_for(
    open_page: OpenPage, prices: Prices, ledger: Ledger
) -> None:
    usage = Usage(1_000_000, 0, 0, 0)
    answer = Answer("dated", AnswerStatus.ANSWERED, "So.", "en", model="small-2026-01-01", usage=usage)
    ledger.traces.finish(Trace("dated", "ask", NOW, "Why?", (), answer, server=""), mirror=False)
    app = open_tab(open_page)
    where = next(n for n, one in enumerate(prices.unpriced()) if one.model == "small-2026-01-01")
    app.button(f"price-set-{where}").click().run()
    assert app.text_input("price-model").value == "small"
    app.text_input("price-server").set_value(HOST)
    write(app, input=1.0, output=2.0)
    assert app.checkbox("price-any-server").label == "Also for 1 question to it of which the server is not known"
    app.button("price-add").click().run()
    assert ledger.traces.get("dated").answer.cost_usd == pytest.approx(1.0)
    assert prices.cost_of("small", usage, NOW, HOST) == pytest.approx(1.0), "what a budget holds by"


def test_a_price_is_added_and_the_page_says_what_it_filled_in(
    open_page: OpenPage, prices: Prices, ledger: Ledger
) -> None:
    app = open_tab(open_page)
    assert f"**{LLAMA}** on models.example:8000: 1 question, 1,100,000 tokens" in words(app)
    where = next(n for n, one in enumerate(prices.unpriced()) if one.server)
    app.button(f"price-set-{where}").click().run()
    write(app, input=1.0, output=2.0)
    assert "1 question would get a cost: +$1.20 in all" in words(app)
    app.checkbox("price-any-server").check().run()
    assert "2 questions would get a cost" in words(app)
    app.button("price-add").click().run()
    assert not app.exception
    assert "2 questions got a cost: +$2.40 in all" in app.success[0].value.replace("\\", "")
    assert costs(ledger) == [pytest.approx(1.2), pytest.approx(1.2), 9.0]
    assert app.text_input("price-model").value == ""
    assert "No price is known" not in words(app)


def test_costs_that_are_known_change_where_that_is_ticked(open_page: OpenPage, prices: Prices, ledger: Ledger) -> None:
    app = open_tab(open_page)
    app.text_input("price-model").set_value(LLAMA)
    app.text_input("price-server").set_value(f"http://{HOST}/v1")
    write(app, input=1.0, output=2.0)
    app.checkbox("price-reprice").check().run()
    assert "1 question would get a cost, 1 question would get another one: -$6.60 in all" in words(app)
    app.button("price-add").click().run()
    assert costs(ledger) == [pytest.approx(1.2), None, pytest.approx(1.2)]


def test_a_free_model_of_ones_own_is_priced_at_nothing(open_page: OpenPage, prices: Prices, ledger: Ledger) -> None:
    app = llama_of(open_tab(open_page))
    write(app, input=0.0, output=0.0)
    app.button("price-add").click().run()
    assert costs(ledger)[0] == 0.0


def test_what_looks_like_a_slip_waits_for_a_tick(open_page: OpenPage, prices: Prices) -> None:
    app = open_tab(open_page)
    app.text_input("price-model").set_value("gpt-4o")
    write(app, input=2500.0, output=10.0)
    assert "is 1,000 times the most in the price before or after it" in words(app)
    assert app.button("price-add").disabled
    app.checkbox("price-sure").check().run()
    app.button("price-add").click().run()
    assert [kept.input_usd for kept in prices.history()] == [2500.0]


@pytest.mark.parametrize(
    ("model", "server", "said"),
    [
        (LLAMA, "my host", "The server is no address"),
        ("gpt\u200b-4o", HOST, "cannot be seen"),
        ("gpt\u202e", HOST, "cannot be seen"),
    ],
)
def test_what_is_no_price_is_named_and_cannot_be_added(
    open_page: OpenPage, prices: Prices, model: str, server: str, said: str
) -> None:
    app = open_tab(open_page)
    app.text_input("price-model").set_value(model)
    app.text_input("price-server").set_value(server)
    write(app, input=1.0, output=2.0)
    assert not app.exception
    assert said in words(app)
    assert "price-add" not in [button.key for button in app.button]


def test_a_price_that_is_there_already_is_named(open_page: OpenPage, prices: Prices) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    prices.add(Price("llama", start, 1.0, 2.0, base_url=HOST))
    app = open_tab(open_page)
    app.text_input("price-model").set_value("llama")
    app.text_input("price-server").set_value(HOST)
    app.date_input("price-since").set_value(start.date())
    write(app, input=3.0, output=4.0)
    assert "There is a price of llama on models.example:8000 from 2026-11-01" in words(app)


def test_a_price_is_withdrawn_with_the_costs_that_it_gave_and_stays_in_the_history(
    open_page: OpenPage, prices: Prices, ledger: Ledger
) -> None:
    added = prices.add(Price(LLAMA, datetime(2026, 1, 1, tzinfo=UTC), 1.0, 2.0, base_url=HOST)).kept
    app = open_tab(open_page)
    app.selectbox("price-pick").set_value(added.price_id).run()
    assert "The cost of 2 questions would be unknown then" in words(app)
    app.button("price-withdraw").click().run()
    assert not app.exception
    assert costs(ledger) == [None, None, None]
    assert app.dataframe[1].value.Withdrawn.notna().all()


def test_a_price_can_be_withdrawn_and_leave_the_costs(open_page: OpenPage, prices: Prices, ledger: Ledger) -> None:
    added = prices.add(Price(LLAMA, datetime(2026, 1, 1, tzinfo=UTC), 1.0, 2.0, base_url=HOST)).kept
    app = open_tab(open_page)
    app.selectbox("price-pick").set_value(added.price_id).run()
    app.checkbox("price-back").uncheck().run()
    app.button("price-withdraw").click().run()
    assert costs(ledger) == [pytest.approx(1.2), None, 9.0]
    assert not prices.history()[0].in_force


def test_a_back_fill_that_was_cut_off_is_said_and_goes_on(open_page: OpenPage, prices: Prices, ledger: Ledger) -> None:
    def stop(_change: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prices.add(Price(LLAMA, datetime(2026, 1, 1, tzinfo=UTC), 1.0, 2.0, base_url=HOST), on_portion=stop)
    app = open_tab(open_page)
    assert f"Not all questions have their cost by the price of {LLAMA} yet" in words(app)
    app.button("price-go-on").click().run()
    assert "Not all questions" not in words(app)
    assert costs(ledger)[0] == pytest.approx(1.2)


def test_without_own_prices_and_without_questions_there_is_the_list_and_the_form(open_page: OpenPage) -> None:
    app = open_tab(open_page)
    assert not app.exception
    assert "No price is known" not in words(app)
    assert len(app.dataframe[0].value) == len(PRICES)


def test_many_costs_are_filled_in_behind_the_page(
    open_page: OpenPage, prices: Prices, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_effect, "MANY", 0)
    app = llama_of(open_tab(open_page))
    write(app, input=1.0, output=2.0)
    app.button("price-add").click().run()
    assert not app.exception
    assert "has its price" in app.success[0].value
    prices.wait(10)
    assert costs(ledger)[0] == pytest.approx(1.2)
    assert "Not all questions" not in words(app.run())


def test_what_a_price_of_many_would_change_is_worked_out_on_a_click_and_stays_until_something_is_typed(
    open_page: OpenPage, prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_effect, "MANY", 0)
    app = llama_of(open_tab(open_page))
    write(app, input=1.0, output=2.0)
    assert "It concerns 1 question" in words(app)
    assert "would get a cost" not in words(app)
    app.button("price-form-work-out").click().run()
    assert "1 question would get a cost: +$1.20 in all" in words(app)
    app.text_input("price-note").set_value("from the bill").run()
    assert "1 question would get a cost: +$1.20 in all" in words(app)
    write(app, output=3.0)
    assert "It concerns 1 question" in words(app)
    assert "would get a cost" not in words(app)


def test_while_a_price_of_many_is_typed_or_a_withdrawal_picked_no_cost_is_worked_out(
    open_page: OpenPage, prices: Prices, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = prices.add(Price(LLAMA, datetime(2026, 1, 1, tzinfo=UTC), 1.0, 2.0, base_url=HOST)).kept
    monkeypatch.setattr(price_effect, "MANY", 0)
    looked: list[object] = []
    monkeypatch.setattr(ledger.price_filling, "look", lambda *asked, **_choices: looked.append(asked))
    app = llama_of(open_tab(open_page))
    app.date_input("price-since").set_value(date(2026, 1, 2))
    write(app, input=1.0, output=2.0)
    app.checkbox("price-reprice").check().run()
    app.selectbox("price-pick").set_value(added.price_id).run()
    assert not app.exception
    assert words(app).count("It concerns 2 questions") == 2
    assert looked == []


def test_a_withdrawal_that_concerns_many_is_worked_out_on_a_click(
    open_page: OpenPage, prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = prices.add(Price(LLAMA, datetime(2026, 1, 1, tzinfo=UTC), 1.0, 2.0, base_url=HOST)).kept
    monkeypatch.setattr(price_effect, "MANY", 1)
    app = open_tab(open_page)
    app.selectbox("price-pick").set_value(added.price_id).run()
    assert "would be unknown then" not in words(app)
    app.button("price-history-work-out").click().run()
    assert "The cost of 2 questions would be unknown then" in words(app)
    app.button("price-withdraw").click().run()
    prices.wait(10)
    assert not prices.history()[0].in_force
