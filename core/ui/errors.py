"""The one place that turns an error into what a person reads.

Our own errors carry their sentence. Anything else is a fault of ours: the page shows one sentence with an id, and the
traceback goes to the log under that id.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import streamlit as st

from core.errors import CuepointError, InputError, NotFound
from core.ui.text import escape_markdown

_log = logging.getLogger("cuepoint.ui")
_PENDING = "pending-error"
P = ParamSpec("P")


def sentence(error: Exception) -> str:
    """What went wrong, in one sentence, as plain text. An unexpected error is logged under the id that it names."""
    if isinstance(error, CuepointError):
        return str(error)
    error_id = uuid.uuid4().hex[:8]
    _log.error("unexpected error %s", error_id, exc_info=error)
    return f"Something went wrong that Cuepoint did not expect; the log has the details under {error_id}."


def show_error(error: Exception) -> None:
    """What the user can mend is a warning, everything else an error."""
    _show(sentence(error), mendable=isinstance(error, (InputError, NotFound)))


def _show(message: str, *, mendable: bool) -> None:
    show = st.warning if mendable else st.error
    show(escape_markdown(message), icon=":material/info:" if mendable else ":material/error:")


@contextmanager
def guard() -> Iterator[None]:
    """Shows an error in place of the rest of the block. Streamlit's own control flow passes through."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  the last line before the user
        show_error(error)


def callback(action: Callable[P, object], *, place: str = "") -> Callable[P, None]:
    """For ``on_click`` and its kin, which run before the page: an error waits for ``show_pending_error`` of that place.

    Without a place it is shown at the top of the page.
    """

    @functools.wraps(action)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            action(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  likewise
            st.session_state[_PENDING + place] = (sentence(error), isinstance(error, (InputError, NotFound)))

    return run


def show_pending_error(place: str = "") -> None:
    """Shows, once, what went wrong in the callback before this run."""
    pending = st.session_state.pop(_PENDING + place, None)
    if pending:
        message, mendable = pending
        _show(message, mendable=mendable)
