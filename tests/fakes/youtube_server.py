"""YouTube on this machine: an HTTP server that answers watch pages, the player, captions, playlists and channels.

Its answers have the shape of recorded ones (names, nesting, escapes), cut down to what a client looks at.
"""

from __future__ import annotations

import html
import json
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

API_KEY = "AIzaSyFakeKeyOfTheRecordedServer"
PAGE_SIZE = 30
"""Videos per page of a channel; playlists have the same here."""


class Failure(StrEnum):
    """How a video or a page fails. ``*_ONCE``: the first request of it only."""

    BLOCKED = "blocked"  # 429
    BOT = "bot"
    CAPTCHA = "captcha"
    CONSENT = "consent"  # the form comes again after the cookie
    DISABLED = "disabled"
    AGE_RESTRICTED = "age_restricted"
    PRIVATE = "private"
    REMOVED = "removed"
    MEMBERS = "members"
    UPCOMING = "upcoming"
    COUNTRY = "country"
    FORBIDDEN = "forbidden"  # 403
    PO_TOKEN = "po_token"
    NOT_FOUND = "not_found"  # 404
    SERVER_ERROR = "server_error"  # 503
    SERVER_ERROR_ONCE = "server_error_once"
    HANG = "hang"
    CUT = "cut"
    CUT_ONCE = "cut_once"
    HTML_FOR_JSON = "html_for_json"
    BROKEN_JSON = "broken_json"
    BROKEN_XML = "broken_xml"
    EMPTY_XML = "empty_xml"
    STRANGE = "strange"  # valid JSON of another form
    FOREIGN_HOST = "foreign_host"  # captions that lie elsewhere


@dataclass(frozen=True)
class Track:
    language: str = "en"
    generated: bool = False
    lines: tuple[tuple[float, float, str], ...] = ((0.0, 2.5, "Hello &amp; welcome"), (2.5, 3.0, "to vectors"))
    translations: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeVideo:
    title: str = "A talk"
    author: str = "A channel"
    seconds: int = 6
    tracks: tuple[Track, ...] = (Track(),)
    failure: Failure | None = None


@dataclass
class FakeList:
    """A playlist (its key is its id) or a channel (its key is its path, such as ``@handle``)."""

    video_ids: list[str]
    failure: Failure | None = None
    alert: str = ""
    layout: str = "lockup"
    """``lockup`` and ``view_model`` as of 2025, ``renderer`` as before, ``shorts`` as on that tab."""
    empty_answers: int = 0
    """So many requests for a next page are answered without videos."""


