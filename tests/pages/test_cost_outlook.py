"""The Cost page's tabs of what the month will have cost and of what things would cost elsewhere."""

from __future__ import annotations

import csv
import io
import math
from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.cost.forecast import forecast
from core.cost.prices import Price
from core.cost.report import By
from core.cost.repricing import reprice
from core.models import Answer, AnswerStatus, Trace, Usage
from core.ui import forecasting, supposing
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words

NOW = datetime.now(UTC)


def asked(services: FakeServices, days_ago: int, model: str | None = "gpt-4o", cost: float | None = 2.0) -> None:
    """A question of that day, of a thousand tokens read and a hundred written."""
    n = len(services.traces.rows)
    usage = Usage(1000, 100, 200, 0) if model else Usage()
    answer = Answer(f"t{n}", AnswerStatus.ANSWERED, "", "en", model=model, usage=usage, cost_usd=cost)
    begun = NOW if days_ago == 0 else NOW.replace(hour=12) - timedelta(days=days_ago)
    services.traces.put(Trace(f"t{n}", "ask", begun, "Why?", (), answer, user=f"u{n % 2}"))


def open_tab(open_page: OpenPage, tab: str) -> AppTest:
    app = open_page("cost")
    app.session_state["cost-tab"] = tab
    app.run()
    assert not app.exception
    return app


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_a_month_of_steady_cost_is_foreseen_with_its_band_and_its_error(
    services: FakeServices, open_page: OpenPage
) -> None:
    for day in range(60):
        asked(services, day)
    app = open_tab(open_page, "Forecast")
    said = words(app)
    assert "About $" in said
    assert "most likely" in said
    assert "such forecasts were off by" in said
    assert figures(app)["Spent this month"] == f"${2.0 * NOW.day:,.2f}"


@pytest.mark.parametrize("tab", ["Forecast", "What if"])
def test_an_empty_ledger_says_so(open_page: OpenPage, tab: str) -> None:
    said = words(open_tab(open_page, tab))
    assert {"Forecast": "Nothing was asked", "What if": "No model was called in this time."}[tab] in said


def test_the_address_opens_a_tab(services: FakeServices, open_page: OpenPage) -> None:
    app = open_page("cost", **{"cost-tab": "What if"})
    assert "On another model" in words(app)


def test_a_forecast_that_leaves_something_out_says_so_and_names_it(services: FakeServices, open_page: OpenPage) -> None:
    for day in range(20):
        asked(services, day)
    asked(services, 3, "llama **bold**", None)
    app = open_tab(open_page, "Forecast")
    assert "A lower bound" in words(app)
    assert figures(app)["Spent this month"].endswith(" +")
    assert "llama **bold**" in words(app)


def test_less_than_two_weeks_give_a_run_rate_without_a_band(services: FakeServices, open_page: OpenPage) -> None:
    for day in range(5):
        asked(services, day)
    app = open_tab(open_page, "Forecast")
    assert "at the present run rate (4 days of history; a forecast needs 14)" in words(app)
    assert (figures(app)["Nine in ten months"], figures(app)["Off so far"]) == ("–", "–")


def test_where_no_price_is_known_there_is_no_forecast_and_no_zero(services: FakeServices, open_page: OpenPage) -> None:
    asked(services, 1, "llama", None)
    app = open_tab(open_page, "Forecast")
    assert "No price is known" in words(app)
    assert figures(app) == {}


def test_the_forecasts_file_has_each_day_and_nothing_for_what_is_unknown(
    services: FakeServices, open_page: OpenPage
) -> None:
    today = date(2026, 11, 15)
    found = forecast({today - timedelta(days=n): 1.0 for n in range(5)}, today)
    assert found is not None
    rows = list(csv.DictReader(io.StringIO(forecasting.to_csv(found))))
    assert [row["day"] for row in rows] == [f"2026-11-{n:02}" for n in range(1, 31)]
    assert (rows[14]["spent_usd"], rows[15]["spent_usd"], rows[15]["expected_usd"]) == ("5.0", "", "6.0")
    assert {row["low_usd"] + row["high_usd"] for row in rows} == {""}


# -------------------------------------------------------------------------------------------------------------- what if


