"""The Cost page's tabs of what the month will have cost and of what things would cost elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.models import Answer, AnswerStatus, Trace, Usage
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