@dataclass
class YouTubeServer:
    """Use it as a context manager; ``url`` is what CUEPOINT_YOUTUBE_URL takes."""

    videos: dict[str, FakeVideo] = field(default_factory=dict)
    lists: dict[str, FakeList] = field(default_factory=dict)
    latency_s: float = 0.0
    asks_consent: bool = False
    requests: list[str] = field(default_factory=list)
    """Method and path of every request, in the order of arrival."""
    arrivals: list[float] = field(default_factory=list)
    """time.monotonic() of every request for a watch page."""
    most_at_once: int = 0

    def __enter__(self) -> Self:
        self._released = threading.Event()
        self._failed: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._busy = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.youtube = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def enter(self, request: str) -> None:
        with self._lock:
            self.requests.append(request)
            if "/watch" in request:
                self.arrivals.append(time.monotonic())
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
        if self.latency_s:
            self._released.wait(self.latency_s)

    def leave(self) -> None:
        with self._lock:
            self._busy -= 1

    def hang(self) -> None:
        self._released.wait(60)

    def first_time(self, key: str) -> bool:
        with self._lock:
            self._failed[key] += 1
            return self._failed[key] == 1


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    youtube: YouTubeServer

    def handle_error(self, *_: object) -> None:
        """A client that gave up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, route: Any) -> None:
        youtube = self.server.youtube
        url = urlsplit(self.path)
        youtube.enter(f"{self.command} {self.path}")
        try:
            route(youtube, url.path, {name: values[0] for name, values in parse_qs(url.query).items()})
        finally:
            youtube.leave()

    def _get(self, youtube: YouTubeServer, path: str, query: dict[str, str]) -> None:
        if path == "/watch":
            self._watch(youtube, query.get("v", ""))
        elif path == "/api/timedtext":
            self._captions(youtube, query)
        elif path == "/playlist":
            self._list(youtube, query.get("list", ""))
        else:
            self._list(youtube, path.strip("/").rpartition("/")[0])

    def _post(self, youtube: YouTubeServer, path: str, query: dict[str, str]) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if path == "/youtubei/v1/player" and query.get("key") == API_KEY:
            self._player(youtube, body["videoId"])
        elif path == "/youtubei/v1/browse":
            key, _, offset = body["continuation"].rpartition("|")
            listed = youtube.lists[key]
            listed.empty_answers -= 1
            self._json({"responseContext": {}} if listed.empty_answers >= 0 else _continued(listed, key, int(offset)))
        else:
            self._send(404, "text/html; charset=utf-8", "<html>404</html>")

    # ------------------------------------------------------------------------------------------------- the pages

    def _watch(self, youtube: YouTubeServer, video_id: str) -> None:
        video = youtube.videos.get(video_id)
        if self._failed_at_page(youtube, video_id, video.failure if video else None):
            return
        self._send(200, "text/html; charset=utf-8", _page("watch", {"contents": {}}))

    def _failed_at_page(self, youtube: YouTubeServer, key: str, failure: Failure | None) -> bool:
        statuses = {Failure.BLOCKED: 429, Failure.FORBIDDEN: 403, Failure.NOT_FOUND: 404, Failure.SERVER_ERROR: 503}
        if failure in statuses:
            self._send(statuses[failure], "text/html; charset=utf-8", "<html>Sorry</html>")
        elif failure is Failure.SERVER_ERROR_ONCE and youtube.first_time(key):
            self._send(503, "text/html; charset=utf-8", "<html>Sorry</html>")
        elif failure is Failure.CAPTCHA:
            self._send(200, "text/html; charset=utf-8", '<html><div class="g-recaptcha"></div></html>')
        elif failure is Failure.CONSENT or (
            youtube.asks_consent and "CONSENT=YES" not in self.headers.get("Cookie", "")
        ):
            self._send(200, "text/html; charset=utf-8", _CONSENT)
        elif failure is Failure.HANG:
            youtube.hang()
        elif failure is Failure.CUT or (failure is Failure.CUT_ONCE and youtube.first_time(key)):
            self._cut()
        else:
            return False
        return True

    def _player(self, youtube: YouTubeServer, video_id: str) -> None:
        video = youtube.videos.get(video_id, FakeVideo(failure=Failure.REMOVED))
        if video.failure is Failure.HTML_FOR_JSON:
            self._send(200, "text/html; charset=utf-8", "<html>Something went wrong</html>")
        elif video.failure is Failure.BROKEN_JSON:
            self._send(200, "application/json", '{"playabilityStatus": {"sta')
        elif video.failure is Failure.STRANGE:
            self._json(
                {
                    "playabilityStatus": {"status": "OK"},
                    "captions": {"playerCaptionsTracklistRenderer": {"captionTracks": [{"x": 1}]}},
                }
            )
        else:
            self._json(_player(video_id, video))

    def _captions(self, youtube: YouTubeServer, query: dict[str, str]) -> None:
        video = youtube.videos[query["v"]]
        if video.failure is Failure.BROKEN_XML:
            self._send(200, "text/xml; charset=UTF-8", '<?xml version="1.0"?><transcript><text start="0"')
        elif video.failure is Failure.EMPTY_XML:
            self._send(200, "text/xml; charset=UTF-8", "")
        else:
            track = next(t for t in video.tracks if t.language == query["lang"] and t.generated == ("kind" in query))
            self._send(200, "text/xml; charset=UTF-8", _timed_text(track, query.get("tlang")))

    def _list(self, youtube: YouTubeServer, key: str) -> None:
        listed = youtube.lists.get(key)
        if listed is None:
            if key.startswith(("PL", "UU")):
                self._send(
                    200, "text/html; charset=utf-8", _page("playlist", _with_alert("The playlist does not exist."))
                )
            else:
                self._send(404, "text/html; charset=utf-8", "<html>404</html>")
        elif not self._failed_at_page(youtube, key, listed.failure):
            document = _with_alert(listed.alert) if listed.alert else _first_page(listed, key)
            body = _page("list", document)
            self._send(
                200, "text/html; charset=utf-8", "<html>changed</html>" if listed.failure is Failure.STRANGE else body
            )

    # ------------------------------------------------------------------------------------------------- the answers

    def _json(self, document: Any) -> None:
        self._send(200, "application/json; charset=UTF-8", json.dumps(document))

    def _send(self, status: int, content_type: str, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        """Promises more than it sends, then ends the connection."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"<html>")
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


