"""What Comet refused: the list on the Traces page, and a record as it would be sent, to be mended and sent again.

Reasons come from a server and titles from readers: each is shown as one escaped, shortened line.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.errors import InputError
from core.mirror.service import DeadLetter
from core.phrases import one_line
from core.services import Services
from core.ui import places
from core.ui.errors import callback, guard, show_pending_error
from core.ui.text import count, escape_markdown, shorten

PAGE_SIZE = 50
MOST_EDITED_CHARS = 100_000
"""A longer record would make the editor crawl: it is downloaded, mended elsewhere and uploaded."""
_SHOWN_CHARS = 5_000
_REASON_CHARS = 300
_TITLE_CHARS = 120
_OPENED = "refused-opened"
"""In the session: the DeadLetter that is open."""
_DONE = "delivery-done"
_PAGE = "refused-page"
_ROUND = "refused-round"
"""In the session: a number in the table's key. A new key is what unmarks the rows in the browser."""
_WORDS = {"trace": "Answer", "feedback": "Thumb", "experiment": "Experiment", "dataset": "Data version"}
_COLUMNS = {
    "What": st.column_config.TextColumn(width="small"),
    "Which": st.column_config.TextColumn(width="medium"),
    "Reason": st.column_config.TextColumn(width="large"),
    "Attempts": st.column_config.NumberColumn(width="small"),
    "Since": st.column_config.DatetimeColumn(width="small", format="YYYY-MM-DD HH:mm", help="UTC"),
}


def show(services: Services, total: int) -> None:
    """The list in pages, the button for all of them, and below it the record that is open."""
    area = st.expander("What Comet refused", icon=":material/error:", key="refused", on_change="rerun")
    if not area.open:
        return
    with area:
        _table(_page(services, total))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Send all again", icon=":material/refresh:", key="refused-all", on_click=callback(_send_all),
                args=(services,), help="Unchanged: for when the reason was at Comet and is gone",
            )  # fmt: skip
            st.caption("Mark a row to read its record, mend it and send it again.")
        opened: DeadLetter | None = st.session_state.get(_OPENED)
        if opened is not None:
            _show_opened(services, opened)


def _page(services: Services, total: int) -> list[DeadLetter]:
    pages = -(-total // PAGE_SIZE)
    page = st.pagination(pages, key=_PAGE) if pages > 1 else 1
    return services.mirroring.dead_letters(PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)


def _table(letters: Sequence[DeadLetter]) -> None:
    key = f"refused-table-{st.session_state.get(_ROUND, 0)}-{st.session_state.get(_PAGE, 1)}"
    st.dataframe(
        pd.DataFrame([_row(letter) for letter in letters], columns=list(_COLUMNS)), hide_index=True, key=key,
        selection_mode="single-row", on_select=lambda: _open(letters, key), column_config=_COLUMNS,
        alt="What Comet refused, with the reasons",
    )  # fmt: skip


def _row(letter: DeadLetter) -> dict[str, object]:
    return {
        "What": _WORDS.get(letter.kind, one_line(letter.kind)),
        "Which": shorten(letter.title or letter.id, _TITLE_CHARS),
        "Reason": shorten(letter.reason, _REASON_CHARS),
        "Attempts": letter.attempts,
        "Since": letter.queued_at,
    }


def _open(letters: Sequence[DeadLetter], table: str) -> None:
    """Remembers the letter and not its row: the list may move while it is being mended."""
    rows = st.session_state[table].selection.rows
    st.session_state[_OPENED] = letters[rows[0]] if rows and rows[0] < len(letters) else None


def _close() -> None:
    st.session_state.pop(_OPENED, None)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _show_opened(services: Services, letter: DeadLetter) -> None:
    with st.container(border=True, key="letter"):
        st.markdown(f"**{escape_markdown(shorten(letter.title or letter.id, _TITLE_CHARS))}**")
        st.markdown(f":red[{escape_markdown(shorten(letter.reason, _REASON_CHARS))}]")
        with st.container(horizontal=True, vertical_alignment="center"):
            if letter.kind in ("trace", "feedback"):
                st.page_link(
                    places.TRACES, label="Open the trace", icon=":material/timeline:", query_params={"trace": letter.id}
                )
            st.button("Close", icon=":material/close:", key="letter-close", on_click=_close)
        with guard():
            show_letter(services, letter.kind, letter.id)


def show_letter(services: Services, kind: str, key: str) -> None:
    """A record as it would be sent, in an editor, and the button that sends it. Raises NotFound, InputError."""
    document = services.mirroring.letter_document(kind, key)
    name = f"letter-{kind}-{key}"
    if len(document) <= MOST_EDITED_CHARS:
        st.text_area(f"{_WORDS.get(kind, 'Record')} as it would be sent", document, key=name, height=320)
    else:
        _mended_elsewhere(document, name)
    st.button(
        "Send again", type="primary", icon=":material/send:", key=f"letter-send-{kind}",
        on_click=callback(_send, place=name), args=(services, kind, key, document),
    )  # fmt: skip
    show_pending_error(name)


def _mended_elsewhere(document: str, name: str) -> None:
    """The beginning of a record that is too long for the editor, as a file to take out and to bring back."""
    st.caption(
        f"This record has {len(document):,} characters, too many to edit here. Download it, mend it and upload it, or "
        "send it again as it is."
    )
    st.code(f"{document[:_SHOWN_CHARS]}\n…", language=None, wrap_lines=True, height=320)
    st.download_button(
        "Download the record", lambda: document, file_name="record.json", mime="application/json",
        icon=":material/download:", on_click="ignore", key=f"{name}-download",
    )  # fmt: skip
    st.file_uploader("The mended record", ["json"], key=name)


def _send(services: Services, kind: str, key: str, document: str) -> None:
    """What is wrong with it is said below the editor, which keeps what was typed."""
    mended = _text_of(st.session_state.get(f"letter-{kind}-{key}"))
    services.mirroring.send_again(kind, key, None if mended in (None, document) else mended)
    _close()
    remember_what_was_done("It is sent again.")


def _text_of(given: str | UploadedFile | None) -> str | None:
    """What the editor or the uploader holds. Raises InputError."""
    if given is None or isinstance(given, str):
        return given
    try:
        return given.getvalue().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{given.name} is not UTF-8 text", hint="Save it as UTF-8 and upload it again.") from None


def _send_all(services: Services) -> None:
    number = services.mirroring.send_all_again()
    _close()
    remember_what_was_done(f"{count(number, 'record')} will be sent again.")


def remember_what_was_done(sentence: str) -> None:
    """For ``say_what_was_done``: what is said just before the page is drawn anew is gone at once."""
    st.session_state[_DONE] = sentence


def say_what_was_done() -> None:
    sentence = st.session_state.pop(_DONE, None)
    if sentence:
        st.toast(sentence, icon=":material/check:")
