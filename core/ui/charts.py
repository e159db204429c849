"""The charts, made with Altair; their colours come from the theme, light or dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.models import Passage, Span
from core.phrases import clock, one_line
from core.ui.text import duration_ms, shorten

BAR_SELECTION = "bar"
TIMELINE_SELECTION = "place"
_ROW_PX = 30
_GRAY = "#7B8886"
"""Readable on light and on dark."""
_LABEL_CHARS = 34
_LEAST_STEP = 0.004
"""Part of the whole time that a step takes at least, so that the shortest can be seen."""
_LEAST_WIDTH = 0.012
"""Part of a strip that a passage takes at least, so that a click can hit it."""


def passages_per_video(passages: Sequence[Passage]) -> pd.DataFrame:
    """One row per video: video_id, title, channel, passages; the counts sum to ``len(passages)``."""
    rows: dict[str, dict[str, Any]] = {}
    for passage in passages:
        video = passage.video
        row = rows.setdefault(
            video.video_id,
            {
                "video_id": video.video_id,
                "title": one_line(video.title),
                "channel": one_line(video.channel),
                "passages": 0,
            },
        )
        row["passages"] += 1
    table = pd.DataFrame(list(rows.values()), columns=["video_id", "title", "channel", "passages"])
    return table.sort_values("passages", ascending=False, kind="stable", ignore_index=True)


def bar_chart(passages: Sequence[Passage]) -> alt.LayerChart:
    """Relevant passages per video; a click selects ``video_id``, a second click takes it back."""
    table = passages_per_video(passages)
    table["label"] = _labels(table)
    picked = alt.selection_point(BAR_SELECTION, fields=["video_id"], toggle="true")
    base = alt.Chart(table).encode(
        y=alt.Y("label:N", sort=table["label"].tolist(), title=None, axis=_names_axis()),
        x=alt.X(
            "passages:Q",
            title="Passages",
            axis=alt.Axis(tickMinStep=1, format="d"),
            scale=alt.Scale(domain=[0, 1.1 * max(table["passages"])], nice=False),
        ),
    )
    bars = (
        base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7}, cursor="pointer")
        .encode(
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.3)),
            tooltip=[_tip("title"), _tip("channel"), _tip("passages")],
        )
        .add_params(picked)
    )
    numbers = base.mark_text(align="left", dx=5, cursor="pointer", color=_GRAY).encode(text="passages:Q")
    chart: alt.LayerChart = (bars + numbers).properties(height=alt.Step(_ROW_PX))
    return chart


def timeline(passages: Sequence[Passage]) -> alt.LayerChart:
    """One strip per video, as long as the video; a click on a passage selects ``chunk_id``."""
    table = timeline_rows(passages)
    by_video = dict(zip(table["video_id"], table["label"], strict=True))
    order = [by_video[video_id] for video_id in passages_per_video(passages)["video_id"]]
    picked = alt.selection_point(TIMELINE_SELECTION, fields=["chunk_id"], toggle=False)
    rows = alt.Y("label:N", sort=order, title=None, axis=_names_axis())
    part = alt.Scale(domain=[0, 1], nice=False)
    strips = (
        alt.Chart(pd.DataFrame({"label": order, "begin": 0.0, "end": 1.0}))
        .mark_bar(height=10, cornerRadius=5, opacity=0.18, color=_GRAY)
        .encode(y=rows, x=alt.X("begin:Q", scale=part), x2="end:Q")
    )
    places = (
        alt.Chart(table)
        .mark_bar(height=18, cornerRadius=3, cursor="pointer")
        .encode(
            y=rows,
            x=alt.X(
                "begin:Q",
                scale=part,
                title="Place in the video",
                axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], grid=False),
            ),
            x2="end:Q",
            opacity=alt.condition(
                picked, alt.Opacity("score:Q", scale=alt.Scale(range=[0.5, 1]), legend=None), alt.value(0.25)
            ),
            tooltip=[_tip("title"), _tip("time"), _tip("rank"), _tip("text")],
        )
        .add_params(picked)
    )
    chart: alt.LayerChart = (strips + places).properties(height=alt.Step(_ROW_PX))
    return chart


def timeline_rows(passages: Sequence[Passage]) -> pd.DataFrame:
    """One row per passage; begin and end are parts (0 to 1) of the video's length."""
    lengths = _lengths(passages)
    rows = [_place(passage, lengths[passage.video.video_id]) for passage in passages]
    table = pd.DataFrame(rows)
    table["label"] = _labels(table)
    return table


