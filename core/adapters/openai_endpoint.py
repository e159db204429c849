"""One OpenAI-compatible server: its client, its errors in our words, and when to try again.

Shared by chat and embeddings. The SDK's own retries are off: it repeats an exhausted quota and knows no bound.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar
from urllib.parse import urlsplit

import httpx2
import openai
import stamina

from core.errors import SettingsError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

OPENAI_URL = "https://api.openai.com/v1"
_NO_KEY = "no-key"
"""Ollama, vLLM and llama.cpp want a key but do not look at it."""
_MOST_PATIENCE_S = 15.0
"""A server that asks to wait longer than this is given up: a reader does not wait for it."""
_NOT_FOR_CHAT = ("embed", "rerank", "whisper", "tts", "moderation", "image")

_REFUSED, _TOO_MANY, _SERVER_ERROR = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422}), 429, 500


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a chat may take, in seconds."""

    connect_s: float = 5.0
    first_s: float = 60.0
    """To the first piece, with the retries before it."""
    between_s: float = 30.0
    """From one piece to the next; reasoning that is not shown counts as a piece."""
    total_s: float = 300.0


class Kind(Enum):
    """What a failure means for the one who asked."""

    REFUSED = "refused"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Failure:
    """A vendor's error in our words; holds no key and no text of the server that could hold one."""

    kind: Kind
    message: str
    hint: str = ""


class MalformedAnswer(Exception):
    """The server answered with something that is not of the OpenAI format."""


class Endpoint:
    """A server and the key for it. Raises SettingsError for an address or a key that cannot be one."""

    def __init__(self, base_url: str | None, api_key: str | None, *, timeouts: Timeouts, variable: str) -> None:
        self.base_url = _checked_url(base_url)
        self.timeouts = timeouts
        self._key = _checked_key(api_key)
        self._variable = variable
        """The setting that chooses the model, for messages."""
        self.client = openai.OpenAI(
            base_url=self.base_url, api_key=self._key or _NO_KEY, max_retries=0, timeout=_http_timeout(timeouts)
        )

    @property
    def host(self) -> str:
        """Host and port, as messages show them."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def is_openai(self) -> bool:
        return urlsplit(self.base_url).hostname == "api.openai.com"

    def list_models(self) -> list[str]:
        """Names that the server offers, in its order. Raises the SDK's errors and MalformedAnswer."""
        page = self.client.models.list(timeout=self.timeouts.connect_s)
        entries = getattr(page, "data", None)
        if not isinstance(entries, list):
            raise MalformedAnswer
        return [name for name in (getattr(entry, "id", None) for entry in entries) if isinstance(name, str) and name]

    def explain(self, error: Exception, model: str) -> Failure:
        """What an error of the SDK, or one met while reading an answer, means."""
        if isinstance(error, openai.APIStatusError):
            return self._explain_status(error, model)
        if isinstance(error, openai.APITimeoutError):
            return Failure(Kind.UNREACHABLE, f"The model server {self.host} did not answer in time")
        if isinstance(error, openai.APIConnectionError):
            return self._explain_connection(error)
        if isinstance(error, openai.APIError):  # an error inside a stream
            kind = Kind.BUSY if is_quota(error) or "rate" in (error.code or "") else Kind.UNREACHABLE
            return Failure(kind, f"The model server {self.host} broke off the answer ({self._quoted(error)})")
        hint = "Check OPENAI_BASE_URL: it usually ends in /v1."
        return Failure(Kind.UNREACHABLE, f"The answer of {self.host} is not that of an OpenAI-compatible server", hint)

    def _explain_status(self, error: openai.APIStatusError, model: str) -> Failure:
        status = error.status_code
        if status == 401:  # noqa: PLR2004 - HTTP's own names say less
            return Failure(Kind.REFUSED, f"The model server {self.host} rejected the key", "Check OPENAI_API_KEY.")
        if status == 403:  # noqa: PLR2004
            hint = f"Check OPENAI_API_KEY and {self._variable}."
            return Failure(Kind.REFUSED, f"The model server {self.host} does not let this key use {model}", hint)
        if status == 404:  # noqa: PLR2004
            hint = f"Check {self._variable} and OPENAI_BASE_URL."
            return Failure(Kind.REFUSED, f"The model server {self.host} has no model {model} at this address", hint)
        if status == _TOO_MANY:
            return self._explain_busy(error)
        if status in _REFUSED:
            said = f"The model server {self.host} rejected the request with status {status} ({self._quoted(error)})"
            return Failure(Kind.REFUSED, said, f"Check {self._variable}.")
        return Failure(
            Kind.UNREACHABLE, f"The model server {self.host} failed with status {status}", "Try again later."
        )

    def _explain_busy(self, error: openai.APIStatusError) -> Failure:
        if is_quota(error):
            hint = "Check the account's plan, or set another OPENAI_API_KEY."
            return Failure(Kind.BUSY, f"The quota of the key at {self.host} is used up", hint)
        wait = _retry_after_s(error)
        hint = "Try again in a minute." if wait is None else f"Try again in {wait:.0f} s."
        return Failure(Kind.BUSY, f"The model server {self.host} has too many requests", hint)

    def _explain_connection(self, error: openai.APIConnectionError) -> Failure:
        if isinstance(error.__cause__, httpx2.ConnectError):
            hint = "Check that it runs, and OPENAI_BASE_URL."
            return Failure(Kind.UNREACHABLE, f"The model server {self.host} cannot be reached", hint)
        return Failure(Kind.UNREACHABLE, f"The connection to the model server {self.host} broke off", "Try again.")

    def _quoted(self, error: openai.APIError) -> str:
        """The server's own sentence on one line, bounded and without the key."""
        text = " ".join(error.message.split())
        if self._key:
            text = text.replace(self._key, "…")
        return text if len(text) <= 200 else text[:199] + "…"  # noqa: PLR2004 - one line of a screen


