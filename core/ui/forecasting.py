"""The Cost page's tab of what the month will have cost."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.cost.forecast import Forecast, Step
from core.cost.outlook import Outlook, outlook
from core.phrases import count, money
from core.services import Services
from core.ui import places
from core.ui.components import empty_state
from core.ui.cost_figures import NOTHING, unknown_prices
from core.ui.cost_view import viewers_zone
from core.ui.forecast_charts import month_course
from core.ui.sample import shown
from core.ui.text import escape_markdown

_PLUS = " +"


def show(services: Services) -> None:
    """The tab."""
    made = outlook(services.costs, viewers_zone(), datetime.now(UTC), sample=shown())
    unknown_prices(made.recent)
    if made.forecast is None:
        _nothing(made)
        return
    st.markdown(f"#### {escape_markdown(made.in_words())}")
    _figures(made, made.forecast)
    _course(made, made.forecast)


def _nothing(made: Outlook) -> None:
    if made.asked:
        empty_state("money_off", "No price is known", "Nothing of the last eight weeks has a known price, so no month "
                    "can be foreseen from it.")  # fmt: skip
        return
    text = "What the month will have cost will stand here, with a band and with how wrong such forecasts were."
    empty_state("query_stats", "Nothing was asked in the last eight weeks", text)
    st.page_link(places.ASK, label="Ask a question", icon=":material/forum:")


def _figures(made: Outlook, found: Forecast) -> None:
    more = _PLUS if made.lower_bound else ""
    known = ". Only what has a known price is in it" if made.lower_bound else ""
    with st.grid(4, min_column_width=150):
        st.metric("Spent this month", f"{money(found.spent_usd)}{more}", border=True, help=f"Up to now{known}")
        st.metric(f"By {found.month_ends:%B} {found.month_ends.day}", f"{money(found.expected_usd)}{more}", border=True,
                  help=_method(found) + known)  # fmt: skip
        st.metric("Nine in ten months", band_text(found.low_usd, found.high_usd), border=True,
                  help="Between these, as far as days to come differ from one another as days before did")  # fmt: skip
        st.metric("Off so far", NOTHING if found.backtest_error is None else f"{found.backtest_error:.0%}", border=True,
                  help=_tests(found))  # fmt: skip


def _method(found: Forecast) -> str:
    if found.method == "run rate":
        return f"The plain run rate of {count(found.history_days, 'day')}"
    return "What is spent, and for each day to come the mean of the last four weeks, shared out by weekday"


def _tests(found: Forecast) -> str:
    if not found.backtests:
        return "There is no earlier time to make such a forecast for"
    return (
        f"The mean error of {count(found.backtests, 'such forecast')} made for earlier days from what was known then, "
        "by what the whole cost in the end"
    )


def band_text(low: float | None, high: float | None) -> str:
    """A dash where there is no band."""
    return NOTHING if low is None or high is None else f"{money(low)} – {money(high)}"


def _course(made: Outlook, found: Forecast) -> None:
    st.caption(f"The month's sum by the end of each day, in {escape_markdown(made.zone)} time")
    st.altair_chart(month_course(course_table(found)), alt="The month's sum day by day, spent and expected")
    st.download_button(
        "CSV", lambda: to_csv(found), "cuepoint-forecast.csv", "text/csv", icon=":material/download:",
        on_click="ignore", key="forecast-csv", help="The month's sum by the end of each day",
    )  # fmt: skip


def course_table(found: Forecast) -> pd.DataFrame:
    """One row a day: ``day``, ``Spent``, ``Expected``, ``low``, ``high`` in dollars, and texts for the tooltip."""
    return pd.DataFrame([_row(step) for step in found.course])


def _row(step: Step) -> dict[str, object]:
    return {
        "day": step.day.isoformat(),
        "Spent": step.spent_usd,
        "Expected": step.expected_usd,
        "low": step.low_usd,
        "high": step.high_usd,
        "spent": NOTHING if step.spent_usd is None else money(step.spent_usd),
        "expected": NOTHING if step.expected_usd is None else money(step.expected_usd),
        "band": band_text(step.low_usd, step.high_usd),
    }


def to_csv(found: Forecast) -> str:
    """The month's days; empty is unknown."""
    columns = {"Spent": "spent_usd", "Expected": "expected_usd", "low": "low_usd", "high": "high_usd"}
    table = course_table(found)[["day", *columns]].rename(columns=columns)
    return str(table.to_csv(index=False))
