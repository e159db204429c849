"""Own prices as they were added and withdrawn, and what is still to be filled in."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.cost.price_documents import amounts_text, change_text, span_text
from core.cost.price_list import EVER
from core.ledger import KeptPrice
from core.phrases import one_line
from core.services import Services
from core.ui import price_effect
from core.ui.errors import callback
from core.ui.lab_words import say, show_said
from core.ui.text import count, escape_markdown, shorten

_PLACE, _FILLING = "price-history", "price-filling"
_PICK, _BACK = "price-pick", "price-back"
_DAY = "YYYY-MM-DD HH:mm"
_TIMES = {name: st.column_config.DatetimeColumn(format=_DAY, help="UTC") for name in ("From", "Added", "Withdrawn")}


def say_unfinished(services: Services) -> None:
    """Offers to go on where a back-fill did not come to its end."""
    show_said(_FILLING)
    if services.prices.at_work() is not None:
        _watch(services)
        return
    unfinished = services.prices.unfinished()
    if not unfinished:
        return
    names = ", ".join(escape_markdown(shorten(kept.model, 60)) for kept in unfinished[:5])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"Not all questions have their cost by the price of {names} yet.", icon=":material/hourglass_top:")
        st.button("Go on", key="price-go-on", on_click=callback(_go_on, place=_FILLING), args=(services,))


@st.fragment(run_every=1.0)
def _watch(services: Services) -> None:
    """Says how far the background is; the page is drawn anew when it is done."""
    so_far = services.prices.at_work()
    if so_far is None:
        st.rerun()
    st.info(f"Costs are being filled in: {count(so_far.traces, 'question')} so far.", icon=":material/hourglass_top:")


def _go_on(services: Services) -> None:
    say(_FILLING, f"{change_text(services.prices.fill(), done=True)}.")


def show(services: Services) -> None:
    """Withdrawing, and the history; nothing where there was no own price."""
    history = services.prices.history()
    show_said(_PLACE)
    if not history:
        return
    _withdrawing(services, [kept for kept in history if kept.in_force])
    with st.expander(f"History of own prices ({len(history)})", icon=":material/history:", key="price-past"):
        st.dataframe(
            pd.DataFrame([_row(kept) for kept in history]), hide_index=True, column_config=_TIMES, placeholder="",
            alt="Own prices, newest first",
        )  # fmt: skip


def _withdrawing(services: Services, in_force: Sequence[KeptPrice]) -> None:
    if not in_force:
        return
    by_id = {kept.price_id: kept for kept in in_force}
    st.subheader("Withdraw an own price", anchor=False)
    picked = st.selectbox(
        "Own price", list(by_id), index=None, key=_PICK, format_func=lambda key: _title(by_id[key]),
        placeholder="Which one", label_visibility="collapsed",
    )  # fmt: skip
    if picked is None:
        return
    back = st.checkbox(
        "Also take the costs of its model, server and time back", value=True, key=_BACK,
        help="They are worked out anew by the prices that are left; without one they are unknown.",
    )  # fmt: skip
    reach = services.prices.reach_of_withdrawal(picked) if back else 0
    if back:
        price_effect.show(_PLACE, picked, reach, lambda: services.prices.preview_withdrawal(picked))
    st.button(
        "Withdraw", key="price-withdraw", icon=":material/undo:",
        on_click=callback(_withdraw, place=_PLACE), args=(services, picked, reach > price_effect.MANY),
    )  # fmt: skip


def _title(kept: KeptPrice) -> str:
    return one_line(f"{kept.model} on {kept.server}, {span_text(kept.since, None)}: {amounts_text(kept)}")


def _withdraw(services: Services, price_id: str, later: bool) -> None:
    done = services.prices.withdraw(price_id, reprice=bool(st.session_state.get(_BACK)), later=later)
    st.session_state[_PICK] = None
    price_effect.forget(_PLACE)
    filled = "" if later else f" {change_text(done.change, done=True)}."
    say(_PLACE, f"The price of {done.kept.model} is withdrawn.{filled}")


def _row(kept: KeptPrice) -> dict[str, object]:
    return {
        "Model": shorten(one_line(kept.model), 60),
        "Server": shorten(kept.server, 60),
        "Prices": amounts_text(kept),
        "From": pd.NaT if kept.since == EVER else kept.since,
        "Note": one_line(kept.note),
        "Added": kept.added_at,
        "By": one_line(kept.author),
        "Withdrawn": pd.NaT if kept.withdrawn_at is None else kept.withdrawn_at,
        "Withdrawn by": one_line(kept.withdrawn_by or ""),
    }
