"""The Prompt Lab's tab of test sets: make one, edit its cases, upload a file of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.lab.case_columns import cases_in, table_of
from core.lab.shipped import SETS
from core.ledger import TestSet
from core.models import TestCase
from core.services import Services
from core.ui import lab_upload
from core.ui.components import empty_state
from core.ui.errors import callback
from core.ui.lab_words import say, show_said
from core.ui.text import count, escape_markdown, moment

CHOSEN = "lab-set"
_NAME, _DESCRIPTION, _COLUMN = "lab-set-name", "lab-set-description", "lab-set-column"
_NEW = "lab-set-new"
_SHIPPED = "shipped:"
_EMPTY = ["question"]
"""The variables of a set without cases."""

_PLACE = "lab-cases"


def show(services: Services) -> None:
    """The whole tab."""
    sets = {found.set_id: found for found in services.ledger.test_sets.sets()}
    shipped = [name for name in SETS if name not in {found.name for found in sets.values()}]
    chosen = _choose(services, sets, shipped)
    show_said(_PLACE)
    if not sets:
        empty_state(
            "quiz", "No test set of your own yet",
            "Make one above and fill it by hand or from a file. A question that was answered badly can become a case "
            "too: its trace has a button for that.",
        )  # fmt: skip
    if chosen.startswith(_SHIPPED):
        _shipped(services, chosen.removeprefix(_SHIPPED))
    elif chosen:
        _own(services, sets[chosen])


def _choose(services: Services, sets: dict[str, TestSet], shipped: Sequence[str]) -> str:
    options = [*sets, *(f"{_SHIPPED}{name}" for name in shipped)]
    if st.session_state.get(CHOSEN) not in options:
        st.session_state.pop(CHOSEN, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox(
            "Test set", options, key=CHOSEN, width=380, persist_state="session", placeholder="None yet",
            format_func=lambda key: _title(sets, key),
        )  # fmt: skip
        with st.popover("New test set", icon=":material/add:", key=_NEW, on_change="rerun"):
            st.text_input("Name", key=_NAME, max_chars=100)
            st.text_input("Description", key=_DESCRIPTION, max_chars=500, placeholder="Optional")
            st.button(
                "Make it", type="primary", key="lab-set-make", on_click=callback(_make, place=_PLACE), args=(services,)
            )
    return picked or ""


def _title(sets: dict[str, TestSet], key: str) -> str:
    """Without what changes: a browser keeps the words that it was given for what is chosen."""
    return sets[key].name if key in sets else f"{key.removeprefix(_SHIPPED)} (comes with Cuepoint)"


def _make(services: Services) -> None:
    state = st.session_state
    state[CHOSEN] = services.ledger.test_sets.create(state.get(_NAME) or "", state.get(_DESCRIPTION) or "")
    state[_NAME] = state[_DESCRIPTION] = ""
    state[_NEW] = False


def _shipped(services: Services, name: str) -> None:
    st.caption("It comes with Cuepoint and cannot be changed; a copy can.")
    st.dataframe(pd.DataFrame(table_of(SETS[name])), hide_index=True, column_order=_order(SETS[name]), alt="Its cases")
    st.button(
        "Make a copy", icon=":material/content_copy:", key="lab-set-copy", on_click=callback(_copy, place=_PLACE),
        args=(services, name),
    )  # fmt: skip


def _copy(services: Services, name: str) -> None:
    sets = services.ledger.test_sets
    taken = {found.name for found in sets.sets()}
    copy = next(title for n in range(1, len(taken) + 2) if (title := f"{name} copy {n}") not in taken)
    set_id = sets.create(copy)
    sets.put(set_id, SETS[name])
    st.session_state[CHOSEN] = set_id


# --------------------------------------------------------------------------------------------------- one's own


def _own(services: Services, chosen: TestSet) -> None:
    cases = services.ledger.test_sets.cases(chosen.set_id)
    described = f"{escape_markdown(chosen.description)} · " if chosen.description else ""
    st.caption(f"{described}{count(len(cases), 'case')} · changed {moment(chosen.updated_at)}")
    _editor(services, chosen, cases)
    lab_upload.show(services, chosen, cases)


def _editor(services: Services, chosen: TestSet, cases: Sequence[TestCase]) -> None:
    # A table keeps what was typed by row number: with other rows it has to be another table.
    key = f"lab-cases-{chosen.set_id}-{chosen.updated_at.timestamp()}"
    extra = st.session_state.get(f"{_COLUMN}s-{chosen.set_id}", [])
    table = _frame(cases, extra)
    edited = st.data_editor(
        table, key=key, num_rows="dynamic", hide_index=True, column_config=_config(list(table.columns)),
        column_order=[name for name in table.columns if name != "trace"], alt="The cases of the test set",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Save the cases", type="primary", icon=":material/save:", key="lab-cases-save",
            disabled=edited.equals(table), on_click=callback(_save, place=_PLACE), args=(services, chosen, edited),
        )  # fmt: skip
        with st.popover("Add a column", icon=":material/add_column_right:", key="lab-column-popover"):
            st.text_input("Variable", key=_COLUMN, max_chars=100, placeholder="tone")
            st.button(
                "Add it", key="lab-column-add", on_click=callback(_add_column, place=_PLACE), args=(chosen.set_id,)
            )
        with st.popover("Rename or delete", icon=":material/edit:", key="lab-set-change"):
            _change(services, chosen)


def _frame(cases: Sequence[TestCase], extra: Sequence[str]) -> pd.DataFrame:
    """Texts only, as a column of one kind can be edited."""
    rows = table_of(cases)
    names = [*_order(cases), *(name for name in extra if name not in _order(cases))]
    names = [name for name in names if name not in ("expected", "tests", "note")]
    return pd.DataFrame(rows, columns=[*names, "expected", "tests", "note", "trace"], dtype=object)


def _order(cases: Sequence[TestCase]) -> list[str]:
    """The columns in the order in which they are shown."""
    variables = list(dict.fromkeys(name for case in cases for name in case.variables)) or _EMPTY
    return ["id", *variables, "expected", "tests", "note"]


def _config(names: Sequence[str]) -> dict[str, Any]:
    own = {"id": "Names the case; a number where it is empty", "expected": "What scorers compare with",
           "tests": "A unittest module for generated code", "note": "For people"}  # fmt: skip
    return {
        name: st.column_config.TextColumn(help=own.get(name), width="small" if name == "id" else "medium")
        for name in names
    }


def _save(services: Services, chosen: TestSet, edited: pd.DataFrame) -> None:
    rows = [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in edited.to_dict(orient="records")
    ]
    cases = cases_in(rows, chosen.name) if rows else []
    services.ledger.test_sets.put(chosen.set_id, cases)
    say(_PLACE, f"Saved {count(len(cases), 'case')}.")


def _add_column(set_id: str) -> None:
    name = (st.session_state.get(_COLUMN) or "").strip()
    lab_upload.check_variable(name)
    key = f"{_COLUMN}s-{set_id}"
    st.session_state[key] = [*st.session_state.get(key, []), name]
    st.session_state[_COLUMN] = ""


def _change(services: Services, chosen: TestSet) -> None:
    key = f"lab-set-rename-{chosen.set_id}"
    st.text_input("Name", chosen.name, key=key, max_chars=100)
    st.text_input("Description", chosen.description, key=f"{key}-description", max_chars=500)
    st.button(
        "Rename", key="lab-set-rename", on_click=callback(_rename, place=_PLACE), args=(services, chosen.set_id, key)
    )
    st.divider()
    st.markdown(f"Delete the set with {count(chosen.cases, 'case')}? What experiments found stays.")
    st.button(
        "Delete", type="primary", icon=":material/delete:", key="lab-set-delete",
        on_click=callback(services.ledger.test_sets.remove, place=_PLACE), args=(chosen.set_id,),
    )  # fmt: skip


def _rename(services: Services, set_id: str, key: str) -> None:
    state = st.session_state
    services.ledger.test_sets.rename(set_id, state.get(key) or "", state.get(f"{key}-description") or "")
