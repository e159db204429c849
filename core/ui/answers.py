"""An answer on the screen: its text with numbered citations, the quotes below, thumbs and receipt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from core.models import LEFT_OUT, Answer, AnswerStatus, Citation, Claim, Feedback, Span, Trace
from core.phrases import clock
from core.ui import places
from core.ui.components import notices
from core.ui.player import TranscriptOf, place_of, play
from core.ui.text import UNKNOWN, duration_ms, escape_markdown, link, money, number

UNSUPPORTED = "not supported by the passages"
_LONGEST_CORRECTION = 8000
REASONS = ("Wrong", "Not what I asked", "Citation does not fit", "Incomplete", "Hard to read")

_LABELS = {
    AnswerStatus.QUOTED: ":gray-badge[:material/format_quote: Quotes from the library]",
    AnswerStatus.REFUSED: ":orange-badge[:material/search_off: Not in the library]",
    AnswerStatus.FAILED: ":red-badge[:material/error: Failed]",
    AnswerStatus.ABANDONED: ":red-badge[:material/power_off: Interrupted]",
}
_STAGES = {
    "waiting": "Waiting for its turn",
    "condense": "Reading the question",
    "translate": "Translating the question",
    "retrieve": "Searching the library",
    "generate": "Reading the passages",
    "check": "Checking the citations",
}
_MARKER = re.compile(r"\\\[(\d{1,3})\\\]")
_BOLD = re.compile(r"\\\*\\\*(\S(?:.*?\S)?)\\\*\\\*")
_BULLET = re.compile(r"^\s*(?:[-*•]|(\d{1,2})[.)])\s+")
_QUOTE = re.compile(r"^\s*>\s+")
_HEADING = re.compile(r"^\s*#{1,6}\s+")


def status_label(status: AnswerStatus) -> str:
    """Markdown of a badge; empty for a plain answer."""
    return _LABELS.get(status, "")


def answer_markdown(text: str, claims: Sequence[Claim] = (), citations: Sequence[Citation] = ()) -> str:
    """The answer's text as Markdown: everything of the model's is literal but paragraphs, lists and **bold**.

    Known citation numbers become badges; a sentence whose claim is not supported is gray and says so.
    """
    numbers = {citation.n: citation for citation in citations}
    doubtful = _spans_of(claims, text)
    lines, offset = [], 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            lines.append(_line(line, offset, doubtful, numbers))
        offset += len(line)
    return "\n\n".join(lines)


def _spans_of(claims: Sequence[Claim], text: str) -> list[tuple[int, int]]:
    """Where the unsupported claims stand in the text. Without a score it claims nothing."""
    spans, cursor = [], 0
    for claim in claims:
        at = text.find(claim.text, cursor)
        if at < 0:
            continue
        cursor = at + len(claim.text)
        if not claim.supported and claim.support is not None:
            spans.append((at, cursor))
    return spans


def _line(line: str, offset: int, doubtful: Sequence[tuple[int, int]], numbers: Mapping[int, Citation]) -> str:
    prefix, start = _prefix(line)
    pieces, cursor = [], start
    for begin, end in ((b - offset, e - offset) for b, e in doubtful):
        begin, end = max(begin, cursor), min(end, len(line))  # noqa: PLW2901  the part of the claim on this line
        if begin >= end:
            continue
        pieces += [_words(line[cursor:begin], numbers), _doubt(line[begin:end], numbers)]
        cursor = end
    pieces.append(_words(line[cursor:], numbers))
    return prefix + " ".join(piece for piece in pieces if piece)


def _prefix(line: str) -> tuple[str, int]:
    """The Markdown that begins this line, and where its words begin."""
    if quote := _QUOTE.match(line):
        return "", quote.end()
    if bullet := _BULLET.match(line):
        return (f"{bullet[1]}. " if bullet[1] else "- "), bullet.end()
    heading = _HEADING.match(line)
    return ("##### ", heading.end()) if heading else ("", 0)


def _doubt(text: str, numbers: Mapping[int, Citation]) -> str:
    words = _words(text, numbers)
    return f":gray[{words}] :orange-badge[{UNSUPPORTED}]" if words else ""


def _words(text: str, numbers: Mapping[int, Citation]) -> str:
    escaped = _BOLD.sub(r"**\1**", escape_markdown(text))
    return _MARKER.sub(lambda match: _badge(match, numbers), escaped)


def _badge(match: re.Match[str], numbers: Mapping[int, Citation]) -> str:
    citation = numbers.get(int(match[1]))
    return match[0] if citation is None else link(f":green-badge[{citation.n}]", citation.url)


def show_answer(trace: Trace, *, label: bool = True) -> None:
    """Label, notices and text of a finished answer."""
    answer = trace.answer
    if label and (badge := status_label(answer.status)):
        st.markdown(badge)
    notices(answer.notices)
    if answer.text:
        st.markdown(answer_markdown(answer.text, answer.claims, answer.citations))
    if trace.error and answer.status in (AnswerStatus.FAILED, AnswerStatus.ABANDONED):
        st.markdown(escape_markdown(trace.error))
    elif answer.status is AnswerStatus.ABANDONED and not answer.notices:
        st.caption("Stopped before it was finished.")


def show_partial(answer: Answer, stage: str) -> None:
    """What there is so far of an answer that is still being written, and what is being done for it."""
    notices(answer.notices)
    if answer.text:
        st.markdown(f"{answer_markdown(answer.text)} :green[▍]")
    else:
        st.markdown(f":shimmer[{_STAGES.get(stage, 'Working')}…]")


def show_citations(
    trace_id: str,
    citations: Sequence[Citation],
    playing: int | None,
    on_play: Callable[[str, int], None],
    transcript_of: TranscriptOf,
    *,
    quotes: bool = True,
) -> None:
    """The quotes with title, channel and time; the one that is ``playing`` has the player below it.

    ``quotes`` False leaves the words out, where the answer itself is nothing but these quotes.
    """
    for citation in citations:
        with st.container(key=f"citation-{trace_id}-{citation.n}", gap="xsmall"):
            words, action = st.columns([5, 1], vertical_alignment="top")
            where = f"{escape_markdown(citation.title)} :gray[· {escape_markdown(citation.channel)}]"
            quote = f"  \n:gray[“{escape_markdown(citation.quote)}”]" if quotes else ""
            words.markdown(f":green-badge[{citation.n}] {where}{quote}")
            action.button(
                escape_markdown(clock(citation.start_s)),
                icon=":material/play_arrow:" if citation.url else ":material/subject:",
                key=f"cite-{trace_id}-{citation.n}",
                help="Play the video here" if citation.url else "Show the transcript here",
                on_click=on_play,
                args=(trace_id, citation.n),
                width="stretch",
            )
            if playing == citation.n:
                play(place_of(citation), transcript_of)


def thumbs(trace: Trace, save: Callable[[Feedback], None]) -> None:
    """Thumb up or down, taken back by a second click; after a thumb down reason, comment and correction are welcome."""
    trace_id, given = trace.trace_id, trace.feedback
    value = given.value if given else 0
    keys = tuple(f"{name}-{trace_id}" for name in ("feedback", "reason", "comment", "correction"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.feedback(
            "thumbs", key=keys[0], default={1: 1, -1: 0}.get(value), on_change=_save, args=(keys, trace_id, save)
        )
        if value:
            st.caption("Thank you, noted.", width="content")
    if value < 0:
        reason = given.reason if given and given.reason in REASONS else None
        st.pills("What is wrong?", REASONS, default=reason, key=keys[1], on_change=_save, args=(keys, trace_id, save))
        st.text_input(
            "Comment",
            given.comment if given else "",
            key=keys[2],
            max_chars=2000,
            placeholder="Optional",
            on_change=_save,
            args=(keys, trace_id, save),
        )
        st.text_area(
            "What would have been right?",
            given.correction if given else "",
            key=keys[3],
            height=90,
            max_chars=_LONGEST_CORRECTION,
            placeholder="Optional: the answer that you would have liked. Models can learn from it.",
            on_change=_save,
            args=(keys, trace_id, save),
        )


def _save(keys: tuple[str, ...], trace_id: str, save: Callable[[Feedback], None]) -> None:
    thumb, reason, comment, correction = (st.session_state.get(key) for key in keys)
    value = {1: 1, 0: -1, None: 0}[thumb]
    if value >= 0:  # what was wrong belongs to a thumb down
        reason = correction = ""
    save(Feedback(trace_id, value, reason or "", comment or "", correction=(correction or "").strip()))


def receipt(trace: Trace) -> None:
    """What happened and what it cost; ``unknown`` where nobody measured it."""
    answer = trace.answer
    st.table(receipt_rows(answer, trace.spans), border="horizontal", width="content")
    st.page_link(
        places.TRACES, label="See every step, the prompt and the passages", icon=":material/timeline:",
        query_params={"trace": answer.trace_id},
    )  # fmt: skip


def _temperature(spans: Sequence[Span]) -> dict[str, str]:
    """A row where the model was asked without the temperature of the settings."""
    rejected = any("temperature" in str(span.attributes.get(LEFT_OUT, "")).split() for span in spans)
    return {"Temperature": "left out: the model takes none"} if rejected else {}


def receipt_rows(answer: Answer, spans: Sequence[Span]) -> dict[str, str]:
    """Name -> value, as plain Markdown."""
    usage = answer.usage
    steps = {f"Step {escape_markdown(span.name)}": duration_ms(span.duration_ms) for span in spans}
    return {
        "Model": escape_markdown(answer.model) if answer.model else "none",
        **_temperature(spans),
        "Time to first text": duration_ms(answer.ttft_ms),
        "Whole time": duration_ms(answer.latency_ms),
        **steps,
        "Prompt tokens": number(usage.prompt_tokens),
        "Answer tokens": number(usage.completion_tokens),
        "Cached tokens": number(usage.cached_tokens),
        "Cost": escape_markdown(money(answer.cost_usd)) if answer.cost_usd is not None else UNKNOWN,
        "Trace": escape_markdown(answer.trace_id),
    }
