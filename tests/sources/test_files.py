"""Files, folders and uploads: the good parts go in, each bad one has its sentence."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import SourceError
from core.models import Transcript, VideoKind
from core.sources import Upload, read_sources
from core.sources.articles import read_articles
from core.sources.files import MAX_BYTES, Seen


def document(video_id: str = "dQw4w9WgXcQ", text: str = "Hello there", **more: object) -> dict[str, object]:
    lines = [
        {"start": 0.0, "duration": 2.0, "text": text},
        {"start": 2, "text": "and so on"},
        {"start": 5, "text": "end"},
    ]
    return {"video_id": video_id, "title": "A talk", "channel": "A channel", "language": "en", "segments": lines} | more


def upload(content: object, name: str = "talk.json") -> Upload:
    return Upload(name, content if isinstance(content, bytes) else json.dumps(content).encode())


def only(source: str | Path | Upload) -> Transcript:
    (item,) = read_sources(source)
    assert isinstance(item, Transcript), str(item)
    return item


def error(source: str | Path | Upload) -> str:
    (item,) = read_sources(source)
    assert isinstance(item, SourceError)
    assert item.hint
    return str(item)


def test_a_transcript_is_read() -> None:
    """Every field arrives; a line without duration lasts until the next one."""
    transcript = only(upload(document()))
    video = transcript.video
    assert (video.video_id, video.title, video.channel, video.language) == ("dQw4w9WgXcQ", "A talk", "A channel", "en")
    assert video.kind is VideoKind.YOUTUBE
    assert [(s.start_s, s.duration_s) for s in transcript.segments] == [(0.0, 2.0), (2.0, 3.0), (5.0, 0.0)]


@pytest.mark.parametrize(
    ("video_id", "kind", "wanted"),
    [
        ("dQw4w9WgXcQ", None, VideoKind.YOUTUBE),
        ("dQw4w9WgXcQ", "file", VideoKind.FILE),
        ("dQw4w9WgXcQ", "demo", VideoKind.FILE),
        ("wordle-2", None, VideoKind.FILE),
        ("wordle-2", "youtube", VideoKind.FILE),
        ("essay-1", "article", VideoKind.ARTICLE),
    ],
)
def test_the_id_decides_whether_there_is_a_link(video_id: str, kind: str | None, wanted: VideoKind) -> None:
    """Only an id of YouTube's form that is not marked otherwise links to YouTube."""
    video = only(upload(document(video_id, kind=kind))).video
    assert video.kind is wanted
    assert (video.url_at(1) is not None) == (wanted is VideoKind.YOUTUBE)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (document(segments=None), "talk.json: segments must be a list"),
        (document(segments=[{"start": "1", "text": "a"}]), "talk.json: segments[0].start must be a number of seconds"),
        (document(segments=[{"start": 1, "text": "a"}, {"start": 2}]), "talk.json: segments[1].text is missing"),
        (document(segments=[{"start": 1, "text": 7}]), "talk.json: segments[0].text must be text"),
        (document(segments=["words"]), "talk.json: segments[0] must be an object"),
        (document(segments=[{"start": 1e12, "text": "a"}]), "segments[0].start is more than 30 days"),
        (b'{"video_id":"a","segments":[{"start":NaN,"text":"a"}]}', "segments[0].start must be a number"),
        ({"segments": []}, "talk.json: video_id is missing"),
        (document(video_id=3), "talk.json: video_id must be text"),
        (document("a/../b:1"), 'talk.json: video_id "a/../b:1" cannot be used'),
        (document(title=["x"]), "talk.json: title must be text"),
        ([1, 2], "talk.json: the document must be an object"),
        (document(segments=[]), "talk.json has no text"),
        (document(segments=[{"start": 1, "text": " \u200b"}]), "talk.json has no text"),
        (b'{"video_id": "a", ', "talk.json is not valid JSON (Expecting"),
        (b"[" * 100_000, "talk.json is not"),
        (b'{"video_id":' + b"9" * 10_000 + b"}", "talk.json is not a transcript"),
        (b"", "talk.json is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "talk.json is not valid JSON"),
    ],
)
def test_a_bad_transcript_is_named_with_its_place(content: object, part: str) -> None:
    """The sentence has the file, the field and its index, and says what the file should be."""
    assert part in error(upload(content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_any_usual_encoding_is_read(encoding: str) -> None:
    """Umlauts arrive whatever the file was written with; a guess is noted."""
    text = json.dumps(document(text="Grüße über Bäume"), ensure_ascii=False)
    transcript = only(Upload("talk.json", text.encode(encoding)))
    assert transcript.segments[0].text == "Grüße über Bäume"
    assert transcript.video.note == ("read as Windows-1252" if encoding == "latin-1" else "")


def test_nul_bytes_and_control_characters_are_dropped() -> None:
    """Also where JSON forbids them."""
    raw = json.dumps(document(text="MARK")).replace("MARK", "one\x00 t\x00wo\x01three").encode()
    assert only(Upload("talk.json", raw)).segments[0].text == "one two three"


def test_a_transcript_of_twelve_hours_and_a_line_of_two_megabytes_go_in() -> None:
    """Long is not wrong."""
    lines = [{"start": n, "duration": 1, "text": f"line {n}"} for n in range(43_200)]
    lines.append({"start": 43_200, "duration": 60, "text": "word " * 400_000})
    transcript = only(upload(document(segments=lines)))
    assert len(transcript.segments) == 43_201
    assert transcript.video.duration_s == 43_260


def test_a_file_over_the_bound_is_refused_unread(tmp_path: Path) -> None:
    """A sparse file of 200 MB is named with its size and the bound."""
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(200 << 20)
    assert error(big) == "big.json has 200 MB, more than the 64 MB that can be read. Split it into smaller files."
    assert MAX_BYTES[".json"] == 64 << 20


def test_one_broken_file_does_not_keep_the_good_ones_out(tmp_path: Path) -> None:
    """A folder gives its good transcripts, in order, and one sentence for the broken one; others are passed over."""
    (tmp_path / "a.json").write_text(json.dumps(document("aaaaaaaaaaa")))
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.SRT").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    (tmp_path / "notes.txt").write_text("no transcript")
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "Talk [dQw4w9WgXcQ].info.json").write_text("{}")
    items = list(read_sources(tmp_path))
    assert [type(item) for item in items] == [Transcript, SourceError, Transcript]
    assert "b.json" in str(items[1])


def test_a_video_id_twice_in_a_batch_is_named(tmp_path: Path) -> None:
    """Another text under the same id is refused; the same transcript again is passed over."""
    (tmp_path / "a.json").write_text(json.dumps(document()))
    (tmp_path / "b.json").write_text(json.dumps(document(text="Something else")))
    (tmp_path / "c.json").write_text(json.dumps(document()))
    first, second = read_sources(tmp_path)
    assert isinstance(first, Transcript)
    assert str(second).startswith("b.json has the video_id dQw4w9WgXcQ, which a.json has too. ")


def test_sources_of_one_batch_share_what_was_seen() -> None:
    """Naming a file twice reads it once."""
    seen = Seen()
    assert len(list(read_sources(upload(document()), seen))) == 1
    assert list(read_sources(upload(document()), seen)) == []


@pytest.mark.parametrize("name", ["../../etc/passwd.json", "C:\\temp\\talk.json", "/abs/talk.json"])
def test_the_name_of_an_upload_is_never_a_path(name: str) -> None:
    """Only its last part is shown."""
    assert "/" not in only(upload(document(), name)).video.source
    assert "\\" not in only(upload(document(), name)).video.source


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing path, a folder without files, a kind that is unknown."""
    assert error(tmp_path / "none") == f'There is no file or folder "{tmp_path}/none". Check the spelling of the path.'
    assert "has no file to read" in error(tmp_path)
    assert error(Upload("talk.pdf", b"x")) == (
        "talk.pdf is of a kind that cannot be read. Give one of .json, .srt, .vtt, .csv."
    )


def articles(*rows: str, header: str = "author,title,text") -> Upload:
    return Upload("articles.csv", "\r\n".join((header, *rows)).encode())


def test_a_row_is_an_article_without_times() -> None:
    """The author is the channel, each sentence a line, nothing can be played."""
    article = only(articles('Ada,On engines,"First one. Second, longer one."'))
    assert (article.video.channel, article.video.title, article.video.kind) == ("Ada", "On engines", VideoKind.ARTICLE)
    assert [s.text for s in article.segments] == ["First one.", "Second, longer one."]
    assert {(s.start_s, s.duration_s) for s in article.segments} == {(0.0, 0.0)}
    assert article.video.url_at(0) is None


@pytest.mark.parametrize("header", ["Text;AUTHOR; title ;url", "\ufefftext\tauthor\ttitle"])
def test_columns_are_found_by_name(header: str) -> None:
    """In any order and case, with semicolons or tabs, behind a byte-order mark, among others."""
    delimiter = ";" if ";" in header else "\t"
    article = only(articles(delimiter.join(("Some words.", "Ada", "On engines", "x")), header=header))
    assert (article.video.channel, article.video.title) == ("Ada", "On engines")


def test_missing_columns_are_named() -> None:
    """The sentence names them and the line that was found."""
    assert error(articles("a,b", header="name,title")) == (
        'articles.csv has no column "author" and "text". '
        'Its first line must name author, title and text; it is "name,title".'
    )


def test_rows_without_text_are_named_and_the_others_taken() -> None:
    """One sentence for all of them."""
    good, bad = read_sources(articles("Ada,One,Words.", "Ada,Two,", "Ada"))
    assert isinstance(good, Transcript)
    assert str(bad).startswith("articles.csv has 2 articles without text (data row 2, 3). ")


def test_a_corrected_article_keeps_its_id() -> None:
    """Author and title make the id; a second article of both has its own."""
    first = only(articles("Ada,One,Words.")).video.video_id
    assert only(articles("Ada,One,Other words.")).video.video_id == first
    ids = [item.video.video_id for item in read_sources(articles("A,T,x.", "A,T,y.")) if isinstance(item, Transcript)]
    assert len(set(ids)) == 2


def test_a_hundred_thousand_rows_stream() -> None:
    """Rows are read as articles are taken, so that memory and the first article do not wait for the last row."""
    taken: list[int] = []

    def lines() -> Iterator[str]:
        yield "author,title,text\n"
        for n in range(100_000):
            taken.append(n)
            yield f"Author {n % 7},Title {n},Short text {n}.\n"

    articles = read_articles(lines(), "many.csv")
    first = [item for item, _ in zip(articles, range(300), strict=False)]
    assert all(isinstance(item, Transcript) for item in first)
    assert len(taken) <= 302
    assert sum(1 for _ in itertools.islice(articles, 3000)) == 3000
    assert len(taken) <= 3302


def test_a_quote_that_never_ends_is_one_sentence(tmp_path: Path) -> None:
    """What came before goes in."""
    broken = articles("Ada,One,Words.", 'Ada,Two,"never closed', "Ada,Three,swallowed")
    items = list(read_sources(broken))
    assert isinstance(items[0], Transcript)
