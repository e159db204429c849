"""Delivery to Comet on the screen: how far it is, what keeps it, and how traces from before the key are sent.

The delivery runs in a process of its own; a page only looks at it. What a server said is untrusted: it is shown as one
escaped, shortened line.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from core.ledger import OutboxState
from core.mirror.service import MirrorStatus
from core.models import AnswerStatus, Trace
from core.services import Services
from core.ui import places, refused
from core.ui.errors import callback, guard, show_pending_error
from core.ui.text import count, escape_markdown, shorten, span_of_time

OFF = "Traces stay in this library. Set `COMET_API_KEY` and start again to send them to Comet as well."
_POLL_S = 3.0
_REASON_CHARS = 300
_PLACE = "delivery"
_PERIOD = "earlier-period"
_FIRST_PERIOD = timedelta(days=30)
_KEY_HINT = (
    "Nothing is lost: what is asked meanwhile waits here. Set `COMET_API_KEY`, or what else is named here, and start "
    "again. If it was put right at Comet, just try again."
)
_ICONS = {
    "sent": ":green[:material/cloud_done:]",
    "pending": ":material/cloud_upload:",
    "dead": ":red[:material/error:]",
}


def headline(status: MirrorStatus) -> str:
    """How the delivery stands, as one line of Markdown."""
    if status.status == "paused":
        return ":red[:material/pause_circle:] **Paused: Comet refuses the key or the project**"
    if status.status == "waiting":
        return f":orange[:material/hourglass_top:] **Waiting: Comet does not answer**{_next_try(status.next_try_s)}"
    if status.pending and status.status == "stopped":
        return ":orange[:material/hourglass_top:] **Waiting for the process that sends**"
    if status.pending:
        return ":green[:material/cloud_upload:] **On the way to Comet**"
    if status.dead:
        return ":red[:material/error:] **Delivered to Comet, except what it refused**"
    return ":green[:material/cloud_done:] **Everything is delivered to Comet**"


def _next_try(left_s: float | None) -> str:
    if left_s is None:
        return ""
    return f", next try in {span_of_time(left_s)}" if left_s >= 1 else ", trying again"


def figures(status: MirrorStatus) -> dict[str, str]:
    """The four numbers by their names, as Markdown."""
    oldest = status.oldest_pending_s
    return {
        "Delivered": f"{status.delivered:,}",
        "Waiting": f"{status.pending:,}",
        "Oldest waiting": "–" if oldest is None else span_of_time(oldest),
        "Refused": f":red[{status.dead:,}]" if status.dead else "0",
    }


def summary(status: MirrorStatus) -> str:
    """The same numbers as one line of Markdown."""
    oldest = status.oldest_pending_s
    age = "" if oldest is None else f", the oldest for {span_of_time(oldest)}"
    dead = f" · :red[{status.dead:,} refused]" if status.dead else ""
    return f"{status.delivered:,} delivered · {status.pending:,} waiting{age}{dead}"


def panel(services: Services) -> None:
    """Home's panel. Nothing where no key is set: the list of services says that."""
    if services.mirroring.enabled:
        st.subheader("Delivery to Comet", anchor=False)
        _panel(services)


@st.fragment(run_every=_POLL_S)
def _panel(services: Services) -> None:
    with guard():
        show_pending_error(_PLACE)
        status = services.mirroring.status()
        with st.container(border=True, key="delivery"):
            st.markdown(headline(status))
            _obstacle(services, status)
            st.table(figures(status), border="horizontal")
            if status.dead:
                st.page_link(places.TRACES, label="See what was refused, and why", icon=":material/arrow_forward:")


def _obstacle(services: Services, status: MirrorStatus) -> None:
    """Why nothing is being sent, what to do, and the button that tries again."""
    stands = status.status in ("paused", "waiting") or (status.status == "stopped" and status.pending)
    if stands and status.detail:
        st.caption(escape_markdown(shorten(status.detail, _REASON_CHARS)))
    if status.status == "paused":
        st.markdown(_KEY_HINT)
        st.button(
            "Try again",
            icon=":material/refresh:",
            key="delivery-again",
            on_click=callback(services.mirroring.resume, place=_PLACE),
        )


def overview(services: Services) -> None:
    """The Traces page's panel: the state, what was refused, and the traces from before the key."""
    if not services.mirroring.enabled:
        st.caption(OFF)
        return
    refused.say_what_was_done()
    dead = services.mirroring.status().dead
    with st.container(border=True, key="delivery"):
        state, earlier = st.columns([3, 1], vertical_alignment="center")
        with state:
            _line(services, dead)
        with earlier, st.container(horizontal_alignment="right"):
            _earlier_traces(services)
        if dead:
            refused.show(services, dead)


@st.fragment(run_every=_POLL_S)
def _line(services: Services, drawn_dead: int) -> None:
    """Refreshes itself; the whole page is drawn again where suddenly something was refused, or nothing is any more."""
    with guard():
        show_pending_error(_PLACE)
        status = services.mirroring.status()
        if bool(status.dead) != bool(drawn_dead):
            st.rerun()
        st.markdown(f"{headline(status)}  \n:gray[{summary(status)}]")
        _obstacle(services, status)


def _earlier_traces(services: Services) -> None:
    """Back-fill: asks for a period, says how many traces it has, and sends them."""
    area = st.popover("Send earlier traces", icon=":material/history:", key="earlier", on_change="rerun")
    if not area.open:
        return
    with area, guard():
        st.markdown("Traces from before the key was set, with their thumbs.")
        today = datetime.now(UTC).date()
        period = st.date_input("Asked from, to (UTC)", (today - _FIRST_PERIOD, today), max_value=today, key=_PERIOD)
        if len(period) != 2:  # noqa: PLR2004  the last day is still to be chosen
            st.caption("Choose the last day as well.")
            return
        since, until = _bounds(*period)
        number = services.mirroring.back_fill_count(since, until)
        if not number:
            st.caption("Nothing is left to send from this time.")
            return
        st.button(
            f"Send {count(number, 'trace')}", type="primary", icon=":material/cloud_upload:", key="earlier-send",
            on_click=callback(_send_earlier), args=(services, since, until),
        )  # fmt: skip


def _bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last one."""
    return datetime.combine(first, time.min, UTC), datetime.combine(last + timedelta(days=1), time.min, UTC)


def _send_earlier(services: Services, since: datetime, until: datetime) -> None:
    number = services.mirroring.back_fill(since, until)
    refused.remember_what_was_done(f"{count(number, 'trace')} will be sent.")


def of_trace(services: Services, trace: Trace) -> None:
    """Whether this trace has arrived; what was refused of it can be mended here."""
    if not services.mirroring.enabled or trace.answer.status is AnswerStatus.RUNNING:
        return
    refused.say_what_was_done()
    delivery = services.mirroring.delivery_of(trace.trace_id)
    words = escape_markdown(shorten(delivery.text, _REASON_CHARS))
    st.caption(f"{_ICONS.get(delivery.state, ':material/cloud_off:')} {words}")
    if delivery.state == OutboxState.DEAD:
        with st.expander("See what was refused, and mend it", icon=":material/build:", type="compact"):
            for row in services.mirroring.rows_of(trace.trace_id):
                if row.state is OutboxState.DEAD:
                    refused.show_letter(services, row.kind, row.id)
