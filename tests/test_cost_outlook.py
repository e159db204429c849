"""The month's forecast from what was asked, by the days of a time zone."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.cost.outlook import Outlook, outlook
from core.cost.outlook_documents import forecast_document
from core.cost.service import Costs
from core.models import Answer, AnswerStatus, Trace, Usage
from tests.fakes.spending import PlainComparison, PlainSpending

UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)


def asked(begun: datetime, cost: float | None = 2.0, model: str | None = "gpt-4o") -> Trace:
    usage = Usage(1000, 100, 0, 0) if model else Usage()
    answer = Answer("t", AnswerStatus.ANSWERED, "", "en", model=model, usage=usage, cost_usd=cost)
    return Trace("t", "ask", begun, "Why?", (), answer)


def foreseen(traces: list[Trace], now: datetime = NOON, zone: ZoneInfo = UTC_ZONE) -> Outlook:
    return outlook(Costs(PlainSpending(lambda: traces), PlainComparison()), zone, now)  # type: ignore[arg-type]


def daily(days: int, cost: float | None = 2.0) -> list[Trace]:
    """One call a day, at one o'clock, up to yesterday."""
    return [asked(NOON.replace(hour=1) - timedelta(days=n), cost) for n in range(1, days + 1)]


def test_half_of_today_is_still_to_come_at_noon() -> None:
    found = foreseen(daily(60)).forecast
    assert found is not None
    assert (found.spent_usd, found.expected_usd) == (pytest.approx(28), pytest.approx(28 + 2 * 15.5))


def test_the_days_and_the_month_are_those_of_the_time_zone() -> None:
    """At noon in UTC it is the first of December already where the clocks are fourteen hours ahead."""
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    kiritimati = foreseen([asked(now - timedelta(hours=1))], now, ZoneInfo("Pacific/Kiritimati"))
    assert kiritimati.today == date(2026, 12, 1)
    assert kiritimati.forecast is not None
    assert kiritimati.forecast.month_ends == date(2026, 12, 31)
    here = foreseen([asked(now - timedelta(hours=1))], now)
    assert here.forecast is not None
    assert here.forecast.month_ends == date(2026, 11, 30)


def test_what_was_asked_after_now_is_not_counted() -> None:
    found = foreseen([*daily(20), asked(NOON + timedelta(hours=1), 500.0)]).forecast
    assert found is not None
    assert found.spent_usd == pytest.approx(28)


def test_an_unknown_price_makes_it_a_lower_bound_that_names_the_model() -> None:
    made = foreseen([*daily(30), asked(NOON - timedelta(days=3), None, "llama")])
    assert made.lower_bound
    assert [row.key for row in made.recent.unpriced] == ["llama"]
    assert made.in_words().endswith("A lower bound: what has no known price is left out.")
    document = forecast_document(made)
    assert document is not None
    assert (document["lower_bound"], document["unknown_price_calls"], document["unknown_price_tokens"]) == (
        True, 1, 1100,
    )  # fmt: skip


def test_an_unknown_price_of_long_ago_says_nothing_of_this_month() -> None:
    made = foreseen([*daily(80), asked(NOON - timedelta(days=70), None, "llama")])
    assert not made.lower_bound
    assert made.recent.unpriced == ()


def test_where_no_price_is_known_there_is_no_amount_and_no_zero() -> None:
    made = foreseen(daily(30, cost=None))
    assert (made.forecast, made.asked) == (None, True)
    assert made.in_words() == "What was asked has no known price, so there is no forecast."
    document = forecast_document(made)
    assert document is not None
    assert (document["expected_usd"], document["spent_usd"], document["days"]) == (None, None, [])


def test_quotes_cost_nothing_and_that_is_known() -> None:
    made = foreseen([asked(NOON - timedelta(days=1), None, None)])
    assert made.forecast is not None
    assert (made.forecast.expected_usd, made.lower_bound) == (0.0, False)


def test_nothing_asked_is_no_forecast() -> None:
    made = foreseen([asked(NOON - timedelta(days=100))])
    assert not made.asked
    assert forecast_document(made) is None
    assert made.in_words().startswith("Nothing was asked in the last eight weeks")


def test_the_document_has_every_day_of_the_month_and_is_json() -> None:
    document = forecast_document(foreseen(daily(60)))
    assert document is not None
    assert json.loads(json.dumps(document)) == document
    assert [day["day"] for day in document["days"]] == [f"2026-11-{n:02}" for n in range(1, 31)]
    assert (document["month_ends"], document["method"], document["timezone"]) == ("2026-11-30", "weekdays", "UTC")
    assert document["days"][-1]["expected_usd"] == document["expected_usd"]
    assert [day["spent_usd"] for day in document["days"][13:16]] == [28.0, 28.0, None]
