"""A ``.csv`` of articles (author, title, text) -> Transcripts without times, row by row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.errors import SourceError
from core.models import Segment, Transcript, Video, VideoKind
from core.sentences import guess_language, split_sentences
from core.sources.identity import LONGEST_NAME, derived_id
from core.sources.text import clean_text, shown

COLUMNS = ("author", "title", "text")
UNKNOWN_AUTHOR = "Unknown author"

_LONGEST_FIELD = 64 << 20
_NAMED_ROWS = 5
_DELIMITERS = ",;\t|"


def read_articles(lines: Iterable[str], name: str) -> Iterator[Transcript | SourceError]:
    """One transcript per row; the author is the channel. ``lines`` keep their line ends.

    The id comes from author and title, so that a corrected text replaces its own. Rows without text are named in one
    error at the end, a file without its columns in the only one.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    reader = _Reader(name)
    try:
        yield from reader.read(line.replace("\x00", "") for line in lines)
    except csv.Error as error:
        message = f"{name} cannot be read from line {reader.line} on ({error})"
        yield SourceError(
            message, subject=name, hint="Save it as CSV again; a field holds 64 million characters at most."
        )


@dataclass
class _Reader:
    name: str
    line: int = 1

    def read(self, lines: Iterator[str]) -> Iterator[Transcript | SourceError]:
        header = next(lines, "").removeprefix("\ufeff")
        delimiter, columns = _columns(header)
        if missing := [column for column in COLUMNS if column not in columns]:
            yield self._missing(missing, header)
            return
        seen: Counter[str] = Counter()
        without_text: list[int] = []
        rows = 0
        reader = csv.reader(lines, delimiter=delimiter)
        for rows, row in enumerate(reader, start=1):
            self.line = reader.line_num + 1
            author, title, text = (row[columns[c]] if columns[c] < len(row) else "" for c in COLUMNS)
            article = _article(clean_text(author), clean_text(title), text, self.name, seen)
            if article is not None:
                yield article
            elif any(row):
                without_text.append(rows)
        if without_text or not rows:
            yield self._without_text(without_text)

    def _missing(self, missing: list[str], header: str) -> SourceError:
        named = " and ".join(f'"{column}"' for column in missing)
        return SourceError(
            f"{self.name} has no column {named}",
            subject=self.name,
            hint=f'Its first line must name author, title and text; it is "{shown(header)}".',
        )

    def _without_text(self, rows: list[int]) -> SourceError:
        if not rows:
            return SourceError(f"{self.name} has no rows", subject=self.name, hint="Add one article per row.")
        named = ", ".join(map(str, rows[:_NAMED_ROWS])) + (", …" if len(rows) > _NAMED_ROWS else "")
        count = "1 article" if len(rows) == 1 else f"{len(rows)} articles"
        message = f"{self.name} has {count} without text (data row {named})"
        return SourceError(message, subject=self.name, hint='Fill in their column "text"; the others were taken.')


def _columns(header: str) -> tuple[str, dict[str, int]]:
    """The delimiter that finds most of the columns, and the place of each column in a row."""
    found = []
    for delimiter in _DELIMITERS:
        names = [clean_text(field).casefold() for field in next(csv.reader([header], delimiter=delimiter), [])]
        places = {name: names.index(name) for name in COLUMNS if name in names}
        found.append((len(places), delimiter, places))
    _, delimiter, places = max(found, key=lambda item: item[0])
    return delimiter, places


def _article(author: str, title: str, text: str, name: str, seen: Counter[str]) -> Transcript | None:
    paragraph = clean_text(text)
    if not paragraph:
        return None
    title = title or shown(paragraph)
    video_id = derived_id("article", author, title)
    seen[video_id] += 1
    if seen[video_id] > 1:
        video_id = f"{video_id}-{seen[video_id]}"
    video = Video(
        video_id=video_id,
        title=title[:LONGEST_NAME],
        channel=author[:LONGEST_NAME] or UNKNOWN_AUTHOR,
        language=guess_language(paragraph[:2000]) or "en",
        kind=VideoKind.ARTICLE,
        source=name,
    )
    sentences = tuple(Segment(paragraph[begin:end], 0.0, 0.0) for begin, end in split_sentences(paragraph))
    return Transcript(video, sentences)
