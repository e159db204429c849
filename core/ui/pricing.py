"""The Cost page's tab of prices: what has none, the form of an own one, the list, and what there was."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.cost.price_documents import moment_text
from core.cost.price_list import EVER, ListedPrice, Origin
from core.cost.prices import PRICES_AS_OF
from core.ledger import Unpriced
from core.plain_text import spreadsheet_cell
from core.services import Services
from core.ui import price_form, price_history
from core.ui.cost_figures import money_cell
from core.ui.errors import callback
from core.ui.text import count, escape_markdown, shorten

_MOST_NAMED = 5
_NAME_CHARS = 60
_AMOUNTS = ["Input", "Output", "Cached input", "Reasoning"]
_COLUMNS = {
    "From": st.column_config.TextColumn(help="In UTC. Empty: for all calls before its end"),
    "Until": st.column_config.TextColumn(help="In UTC. When another price takes its place"),
    "Cached input": st.column_config.NumberColumn(help="Where the server had it in its cache; empty: as other input"),
    "Reasoning": st.column_config.NumberColumn(help="Tokens of an answer that nobody sees; empty: as other output"),
}


def show(services: Services) -> None:
    """The tab."""
    unpriced = services.prices.unpriced()
    _take_over(unpriced)
    price_history.say_unfinished(services)
    _name_unpriced(unpriced)
    st.subheader("Add a price", anchor=False)
    price_form.show(services, unpriced)
    _list(services)
    price_history.show(services)


def _take_over(unpriced: Sequence[Unpriced]) -> None:
    """Puts the model of a click elsewhere into the form, with the server that it was mostly called on."""
    model = price_form.asked_for()
    if model is not None:
        servers = [one.server for one in unpriced if one.model == model and one.server]
        price_form.fill_in(model, servers[0] if servers else "")


def _name_unpriced(unpriced: Sequence[Unpriced]) -> None:
    """The banner: nothing where every model has a price."""
    if not unpriced:
        return
    with st.container(border=True, key="price-unknown"):
        st.markdown("**:material/money_off: No price is known for these**")
        for n, one in enumerate(unpriced[:_MOST_NAMED]):
            _offer(n, one)
        if (more := len(unpriced) - _MOST_NAMED) > 0:
            st.caption(f"and {count(more, 'model')} more")


def _offer(n: int, one: Unpriced) -> None:
    where = f"on {escape_markdown(shorten(one.server, _NAME_CHARS))}" if one.server else "on a server that is not known"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{escape_markdown(shorten(one.model, _NAME_CHARS))}** {where}: {count(one.calls, 'question')}, "
            f"{count(one.tokens, 'token')}, since {one.first_at:%Y-%m-%d}"
        )
        st.button(
            "Set its price", key=f"price-set-{n}", icon=":material/edit:",
            on_click=callback(price_form.fill_in), args=(one.model, one.server), type="tertiary",
        )  # fmt: skip


def _list(services: Services) -> None:
    st.subheader("Price list", anchor=False)
    rows = services.prices.table()
    st.caption(
        "US dollars for a million tokens. An own price goes before one that ships with Cuepoint; those that ship are "
        f"OpenAI's list prices as of {PRICES_AS_OF:%B %Y}."
    )
    table = listed(rows)
    st.dataframe(
        table.style.format(dict.fromkeys(_AMOUNTS, _amount)), hide_index=True, column_config=_COLUMNS, placeholder="",
        key="price-list", alt="Each price with its model, server and the time that it is for",
    )  # fmt: skip
    st.download_button(
        "CSV", lambda: to_csv(rows), "cuepoint-prices.csv", "text/csv", icon=":material/download:", on_click="ignore",
        key="price-csv", help="The price list",
    )  # fmt: skip


def listed(rows: Sequence[ListedPrice]) -> pd.DataFrame:
    """One row a price, without those that an own one replaces from their first day on."""
    return pd.DataFrame([_row(row) for row in rows if row.is_used])


def _row(row: ListedPrice) -> dict[str, object]:
    price = row.price
    return {
        "Model": shorten(price.model, _NAME_CHARS),
        "Server": shorten(price.server, _NAME_CHARS),
        "Input": price.input_usd,
        "Output": price.output_usd,
        "Cached input": math.nan if price.cached_usd is None else price.cached_usd,
        "Reasoning": math.nan if price.reasoning_usd is None else price.reasoning_usd,
        "From": "" if price.since == EVER else moment_text(price.since),
        "Until": "" if row.until is None else moment_text(row.until),
        "Origin": "Own" if row.origin is Origin.OWN else "Ships",
    }


def _amount(value: object) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else money_cell(value)


def to_csv(rows: Sequence[ListedPrice]) -> str:
    """The list as it is shown, in full."""
    table = listed(rows)
    table["Model"] = [spreadsheet_cell(row.price.model) for row in rows if row.is_used]
    table["Server"] = [spreadsheet_cell(row.price.server) for row in rows if row.is_used]
    return str(table.to_csv(index=False))
