"""What a YouTube address names: a video, a playlist or a channel. Pure; everything else is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, quote, unquote, urlsplit

from core.errors import SourceError
from core.sources.text import shown

VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_PLAYLIST_ID = re.compile(r"(?:PL|UU|FL|OL|LL)[A-Za-z0-9_-]{8,80}")
_CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")
_HANDLE = re.compile(r"@[\w.·-]{2,100}")
_OLD_NAME = re.compile(r"[\w.-]{1,100}")
_HOSTS = frozenset(("youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "www.youtube-nocookie.com"))
_SHORT_HOST = "youtu.be"
_VIDEO_PATHS = frozenset(("shorts", "live", "embed", "v", "e"))
_TABS = frozenset(("videos", "shorts", "streams"))
_LONGEST = 2000
_HINT = "Give the address or id of a video, a playlist or a channel (@handle), or a file or folder that exists."


class AddressKind(StrEnum):
    VIDEO = "video"
    PLAYLIST = "playlist"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Address:
    """``value``: the video's id, or the path of the page that lists the videos, with its query."""

    kind: AddressKind
    value: str


def parse_address(text: str) -> Address:
    """Raises SourceError where the text names no video, playlist or channel of YouTube.

    A video that is watched within a playlist is that video only.

    >>> parse_address("https://youtu.be/dQw4w9WgXcQ?t=3").value
    'dQw4w9WgXcQ'
    >>> parse_address("@3blue1brown").value
    '/@3blue1brown/videos'
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise _refused(text)
    return _bare(text) or _from_url(text)


def _refused(text: str) -> SourceError:
    return SourceError(f'"{shown(text)}" names nothing on YouTube', subject=shown(text), hint=_HINT)


def _bare(text: str) -> Address | None:
    if VIDEO_ID.fullmatch(text):
        return Address(AddressKind.VIDEO, text)
    if _CHANNEL_ID.fullmatch(text):
        return _channel(f"channel/{text}", [])
    return _channel(text, []) if _HANDLE.fullmatch(text) else _playlist(text)


def _from_url(text: str) -> Address:
    try:
        url = urlsplit(text if re.match(r"https?://", text, re.IGNORECASE) else f"https://{text}")
        is_plain = url.username is None and url.password is None and url.port in (None, 80, 443)
        host = url.hostname or ""
    except ValueError:
        raise _refused(text) from None
    parts = [unquote(part) for part in url.path.split("/") if part]
    query = parse_qs(url.query)
    found: Address | None = None
    if is_plain and host == _SHORT_HOST:
        found = _video(parts[0]) if parts else None
    elif is_plain and host in _HOSTS:
        found = _of_path(parts, (query.get("v") or [""])[0], (query.get("list") or [""])[0])
    if found is None:
        raise _refused(text)
    return found


def _of_path(parts: list[str], video: str, playlist: str) -> Address | None:  # noqa: PLR0911 - a table of forms
    match parts:
        case ["watch"] if video:
            return _video(video)
        case ["watch" | "playlist"] | ["embed", "videoseries"]:
            return _playlist(playlist)
        case [path, video_id, *_] if path in _VIDEO_PATHS:
            return _video(video_id)
        case [handle, *rest] if _HANDLE.fullmatch(handle):
            return _channel(handle, rest)
        case ["channel", channel_id, *rest] if _CHANNEL_ID.fullmatch(channel_id):
            return _channel(f"channel/{channel_id}", rest)
        case [("c" | "user") as path, name, *rest] if _OLD_NAME.fullmatch(name):
            return _channel(f"{path}/{name}", rest)
        case _:
            return None


def _video(video_id: str) -> Address | None:
    return Address(AddressKind.VIDEO, video_id) if VIDEO_ID.fullmatch(video_id) else None


def _playlist(playlist_id: str) -> Address | None:
    """None for mixes ("RD…") too: they have no end and no page of their own."""
    if not _PLAYLIST_ID.fullmatch(playlist_id):
        return None
    return Address(AddressKind.PLAYLIST, f"/playlist?list={playlist_id}")


def _channel(path: str, rest: list[str]) -> Address:
    tab = rest[0] if rest and rest[0] in _TABS else "videos"
    return Address(AddressKind.CHANNEL, f"/{quote(path, safe='/@')}/{tab}")
