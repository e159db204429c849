"""Sums on the screen, and what they leave out because its price is unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from core.cost.report import Report
from core.cost.summary import model_of
from core.ledger import Source, Tally
from core.ui.errors import callback
from core.ui.price_form import ask_for
from core.ui.text import UNKNOWN, compact, count, escape_markdown, money, shorten

NOTHING = "–"
_MOST_NAMED = 5
_NAME_CHARS = 80


def unknown_prices(report: Report, side: str = "") -> None:
    """Names the models whose price is unknown, with their tokens; nothing where there are none.

    ``side``: which of two sources it is.
    """
    if not report.unpriced:
        return
    named = [
        f"- **{escape_markdown(shorten(model_of(row, report.source), _NAME_CHARS))}**: "
        f"{count(row.tally.unpriced_calls, 'question')}, "
        + (count(row.tally.unpriced_tokens, "token") if row.tally.unpriced_tokens else "tokens not counted")
        for row in report.unpriced[:_MOST_NAMED]
    ]
    if (more := len(report.unpriced) - _MOST_NAMED) > 0:
        named.append(f"- and {count(more, 'model')} more")
    title = f"{side}: unknown prices" if side else "Unknown prices"
    named.insert(0, "What these cost is unknown and left out of the sums.\n")
    st.warning("\n".join(named), title=title, icon=":material/money_off:")
    if report.source is Source.LEDGER:
        counted = (row.key for row in report.unpriced[:_MOST_NAMED] if row.tally.unpriced_tokens)
        _offer_prices([key for key in counted if isinstance(key, str)])


def _offer_prices(models: Sequence[str]) -> None:
    """A way to the form of a price for each; none makes a cost of tokens that nobody counted."""
    with st.container(horizontal=True):
        for n, model in enumerate(models):
            st.button(
                f"Set the price of {escape_markdown(shorten(model, _NAME_CHARS))}", key=f"cost-price-{n}",
                icon=":material/edit:", on_click=callback(ask_for), args=(model,),
            )  # fmt: skip


def totals(total: Tally) -> None:
    """The sums in figures."""
    known = "" if total.complete else ". Only what has a known price is in it"
    up = count(total.thumbs_up, "thumb up", "thumbs up")
    with st.grid(5, min_column_width=130):
        st.metric("Cost", cost_text(total), border=True, help=f"US dollars{known}")
        st.metric("Questions", compact(total.calls), border=True, help=f"{total.calls:,}, cells of the lab included")
        st.metric("Per question", money(total.usd_per_call), border=True, help=f"The cost by the questions{known}")
        st.metric("Per thumb up", per_thumb_up(total), border=True, help=f"The cost by {up}{known}")
        st.metric("Tokens", tokens_text(total), border=True, help=_tokens_help(total))


def cost_text(tally: Tally) -> str:
    """What is known of the cost, marked where that is not all."""
    return money(tally.cost_usd) if tally.complete or tally.cost_usd is None else f"{money(tally.cost_usd)} +"


def per_thumb_up(tally: Tally) -> str:
    """A dash where there was no thumb."""
    return money(tally.usd_per_thumb_up) if tally.thumbs_up else NOTHING


def tokens_text(tally: Tally) -> str:
    """``unknown`` where models were called and none of their tokens was counted."""
    return UNKNOWN if tally.uncounted_calls and not tally.tokens else compact(tally.tokens)


def _tokens_help(total: Tally) -> str:
    parts = [
        f"{total.prompt_tokens:,} prompt, {total.cached_tokens:,} of them cached",
        f"{total.completion_tokens:,} completion, {total.reasoning_tokens:,} of them reasoning",
    ]
    if total.other_tokens:
        parts.append(f"{total.other_tokens:,} known as a total only")
    if total.uncounted_calls:
        parts.append(f"{count(total.uncounted_calls, 'question')} not counted")
    return "; ".join(parts)


def money_cell(value: object) -> str:
    """A table's amount: pandas has NaN where it is unknown, and infinity stands for one by nothing."""
    if value == math.inf:
        return NOTHING
    return money(value if isinstance(value, float) and math.isfinite(value) else None)
