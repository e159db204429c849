"""The Cost page's tab of what things would cost elsewhere: on another model, or on machines of one's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.cost.prices import Price
from core.cost.report import By
from core.cost.repricing import Repriced, Repricing, labels_of, reprice, writers
from core.cost.summary import name_of
from core.plain_text import spreadsheet_cell
from core.services import Services
from core.ui import self_hosting
from core.ui.components import notices
from core.ui.cost_figures import money_cell
from core.ui.cost_view import Window, choose_window
from core.ui.sample import shown
from core.ui.text import UNKNOWN, escape_markdown, shorten

_MODEL = "if-model"
_NAME_CHARS = 60
_AMOUNTS = ("Cost now", "Cost there", "Difference")
_COUNTS = ("Questions", "Prompt", "Cached", "Completion", "Reasoning", "Not counted")
_COLUMNS = {name: st.column_config.NumberColumn(format="localized") for name in _COUNTS}


def show(services: Services) -> None:
    """The tab."""
    prices = writers(services.prices.table(), datetime.now(UTC))
    st.subheader("On another model", anchor=False)
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        window = choose_window()
        price = _choose_price(prices)
    _another_model(services, window, price)
    st.subheader("On machines of your own", anchor=False, divider="gray")
    self_hosting.show(services, price)


def _choose_price(prices: Sequence[Price]) -> Price:
    labels = labels_of(prices)
    label = st.selectbox(
        "Model", labels, key=_MODEL, persist_state="session", width=320,
        help="The models of the price list, each at the price that is in force now",
    )  # fmt: skip
    return prices[labels.index(label)]


def _another_model(services: Services, window: Window, price: Price) -> None:
    made = reprice(services.costs.report(since=window.since, by=By.MODEL, zone=window.zone, sample=shown()), price)
    st.markdown(f"**{escape_markdown(made.in_words())}**")
    if not made.rows:
        return
    st.dataframe(
        repriced_table(made).style.format(dict.fromkeys(_AMOUNTS, money_cell)), hide_index=True,
        column_config=_COLUMNS, placeholder=UNKNOWN, alt="Each model's tokens, its cost now and at the other price",
    )  # fmt: skip
    notices(caveats(made))
    st.download_button(
        "CSV", lambda: to_csv(made), "cuepoint-what-if.csv", "text/csv", icon=":material/download:",
        on_click="ignore", key="if-csv", help="The rows of the table",
    )  # fmt: skip


def caveats(made: Repricing) -> list[str]:
    """What the numbers leave out, by name."""
    named = [
        f"What {name_of(row.model, By.MODEL)} costs now is unknown for {row.tally.unpriced_calls:,} of its "
        f"{row.tally.calls:,} questions, so there is nothing to compare with."
        for row in made.unknown
    ]
    return [*named, "Tokens as the models in use counted them: another model counts and writes somewhat more or less."]


def repriced_table(made: Repricing) -> pd.DataFrame:
    """One row a model; what nobody knows is missing."""
    return pd.DataFrame([_row(row) for row in made.rows])


def _row(row: Repriced) -> dict[str, object]:
    tally = row.tally
    return {
        "Model": shorten(name_of(row.model, By.MODEL), _NAME_CHARS),
        "Questions": tally.calls,
        "Cost now": tally.cost_usd,
        "Cost there": row.there_usd,
        "Difference": math.nan if row.difference_usd is None else row.difference_usd,
        "Prompt": tally.prompt_tokens,
        "Cached": tally.cached_tokens,
        "Completion": tally.completion_tokens,
        "Reasoning": tally.reasoning_tokens,
        "Not counted": tally.uncounted_calls,
    }


def to_csv(made: Repricing) -> str:
    """The table with the model whose price was used; empty is unknown."""
    table = repriced_table(made).assign(there=spreadsheet_cell(made.price.model))
    table["Model"] = [spreadsheet_cell(str(name)) for name in table["Model"]]
    return str(table.to_csv(index=False))
