"""One thread's connection to YouTube: time-outs, proxy, a recorded stand-in, and nothing but YouTube's hosts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from youtube_transcript_api import YouTubeTranscriptApi
from youtube_transcript_api.proxies import GenericProxyConfig

from core.adapters.youtube_faults import of_status, unavailable

YOUTUBE = "https://www.youtube.com"
PLAYER_PATH = "/youtubei/v1/player"
_OWN_DOMAINS = ("youtube.com", "google.com")
_CONSENT_FORM = 'action="https://consent.youtube.com/s"'
_CONSENT_VALUE = re.compile(r'name="v" value="(.*?)"')


class YouTubeSession:
    """The transcript client and our own requests on one requests.Session. Not safe for two threads.

    ``base_url``: where YouTube's addresses lead to; ``timeout_s``: to connect, and between two reads.
    """

    def __init__(self, base_url: str, proxy_url: str | None, timeout_s: tuple[float, float]) -> None:
        self._session = requests.Session()
        adapter = _YouTubeAdapter(None if base_url.rstrip("/") == YOUTUBE else base_url, timeout_s)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # A stand-in is near: the environment's proxy for youtube.com is not the way to it.
        self._session.trust_env = base_url.rstrip("/") == YOUTUBE
        self._session.hooks["response"].append(self._keep_details)
        proxy = GenericProxyConfig(proxy_url, proxy_url) if proxy_url else None
        self.api = YouTubeTranscriptApi(proxy_config=proxy, http_client=self._session)
        self.details: Mapping[str, Any] = {}
        """``videoDetails`` of the last player answer: title, author, lengthSeconds."""

    def close(self) -> None:
        self._session.close()

    def page(self, path: str, subject: str) -> str:
        """The HTML of a page of www.youtube.com. Raises TranscriptUnavailable, or what ``CAUGHT`` names."""
        html = self._checked(self._session.get(YOUTUBE + path), subject).text
        if _CONSENT_FORM not in html:
            return html
        if match := _CONSENT_VALUE.search(html):
            self._session.cookies.set("CONSENT", f"YES+{match[1]}", domain=".youtube.com")
            html = self._checked(self._session.get(YOUTUBE + path), subject).text
        if _CONSENT_FORM in html:
            raise unavailable("blocked", f"YouTube asks this machine for consent to cookies ({subject})", subject)
        return html

    def post(self, path: str, body: Mapping[str, Any], subject: str) -> Any:
        """The JSON answer to a JSON request. Raises as ``page``."""
        return self._checked(self._session.post(YOUTUBE + path, json=body), subject).json()

    @staticmethod
    def _checked(response: requests.Response, subject: str) -> requests.Response:
        if not response.ok:
            raise of_status(response.status_code, subject)
        return response

    def _keep_details(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """The client reads the player's answer and drops all of it but the captions."""
        if response.ok and urlsplit(response.url).path == PLAYER_PATH:
            self.details = _details(response)


def _details(response: requests.Response) -> Mapping[str, Any]:
    try:
        details = response.json().get("videoDetails")
    except (ValueError, AttributeError):
        return {}  # the client will say so
    return details if isinstance(details, dict) else {}


class _YouTubeAdapter(HTTPAdapter):
    """Gives every request a time-out (requests has none), and leads it to the stand-in where there is one."""

    def __init__(self, stand_in: str | None, timeout_s: tuple[float, float]) -> None:
        super().__init__()
        self._stand_in = urlsplit(stand_in) if stand_in else None
        self._timeout_s = timeout_s

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or self._timeout_s
        return super().send(self._led(request), *args, **kwargs)

    def _led(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        url = urlsplit(request.url or "")
        stand_in = self._stand_in
        if stand_in is not None and url.netloc == stand_in.netloc:
            return request
        if not _is_own(url.hostname or ""):
            raise requests.exceptions.InvalidURL("not an address of YouTube", request=request)
        if stand_in is None:
            return request
        led = request.copy()
        led.url = urlunsplit((stand_in.scheme, stand_in.netloc, url.path, url.query, ""))
        return led


def _is_own(host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in _OWN_DOMAINS)
