"""What an experiment would take, shown before it is started."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from core.lab.estimate import Estimate
from core.services import Services
from core.ui.components import notices
from core.ui.text import count, escape_markdown, money

_ESTIMATE = "lab-estimate"


def show(services: Services, wanted: dict[str, Any]) -> None:
    """What it would take, or what is wrong with it. Raises InputError, NotFound."""
    expected = _estimate(services, wanted)
    with st.container(border=True, key=_ESTIMATE):
        columns = st.columns(4)
        columns[0].metric("Cells", f"{expected.cells:,}")
        columns[1].metric("Calls", f"{expected.calls + expected.judge_calls:,}")
        columns[2].metric("Tokens", f"{expected.prompt_tokens + expected.completion_tokens:,}", help=expected.basis)
        columns[3].metric("Money", money(expected.cost_usd).replace("$", "\\$"))
        st.caption(escape_markdown(_sentence(expected)))
        notices(expected.notices)


def _estimate(services: Services, wanted: dict[str, Any]) -> Estimate:
    """Made again only where the form changed or an experiment ran meanwhile: a page runs at each click."""
    key = json.dumps([wanted, services.lab.active(), len(services.lab.experiments(limit=1000))], default=str)
    known = st.session_state.get(_ESTIMATE + "-made")
    if known is None or known[0] != key:
        known = key, services.lab.estimate(services.lab.plan(wanted))
        st.session_state[_ESTIMATE + "-made"] = known
    found: Estimate = known[1]
    return found


def _sentence(expected: Estimate) -> str:
    parts = []
    if expected.cached:
        parts.append(f"{count(expected.cached, 'cell')} come from earlier runs and cost nothing")
    if expected.judge_calls:
        parts.append(f"up to {count(expected.judge_calls, 'call')} are a judge's")
    parts.append(f"{expected.prompt_tokens:,} tokens in, {expected.completion_tokens:,} out")
    if expected.unpriced:
        parts.append(f"the price of {', '.join(expected.unpriced)} is unknown")
    elif expected.worst_usd is not None:
        parts.append(f"{money(expected.worst_usd)} at most")
    sentence = "; ".join(parts) + "."
    return sentence[0].upper() + sentence[1:]
