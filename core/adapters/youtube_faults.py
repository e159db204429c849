"""What goes wrong between us and YouTube -> TranscriptUnavailable with its kind and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import ParseError

import requests
import youtube_transcript_api as vendor

from core.errors import TranscriptUnavailable
from core.sources.text import shown

_UPLOAD = "upload its transcript as a file"
_BLOCKED = f"Wait an hour, set CUEPOINT_PROXY_URL, or {_UPLOAD}."
_HINTS = {
    "blocked": _BLOCKED,
    "disabled": f"Choose another video, or {_UPLOAD}.",
    "language": f"Add one of them to CUEPOINT_TRANSCRIPT_LANGUAGES, or {_UPLOAD}.",
    "age_restricted": f"YouTube shows it only to people who are signed in; {_UPLOAD}.",
    "private": f"Ask its owner, or {_UPLOAD}.",
    "removed": "Check the address.",
    "network": "Check the connection (and CUEPOINT_PROXY_URL where it is set), then try again.",
    "changed": f"Try again later, update youtube-transcript-api, or {_UPLOAD}.",
}
"""What to do, by kind."""

_BY_CLASS: tuple[tuple[type[Exception], str, str], ...] = (
    (vendor.RequestBlocked, "blocked", "YouTube refuses requests from this machine ({id})"),
    (vendor.PoTokenRequired, "blocked", "YouTube gives the captions of {id} to browsers only"),
    (vendor.FailedToCreateConsentCookie, "blocked", "YouTube asks this machine for consent to cookies ({id})"),
    (vendor.TranscriptsDisabled, "disabled", "The video {id} has no captions"),
    (vendor.NoTranscriptFound, "language", "The video {id} has no captions in the languages asked for"),
    (vendor.NotTranslatable, "language", "The captions of {id} cannot be translated"),
    (vendor.TranslationLanguageNotAvailable, "language", "The captions of {id} cannot be translated"),
    (vendor.AgeRestricted, "age_restricted", "The video {id} is age-restricted"),
    (vendor.VideoUnavailable, "removed", "The video {id} does not exist any more"),
    (vendor.InvalidVideoId, "removed", "There is no video {id}"),
    (vendor.CookieError, "changed", "YouTube's cookies could not be used for {id}"),
    (requests.exceptions.ProxyError, "network", "The proxy for YouTube does not answer ({id})"),
    (requests.exceptions.Timeout, "network", "YouTube did not answer in time ({id})"),
    (requests.exceptions.JSONDecodeError, "changed", "YouTube answered in a form that is not known ({id})"),
    (requests.exceptions.InvalidURL, "changed", "YouTube sent an address that is not its own ({id})"),
    (requests.exceptions.RequestException, "network", "The connection to YouTube failed ({id})"),
)

_UNPLAYABLE: tuple[tuple[str, str], ...] = (
    (r"private", "private"),
    (r"members|join this channel|purchase|rent|premium", "private"),
    (r"\bage\b|inappropriate", "age_restricted"),
    (r"not a bot|your country|your location", "blocked"),
    (r"live|premiere|upcoming", "disabled"),
)
"""YouTube's reason (always in English: we ask for it) -> kind; the first that fits, else ``removed``."""

CAUGHT = (
    vendor.YouTubeTranscriptApiException,
    requests.exceptions.RequestException,
    ParseError,
    # The client takes the answers apart without looking: what is missing or of another type surfaces as one of these.
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


def unavailable(kind: str, message: str, subject: str) -> TranscriptUnavailable:
    return TranscriptUnavailable(message, kind=kind, subject=subject, hint=_HINTS[kind])


def translated(error: Exception, video_id: str) -> TranscriptUnavailable:
    """Our error for anything in ``CAUGHT``. No text of the original but YouTube's own reason gets into it."""
    if isinstance(error, vendor.VideoUnplayable):
        return _unplayable(error, video_id)
    if isinstance(error, vendor.YouTubeRequestFailed):
        return of_status(_status(error), video_id)
    for cls, kind, message in _BY_CLASS:
        if isinstance(error, cls):
            return unavailable(kind, message.format(id=video_id), video_id)
    return unavailable("changed", f"YouTube answered in a form that is not known ({video_id})", video_id)


def of_status(status: int | None, subject: str) -> TranscriptUnavailable:
    """For an HTTP status that is not a success."""
    if status in (401, 403, 429):
        return unavailable("blocked", f"YouTube refuses requests from this machine ({subject})", subject)
    if status in (404, 410):
        return unavailable("removed", f"YouTube knows no {subject}", subject)
    if status is None or status >= 500:  # noqa: PLR2004
        return unavailable("network", f"YouTube has a fault of its own ({subject})", subject)
    return unavailable("changed", f"YouTube rejected the request with status {status} ({subject})", subject)


def available_languages(video_id: str, wanted: Iterable[str], present: Iterable[str]) -> TranscriptUnavailable:
    has = ", ".join(present) or "none"
    message = f"The video {video_id} has no captions in {', '.join(wanted)}; it has {has}"
    return unavailable("language", message, video_id)


def is_network_fault(error: Exception) -> bool:
    """Whether trying again can help at once."""
    return isinstance(error, TranscriptUnavailable) and error.kind == "network"


def _unplayable(error: vendor.VideoUnplayable, video_id: str) -> TranscriptUnavailable:
    reason = shown(" ".join(filter(None, (error.reason, *error.sub_reasons))) or "no reason given", 160)
    kind = next((kind for pattern, kind in _UNPLAYABLE if re.search(pattern, reason, re.IGNORECASE)), "removed")
    return unavailable(kind, f'The video {video_id} cannot be played: YouTube says "{reason}"', video_id)


def _status(error: vendor.YouTubeRequestFailed) -> int | None:
    """The library keeps the status only in the text of ``reason``: "404 Client Error: …"."""
    match = re.match(r"(\d{3}) ", error.reason)
    return int(match[1]) if match else None