_CONSENT = (
    '<html><form action="https://consent.youtube.com/s" method="POST">'
    '<input type="hidden" name="v" value="cb.20250101-00-p0.en+FX+100"></form></html>'
)

_PLAYABILITY: dict[Failure, dict[str, Any]] = {
    Failure.BOT: {"status": "LOGIN_REQUIRED", "reason": "Sign in to confirm you’re not a bot"},
    Failure.AGE_RESTRICTED: {"status": "LOGIN_REQUIRED", "reason": "This video may be inappropriate for some users."},
    Failure.PRIVATE: {"status": "LOGIN_REQUIRED", "reason": "This video is private"},
    Failure.REMOVED: {"status": "ERROR", "reason": "This video is unavailable"},
    Failure.MEMBERS: {"status": "UNPLAYABLE", "reason": "Join this channel to get access to members-only content"},
    Failure.UPCOMING: {"status": "LIVE_STREAM_OFFLINE", "reason": "This live event will begin in 3 hours."},
    Failure.COUNTRY: {
        "status": "UNPLAYABLE",
        "reason": "Video unavailable",
        "errorScreen": {
            "playerErrorMessageRenderer": {
                "subreason": {"runs": [{"text": "The uploader has not made this video available in your country"}]}
            }
        },
    },
}


def _page(kind: str, document: Any) -> str:
    config = {"INNERTUBE_API_KEY": API_KEY, "INNERTUBE_CLIENT_VERSION": "2.20251120.01.00", "PAGE": kind}
    return (
        f"<!DOCTYPE html><html><head><script>ytcfg.set({json.dumps(config)});</script></head><body>"
        f"<script>var ytInitialData = {json.dumps(document)};</script></body></html>"
    )


def _player(video_id: str, video: FakeVideo) -> dict[str, Any]:
    details = {
        "videoId": video_id,
        "title": video.title,
        "lengthSeconds": str(video.seconds),
        "channelId": "UC" + "x" * 22,
        "author": video.author,
        "isLiveContent": False,
    }
    answer: dict[str, Any] = {
        "playabilityStatus": _PLAYABILITY.get(video.failure, {"status": "OK"}) if video.failure else {"status": "OK"},
        "videoDetails": details,
    }
    if video.failure is not Failure.DISABLED:
        answer["captions"] = {"playerCaptionsTracklistRenderer": _track_list(video_id, video)}
    return answer


def _track_list(video_id: str, video: FakeVideo) -> dict[str, Any]:
    host = "https://captions.example.org" if video.failure is Failure.FOREIGN_HOST else "https://www.youtube.com"
    extra = "&exp=xpe" if video.failure is Failure.PO_TOKEN else ""
    translations = {code for track in video.tracks for code in track.translations}
    return {
        "captionTracks": [
            {
                "baseUrl": f"{host}/api/timedtext?v={video_id}&lang={track.language}"
                + ("&kind=asr" if track.generated else "")
                + f"{extra}&fmt=srv3",
                "name": {"runs": [{"text": f"Language {track.language}"}]},
                "languageCode": track.language,
                "isTranslatable": bool(track.translations),
                **({"kind": "asr"} if track.generated else {}),
            }
            for track in video.tracks
        ],
        "translationLanguages": [
            {"languageCode": code, "languageName": {"runs": [{"text": code}]}} for code in sorted(translations)
        ],
    }


