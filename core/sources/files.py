"""Files, folders and uploads, one after the other, each with its transcripts or its error."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TextIO

from core.errors import SourceError
from core.models import Transcript
from core.sources.articles import read_articles
from core.sources.captions import read_captions
from core.sources.identity import name_of
from core.sources.text import encoding_of, shown
from core.sources.transcripts import read_transcript

_log = logging.getLogger(__name__)

MAX_BYTES = {".json": 64 << 20, ".srt": 64 << 20, ".vtt": 64 << 20, ".csv": 512 << 20}
"""By suffix. A transcript is read whole, articles row by row; a transcript of 12 hours has about 2 MB."""
SUFFIXES = tuple(MAX_BYTES)
_OTHER_JSON = (".info.json", ".live_chat.json")
"""What yt-dlp writes beside the captions."""
_GUESSED = {"cp1252": "read as Windows-1252", "latin-1": "read as Latin-1"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came without a path. Its name is shown and its suffix read; it is never used as a path."""

    name: str
    data: bytes


@dataclass(slots=True)
class Seen:
    """Which videos a batch has had, so that two files do not overwrite each other unnoticed."""

    _known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def admit(self, item: Transcript | SourceError) -> Transcript | SourceError | None:
        """The item, an error instead of another transcript of the same video, or None for the same transcript."""
        if isinstance(item, SourceError):
            return item
        video_id, source, content = item.video.video_id, item.video.source, item.content_hash
        if video_id not in self._known:
            self._known[video_id] = (content, source)
            return item
        known_content, known_source = self._known[video_id]
        if content == known_content:
            return None
        return SourceError(
            f"{source} has the video_id {video_id}, which {known_source} has too",
            subject=source,
            hint="The first was taken; give the other its own video_id or file name.",
        )


def read_sources(source: str | Path | Upload, seen: Seen | None = None) -> Iterator[Transcript | SourceError]:
    """Transcripts of a file, of all files below a folder, or of an upload; errors in their place. Raises nothing.

    ``seen``: shared by the sources of one batch. Hidden files and files of other kinds in a folder are passed over.
    """
    seen = seen if seen is not None else Seen()
    if isinstance(source, Upload):
        yield from _admitted(_upload(source), seen)
        return
    for found in files_of(Path(source)):
        if isinstance(found, SourceError):
            yield found
        else:
            yield from read_file(found[0], found[1], seen)


def read_file(path: Path, as_named: str, seen: Seen) -> Iterator[Transcript | SourceError]:
    """One file; ``as_named`` is its path below the folder that the user named. Raises nothing."""
    return _admitted(_file(path, as_named), seen)


def files_of(path: Path) -> Iterator[tuple[Path, str] | SourceError]:
    """The file, or every file below the folder that can be read, each with its path as the user sees it."""
    if path.is_dir():
        yield from _folder(path)
    elif path.is_file():
        yield path, path.name
    else:
        shown_path = shown(str(path))
        yield SourceError(
            f'There is no file or folder "{shown_path}"', subject=shown_path, hint="Check the spelling of the path."
        )


def _admitted(items: Iterator[Transcript | SourceError], seen: Seen) -> Iterator[Transcript | SourceError]:
    for item in items:
        if (admitted := seen.admit(item)) is not None:
            yield admitted


def _upload(upload: Upload) -> Iterator[Transcript | SourceError]:
    name = name_of(upload.name)
    return _guarded(name, name, io.BytesIO(upload.data), len(upload.data))


def _folder(folder: Path) -> Iterator[tuple[Path, str] | SourceError]:
    name = shown(str(folder))
    refused: list[OSError] = []
    found = False
    for parent, folders, files in os.walk(folder, onerror=refused.append):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(f for f in files if not f.startswith(".") and not f.endswith(_OTHER_JSON)):
            path = Path(parent, file)
            if path.suffix.lower() in SUFFIXES and path.is_file():
                found = True
                yield path, path.relative_to(folder).as_posix()
    for error in refused:
        denied = shown(str(error.filename))
        yield SourceError(f'The folder "{denied}" cannot be read', subject=denied, hint="Check who may read it.")
    if not found and not refused:
        yield SourceError(
            f'The folder "{name}" has no file to read', subject=name, hint=f"Cuepoint reads {', '.join(SUFFIXES)}."
        )


def _file(path: Path, as_named: str) -> Iterator[Transcript | SourceError]:
    name = name_of(as_named)
    try:
        with path.open("rb") as file:
            yield from _guarded(name, as_named, file, path.stat().st_size)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        yield SourceError(f"{name} cannot be read ({reason})", subject=name, hint="Check the file and who may read it.")


def _guarded(name: str, as_named: str, file: BinaryIO, size: int) -> Iterator[Transcript | SourceError]:
    """The file's transcripts; whatever happens inside it becomes an error of this file only."""
    try:
        _check(name, size)
        yield from _read(name, as_named, file)
    except SourceError as error:
        yield error
    except (ValueError, LookupError, ArithmeticError, TypeError, RecursionError, MemoryError):
        _log.exception("%s cannot be read", name)
        yield SourceError(f"{name} cannot be read", subject=name, hint="Is it really what its name says?")


def _check(name: str, size: int) -> None:
    suffix = Path(name).suffix.lower()
    if suffix not in MAX_BYTES:
        wanted = ", ".join(SUFFIXES)
        raise SourceError(f"{name} is of a kind that cannot be read", subject=name, hint=f"Give one of {wanted}.")
    if size == 0:
        raise SourceError(f"{name} is empty", subject=name, hint="Export it again.")
    if size > MAX_BYTES[suffix]:
        limit = f"{MAX_BYTES[suffix] >> 20} MB"
        raise SourceError(
            f"{name} has {size / (1 << 20):.0f} MB, more than the {limit} that can be read",
            subject=name,
            hint="Split it into smaller files.",
        )


def _read(name: str, as_named: str, file: BinaryIO) -> Iterator[Transcript | SourceError]:
    encoding = encoding_of(file)
    suffix = Path(name).suffix.lower()
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="" if suffix == ".csv" else None)
    try:
        yield from (_noted(item, encoding) for item in _transcripts(name, as_named, suffix, text))
    finally:
        text.detach()  # the file is closed by who opened it


def _transcripts(name: str, as_named: str, suffix: str, text: TextIO) -> Iterator[Transcript | SourceError]:
    if suffix == ".csv":
        yield from read_articles(text, name)
    elif suffix == ".json":
        yield read_transcript(text.read(), name)
    else:
        yield read_captions(text.read(), as_named)


def _noted(item: Transcript | SourceError, encoding: str) -> Transcript | SourceError:
    if isinstance(item, SourceError) or encoding not in _GUESSED:
        return item
    note = "; ".join(filter(None, (item.video.note, _GUESSED[encoding])))
    return replace(item, video=replace(item.video, note=note))
