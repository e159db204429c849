"""The form of an experiment: what to compare, on which cases, by which scorers, for how much at most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import InputError
from core.lab.estimate import Estimate
from core.lab.progress import Choices
from core.lab.scorers import SCORERS
from core.services import Services
from core.ui.components import notices
from core.ui.text import count, escape_markdown, money

TEMPLATES, MODELS, TEMPERATURES, RUN = "lab-templates", "lab-models", "lab-temperatures", "lab-run"
_ESTIMATE = "lab-estimate"
_TEMPERATURES = [0.0, 0.3, 0.5, 0.7, 1.0, 1.5]
_NAMES = {
    "contains": "Contains",
    "exact": "Exact",
    "regex": "Regular expression",
    "json_schema": "JSON schema",
    "rouge_l": "ROUGE-L",
    "similarity": "Similarity",
    "faithfulness": "Faithful to its passages",
    "latency": "Latency",
    "cost": "Cost",
    "judge": "Model as judge",
    "unit_tests": "Unit tests in the sandbox",
}


def draw(choices: Choices) -> None:
    """The widgets; ``spec()`` reads them."""
    left, right = st.columns(2, gap="large")
    _what(left, choices)
    _how(right, choices)


def _what(column: DeltaGenerator, choices: Choices) -> None:
    column.multiselect(
        "Templates", choices.templates, key=TEMPLATES, placeholder="Which to compare", accept_new_options=True,
        help="A name stands for its alias production; name@3 is one version, name@alias another alias.",
    )  # fmt: skip
    column.selectbox(
        "Test set", choices.test_sets, key="lab-test-set", index=0 if choices.test_sets else None,
        placeholder="Its cases fill the templates",
    )  # fmt: skip
    column.multiselect(
        "Models", choices.models, default=choices.models[:1], key=MODELS, accept_new_options=True,
        placeholder="Names as the model server knows them",
    )  # fmt: skip
    column.multiselect(
        "Temperatures", _TEMPERATURES, default=[0.0], key=TEMPERATURES, accept_new_options=True,
        format_func=lambda value: f"{value:g}" if isinstance(value, float) else str(value),
    )  # fmt: skip


def _how(column: DeltaGenerator, choices: Choices) -> None:
    scorers = column.multiselect(
        "Scorers", list(SCORERS), key="lab-scorers", format_func=lambda name: _NAMES.get(name, name),
        placeholder="What makes an answer good",
    )  # fmt: skip
    _parameters(column, scorers, choices)
    first, second, third = column.columns(3)
    first.number_input(
        "Repeats",
        1,
        100,
        1,
        key="lab-repeats",
        help="The first of a cell may come from an earlier run, the others not.",
    )
    second.number_input("At once", 1, 64, 8, key="lab-concurrency", help="Calls at the same time.")
    third.number_input(
        "Most tokens", 1, 1_000_000, 2048, key="lab-max-tokens", help="Of one answer; a longer one is cut."
    )
    column.number_input(
        "Cap in US dollars", 0.0, None, None, key="lab-cap", format="%.4f", placeholder="none",
        help="The experiment stops before it would cost more.",
    )  # fmt: skip
    column.checkbox(
        "Also models without a known price", key="lab-unknown-price",
        help="A cap does not count what they cost. Right for models of your own.",
    )  # fmt: skip
    column.text_input("Name", "Experiment", key="lab-name", max_chars=200)


def _parameters(column: DeltaGenerator, scorers: Sequence[str], choices: Choices) -> None:
    """Those that a scorer cannot do without, or that decide most."""
    if "contains" in scorers:
        column.text_area(
            "Contains: words, one a line", key="lab-contains", height=68, placeholder="the expected answer of each case"
        )
    if "regex" in scorers:
        column.text_input("Regular expression", key="lab-regex", placeholder="the expected answer of each case")
    if "json_schema" in scorers:
        column.text_area("JSON schema", '{"type": "object"}', key="lab-schema", height=100)
    if "judge" in scorers:
        column.text_area(
            "Rubric",
            key="lab-rubric",
            height=100,
            placeholder="A good answer is right, brief, and says what it does not know.",
        )
        column.selectbox("Judge", choices.models, key="lab-judge", accept_new_options=True, help="Best another model.")


def spec() -> dict[str, Any] | None:
    """What the widgets say, as a spec; None while the most needed is missing. Raises InputError."""
    state = st.session_state
    if not state.get(TEMPLATES) or not state.get("lab-test-set"):
        return None
    return {
        "name": state["lab-name"].strip() or "Experiment",
        "templates": list(state[TEMPLATES]),
        "models": list(state[MODELS]),
        "temperatures": [_number(value) for value in state[TEMPERATURES]] or [0.0],
        "repeats": int(state["lab-repeats"]),
        "test_set": state["lab-test-set"],
        "scorers": [_scorer(name) for name in state["lab-scorers"]],
        "concurrency": int(state["lab-concurrency"]),
        "max_tokens": int(state["lab-max-tokens"]),
        "max_cost_usd": state["lab-cap"],
        "allow_unknown_price": bool(state["lab-unknown-price"]),
    }


def _number(value: float | str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"The temperature {value!r} is no number", subject=TEMPERATURES) from None


def _scorer(name: str) -> dict[str, Any]:
    state = st.session_state
    given: dict[str, Any] = {"type": name}
    if name == "contains":
        given["values"] = [line.strip() for line in state.get("lab-contains", "").splitlines() if line.strip()]
    elif name == "regex" and state.get("lab-regex"):
        given["pattern"] = state["lab-regex"]
    elif name == "json_schema":
        given["schema"] = _schema(state.get("lab-schema", ""))
    elif name == "judge":
        given |= {"rubric": state.get("lab-rubric", "").strip(), "model": state.get("lab-judge") or None}
        if not given["rubric"]:
            raise InputError("A model as judge needs a rubric: what makes an answer good", subject="lab-rubric")
    return given


def _schema(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The JSON schema is no JSON: {error}", subject="lab-schema") from None


def show_estimate(services: Services, wanted: dict[str, Any]) -> None:
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
