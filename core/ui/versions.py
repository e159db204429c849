"""The Library page's versions: save the library as it is, look at what was saved, compare it, go back to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from core.datasets import Comparison
from core.errors import CuepointError
from core.ledger import DatasetKind, DatasetVersion
from core.phrases import one_line
from core.services import Services
from core.ui import ingesting, places, saving
from core.ui.comparing import show_comparison
from core.ui.errors import callback
from core.ui.text import count, escape_markdown, moment, shorten

_FORGOTTEN = "version-forgotten"
_CHECKED = "version-checked"
_COMPARED = "version-compared"
_MOST_ANSWERS = 5
PRESENT = "The library as it is"
_RESTORE = (
    "Make the library **{}** again? Videos that are not in it go, the others come back as they were. "
    "What the library is now is saved as a version first."
)
_DELETE = "Delete **{}** with its files? The library stays as it is."


def show(services: Services) -> None:
    """The whole section. A library that is empty can be filled from a version, but not saved as one."""
    st.subheader("Versions", anchor=False)
    st.caption(
        "A version keeps the whole library as it is at one moment, to compare with and to go back to. "
        "Each answer remembers which library it came from."
    )
    datasets = services.datasets
    if services.stats().videos:
        saving.save_form("version", "Save a version", datasets.save_library)
    saving.show_said()
    versions = datasets.versions(DatasetKind.LIBRARY)
    if not versions:
        return
    chosen = pick(versions, datasets.present())
    if chosen is None:
        st.caption("Mark a row to compare, restore or download a version.")
        return
    with st.container(border=True, key="version-details"):
        _details(services, chosen, versions)


def pick(versions: Sequence[DatasetVersion], present: str) -> DatasetVersion | None:
    """Draws the list; returns the version whose row is marked."""
    # A table keeps its mark by the row's number: where rows come or go it has to be another table.
    key = f"version-table-{versions[0].version[:12]}-{len(versions)}-{st.session_state.get(_FORGOTTEN, 0)}"
    event = st.dataframe(
        pd.DataFrame([_row(version, present) for version in versions]), hide_index=True, key=key,
        on_select="rerun", selection_mode="single-row", column_config=_COLUMNS, alt="Versions of the library",
    )  # fmt: skip
    rows = event.selection.rows
    return versions[rows[0]] if rows and rows[0] < len(versions) else None


_COLUMNS = {
    "Name": st.column_config.TextColumn(width="medium"),
    "Saved": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", help="UTC"),
    "Videos": st.column_config.NumberColumn(width="small"),
    "Size": st.column_config.TextColumn(width="small", alignment="right"),
    "Answers": st.column_config.NumberColumn(width="small", help="So many answers came from it"),
    "Note": st.column_config.TextColumn(width=320),
    "Version": st.column_config.TextColumn(width=115, help="Names the content: the same content, the same version"),
}


def _row(version: DatasetVersion, present: str) -> dict[str, object]:
    now = " (the library as it is)" if version.version == present else ""
    return {
        "Name": f"{one_line(version.alias)}{now}".strip(),
        "Saved": version.created_at,
        "Videos": version.rows,
        "Size": saving.size(version.bytes),
        "Answers": version.answers,
        "Note": one_line(version.note),
        "Version": version.version[:12],
    }


# --------------------------------------------------------------------------------------------------- one version


def _details(services: Services, version: DatasetVersion, versions: Sequence[DatasetVersion]) -> None:
    st.markdown(f"**{escape_markdown(version.title)}** :gray[· {' · '.join(_facts(version))}]")
    st.caption(f"Files: {saving.place(services, version)}")
    damage = _damage(services, version)
    if damage:
        st.error(escape_markdown(damage), icon=":material/error:")
    _uses(services, version)
    title, args = escape_markdown(version.title), (services, version.version)
    with st.container(horizontal=True):
        if not damage:
            _asked("Restore", ":material/restore:", _RESTORE.format(title), _restore, args)
            saving.downloads(services, version)
        _asked("Delete", ":material/delete:", _DELETE.format(title), _delete, args)
    if not damage:
        _compare(services, version, versions)


def _facts(version: DatasetVersion) -> list[str]:
    """Markdown of ours: when, how much, made with what."""
    manifest = version.manifest
    counts, chunking = manifest.get("counts", {}), manifest.get("chunking", {})
    return [
        moment(version.created_at),
        count(version.rows, "video"),
        count(int(counts.get("chunks", 0)), "passage"),
        f"chunks of {int(chunking.get('chunk_chars', 0)):,} characters",
        escape_markdown(str(manifest.get("embedder", ""))),
    ]


def _damage(services: Services, version: DatasetVersion) -> str:
    """Why the files cannot be used, or "". They are read once for each time that a row is marked."""
    known = st.session_state.get(_CHECKED)
    if known is None or known[0] != version.version:
        try:
            services.datasets.verify(version.version)
            known = (version.version, "")
        except CuepointError as error:
            known = (version.version, str(error))
        st.session_state[_CHECKED] = known
    return str(known[1])


def _uses(services: Services, version: DatasetVersion) -> None:
    uses = services.datasets.uses(version.version)
    if not uses:
        st.caption("Nothing has come from it yet.")
        return
    others = [f"{escape_markdown(use.kind.replace('_', ' '))} {escape_markdown(use.id)}" for use in uses.others]
    st.caption(" · ".join([f"{count(uses.answers, 'answer')} came from it", *others[:_MOST_ANSWERS]]))
    for trace_id, question, _ in uses.newest[:_MOST_ANSWERS]:
        st.page_link(
            places.TRACES, label=escape_markdown(shorten(question, 80)), icon=":material/timeline:",
            query_params={"trace": trace_id},
        )  # fmt: skip


def _asked(
    label: str, icon: str, question: str, act: Callable[[Services, str], None], args: tuple[Services, str]
) -> None:
    """A button that asks once more. ``question`` is Markdown of ours."""
    key = f"version-{label.lower()}"
    with st.popover(label, icon=icon, key=key):
        st.markdown(question)
        st.button(label, type="primary", key=f"{key}-confirm", on_click=callback(act, place=saving.PLACE), args=args)


def _restore(services: Services, version: str) -> None:
    restoring = services.datasets.restore(version)
    said = [restoring.notice]
    if restoring.job_id is not None:
        ingesting.watch(restoring.job_id)
        kept = f" What it was is kept as {restoring.before.title}." if restoring.before else ""
        said.insert(0, f"The library is being restored; how far it is stands at the top of the page.{kept}")
    saving.say(escape_markdown(" ".join(filter(None, said))))
    forget_choice()


def _delete(services: Services, version: str) -> None:
    deleted = services.datasets.delete(version)
    saving.say(f"Deleted {escape_markdown(deleted.title)}.")
    forget_choice()


def forget_choice() -> None:
    """No row is marked any more."""
    st.session_state[_FORGOTTEN] = st.session_state.get(_FORGOTTEN, 0) + 1
    st.session_state.pop(_CHECKED, None)


# ------------------------------------------------------------------------------------------------------- comparing


def _compare(services: Services, version: DatasetVersion, versions: Sequence[DatasetVersion]) -> None:
    names = {"": PRESENT} | {v.version: _named(v) for v in versions if v.version != version.version}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.selectbox("Compare with", list(names), format_func=names.__getitem__, key="version-other", width=380)
        st.button(
            "Compare", icon=":material/compare_arrows:", key="version-compare",
            on_click=callback(_compare_now, place=saving.PLACE), args=(services, version.version, other),
        )  # fmt: skip
    wanted = (version.version, other)
    known: tuple[tuple[str, str], Comparison] | None = st.session_state.get(_COMPARED)
    if known is not None and known[0] == wanted:
        st.markdown(f"From **{escape_markdown(version.title)}** to **{escape_markdown(names[other])}**")
        show_comparison(known[1])


def _compare_now(services: Services, version: str, other: str) -> None:
    st.session_state[_COMPARED] = ((version, other), services.datasets.compare(version, other or None))


def _named(version: DatasetVersion) -> str:
    return f"{one_line(version.title)}, {moment(version.created_at)}"
