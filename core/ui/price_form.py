"""The form of an own price, with what adding it would do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import streamlit as st

from core.cost.price_documents import change_text
from core.cost.price_list import EVER
from core.cost.prices import Price, names_of, server_of
from core.cost.pricing import Prices
from core.errors import CuepointError, InputError
from core.ledger import Unpriced
from core.services import Services
from core.ui import price_effect
from core.ui.errors import callback, show_error
from core.ui.lab_words import say, show_said
from core.ui.text import count, escape_markdown

PLACE, _ASKED = "price-form", "price-asked"
_MODEL, _SERVER, _NOTE, _SINCE = "price-model", "price-server", "price-note", "price-since"
_AMOUNTS = {"input_usd": "price-input", "output_usd": "price-output", "cached_usd": "price-cached",
            "reasoning_usd": "price-reasoning"}  # fmt: skip
_REPRICE, _ANY_SERVER, _SURE = "price-reprice", "price-any-server", "price-sure"
_LONGEST = 200


def ask_for(model: str) -> None:
    """For a click elsewhere on the page: opens the tab of prices with the model in the form."""
    st.session_state["cost-tab"] = "Prices"
    st.session_state[_ASKED] = model


def asked_for() -> str | None:
    """The model of such a click, once."""
    model = st.session_state.pop(_ASKED, None)
    return None if model is None else str(model)


def fill_in(model: str, server: str) -> None:
    """Puts model and server into the form and empties the rest; before it is drawn.

    Of a dated snapshot the family's name: calls ask for that one, and by a price of the snapshot alone no budget or
    cap could hold them. Without a server the price is to be for the questions of which it is not known, too.
    """
    _clear()
    st.session_state[_MODEL] = names_of(model)[-1][:_LONGEST]
    if server:
        st.session_state[_SERVER] = server
    else:
        st.session_state[_ANY_SERVER] = True


def show(services: Services, unpriced: Sequence[Unpriced]) -> None:
    """The form. ``unpriced``: what a price could be filled in for."""
    show_said(PLACE)
    st.session_state.setdefault(_SERVER, services.prices.server)
    with st.container(border=True):
        _whose()
        _amounts()
        price = _written(services.prices)
        if price is None:
            st.caption("With a model and its prices of input and output it can be added.")
            return
        _choices(price, unpriced)
        try:
            _what_would_be(services, price)
        except CuepointError as error:
            show_error(error)


def _whose() -> None:
    model, server, since = st.columns([3, 3, 2])
    model.text_input(
        "Model", key=_MODEL, max_chars=_LONGEST, persist_state="session", placeholder="gpt-4o",
        help="Its name as the server gives it. Dated snapshots of it (gpt-4o-2024-11-20) cost the same, unless they "
        "have a price of their own.",
    )  # fmt: skip
    server.text_input(
        "Server", key=_SERVER, max_chars=_LONGEST, persist_state="session",
        help="Its address or host. The same name may cost something else on another one.",
    )  # fmt: skip
    since.date_input(
        "From", None, key=_SINCE, persist_state="session", min_value=EVER.date(), max_value=date(2099, 12, 31),
        format="YYYY-MM-DD",
        help="Its first day, in UTC. Empty: for all calls of a model without a price yet, else from today on.",
    )  # fmt: skip


def _amounts() -> None:
    columns = st.columns(4)
    _amount(columns[0], "Input", "input_usd", "")
    _amount(columns[1], "Output", "output_usd", "")
    _amount(columns[2], "Cached input", "cached_usd", "as input")
    _amount(columns[3], "Reasoning", "reasoning_usd", "as output")
    st.text_input("Note", key=_NOTE, max_chars=_LONGEST, persist_state="session", placeholder="Where it is from")


def _amount(column: Any, title: str, name: str, otherwise: str) -> None:
    column.number_input(
        f"{title}, $", 0.0, None, None, key=_AMOUNTS[name], format="%g", persist_state="session",
        placeholder=otherwise or "for a million tokens", help="US dollars for a million tokens",
    )  # fmt: skip


def _written(prices: Prices) -> Price | None:
    """What stands in the form; None while a part is missing. Without a start, the one that is probably meant."""
    state = st.session_state
    model, server = (state[_MODEL] or "").strip(), (state[_SERVER] or "").strip() or prices.server
    amounts = {name: state[key] for name, key in _AMOUNTS.items()}
    if not model or amounts["input_usd"] is None or amounts["output_usd"] is None:
        return None
    since = _start(state[_SINCE]) or prices.start_of_next(model, server_of(server), datetime.now(UTC))
    return Price(model, since, base_url=server, **amounts)


def _start(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, UTC)


def _choices(price: Price, unpriced: Sequence[Unpriced]) -> None:
    lost = sum(one.calls for one in unpriced if price.model in names_of(one.model) and not one.server)
    if lost:
        st.checkbox(
            f"Also for {count(lost, 'question')} to it of which the server is not known", key=_ANY_SERVER,
            help="Those from before Cuepoint kept the server",
        )  # fmt: skip
    st.checkbox(
        "Also work out anew the costs that are known", key=_REPRICE,
        help="Of its model, server and time. Otherwise only questions without a cost get one.",
    )  # fmt: skip


def _chosen(key: str) -> bool:
    return bool(st.session_state.get(key))


def _what_would_be(services: Services, price: Price) -> None:
    prices, reprice, any_server = services.prices, _chosen(_REPRICE), _chosen(_ANY_SERVER)
    warnings = prices.slips(price)
    reach = prices.reach(price, reprice=reprice, any_server=any_server)
    for warning in warnings:
        st.warning(escape_markdown(warning), icon=":material/warning:")
    sure = not warnings or st.checkbox("That is right", key=_SURE)
    price_effect.show(
        PLACE, (price, reprice, any_server), reach,
        lambda: prices.preview(price, reprice=reprice, any_server=any_server).change,
    )  # fmt: skip
    st.button(
        "Add the price", key="price-add", icon=":material/add:", type="primary", disabled=not sure,
        on_click=callback(_add, place=PLACE), args=(services, reach > price_effect.MANY),
    )  # fmt: skip


def _add(services: Services, later: bool) -> None:
    """Takes what stands in the form when it is clicked."""
    price = _written(services.prices)
    if price is None:
        raise InputError("The price is not complete", hint="Give a model and its prices of input and output.")
    note = (st.session_state[_NOTE] or "").strip()
    reprice, any_server = _chosen(_REPRICE), _chosen(_ANY_SERVER)
    done = services.prices.add(price, note=note, reprice=reprice, any_server=any_server, later=later)
    filled = "" if later else f" {change_text(done.change, done=True)}."
    say(PLACE, f"{done.kept.model} on {done.kept.server} has its price.{filled}")
    price_effect.forget(PLACE)
    _clear()
    st.session_state[_SERVER] = services.prices.server


def _clear() -> None:
    state = st.session_state
    state[_MODEL] = state[_NOTE] = ""
    state[_SINCE] = None
    state.update(dict.fromkeys(_AMOUNTS.values()))
    for key in (_REPRICE, _ANY_SERVER, _SURE):
        state.pop(key, None)
