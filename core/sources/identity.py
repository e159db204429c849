"""Names -> video ids and titles. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from core.models import VideoKind, digest
from core.sources.text import clean_text

YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
"""What YouTube's video ids look like."""
OWN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What a file may call its video."""
UNKNOWN_CHANNEL = "Files"
LONGEST_NAME = 300

_ID_IN_NAME = re.compile(r"(.*?)[ _.-]*\[([A-Za-z0-9_-]{11})\](.*)", re.DOTALL)
"""As yt-dlp names its files: "Title [VIDEOID].en.vtt"."""
_LANGUAGE = re.compile(r"(.*)\.([a-z]{2}(?:-[A-Za-z0-9]{2,8})*)", re.DOTALL)


def name_of(path: str) -> str:
    """The last part of a path of any system, for display; an upload's name is untrusted and never opened."""
    return clean_text(PurePosixPath(path.replace("\\", "/")).name)[:LONGEST_NAME] or "unnamed file"


def kind_of(video_id: str) -> VideoKind:
    return VideoKind.YOUTUBE if YOUTUBE_ID.fullmatch(video_id) else VideoKind.FILE


def derived_id(prefix: str, *parts: str) -> str:
    """The same parts give the same id, so that a corrected file replaces its own chunks."""
    return f"{prefix}-{digest(chr(0).join(clean_text(part) for part in parts))[:16]}"


def from_file_name(path: str) -> tuple[str, str, str]:
    """Video id, title and language ("" where the name has none) of a caption file.

    Without a YouTube id in the name the id comes from the path as it was given, below the folder that was named.

    >>> from_file_name("On vectors [dQw4w9WgXcQ].en.vtt")
    ('dQw4w9WgXcQ', 'On vectors', 'en')
    """
    stem = name_of(path).rpartition(".")[0] or name_of(path)
    if match := _ID_IN_NAME.fullmatch(stem):
        title, video_id, rest = match.groups()
        language = _LANGUAGE.fullmatch(rest)
        return video_id, title.strip() or video_id, language[2] if language else ""
    if (match := _LANGUAGE.fullmatch(stem)) and match[1]:
        return derived_id("file", path), match[1], match[2]
    return derived_id("file", path), stem, ""
