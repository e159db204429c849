"""Chunks: whole lines, exact times, bounded sizes, stable hashes."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.chunking import WINDOW_CHARS, chunk
from core.models import Chunk, Segment, Transcript, Video, VideoKind

VIDEO = Video("abcdefghijk", "A talk", "A channel")
ALPHABET = "aä1 \t\n.é\u0301语م\u200d🎈"
TEXTS = st.one_of(st.text(ALPHABET, max_size=60), st.text("ab ", max_size=900))


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    segments, at = [], 0.0
    for text in draw(st.lists(TEXTS, max_size=40)):
        duration = draw(st.sampled_from([0.0, 0.5, 2.0, 7.25]))
        segments.append(Segment(text, at, duration))
        at += duration
    return Transcript(VIDEO, tuple(segments))


@st.composite
def limits(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, 1200))
    return size, draw(st.integers(0, size // 2))


def letters(text: str) -> str:
    return "".join(text.split())


def talk(lines: int, *, seed: int = 1, length: tuple[int, int] = (20, 90)) -> Transcript:
    rng = random.Random(seed)
    segments = []
    for n in range(lines):
        words = [rng.choice(["vector", "of", "the", "index", "a", "talk"]) for _ in range(rng.randint(*length) // 5)]
        segments.append(Segment(f"{n} " + " ".join(words), n * 4.0, 4.0))
    return Transcript(VIDEO, tuple(segments))


def own_text(before: Chunk | None, part: Chunk) -> tuple[str, int]:
    """The text of a chunk without what it repeats, and how much it repeats."""
    if before is None:
        return part.text, 0
    for cue in reversed(part.cues):
        if cue.offset and before.text.endswith(part.text[: cue.offset].rstrip(" ")):
            repeated = part.text[: cue.offset].rstrip(" ")
            known = {(c.start_s, c.end_s, before.text[c.offset :]) for c in before.cues}
            if (part.cues[0].start_s, part.cues[0].end_s, repeated) in known:
                return part.text[cue.offset :], len(repeated)
    return part.text, 0


@given(transcripts(), limits())
@settings(max_examples=80, deadline=None)
def test_chunks_are_bounded_and_their_windows_tile_them(transcript: Transcript, limit: tuple[int, int]) -> None:
    """No chunk is longer than the size, numbers count up, windows cover the text once and begin at caption lines."""
    size, overlap = limit
    chunks = chunk(transcript, size=size, overlap=overlap)
    assert [c.part_id for c in chunks] == list(range(len(chunks)))
    for part in chunks:
        assert 0 < len(part.text) <= size
        assert part.max_part_id == len(chunks) - 1
        assert part.text == part.text.strip()
        offsets = [cue.offset for cue in part.cues]
        assert offsets[0] == 0
        assert offsets == sorted(set(offsets))
        assert "".join(part.window_texts()) == part.text
        assert {begin for begin, _ in part.windows} <= set(offsets)
        assert all(begin < end for begin, end in part.windows)


@given(transcripts(), limits())
@settings(max_examples=80, deadline=None)
def test_every_character_is_in_some_chunk(transcript: Transcript, limit: tuple[int, int]) -> None:
    """Without overlap the chunks hold exactly the letters of the lines, in order; with it none is missing."""
    size, overlap = limit
    wanted = letters(" ".join(s.text for s in transcript.segments))
    assert letters("".join(c.text for c in chunk(transcript, size=size, overlap=0))) == wanted
    overlapped = letters("".join(c.text for c in chunk(transcript, size=size, overlap=overlap)))
    iterator = iter(overlapped)
    assert all(letter in iterator for letter in wanted)


@given(transcripts(), limits())
@settings(max_examples=80, deadline=None)
def test_a_cue_has_the_time_of_its_line(transcript: Transcript, limit: tuple[int, int]) -> None:
    """Each cue lies in the time of a line that holds its words, or its first letters where the line was split."""
    for part in chunk(transcript, size=limit[0], overlap=limit[1]):
        borders = [*(cue.offset for cue in part.cues), len(part.text)]
        for cue, end in zip(part.cues, borders[1:], strict=True):
            words = part.text[cue.offset : end].strip()
            assert cue.start_s <= cue.end_s
            assert any(
                s.start_s - 1e-6 <= cue.start_s and cue.end_s <= s.end_s + 1e-6 and words in " ".join(s.text.split())
                for s in transcript.segments
            )


@given(transcripts(), limits())
@settings(max_examples=60, deadline=None)
def test_the_same_transcript_gives_the_same_chunks(transcript: Transcript, limit: tuple[int, int]) -> None:
    """Cutting twice gives equal chunks."""
    assert chunk(transcript, size=limit[0], overlap=limit[1]) == chunk(transcript, size=limit[0], overlap=limit[1])


@pytest.mark.parametrize("overlap", [0, 50, 300])
def test_a_chunk_repeats_whole_lines_up_to_the_overlap(overlap: int) -> None:
    """What is repeated is at most the overlap, and as much of it as whole lines allow."""
    transcript = talk(200)
    before, repeats = None, []
    for part in chunk(transcript, overlap=overlap):
        own, repeated = own_text(before, part)
        assert repeated <= overlap
        if before is not None:
            repeats.append(repeated)
            lines = [s.text for s in transcript.segments]
            first_own = next(n for n, line in enumerate(lines) if own.startswith(line))
            taken = next(n for n, line in enumerate(lines) if part.text.startswith(line))
            assert taken == 0 or len(" ".join(lines[taken - 1 : first_own])) > overlap
        before = part
    assert (max(repeats) > 0) == (overlap > 0)


def test_a_usual_talk_is_cut_near_the_size() -> None:
    """Chunks of a talk with usual lines are nearly full, windows have about their size, and no tail is tiny."""
    chunks = chunk(talk(300))
    assert all(len(c.text) > 900 for c in chunks[:-2])
    assert all(len(c.text) >= 250 for c in chunks)
    windows = [end - begin for c in chunks for begin, end in c.windows]
    assert all(WINDOW_CHARS / 2 <= length <= WINDOW_CHARS * 1.6 for length in windows)


@pytest.mark.parametrize("lines", range(10, 60))
def test_no_tail_is_tiny(lines: int) -> None:
    """However long the talk is, its last chunk has a quarter of the size at least."""
    chunks = chunk(talk(lines, seed=lines))
    assert len(chunks) == 1 or len(chunks[-1].text) >= 250


def test_a_late_edit_leaves_the_earlier_chunks_alone() -> None:
    """Changing line 180 of 200 changes only chunks from there on."""
    before = talk(200)
    segments = list(before.segments)
    segments[180] = Segment("quite another sentence stands here now", segments[180].start_s, 4.0)
    after = chunk(Transcript(VIDEO, tuple(segments)))
    changed = [a.part_id for a, b in zip(after, chunk(before), strict=False) if a.content_hash != b.content_hash]
    assert changed
    assert all(after[n].end_s >= segments[180].start_s for n in changed)
    assert changed[0] > len(after) * 0.8


def test_a_line_of_two_megabytes_is_split_between_words() -> None:
    """Its parts are whole words, their times run on evenly, and it takes seconds, not minutes."""
    words = " ".join(f"word{n}" for n in range(220_000))
    began = time.perf_counter()
    chunks = chunk(Transcript(VIDEO, (Segment(words, 100.0, 1000.0),)), overlap=0)
    assert time.perf_counter() - began < 5
    assert " ".join(c.text for c in chunks) == words
    assert chunks[0].start_s == 100.0
    assert chunks[-1].end_s == 1100.0
    middle = chunks[len(chunks) // 2]
    assert middle.start_s == pytest.approx(100.0 + 1000.0 * words.find(middle.text) / len(words), abs=0.001)
    assert all(a.end_s == pytest.approx(b.start_s, abs=0.1) for a, b in pairwise(chunks))


def test_a_word_without_end_is_split_without_a_space() -> None:
    """Text without spaces, as Chinese has, keeps its characters unchanged."""
    text = "这是一个很长的句子" * 500
    chunks = chunk(Transcript(VIDEO, (Segment(text, 0.0, 60.0),)), overlap=0)
    assert "".join(c.text for c in chunks) == text
    assert max(len(c.text) for c in chunks) <= 1000


def test_a_split_keeps_an_accent_with_its_letter() -> None:
    """No part of a long word begins with a combining mark."""
    text = "e\u0301" * 1001
    for part in chunk(Transcript(VIDEO, (Segment(text, 0.0, 60.0),))):
        assert all(not piece.startswith("\u0301") for piece in part.window_texts())


def test_empty_lines_are_left_out() -> None:
    """White space alone makes no cue, and nothing at all makes no chunk."""
    segments = (Segment("  \n", 0, 1), Segment("words\nhere ", 1, 1), Segment("", 2, 1), Segment("end", 3, 1))
    (only,) = chunk(Transcript(VIDEO, segments))
    assert only.text == "words here end"
    assert [(c.offset, c.start_s, c.end_s) for c in only.cues] == [(0, 1, 2), (11, 3, 4)]
    assert chunk(Transcript(VIDEO, segments[:1])) == []


def test_an_article_has_no_times() -> None:
    """Lines without duration are cut like any other; all times stay 0."""
    article = Video("article-1", "On drift", "Author", kind=VideoKind.ARTICLE)
    sentences = tuple(Segment(f"Sentence number {n} says something.", 0.0, 0.0) for n in range(80))
    chunks = chunk(Transcript(article, sentences))
    assert len(chunks) > 1
    assert {(cue.start_s, cue.end_s) for c in chunks for cue in c.cues} == {(0.0, 0.0)}


def test_an_overlap_over_half_the_size_is_refused() -> None:
    """The settings forbid it too; here it is a programming error."""
    with pytest.raises(ValueError, match="overlap 60"):
        chunk(talk(3), size=100, overlap=60)
