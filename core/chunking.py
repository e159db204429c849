"""Transcript -> chunks: what is embedded and retrieved. Pure: same transcript in, same chunks out."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from core.models import Chunk, Cue, Segment, Transcript

WINDOW_CHARS = 300
"""About so many characters are embedded together; a longer caption line is split."""

SMALL_TAIL = 0.25
"""A last chunk with less than this share of ``size`` is evened out with the one before it."""


def chunk(transcript: Transcript, *, size: int = 1000, overlap: int = 50) -> list[Chunk]:
    """Chunks of at most ``size`` characters that begin and end with whole caption lines.

    A chunk begins with the last lines of the one before it, as many as fit in ``overlap`` characters. Lines are joined
    by one space, runs of white space become one, empty lines are left out; a line longer than a window is split between
    words and its time shared out by characters. Windows tile a chunk's text at line boundaries, about ``WINDOW_CHARS``
    each. A change of one line changes no chunk that ends before it, except that the last two share their text evenly
    when the last would be tiny. Raises ValueError when ``overlap`` is more than half of ``size``.
    """
    if size < 1 or overlap < 0 or overlap * 2 > size:
        raise ValueError(f"overlap {overlap} does not fit into chunks of {size} characters")
    text = _JoinedText.of(transcript.segments, min(size, WINDOW_CHARS))
    spans = _evened(text, _spans(text, size, overlap), size, overlap)
    return [_chunk_of(text, transcript.video.video_id, n, len(spans) - 1, span) for n, span in enumerate(spans)]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A caption line, or a part of a long one; ``glue`` stands between it and the piece before."""

    text: str
    glue: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _JoinedText:
    """All pieces as one text, so that a span of pieces is a slice of it."""

    text: str
    pieces: tuple[_Piece, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, segments: tuple[Segment, ...], limit: int) -> _JoinedText:
        pieces = tuple(piece for segment in segments for piece in _pieces(segment, limit))
        begins, ends, at = [], [], 0
        for n, piece in enumerate(pieces):
            begins.append(at + (len(piece.glue) if n else 0))
            at = begins[-1] + len(piece.text)
            ends.append(at)
        text = "".join(piece.glue + piece.text for piece in pieces)
        return cls(text[len(pieces[0].glue) :] if pieces else "", pieces, tuple(begins), tuple(ends))

    def length(self, first: int, end: int) -> int:
        """Characters of the pieces [first, end)."""
        return self.ends[end - 1] - self.begins[first]


def _pieces(segment: Segment, limit: int) -> Iterator[_Piece]:
    text = " ".join(segment.text.split())
    per_char = max(0.0, segment.duration_s) / max(1, len(text))
    for begin, end in _word_spans(text, limit):
        glue = "" if begin and text[begin - 1] != " " else " "
        start_s = segment.start_s + begin * per_char
        end_s = segment.end_s if end == len(text) else segment.start_s + end * per_char
        yield _Piece(text[begin:end], glue, start_s, max(start_s, end_s))


def _word_spans(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Spans of at most ``limit`` characters of about equal length, cut at spaces where there are any."""
    begin = 0
    while len(text) - begin > limit:
        parts = -(-(len(text) - begin) // limit)
        wanted = begin + -(-(len(text) - begin) // parts)
        cut = _cut(text, begin, wanted, begin + limit)
        yield begin, cut
        begin = cut + 1 if text[cut] == " " else cut
    if begin < len(text):
        yield begin, len(text)


def _cut(text: str, begin: int, wanted: int, latest: int) -> int:
    """Where to end a part: the space nearest to ``wanted``, else there, but not inside a combined character."""
    after = text.find(" ", wanted, latest + 1)
    before = text.rfind(" ", begin + 1, wanted)
    if after >= 0 and (before < 0 or after - wanted <= wanted - before):
        return after
    if before > 0:
        return before
    cut = wanted
    while cut > begin + 1 and (unicodedata.combining(text[cut]) or "\u200d" in text[cut - 1 : cut + 1]):
        cut -= 1
    return cut if cut > begin + 1 else wanted


def _spans(text: _JoinedText, size: int, overlap: int) -> list[tuple[int, int]]:
    """Piece ranges of the chunks: as many pieces as fit, the first of them repeated from the chunk before."""
    spans, new = [], 0
    while new < len(text.pieces):
        begin = _overlap_begin(text, new, new + 1, size, overlap)
        end = max(new + 1, bisect_right(text.ends, text.begins[begin] + size))
        spans.append((begin, end))
        new = end
    return spans


def _overlap_begin(text: _JoinedText, new: int, end: int, size: int, overlap: int) -> int:
    """The first piece of a chunk whose new pieces are [new, end)."""
    if new == 0:
        return 0
    earliest = max(text.ends[new - 1] - overlap, text.ends[end - 1] - size)
    return min(new, bisect_left(text.begins, earliest))


def _evened(text: _JoinedText, spans: list[tuple[int, int]], size: int, overlap: int) -> list[tuple[int, int]]:
    """The spans with the last two of about the same length if the last has hardly any text of its own."""
    if len(spans) < 2 or text.length(spans[-2][1], spans[-1][1]) >= size * SMALL_TAIL:  # noqa: PLR2004
        return spans
    (first, middle), (_, end) = spans[-2:]
    half = text.begins[first] + text.length(first, end) // 2
    border = min(middle, max(first + 1, bisect_left(text.begins, half)))
    if text.length(border, end) > size:
        return spans
    return [*spans[:-2], (first, border), (_overlap_begin(text, border, end, size, overlap), end)]


def _chunk_of(text: _JoinedText, video_id: str, part_id: int, max_part_id: int, span: tuple[int, int]) -> Chunk:
    first, end = span
    base = text.begins[first]
    cues = tuple(
        Cue(offset - base, piece.start_s, piece.end_s)
        for offset, piece in zip(text.begins[first:end], text.pieces[first:end], strict=True)
    )
    content = text.text[base : text.ends[end - 1]]
    windows = tuple(_windows([cue.offset for cue in cues], len(content)))
    return Chunk(video_id, part_id, max_part_id, content, cues, windows)


def _windows(offsets: list[int], length: int) -> Iterator[tuple[int, int]]:
    """Spans that tile [0, length), each beginning at one of the offsets, all of about the same length."""
    count = max(1, round(length / WINDOW_CHARS))
    begin = 0
    for n in range(1, count):
        border = _nearest(offsets, n * length // count)
        if border > begin:
            yield begin, border
            begin = border
    yield begin, length


def _nearest(offsets: list[int], wanted: int) -> int:
    """The offset nearest to ``wanted``; of two as near, the earlier."""
    after = bisect_left(offsets, wanted)
    around = offsets[max(0, after - 1) : after + 1]
    return min(around, key=lambda offset: abs(offset - wanted))
