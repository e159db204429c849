"""The form of an experiment: what to compare, on which cases, by which scorers, for how much at most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import InputError
from core.lab.progress import Choices
from core.lab.scorers import SCORERS
from core.phrases import listed, one_line

TEMPLATES, MODELS, TEMPERATURES, RUN = "lab-templates", "lab-models", "lab-temperatures", "lab-run"
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
        "Templates",
        choices.templates,
        key=TEMPLATES,
        persist_state="session",
        placeholder="Which to compare",
        accept_new_options=True,
        help="A name stands for its alias production; name@3 is one version, name@alias another alias.",
    )
    column.selectbox(
        "Test set",
        choices.test_sets,
        key="lab-test-set",
        persist_state="session",
        index=0 if choices.test_sets else None,
        placeholder="Its cases fill the templates",
    )
    column.multiselect(
        "Models",
        choices.models,
        default=choices.models[:1],
        key=MODELS,
        persist_state="session",
        accept_new_options=True,
        placeholder="Names as the model server knows them",
    )
    column.multiselect(
        "Temperatures",
        _TEMPERATURES,
        default=[0.0],
        key=TEMPERATURES,
        persist_state="session",
        accept_new_options=True,
        format_func=lambda value: f"{value:g}" if isinstance(value, float) else str(value),
    )


def _how(column: DeltaGenerator, choices: Choices) -> None:
    scorers = column.multiselect(
        "Scorers",
        list(SCORERS),
        key="lab-scorers",
        persist_state="session",
        format_func=lambda name: _NAMES.get(name, name),
        placeholder="What makes an answer good",
    )
    _parameters(column, scorers, choices)
    first, second, third = column.columns(3)
    first.number_input(
        "Repeats",
        1,
        100,
        1,
        key="lab-repeats",
        persist_state="session",
        help="The first of a cell may come from an earlier run, the others not.",
    )
    second.number_input(
        "At once", 1, 64, 8, key="lab-concurrency", persist_state="session", help="Calls at the same time."
    )
    third.number_input(
        "Most tokens",
        1,
        1_000_000,
        2048,
        key="lab-max-tokens",
        persist_state="session",
        help="Of one answer; a longer one is cut.",
    )
    column.number_input(
        "Cap in US dollars",
        0.0,
        None,
        None,
        key="lab-cap",
        persist_state="session",
        format="%.4f",
        placeholder="none",
        help="The experiment stops before it would cost more.",
    )
    column.checkbox(
        "Also models without a known price",
        key="lab-unknown-price",
        persist_state="session",
        help="A cap does not count what they cost. Right for models of your own.",
    )
    column.text_input(
        "Name", key="lab-name", persist_state="session", max_chars=200, placeholder="what is compared, on which cases"
    )


def _parameters(column: DeltaGenerator, scorers: Sequence[str], choices: Choices) -> None:
    """Those that a scorer cannot do without, or that decide most."""
    if "contains" in scorers:
        column.text_area(
            "Contains: words, one a line",
            key="lab-contains",
            persist_state="session",
            height=68,
            placeholder="the expected answer of each case",
        )
    if "regex" in scorers:
        column.text_input(
            "Regular expression",
            key="lab-regex",
            persist_state="session",
            placeholder="the expected answer of each case",
        )
    if "json_schema" in scorers:
        column.text_area("JSON schema", '{"type": "object"}', key="lab-schema", persist_state="session", height=100)
    if "judge" in scorers:
        column.text_area(
            "Rubric",
            key="lab-rubric",
            persist_state="session",
            height=100,
            placeholder="A good answer is right, brief, and says what it does not know.",
        )
        column.selectbox(
            "Judge",
            choices.models,
            key="lab-judge",
            persist_state="session",
            accept_new_options=True,
            help="Best another model.",
        )


def spec() -> dict[str, Any] | None:
    """What the widgets say, as a spec; None while the most needed is missing. Raises InputError."""
    state = st.session_state
    if not state.get(TEMPLATES) or not state.get("lab-test-set"):
        return None
    return {
        "name": (state["lab-name"] or "").strip() or _named(state[TEMPLATES], state["lab-test-set"]),
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


def _named(templates: Sequence[str], test_set: str) -> str:
    """What tells it from others where nobody gave it a name."""
    return one_line(f"{listed(list(templates))} on {test_set}")[:200]


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
