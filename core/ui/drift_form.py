"""What the Drift page compares: a window, a saved version or a file on each side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import streamlit as st

from core.cost.report import By
from core.drift.columns import FEWEST_ROWS
from core.drift.sides import Side
from core.drift.windows import FILE_ENDINGS
from core.ledger import DatasetKind
from core.services import Services
from core.ui import sample
from core.ui.drift_phrases import file_name
from core.ui.errors import callback, guard, show_pending_error
from core.ui.text import count, escape_markdown, moment, shorten

RUN = "drift-run"
LARGEST_MB = 200
DAYS, BEFORE, DATES, VERSION, FILE = "Last days", "Days before", "Dates", "Saved version", "File"
_KINDS = {Side.REFERENCE: [BEFORE, DATES, VERSION, FILE], Side.CURRENT: [DAYS, DATES, VERSION, FILE]}
_TITLES = {Side.REFERENCE: "Reference", Side.CURRENT: "Current"}
_HELP = {Side.REFERENCE: "How the traffic was", Side.CURRENT: "How it is now"}
_WEEK, _MOST_DAYS = 7, 3650
_NAMES_OF = timedelta(days=90)
_FILTERS = {"kind": By.KIND, "model": By.MODEL, "template": By.TEMPLATE, "user": By.USER}
_LABELS = {"kind": "Kind", "model": "Model", "template": "Template", "user": "Person"}
_DAY = timedelta(days=1)


def draw(services: Services) -> tuple[str, str] | None:
    """Draws the form; the windows of reference and current, or None where a side is not chosen yet."""
    places = st.grid(2, min_column_width=300, gap="medium")
    with places.container(border=True):
        reference = _side(services, Side.REFERENCE)
    with places.container(border=True):
        current = _side(services, Side.CURRENT)
    return (reference, current) if reference and current else None


def _key(side: Side, name: str) -> str:
    return f"drift-{side}-{name}"


def chosen() -> tuple[str, str] | None:
    """The windows as the widgets say, without drawing them; the defaults where they were never drawn."""
    found = {side: _window(side) for side in Side}
    return (found[Side.REFERENCE], found[Side.CURRENT]) if all(found.values()) else None


def _side(services: Services, side: Side) -> str:
    st.markdown(f"**{_TITLES[side]}** :gray[{_HELP[side]}]")
    kind = st.segmented_control(
        _TITLES[side], _KINDS[side], default=_KINDS[side][0], required=True, key=_key(side, "what"),
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    _DRAW[str(kind)](services, side)
    if kind in (DAYS, BEFORE, DATES):
        _filters(services, side)
    window = _window(side)
    if window:
        with guard():
            _size(services, window)
    return window


def _size(services: Services, window: str) -> None:
    rows = services.drift.size(window)
    if rows is None:
        return
    few = f" · a verdict needs {FEWEST_ROWS}" if rows < FEWEST_ROWS else ""
    st.caption(f":material/info: {count(rows, 'question')} now{few}" if few else f"{count(rows, 'question')} now")


# ---------------------------------------------------------------------------------------------------------- widgets


def _days(_services: Services, side: Side) -> None:
    label = "Days" if side is Side.CURRENT else "Days before the current ones"
    st.number_input(label, 1, _MOST_DAYS, _WEEK, key=_key(side, "days"), persist_state="session", width=240)


def _dates(_services: Services, side: Side) -> None:
    today = datetime.now(UTC).date()
    last = today if side is Side.CURRENT else today - _WEEK * _DAY
    st.date_input(
        "From and to, both included, in UTC", (last - (_WEEK - 1) * _DAY, last), key=_key(side, "dates"),
        format="YYYY-MM-DD", max_value=today, persist_state="session", width=300,
    )  # fmt: skip


def _version(services: Services, side: Side) -> None:
    versions = {found.version: found for found in services.datasets.versions(DatasetKind.TRACES)}
    if not versions:
        st.caption("No version holds traces yet: the Traces page saves them.")
    st.selectbox(
        "Data version", list(versions), index=None, key=_key(side, "version"), placeholder="Choose one",
        format_func=lambda key: _version_title(versions[key].title, versions[key].rows, versions[key].created_at)
        if key in versions else str(key),
    )  # fmt: skip


def _version_title(title: str, rows: int, created_at: datetime) -> str:
    return f"{shorten(title, 40)}, {count(rows, 'trace')}, {moment(created_at)}"


def _file(services: Services, side: Side) -> None:
    key = _key(side, "upload")
    st.file_uploader(
        f"A table with the names of its columns first: {', '.join(FILE_ENDINGS)}, up to {LARGEST_MB} MB",
        [ending.removeprefix(".") for ending in FILE_ENDINGS], key=key, max_upload_size=LARGEST_MB,
        on_change=callback(_keep, place=key), args=(services, side),
    )  # fmt: skip
    show_pending_error(key)
    kept = st.session_state.get(_key(side, "file"))
    if kept and st.session_state.get(key) is None:  # drawn anew, the field forgets what it was given
        st.caption(f":material/draft: {escape_markdown(file_name(kept.removeprefix('file:')))}")


def _keep(services: Services, side: Side) -> None:
    """The file itself goes to the disk: a session holds no more than its name."""
    file = st.session_state[_key(side, "upload")]
    st.session_state.pop(_key(side, "file"), None)
    if file is not None:
        st.session_state[_key(side, "file")] = services.drift.upload(file.name, file.getvalue())


_DRAW: dict[str, Callable[[Services, Side], None]] = {
    DAYS: _days, BEFORE: _days, DATES: _dates, VERSION: _version, FILE: _file,
}  # fmt: skip


def _filters(services: Services, side: Side) -> None:
    area = st.expander("Only some of it", key=_key(side, "filters"), on_change="rerun", icon=":material/filter_alt:")
    given = {name: st.session_state.get(_key(side, name)) for name in _FILTERS}
    if not area.open and not any(given.values()):
        return
    with area, st.grid(2, min_column_width=120):
        for name, by in _FILTERS.items():
            st.selectbox(
                _LABELS[name], _names(services, by), index=None, key=_key(side, name), placeholder="Any",
                accept_new_options=True, persist_state="session",
            )  # fmt: skip


def _names(services: Services, by: By) -> list[str]:
    """Those of the last three months; others can be typed."""
    report = services.costs.report(since=datetime.now(UTC) - _NAMES_OF, by=by, sample=sample.shown())
    return [str(row.key) for row in report.rows() if row.key]


# ---------------------------------------------------------------------------------------------------------- windows


def _window(side: Side) -> str:
    """As core/drift/windows.py reads it, or empty where something is left to choose."""
    kind = st.session_state.get(_key(side, "what"), _KINDS[side][0])
    if kind == FILE:
        return str(st.session_state.get(_key(side, "file"), ""))
    if kind == VERSION:
        version = st.session_state.get(_key(side, "version"))
        return f"version:{version}" if version else ""
    span = _span_of_dates(_dates_of(side)) if kind == DATES else _span_of_days(side)
    return span + _query(side) if span else ""


def _span_of_days(side: Side) -> str:
    days = _number(side)
    if side is Side.CURRENT:
        return f"{days}d"
    current = st.session_state.get(_key(Side.CURRENT, "what"), DAYS)
    if current == DAYS:
        between = _number(Side.CURRENT)
        return f"{days + between}d..{between}d"
    if current != DATES:
        return f"{days}d"
    found = _dates_of(Side.CURRENT)
    return _span_of_dates((found[0] - days * _DAY, found[0] - _DAY)) if found else ""


def _number(side: Side) -> int:
    return int(st.session_state.get(_key(side, "days")) or _WEEK)


def _dates_of(side: Side) -> tuple[date, date] | None:
    """None until both are chosen."""
    found = st.session_state.get(_key(side, "dates"))
    return (found[0], found[1]) if isinstance(found, (tuple, list)) and len(found) == 2 else None  # noqa: PLR2004


def _span_of_dates(dates: tuple[date, date] | None) -> str:
    return f"{dates[0].isoformat()}..{(dates[1] + _DAY).isoformat()}" if dates else ""


def _query(side: Side) -> str:
    given = {name: value for name in _FILTERS if (value := st.session_state.get(_key(side, name)))}
    if sample.shown():
        given = {"kind": sample.ASK_KIND} | given
    return f"?{urlencode(given)}" if given else ""