def _timed_text(track: Track, translation: str | None) -> str:
    prefix = f"[{translation}] " if translation else ""
    lines = "".join(
        f'<text start="{start}" dur="{duration}">{prefix}{html.escape(text)}</text>'
        for start, duration, text in track.lines
    )
    return f'<?xml version="1.0" encoding="utf-8" ?><transcript>{lines}</transcript>'


def _with_alert(text: str) -> dict[str, Any]:
    return {"alerts": [{"alertRenderer": {"type": "ERROR", "text": {"runs": [{"text": text}]}}}], "contents": {}}


def _first_page(listed: FakeList, key: str) -> dict[str, Any]:
    """A selected tab with the videos, beside chips that have tokens of their own and a shelf of playlists."""
    chips = [{"chipCloudChipRenderer": {"navigationEndpoint": {"continuationCommand": {"token": "chip"}}}}]
    other = [{"lockupViewModel": {"contentId": "PLother", "contentType": "LOCKUP_CONTENT_TYPE_PLAYLIST"}}]
    grid = {"contents": _items(listed, key, 0), "header": {"chips": chips}}
    tab = {"tabRenderer": {"selected": True, "content": {"richGridRenderer": grid}}}
    return {"contents": {"twoColumnBrowseResultsRenderer": {"tabs": [tab], "secondary": {"contents": other}}}}


def _continued(listed: FakeList, key: str, offset: int) -> dict[str, Any]:
    action = {"continuationItems": _items(listed, key, offset)}
    return {"onResponseReceivedActions": [{"appendContinuationItemsAction": action}]}


def _items(listed: FakeList, key: str, offset: int) -> list[dict[str, Any]]:
    shown = listed.video_ids[offset : offset + PAGE_SIZE]
    items = [_item(video_id, listed.layout) for video_id in shown]
    if offset + PAGE_SIZE < len(listed.video_ids):
        items.append(_load_more(f"{key}|{offset + PAGE_SIZE}", listed.layout))
    return items


def _load_more(token: str, layout: str) -> dict[str, Any]:
    command = {"continuationCommand": {"token": token, "request": "CONTINUATION_REQUEST_TYPE_BROWSE"}}
    if layout == "renderer":
        return {"continuationItemRenderer": {"trigger": "ON_ITEM_SHOWN", "continuationEndpoint": command}}
    if layout == "view_model":
        return {"continuationItemViewModel": {"continuationCommand": {"innertubeCommand": command}}}
    other = {"continuationCommand": {"token": "popup", "request": "CONTINUATION_REQUEST_TYPE_REEL_WATCH_SEQUENCE"}}
    endpoint = {"commandExecutorCommand": {"commands": [{"votingRefreshPopupCommand": {"command": other}}, command]}}
    return {"continuationItemRenderer": {"continuationEndpoint": endpoint}}


def _item(video_id: str, layout: str) -> dict[str, Any]:
    title = {"runs": [{"text": 'A title with "};" in it'}]}
    if layout == "renderer":
        return {"playlistVideoRenderer": {"videoId": video_id, "title": title}}
    if layout == "shorts":
        endpoint = {"innertubeCommand": {"reelWatchEndpoint": {"videoId": video_id}}}
        return {"richItemRenderer": {"content": {"shortsLockupViewModel": {"onTap": endpoint}}}}
    lockup = {"contentId": video_id, "contentType": "LOCKUP_CONTENT_TYPE_VIDEO", "metadata": {"title": title}}
    return {"richItemRenderer": {"content": {"lockupViewModel": lockup}}}