def first_chat_model(names: Iterable[str]) -> str | None:
    """The first that does not call itself something else than a chat model."""
    return next((name for name in names if not any(word in name.lower() for word in _NOT_FOR_CHAT)), None)


def with_retries(
    call: Callable[[], _T], *, attempts: int, timeout_s: float, stopped: Callable[[], bool] = lambda: False
) -> _T:
    """The call's result, tried again with backoff on 429, 5xx and a connection that did not come about.

    ``Retry-After`` is honoured up to a bound; an exhausted quota is not tried again. Raises the last error.
    """

    def backoff(error: Exception) -> bool | float:
        return False if stopped() else _pause(error)

    retrying = stamina.retry_context(
        on=backoff, attempts=attempts, timeout=timeout_s, wait_initial=0.25, wait_max=5.0, wait_jitter=0.25
    )
    for attempt in retrying:
        with attempt:
            return call()
    raise AssertionError("stamina returns or raises")


def is_quota(error: openai.APIError) -> bool:
    return "insufficient_quota" in (error.code, error.type)


def _pause(error: Exception) -> bool | float:
    """False: do not try again. True: after the usual backoff. A number: after so many seconds."""
    if isinstance(error, openai.APIStatusError):
        again = error.status_code >= _SERVER_ERROR or (error.status_code == _TOO_MANY and not is_quota(error))
        wait = _retry_after_s(error)
        if not again or wait is None:
            return again
        return wait if wait <= _MOST_PATIENCE_S else False
    return isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError)


def _retry_after_s(error: openai.APIStatusError) -> float | None:
    """The header in seconds; its other form, a date, is not used by model servers."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _http_timeout(timeouts: Timeouts) -> httpx2.Timeout:
    """A backstop: who waits for the answer keeps the time itself."""
    read_s = max(timeouts.first_s, timeouts.between_s)
    return httpx2.Timeout(connect=timeouts.connect_s, read=read_s, write=30.0, pool=timeouts.connect_s)


def _checked_url(base_url: str | None) -> str:
    url = (base_url or OPENAI_URL).strip()
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        hint = "It looks like http://localhost:11434/v1."
        raise SettingsError("OPENAI_BASE_URL is not an http address", subject="OPENAI_BASE_URL", hint=hint)
    return url


def _checked_key(api_key: str | None) -> str:
    key = (api_key or "").strip()
    if not (key.isascii() and (key.isprintable())) or " " in key:
        raise SettingsError(
            "OPENAI_API_KEY holds a character that no key has", subject="OPENAI_API_KEY", hint="Copy it again."
        )
    return key
