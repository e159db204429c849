"""A template's versions: which one is in production, promote and roll back, what changed, who moved what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.lab.registry import difference
from core.ledger import PromptVersion
from core.phrases import one_line
from core.services import Services
from core.ui.errors import callback
from core.ui.lab_words import say, show_said
from core.ui.text import escape_markdown

PRODUCTION = "production"
_POPOVER = "lab-alias-popover"

_PLACE = "lab-versions"


def show(services: Services, versions: Sequence[PromptVersion]) -> None:
    """Versions, aliases, the difference between two, and the history of the moves. ``versions``: newest first."""
    name = versions[0].name
    aliases = services.ledger.prompts.aliases(name)
    st.subheader("Versions", anchor=False)
    _table(versions, aliases)
    _promotion(services, versions, aliases)
    show_said(_PLACE)
    if len(versions) > 1:
        _difference(versions)
    _moves(services, name)


def _table(versions: Sequence[PromptVersion], aliases: Mapping[str, int]) -> None:
    rows = [
        {
            "Version": version.version,
            "Aliases": ", ".join(alias for alias, number in aliases.items() if number == version.version),
            "Saved": version.created_at,
            "By": one_line(version.author),
            "Note": one_line(version.note),
        }
        for version in versions
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=_COLUMNS, alt="Versions, newest first")


_COLUMNS = {
    "Version": st.column_config.NumberColumn(width="small"),
    "Saved": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", help="UTC"),
    "Note": st.column_config.TextColumn(width="large"),
}


def _promotion(services: Services, versions: Sequence[PromptVersion], aliases: Mapping[str, int]) -> None:
    name, now = versions[0].name, aliases.get(PRODUCTION)
    numbers = [version.version for version in versions]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = f"lab-pick-{name}-{numbers[0]}"
        picked = st.selectbox("Version", numbers, key=key, width=120)
        st.button(
            f"Promote version {picked}", icon=":material/publish:", key="lab-promote", disabled=picked == now,
            help="Makes it what Ask and experiments use under the template's name.",
            on_click=callback(_point, place=_PLACE), args=(services, name, PRODUCTION, picked),
        )  # fmt: skip
        back = services.ledger.prompts.before(name)
        st.button(
            "Roll back" if back is None else f"Roll back to version {back}", icon=":material/undo:", key="lab-back",
            disabled=back is None, help="Production is again what it was before.",
            on_click=callback(_roll_back, place=_PLACE), args=(services, name),
        )  # fmt: skip
        with st.popover("Another alias", icon=":material/label:", key=_POPOVER, on_change="rerun"):
            st.text_input("Alias", key="lab-alias", max_chars=50, placeholder="trial")
            st.button(
                f"Point it at version {picked}", type="primary", key="lab-point",
                on_click=callback(_point_named, place=_PLACE), args=(services, name, picked),
            )  # fmt: skip
            _removal(services, name, [alias for alias in aliases if alias != PRODUCTION])


def _removal(services: Services, name: str, aliases: Sequence[str]) -> None:
    """Production cannot be removed: Ask loads it."""
    if not aliases:
        return
    st.divider()
    for alias in aliases:
        st.button(
            f"Remove {escape_markdown(alias)}", icon=":material/label_off:", key=f"lab-alias-remove-{alias}",
            help="Its versions and its history stay.", on_click=callback(_remove, place=_PLACE),
            args=(services, name, alias),
        )  # fmt: skip


def _remove(services: Services, name: str, alias: str) -> None:
    services.ledger.prompts.remove_alias(name, alias)
    say(_PLACE, f"{name} has no alias {alias} any more.")
    st.session_state[_POPOVER] = False


def _point(services: Services, name: str, alias: str, version: int) -> None:
    services.ledger.prompts.point(name, alias, version)
    say(_PLACE, f"{alias} of {name} is version {version} now.")


def _point_named(services: Services, name: str, version: int) -> None:
    _point(services, name, (st.session_state.get("lab-alias") or "").strip(), version)
    st.session_state.update({"lab-alias": "", _POPOVER: False})


def _roll_back(services: Services, name: str) -> None:
    say(_PLACE, f"{PRODUCTION} of {name} is version {services.ledger.prompts.roll_back(name)} again.")


def _difference(versions: Sequence[PromptVersion]) -> None:
    by_number = {version.version: version for version in versions}
    numbers = list(by_number)
    area = st.expander("What changed", icon=":material/difference:", key="lab-diff", on_change="rerun")
    if not area.open:
        return
    with area:
        left, right = st.columns(2)
        key = f"{versions[0].name}-{numbers[0]}"
        old = left.selectbox("From version", numbers, index=1, key=f"lab-diff-from-{key}")
        new = right.selectbox("To version", numbers, index=0, key=f"lab-diff-to-{key}")
        lines = difference(by_number[old], by_number[new])
        if lines:
            st.code(lines, language="diff", wrap_lines=True)
        else:
            st.caption("They are the same.")


def _moves(services: Services, name: str) -> None:
    area = st.expander("Where its aliases pointed", icon=":material/history:", key="lab-moves", on_change="rerun")
    if not area.open:
        return
    rows = [
        {"When": move.moved_at, "Alias": move.alias, "From": move.previous, "To": move.version,
         "By": one_line(move.author)}
        for move in services.ledger.prompts.moves(name)
    ]  # fmt: skip
    with area:
        if not rows:
            st.caption("It has no alias yet.")
            return
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, alt="Moves of the aliases, newest first",
            column_config={"When": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", help="UTC")},
        )  # fmt: skip