def _place(passage: Passage, length: float) -> dict[str, Any]:
    begin = min(_beginning(passage) / length, 1 - _LEAST_WIDTH)
    end = max(_ending(passage) / length, begin + _LEAST_WIDTH)
    return {
        "chunk_id": passage.chunk.id,
        "video_id": passage.video.video_id,
        "title": one_line(passage.video.title),
        "time": clock(passage.best_start_s) if passage.chunk.end_s > 0 else f"part {passage.chunk.part_id + 1}",
        "rank": passage.rank,
        "score": passage.score,
        "text": shorten(passage.chunk.text, 160),
        "begin": begin,
        "end": min(end, 1.0),
    }


def _beginning(passage: Passage) -> float:
    """Seconds; for a text without times, the number of the part."""
    chunk = passage.chunk
    return chunk.start_s if chunk.end_s > 0 else float(chunk.part_id)


def _ending(passage: Passage) -> float:
    chunk = passage.chunk
    return chunk.end_s if chunk.end_s > 0 else chunk.part_id + 1.0


def _lengths(passages: Sequence[Passage]) -> dict[str, float]:
    """How long each video is, in the unit of ``_beginning``; never 0."""
    lengths: dict[str, float] = {}
    for passage in passages:
        timed = passage.chunk.end_s > 0
        known = passage.video.duration_s if timed else passage.chunk.max_part_id + 1.0
        video_id = passage.video.video_id
        lengths[video_id] = max(lengths.get(video_id, 0.0), known, _ending(passage), 0.001)
    return lengths


def _labels(table: pd.DataFrame) -> list[str]:
    """Shortened titles; two videos of one title stay two rows."""
    owners: dict[str, str] = {}
    labels = []
    for video_id, title in zip(table["video_id"], table["title"], strict=True):
        label = shorten(title, _LABEL_CHARS)
        while owners.setdefault(label, video_id) != video_id:
            label += "\u200a*"
        labels.append(label)
    return labels


def gantt(spans: Sequence[Span]) -> alt.Chart:
    """The steps of a trace along the time since the question."""
    least = max(span.start_ms + span.duration_ms for span in spans) * _LEAST_STEP
    rows = [
        {
            "step": one_line(span.name),
            "begin": span.start_ms,
            "end": span.start_ms + max(span.duration_ms, least),
            "took": duration_ms(span.duration_ms),
            "outcome": "failed" if span.error else "done",
        }
        for span in spans
    ]
    table = pd.DataFrame(rows)
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_bar(cornerRadius=3, height={"band": 0.6}, minBandSize=4)
        .encode(
            y=alt.Y("step:N", sort=None, title=None, axis=_names_axis()),
            x=alt.X("begin:Q", title="Milliseconds since the question"),
            x2="end:Q",
            color=alt.Color("outcome:N", scale=alt.Scale(domain=["done", "failed"]), legend=None),
            tooltip=[_tip("step"), _tip("took"), _tip("outcome")],
        )
        .properties(height=alt.Step(_ROW_PX))
    )
    return chart


def _names_axis() -> alt.Axis:
    return alt.Axis(labelLimit=230, domain=False, ticks=False, labelPadding=8)


def _tip(field: str) -> alt.Tooltip:
    return alt.Tooltip(field, title=field.capitalize())
