"""The outputs of two variants on one case, side by side. What models wrote is shown letter by letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.lab.results import Results
from core.lab.variants import Variant
from core.models import Run, RunState
from core.phrases import one_line
from core.ui import places
from core.ui.text import count, duration_ms, escape_markdown, money, shorten

_CASE, _LEFT, _RIGHT, _REPEAT = "lab-case", "lab-left", "lab-right", "lab-repeat"
_LONGEST = 20_000
_HEIGHT_PX, _LONG, _MANY_LINES = 320, 600, 10
"""An output of so many characters or lines scrolls in a box."""
_MARKS = {True: ":green[:material/check:]", False: ":red[:material/close:]", None: ":gray[:material/remove:]"}


def show(results: Results, baseline: Variant) -> None:
    """Choices, then the two outputs."""
    st.subheader("Side by side", anchor=False)
    others = [variant for variant in results.variants if variant != baseline]
    with st.grid(3, min_column_width=200):
        case = _pick("Case", results.cases, _CASE, results.cases[0])
        left = _variant("Left", results, _LEFT, baseline)
        right = _variant("Right", results, _RIGHT, (others or [baseline])[0])
    repeats = sorted({run.repeat for run in results.runs if run.case_id == case})
    repeat = 0
    if len(repeats) > 1:
        repeat = st.segmented_control(
            "Repeat", repeats, default=repeats[0], required=True, key=_REPEAT, format_func=lambda n: str(n + 1)
        )
    shown = list(dict.fromkeys((left, right)))
    for column, variant in zip(st.columns(len(shown)), shown, strict=True):
        _output(column, results.names[variant], _run(results.of_variant[variant], case, repeat))


def compare(case_id: str, left: str, right: str) -> None:
    """For a click elsewhere: what is shown side by side from now on; variants by their names."""
    st.session_state[_CASE], st.session_state[_LEFT], st.session_state[_RIGHT] = case_id, left, right


def _variant(label: str, results: Results, key: str, default: Variant) -> Variant:
    by_name = {name: variant for variant, name in results.names.items()}
    return by_name[_pick(label, list(by_name), key, results.names[default])]


def _pick(label: str, options: Sequence[str], key: str, default: str) -> str:
    """Keeps what was chosen as long as it is offered."""
    if st.session_state.get(key) not in options:
        st.session_state[key] = default
    return str(st.selectbox(label, options, key=key, format_func=one_line))


def _run(runs: Sequence[Run], case_id: str, repeat: int) -> Run | None:
    return next((run for run in runs if (run.case_id, run.repeat) == (case_id, repeat)), None)


def _output(column: DeltaGenerator, name: str, run: Run | None) -> None:
    with column.container(border=True):
        st.markdown(f"**{escape_markdown(name)}**")
        if run is None or run.state is RunState.PENDING:
            st.caption("This cell has no result yet.")
            return
        if run.error is not None or run.output is None:
            st.warning(escape_markdown(run.error or "There is no output"), icon=":material/error:")
        elif not run.output.strip():
            st.caption("The model's answer is empty.")
        else:
            tall = len(run.output) > _LONG or run.output.count("\n") > _MANY_LINES
            height: int | Literal["content"] = _HEIGHT_PX if tall else "content"
            st.code(run.output[:_LONGEST], language=None, wrap_lines=True, height=height)
        _facts(run)


def _facts(run: Run) -> None:
    if len(run.output or "") > _LONGEST:
        st.caption(f"The first {_LONGEST:,} of {len(run.output or ''):,} characters; the download has all of them")
    for label, score in run.scores.items():
        value = "no score" if score.value is None else f"{score.value:.3g}"
        reason = f" · {escape_markdown(shorten(score.reason, 200))}" if score.reason else ""
        st.markdown(f"{_MARKS[score.passed]} {escape_markdown(label)} {value}:gray[{reason}]")
    if run.state is RunState.DONE:
        st.caption(_taken(run))
    if run.trace_id:
        st.page_link(
            places.TRACES, label="Open the trace", icon=":material/timeline:", query_params={"trace": run.trace_id}
        )


def _taken(run: Run) -> str:
    tokens = run.usage.completion_tokens
    answer = "tokens unknown" if tokens is None else count(tokens, "completion token")
    cost = "cost unknown" if run.cost_usd is None else money(run.cost_usd)
    cached = " · from an earlier run" if run.cached else ""
    return f"{answer} · {cost} · {duration_ms(run.latency_ms)}{cached}"
