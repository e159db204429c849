"""Hosted against machines of one's own: the inputs, the sums with their arithmetic, the curve of utilisation."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pandas as pd
import streamlit as st

from core.cost.own_traffic import own_month
from core.cost.prices import Price
from core.cost.what_if import (
    BOOK_MACHINES,
    BOOK_NOTE,
    BOOK_PRICE,
    BOOK_WORKLOAD,
    Comparison,
    Machines,
    Workload,
    arithmetic,
    compare,
    utilisation_curve,
)
from core.errors import InputError
from core.services import Services
from core.ui.cost_view import viewers_zone
from core.ui.errors import callback, show_pending_error
from core.ui.forecast_charts import utilisation_chart
from core.ui.sample import shown
from core.ui.text import escape_markdown, money

_PLACE = "self-hosting"
_SHARES = [n / 100 for n in range(1, 101)]
_MOST = 10**12
_SPEED = "That one instance reads and writes when it is fully busy. Measure it: vendors' figures are for large batches"
_BOOK = {
    "users": BOOK_WORKLOAD.users, "searches": BOOK_WORKLOAD.searches_a_day, "input": BOOK_WORKLOAD.input_tokens,
    "output": BOOK_WORKLOAD.output_tokens, "input-usd": BOOK_PRICE.input_usd, "output-usd": BOOK_PRICE.output_usd,
    "instances": BOOK_MACHINES.instances, "hour": BOOK_MACHINES.hour_usd, "speed": BOOK_MACHINES.tokens_per_s,
}  # fmt: skip


def show(services: Services, price: Price) -> None:
    """The part of the tab; ``price`` is that of the model that was chosen above."""
    with st.container(horizontal=True, gap="small"):
        st.button("The book's example", icon=":material/menu_book:", key="if-book", on_click=_fill, args=(_BOOK,))
        st.button("My last 30 days", icon=":material/history:", key="if-own",
                  on_click=partial(callback(_own, place=_PLACE), services))  # fmt: skip
        st.button(f"Price of {escape_markdown(price.model)}", icon=":material/sell:", key="if-price", on_click=_fill,
                  args=({"input-usd": price.input_usd, "output-usd": price.output_usd},))  # fmt: skip
    show_pending_error(_PLACE)
    workload, by_token, machines = _inputs()
    found = compare(workload, by_token, machines)
    st.markdown(f"**{escape_markdown(found.in_words())}**")
    _figures(found)
    _arithmetic(workload, by_token, machines)
    _curve(workload, machines, found)


def _key(name: str) -> str:
    return f"if-{name}"


def _fill(values: dict[str, float]) -> None:
    for name, value in values.items():
        st.session_state[_key(name)] = float(value) if name not in ("users", "instances") else int(value)


def _own(services: Services) -> None:
    month = own_month(services.costs, viewers_zone(), datetime.now(UTC), sample=shown())
    if month is None:
        hint = "Ask a question first, or fill in what you expect."
        raise InputError("No token was counted in the last 30 days", subject="last 30 days", hint=hint)
    _fill({
        "users": month.users, "searches": round(month.searches_a_day, 2), "input": round(month.input_tokens, 1),
        "output": round(month.output_tokens, 1),
    })  # fmt: skip


def _inputs() -> tuple[Workload, Price, Machines]:
    with st.grid(3, min_column_width=200):
        workload = Workload(
            int(_number("Users", "users", whole=True)),
            _number("Searches a day of each", "searches"),
            _number("Tokens read, a search", "input"),
            _number("Tokens written, a search", "output"),
        )
        read = _number("Price of 1,000,000 tokens read, $", "input-usd")
        written = _number("Price of 1,000,000 written, $", "output-usd")
        machines = Machines(
            int(_number("Instances", "instances", least=1, whole=True)),
            _number("Price of an instance, $ an hour", "hour"),
            _number("Tokens a second of one", "speed", least=0.01, tip=_SPEED),
        )
    return workload, Price("hosted", BOOK_PRICE.since, read, written), machines


def _number(label: str, name: str, *, least: float = 0.0, whole: bool = False, tip: str | None = None) -> float:
    """Starts with the book's number; the browser takes none out of bounds and says so there."""
    st.session_state.setdefault(_key(name), int(_BOOK[name]) if whole else float(_BOOK[name]))
    if whole:
        return st.number_input(label, int(least), _MOST, step=1, key=_key(name), help=tip, persist_state="session")
    return st.number_input(
        label, float(least), float(_MOST), key=_key(name), help=tip, format="%.6g", persist_state="session"
    )


def _figures(found: Comparison) -> None:
    with st.grid(4, min_column_width=150):
        st.metric("A search, hosted", money(found.hosted.search_usd), border=True)
        st.metric("A month, hosted", money(found.hosted.month_usd), border=True)
        st.metric("A month, own machines", money(found.own_month_usd), border=True)
        at = found.break_even_utilisation
        st.metric("Break-even at", "never" if at is None else f"{at:.1%}", border=True,
                  help="The utilisation from which the machines are cheaper than the price by the token")  # fmt: skip


def _arithmetic(workload: Workload, price: Price, machines: Machines) -> None:
    steps = "\n".join(f"1. {escape_markdown(line)}" for line in arithmetic(workload, price, machines))
    st.markdown(steps)
    if (workload, price.input_usd, price.output_usd) == (BOOK_WORKLOAD, BOOK_PRICE.input_usd, BOOK_PRICE.output_usd):
        st.info(escape_markdown(BOOK_NOTE), icon=":material/menu_book:")


def _curve(workload: Workload, machines: Machines, found: Comparison) -> None:
    table = curve_table(workload, machines, found)
    st.caption("What 1,000,000 tokens cost, by how busy the machines are")
    st.altair_chart(utilisation_chart(table, found), alt="Price of a million tokens by utilisation of the machines")
    st.download_button(
        "CSV", lambda: str(table.to_csv(index=False)), "cuepoint-self-hosting.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="if-curve-csv", help="The points of the curve",
    )  # fmt: skip


def curve_table(workload: Workload, machines: Machines, found: Comparison) -> pd.DataFrame:
    """One row for each hundredth of utilisation: US dollars for a million tokens on the machines and hosted."""
    hosted = found.hosted.month_usd / workload.tokens * 1_000_000 if workload.tokens else None
    points = utilisation_curve(machines, _SHARES)
    return pd.DataFrame([{"utilisation": share, "own_usd": own, "hosted_usd": hosted} for share, own in points])