def test_calls_are_repriced_by_model_and_unknown_ones_are_named(services: FakeServices, open_page: OpenPage) -> None:
    asked(services, 1)
    asked(services, 2, "llama **bold**", None)
    asked(services, 3, None, None)
    app = open_tab(open_page, "What if")
    app.selectbox(key="if-model").set_value("gpt-4o-mini").run()
    said = words(app)
    assert "On gpt-4o-mini the 1 question whose cost is known would cost $0.000195 instead of $2.00" in said
    assert "What llama **bold** costs now is unknown for 1 of its 1 questions" in said
    rows = app.dataframe[0].value.set_index("Model")
    assert list(rows.index) == ["gpt-4o", "llama **bold**"]
    assert rows.loc["llama **bold**", "Cost there"] == pytest.approx(0.000195)
    assert math.isnan(rows.loc["llama **bold**", "Difference"])


def test_only_models_that_write_are_offered(open_page: OpenPage) -> None:
    options = open_tab(open_page, "What if").selectbox(key="if-model").options
    assert "gpt-4o" in options
    assert not [name for name in options if "embedding" in name]


def test_the_what_if_file_has_no_formula(services: FakeServices) -> None:
    asked(services, 1, "=HYPERLINK(1)", 0.5)
    report = services.costs.report(by=By.MODEL)
    made = reprice(report, Price("=cmd", NOW, 1.0, 1.0))
    (row,) = csv.DictReader(io.StringIO(supposing.to_csv(made)))
    assert (row["Model"], row["there"]) == ("'=HYPERLINK(1)", "'=cmd")


def test_the_books_example_stands_there_with_its_arithmetic(open_page: OpenPage) -> None:
    app = open_tab(open_page, "What if")
    assert figures(app) == {
        "A search, hosted": "$0.008", "A month, hosted": "$7,200.00", "A month, own machines": "$28,800.00",
        "Break-even at": "20.8%",
    }  # fmt: skip
    said = words(app)
    assert "(50 tokens in × $10.00 + 250 out × $30.00) ÷ 1,000,000 = $0.0080 a search" in said
    assert "The book prints $0.0105 a search and $9,450 a month." in said
    app.number_input(key="if-users").set_value(2000).run()
    assert figures(app)["A month, hosted"] == "$14,400.00"
    assert "The book prints" not in words(app)
    app.button(key="if-book").click().run()
    assert "The book prints" in words(app)


def test_the_own_month_and_the_chosen_price_fill_the_inputs(services: FakeServices, open_page: OpenPage) -> None:
    for day in range(10):
        asked(services, day)
    app = open_tab(open_page, "What if")
    app.selectbox(key="if-model").set_value("gpt-4o").run()
    app.button(key="if-own").click().run()
    app.button(key="if-price").click().run()
    assert not app.exception
    values = {box.key: box.value for box in app.number_input}
    assert (values["if-users"], values["if-searches"], values["if-input"], values["if-output"]) == (2, 0.5, 1000, 100)
    assert (values["if-input-usd"], values["if-output-usd"]) == (2.5, 10.0)
    assert figures(app)["A search, hosted"] == "$0.0035"


def test_an_own_month_that_nobody_counted_is_said_where_it_was_asked_for(open_page: OpenPage) -> None:
    app = open_tab(open_page, "What if")
    app.button(key="if-own").click().run()
    assert "No token was counted in the last 30 days" in app.warning[0].value


@pytest.mark.parametrize("key", ["if-users", "if-searches", "if-input", "if-output", "if-input-usd", "if-output-usd"])
def test_nothing_at_all_is_no_crash(open_page: OpenPage, key: str) -> None:
    app = open_tab(open_page, "What if")
    app.number_input(key=key).set_value(0).run()
    assert not app.exception
    assert not app.error
    assert "a month" in words(app)


@pytest.mark.parametrize("value", [0.01, 10**12])
def test_the_least_and_the_most_that_the_inputs_take_are_worked_out(open_page: OpenPage, value: float) -> None:
    app = open_tab(open_page, "What if")
    for box in app.number_input:
        box.set_value(max(1, int(value)) if box.key in ("if-users", "if-instances") else float(value))
    app.run()
    assert not app.exception
    assert not app.error
    assert "a month" in words(app)
