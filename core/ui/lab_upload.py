"""A file of cases for a test set: which column is what, how the cases would look, and into the set with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.lab.case_columns import (
    USES,
    Sheet,
    mapped_cases,
    merged,
    names_nothing,
    sheet_of,
    suggested_name,
    suggested_use,
    table_of,
)
from core.lab.case_rows import MOST_CASES
from core.ledger import TestSet
from core.models import TestCase
from core.phrases import listed, one_line
from core.services import Services
from core.ui.errors import callback, guard
from core.ui.lab_words import say, show_said
from core.ui.text import count, escape_markdown, shorten

LARGEST_MB = 20
_SHOWN = 5
_TURN = "lab-upload-turn"
_PLACE = "lab-upload"
Uses = Mapping[str, tuple[str, str]]


def show(services: Services, chosen: TestSet, cases: Sequence[TestCase]) -> None:
    """The whole section."""
    with st.expander("Upload cases", icon=":material/upload_file:", expanded=not cases, key="lab-upload"):
        file = st.file_uploader(
            f"A CSV, JSONL or JSON file, up to {MOST_CASES:,} rows and {LARGEST_MB} MB",
            ["csv", "jsonl", "ndjson", "json"], key=f"lab-file-{st.session_state.get(_TURN, 0)}",
            max_upload_size=LARGEST_MB,
        )  # fmt: skip
        if file is not None:
            with guard():
                _map(services, chosen, cases, sheet_of(file.name, file.getvalue()))
    show_said(_PLACE)


def _map(services: Services, chosen: TestSet, cases: Sequence[TestCase], sheet: Sheet) -> None:
    st.caption(f"{count(len(sheet.rows), 'row')} in {escape_markdown(sheet.name)}. What is each column?")
    if names_nothing(sheet):
        st.warning(
            f"The first line of {escape_markdown(sheet.name)} reads like a case, not like names of columns. "
            "Put a line above it that names them, for example: question,expected",
            icon=":material/info:",
        )
    uses = _uses(sheet)
    lacking = _lacking(services, uses)
    if lacking:
        st.warning(f"No column fills {lacking}.", icon=":material/info:")
    found = mapped_cases(sheet, uses)
    st.caption(f"The first {count(min(_SHOWN, len(found)), 'case')} as they would be")
    preview = pd.DataFrame(table_of(found[:_SHOWN])).drop(columns="trace")
    st.dataframe(preview, hide_index=True, alt="The first cases of the file")
    own_ids = any(use == "id" for use, _ in uses.values())
    with st.container(horizontal=True):
        for label, new, kind in (
            (f"Add {count(len(found), 'case')}", merged(cases, found, own_ids=own_ids), "primary"),
            *([(f"Replace the {count(len(cases), 'case')}", found, "secondary")] if cases else []),
        ):
            st.button(
                label, type="primary" if kind == "primary" else "secondary", key=f"lab-upload-{kind}",
                on_click=callback(_put, place=_PLACE), args=(services, chosen, new),
            )  # fmt: skip


def _put(services: Services, chosen: TestSet, cases: Sequence[TestCase]) -> None:
    services.ledger.test_sets.put(chosen.set_id, cases)
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    say(_PLACE, f"{chosen.name} has {count(len(cases), 'case')} now.")


def _uses(sheet: Sheet) -> Uses:
    """What the table of columns says."""
    rows = [
        {"Column": column, "For example": shorten(str(sheet.rows[0].get(column, "")), 80),
         "Used as": suggested_use(column), "Variable": suggested_name(column)}
        for column in sheet.columns
    ]  # fmt: skip
    edited = st.data_editor(
        pd.DataFrame(rows, dtype=object), hide_index=True, disabled=["Column", "For example"],
        key=f"lab-mapping-{st.session_state.get(_TURN, 0)}-{hash((sheet.name, sheet.columns))}",
        column_config={
            "Used as": st.column_config.SelectboxColumn(options=list(USES), required=True),
            "Variable": st.column_config.TextColumn(help="What templates call it, where it is a variable"),
        },
        alt="What each column of the file is used as",
    )  # fmt: skip
    return {
        column: (str(use), str(name or "").strip())
        for column, use, name in zip(sheet.columns, edited["Used as"], edited["Variable"], strict=True)
    }


def _lacking(services: Services, uses: Uses) -> str:
    """The variables of a template that no column fills, as Markdown; empty where none is chosen, or all are filled."""
    prompts = services.ledger.prompts
    names = [name for name in prompts.names() if "production" in prompts.aliases(name)]
    picked = st.selectbox(
        "Check against the template", names, index=None, key="lab-upload-template", placeholder="None", width=380
    )
    if not picked:
        return ""
    given = {name for use, name in uses.values() if use == USES[0]}
    lacking = [name for name in prompts.get(picked).variables if name not in given]
    return listed([f"**{{{escape_markdown(one_line(name))}}}**" for name in lacking])


def check_variable(name: str) -> None:
    """Raises InputError for a name that no template can hold, or that a case has anyway."""
    if not name.isidentifier() or name in USES:
        hint = "Letters, digits and underscores are fine; it does not begin with a digit."
        raise InputError(f"{name!r} cannot be a variable" if name else "The variable has no name", hint=hint)
