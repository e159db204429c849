"""SubRip and WebVTT files."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from core.errors import SourceError
from core.models import Transcript, VideoKind
from core.sources.captions import read_captions

SRT = """1
00:00:01,000 --> 00:00:03,500
A vector is
a list of numbers.

2
00:00:03,500 --> 00:00:06,000
<i>An index</i> finds {\\an8}it &amp; more.
"""

ROLLING = f"""WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.310 align:start position:0%
{" "}
hello<00:00:00.400><c> dear</c><00:00:00.900><c> world</c>

00:00:02.310 --> 00:00:02.320 align:start position:0%
hello dear world
{" "}

00:00:02.320 --> 00:00:04.150 align:start position:0%
hello dear world
no<00:00:03.000><c> no</c>

00:00:04.150 --> 00:00:04.160 align:start position:0%
no no
{" "}

00:00:04.160 --> 00:00:06.000 align:start position:0%
no no
this<00:00:05.000><c> is</c><00:00:05.500><c> it</c>
"""


def lines_of(transcript: Transcript) -> list[tuple[str, float, float]]:
    return [(s.text, s.start_s, round(s.end_s, 3)) for s in transcript.segments]


def test_srt_lines_become_segments() -> None:
    """Times in seconds, two lines joined, markup gone."""
    transcript = read_captions(SRT, "On vectors.srt")
    assert lines_of(transcript) == [
        ("A vector is a list of numbers.", 1.0, 3.5),
        ("An index finds it & more.", 3.5, 6.0),
    ]
    assert transcript.video.title == "On vectors"
    assert transcript.video.kind is VideoKind.FILE
    assert transcript.video.duration_s == 6.0
    assert transcript.video.language == "en"


def test_rolling_captions_are_taken_once() -> None:
    """YouTube's generated WebVTT repeats each line; every line stands once, at the time it is spoken."""
    transcript = read_captions(ROLLING, "Talk [dQw4w9WgXcQ].en.vtt")
    assert lines_of(transcript) == [
        ("hello dear world", 0.16, 2.31),
        ("no no", 2.32, 4.15),
        ("this is it", 4.16, 6.0),
    ]


def test_a_repeated_sentence_in_usual_captions_stays() -> None:
    """Someone who says a thing twice is quoted twice."""
    cues = [
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{word}\n" for n, word in enumerate(["yes", "yes", "so", "we", "go"])
    ]
    assert [s.text for s in read_captions("\n".join(cues), "a.srt").segments] == ["yes", "yes", "so", "we", "go"]


def test_a_youtube_id_in_the_name_is_the_video() -> None:
    """As yt-dlp names its files: title, id in brackets, language."""
    video = read_captions(ROLLING, "How it works [dQw4w9WgXcQ].de.vtt").video
    assert (video.video_id, video.title, video.language) == ("dQw4w9WgXcQ", "How it works", "de")
    assert video.url_at(3.9) == "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=3s"


def test_without_an_id_the_path_gives_a_stable_one() -> None:
    """The same path gives the same id whatever the text is; another path another one; there is no link."""
    first = read_captions(SRT, "2024/captions.srt").video
    assert first.video_id == read_captions(SRT.replace("list", "row"), "2024/captions.srt").video.video_id
    assert first.video_id != read_captions(SRT, "2025/captions.srt").video.video_id
    assert first.url_at(1) is None


def test_overlapping_and_backward_times_are_put_right_and_noted() -> None:
    """Lines are sorted by time and end where the next begins; the note says how many."""
    text = """1
00:00:10,000 --> 00:00:12,000
third

2
00:00:01,000 --> 00:00:05,000
first

3
00:00:04,000 --> 00:00:03,000
second

4
00:00:20,000 --> 00:00:21,000
fourth
"""
    transcript = read_captions(text, "talk.srt")
    assert lines_of(transcript) == [
        ("first", 1.0, 4.0),
        ("second", 4.0, 4.0),
        ("third", 10.0, 12.0),
        ("fourth", 20.0, 21.0),
    ]
    assert transcript.video.note == "1 caption line out of order, sorted by time; 1 caption line overlapping, shortened"


def test_cues_without_numbers_are_read() -> None:
    """Some tools leave the number out."""
    text = "00:00:01,000 --> 00:00:02,000\nfirst\n\n00:00:02,000 --> 00:00:03,000\nsecond\n"
    assert [s.text for s in read_captions(text, "talk.srt").segments] == ["first", "second"]


def test_a_cue_with_a_bad_time_is_left_out_and_noted() -> None:
    """The good cues go in."""
    text = SRT + "\n3\n00:00:xx,000 --> 00:00:09,000\nlost\n"
    transcript = read_captions(text, "talk.srt")
    assert len(transcript.segments) == 2
    assert transcript.video.note == "1 caption without valid times left out"


@pytest.mark.parametrize(
    "text", ["Just some words.", "WEBVTT\n\nNOTE nothing", "1\n00:00:01,000 --> 00:00:02,000\n \n"]
)
def test_a_file_without_captions_is_named(text: str) -> None:
    """The message names the file and says what to do."""
    with pytest.raises(SourceError, match=r"^talk\.srt .+\. .+") as caught:
        read_captions(text, "folder/talk.srt")
    assert caught.value.subject == "talk.srt"


@pytest.mark.parametrize(
    "body",
    ["\n" * 200_000, "1" * 200_000, "-->" * 60_000, "<" * 200_000, "{\\" * 100_000, "00:00:01,000 --> " * 10_000],
    ids=["newlines", "digits", "arrows", "brackets", "braces", "times"],
)
def test_hostile_files_take_no_time(body: str) -> None:
    """No parser behind it needs more than linear time."""
    began = time.perf_counter()
    with suppress(SourceError):
        read_captions("1\n00:00:01,000 --> 00:00:02,000\n" + body, "talk.srt")
    assert time.perf_counter() - began < 5
