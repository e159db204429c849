"""The Prompt Lab's tab of templates: write one, see what is wrong with it while typing, save it as a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from core.answering.request import AskRequest
from core.errors import CuepointError
from core.lab.registry import SAMPLE, Review, preview, review
from core.lab.shipped import LedgerCases
from core.ledger import PromptVersion
from core.phrases import listed, one_line
from core.prompts import PromptTemplate, estimate_message_tokens, not_of_a_question
from core.services import Services
from core.ui import lab_versions, live_typing
from core.ui.errors import callback
from core.ui.lab_words import say, show_said
from core.ui.text import count, escape_markdown, moment

NAME, BASE, NOTE = "lab-template", "lab-base", "lab-note"
ASK = "Ask"
_NEW, _POPOVER = "lab-new-template", "lab-new"
_LONGEST_TEXT = 200_000

_PLACE, _SAVING = "lab-templates-place", "lab-saving"


def show(services: Services) -> None:
    """The whole tab."""
    prompts = services.ledger.prompts
    names = prompts.names()
    name = _choose(services, names)
    show_said(_PLACE)
    if not name:
        st.caption("No template yet. Make one above.")
        return
    versions = prompts.versions(name)
    _editor(services, versions)
    lab_versions.show(services, versions)
    live_typing.listen()


def _choose(services: Services, names: Sequence[str]) -> str:
    if st.session_state.get(NAME) not in names:
        st.session_state.pop(NAME, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox(
            "Template", names, key=NAME, width=380, persist_state="session", placeholder="None yet",
            help="Ask uses what is in production of cited-answer; experiments may use any of them.",
        )  # fmt: skip
        with st.popover("New template", icon=":material/add:", key=_POPOVER, on_change="rerun"):
            st.text_input("Name", key=_NEW, max_chars=100, placeholder="short-answer")
            st.button(
                "Make it", type="primary", key="lab-make", on_click=callback(_make, place=_PLACE), args=(services,)
            )
    return picked or ""


def _make(services: Services) -> None:
    """Begins with a question alone; a name that there is already is opened."""
    prompts, name = services.ledger.prompts, (st.session_state.get(_NEW) or "").strip()
    if name not in prompts.names():
        prompts.save(PromptTemplate(name, 0, "", "{question}"), note="Begun.")
    st.session_state.update({NAME: name, _NEW: "", _POPOVER: False})


# ------------------------------------------------------------------------------------------------------- writing


def _editor(services: Services, versions: Sequence[PromptVersion]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        base = _base(versions)
        with st.container(key=live_typing.AREA):
            written = _texts(base)
        st.text_input("Note", key=NOTE, max_chars=500, placeholder="What is different, and why")
        st.button(
            f"Save as version {versions[0].version + 1}", type="primary", icon=":material/save:", key="lab-save",
            on_click=callback(_save, place=_SAVING), args=(services, base), disabled=written is None,
        )  # fmt: skip
        show_said(_SAVING)
    with right:
        _beside(services, base, written)


def _base(versions: Sequence[PromptVersion]) -> PromptVersion:
    """The version that the editor begins with: the newest, unless another is picked."""
    by_number = {version.version: version for version in versions}
    key = f"{BASE}-{versions[0].name}"
    if st.session_state.get(key) not in by_number:
        st.session_state.pop(key, None)
    picked: int = st.selectbox(
        "Begin with version", list(by_number), key=key, format_func=lambda n: _titled(by_number, n)
    )
    return by_number[picked]


def _titled(by_number: Mapping[int, PromptVersion], number: int) -> str:
    version = by_number.get(number)
    if version is None:
        return str(number)
    return one_line(" · ".join(filter(None, (str(number), moment(version.created_at), version.note))))[:100]


def _texts(base: PromptVersion) -> PromptTemplate | None:
    """What stands in the editor; None without a user text."""
    system = st.text_area(
        "System text", base.system, key=_key("system", base), height=260, max_chars=_LONGEST_TEXT,
        persist_state="session",
        placeholder="Optional: who the model is, and its rules",
    )  # fmt: skip
    user = st.text_area(
        "User text", base.user, key=_key("user", base), height=220, max_chars=_LONGEST_TEXT,
        persist_state="session",
        help="{question} is a variable; {{question}} is that text; every other brace is itself.",
    )  # fmt: skip
    return PromptTemplate(base.name, base.version, system or "", user) if user and user.strip() else None


def _key(part: str, base: PromptVersion) -> str:
    return f"lab-{part}-{base.name}-{base.version}"


def _save(services: Services, base: PromptVersion) -> None:
    state, prompts = st.session_state, services.ledger.prompts
    newest = prompts.version(base.name, "latest").version
    written = PromptTemplate(base.name, 0, state.get(_key("system", base)) or "", state.get(_key("user", base)) or "")
    version = prompts.save(written, note=state.get(NOTE) or "")
    if version == newest:
        say(_SAVING, f"Nothing was written: this is version {version} already.")
        return
    say(_SAVING, f"Saved as version {version}. {_use_of(base.name, version)}")
    state[NOTE] = ""
    state[f"{BASE}-{base.name}"] = version
    for part in ("system", "user"):
        state.pop(_key(part, base), None)


def _use_of(name: str, version: int) -> str:
    if name == AskRequest(question="").template:
        return "Ask uses it once it is promoted to production."
    return f"Experiments can use it as {name}@{version}."


# ----------------------------------------------------------------------------------------------- what it would be


def _beside(services: Services, base: PromptVersion, written: PromptTemplate | None) -> None:
    values = _values(services, base)
    if written is None:
        st.warning("The user text is empty: nothing would be asked.", icon=":material/info:")
        return
    _say_review(review(written, list(values)))
    messages = preview(written, values)
    st.caption(f"Preview · about {count(estimate_message_tokens(messages), 'token')}")
    for message in messages:
        with st.expander(message["role"].capitalize(), expanded=True):
            st.code(message["content"], language=None, wrap_lines=True, height=_height(message["content"]))


def _height(text: str) -> Literal["content"] | int:
    """A long text scrolls."""
    return 260 if text.count("\n") + len(text) // 70 > 11 else "content"  # noqa: PLR2004  lines


def _values(services: Services, base: PromptVersion) -> Mapping[str, str]:
    """What fills the preview: Ask's sample, or a case of a test set."""
    sets = LedgerCases(services.ledger.test_sets)
    fills = [ASK, *sets.offered()]
    first = 0 if not not_of_a_question(base.template.variables) else min(1, len(fills) - 1)
    filler = st.selectbox(
        "Filled by", fills, index=first, key=f"lab-filler-{base.name}",
        help="Whose values the variables are checked against: those of a question, or the columns of a test set.",
    )  # fmt: skip
    if filler == ASK:
        return SAMPLE
    try:
        cases = sets(filler)
    except CuepointError as error:
        st.caption(escape_markdown(str(error)))
        return {}
    columns = dict.fromkeys(name for case in cases for name in case.variables)
    return {name: next((case.variables[name] for case in cases if name in case.variables), "") for name in columns}


def _say_review(found: Review) -> None:
    if found.missing:
        st.error(f"Nothing fills {_named(found.missing)}.", icon=":material/error:")
    for part, line, slip in found.slips:
        where = f"{part} text, line {line}"
        st.warning(
            f"“{escape_markdown(slip)}” is no variable ({where}). A variable is {{name}}, without spaces.",
            icon=":material/info:",
        )
    if found.unused:
        st.info(f"Not used: {_named(found.unused)}.", icon=":material/info:")
    if not (found.missing or found.slips or found.unused):
        st.success(
            f"Its variables are {_named(found.variables)}." if found.variables else "It has no variables.",
            icon=":material/check:",
        )


def _named(names: Sequence[str]) -> str:
    return listed([f"**{{{escape_markdown(name)}}}**" for name in names])
