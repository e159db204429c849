"""The videos on a page of a playlist or channel, out of its ``ytInitialData``. Pure.

YouTube renames the boxes around a video from time to time, so nothing here depends on the path to them: every list of
the document is looked at, and those that hold videos count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.adapters.youtube_addresses import VIDEO_ID

_INITIAL_DATA = re.compile(r'(?:\bvar\s+ytInitialData|window\["ytInitialData"\])\s*=\s*')
_KEY = re.compile(r'"INNERTUBE_API_KEY":\s*"([A-Za-z0-9_-]+)"')
_VERSION = re.compile(r'"INNERTUBE_CLIENT_VERSION":\s*"([0-9.]+)"')
_USUAL_VERSION = "2.20251101.00.00"
_MORE = frozenset(("continuationItemRenderer", "continuationItemViewModel"))
_RENDERERS = ("playlistVideoRenderer", "videoRenderer", "gridVideoRenderer", "reelItemRenderer")


@dataclass(frozen=True, slots=True)
class VideoList:
    """What one page lists: ids in its order, the token of the next page, and YouTube's warning if there is one."""

    video_ids: tuple[str, ...]
    continuation: str | None
    alert: str = ""


def initial_data(html: str) -> Any:
    """The JSON document inside a page. Raises ValueError."""
    match = _INITIAL_DATA.search(html)
    if match is None:
        raise ValueError("the page has no ytInitialData")
    # Titles may hold "};", so a decoder finds the end, not a pattern.
    return json.JSONDecoder().raw_decode(html, match.end())[0]


def browse_request(html: str) -> tuple[str, dict[str, Any]]:
    """Path and body, still without its token, of the request for the next page."""
    key, version = _KEY.search(html), _VERSION.search(html)
    client = {"clientName": "WEB", "clientVersion": version[1] if version else _USUAL_VERSION, "hl": "en"}
    path = "/youtubei/v1/browse?prettyPrint=false" + (f"&key={key[1]}" if key else "")
    return path, {"context": {"client": client}}


def read_list(data: Any) -> VideoList:
    """The videos of a page's document or of an answer to ``browse_request``."""
    video_ids: dict[str, None] = {}
    token = None
    for items in _lists(data):
        found = [video_id for item in items if (video_id := _video_id(item))]
        if found:
            video_ids.update(dict.fromkeys(found))
            token = next(filter(None, map(_token, reversed(items))), token)
    return VideoList(tuple(video_ids), token, _alert(data))


def _lists(node: Any) -> Iterator[list[Any]]:
    """Every list in the document, in its order."""
    if isinstance(node, list):
        yield node
    for child in _children(node):
        yield from _lists(child)


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _video_id(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    if "richItemRenderer" in item:
        return _video_id(_at(item, "richItemRenderer", "content"))
    lockup = item.get("lockupViewModel")
    if isinstance(lockup, dict) and lockup.get("contentType") == "LOCKUP_CONTENT_TYPE_VIDEO":
        return _valid(lockup.get("contentId"))
    if "shortsLockupViewModel" in item:
        path = ("shortsLockupViewModel", "onTap", "innertubeCommand", "reelWatchEndpoint", "videoId")
        return _valid(_at(item, *path))
    return next(filter(None, (_valid(_at(item, name, "videoId")) for name in _RENDERERS)), None)


def _valid(video_id: Any) -> str | None:
    return video_id if isinstance(video_id, str) and VIDEO_ID.fullmatch(video_id) else None


def _at(node: Any, *path: str) -> Any:
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _token(item: Any) -> str | None:
    """The token of a "load more" box, whichever commands it is wrapped in; some of those load something else."""
    if not isinstance(item, dict) or not _MORE.intersection(item):
        return None
    commands = [command for command in _commands(item) if isinstance(command.get("token"), str)]
    commands.sort(key=lambda command: not str(command.get("request", "")).endswith("BROWSE"))
    return commands[0]["token"] if commands else None


def _commands(node: Any) -> Iterator[dict[str, Any]]:
    """Every continuationCommand below, in the order of the document."""
    command = _at(node, "continuationCommand")
    if isinstance(command, dict):
        yield command
    for child in _children(node):
        yield from _commands(child)


def _alert(data: Any) -> str:
    alerts = data.get("alerts") if isinstance(data, dict) else None
    for alert in alerts if isinstance(alerts, list) else ():
        text = _at(alert, "alertRenderer", "text")
        runs = text.get("runs") if isinstance(text, dict) else None
        if isinstance(runs, list):
            return "".join(str(run.get("text", "")) for run in runs if isinstance(run, dict))
        if isinstance(text, dict) and text.get("simpleText"):
            return str(text["simpleText"])
    return ""
