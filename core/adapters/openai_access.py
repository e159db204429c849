"""Where an OpenAI-compatible server is, and what can go wrong there in our words.

Light on purpose: the vendor's SDK takes a second to import, so it is imported when the first question needs it
(core/adapters/openai_endpoint.py), not when a page opens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from core.errors import ModelBusy, ModelError, ModelRefused, ModelUnreachable, SettingsError

OPENAI_URL = "https://api.openai.com/v1"
_NOT_FOR_CHAT = ("embed", "rerank", "whisper", "tts", "moderation", "image")


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
    lasting: bool = False
    """Of a busy server: the quota is used up."""
    rejects: str = "request"
    """Of a refusal: see ModelRefused."""
    retry_after_s: float | None = None
    may_cost: bool = True
    """Of a server that cannot be reached: see ModelUnreachable."""


class MalformedAnswer(Exception):
    """The server answered with something that is not of the OpenAI format."""


class Failed(Exception):
    """A call to the server failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Access:
    """A server, the key for it, and how long it may take."""

    base_url: str
    key: str
    timeouts: Timeouts
    variable: str
    """The setting that chooses the model, for messages."""

    @classmethod
    def checked(cls, base_url: str | None, api_key: str | None, *, timeouts: Timeouts, variable: str) -> Access:
        """None as address is OpenAI. Raises SettingsError for an address or a key that cannot be one."""
        return cls(_checked_url(base_url), _checked_key(api_key), timeouts, variable)

    @property
    def host(self) -> str:
        """Host and port, as messages show them."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def is_openai(self) -> bool:
        return urlsplit(self.base_url).hostname == "api.openai.com"


def model_error(failure: Failure, model: str) -> ModelError:
    """The failure as the error that a chat raises."""
    if failure.kind is Kind.BUSY:
        return ModelBusy(
            failure.message,
            subject=model,
            hint=failure.hint,
            lasting=failure.lasting,
            retry_after_s=failure.retry_after_s,
        )
    if failure.kind is Kind.REFUSED:
        return ModelRefused(failure.message, subject=model, hint=failure.hint, rejects=failure.rejects)
    return ModelUnreachable(failure.message, subject=model, hint=failure.hint, may_cost=failure.may_cost)


def first_chat_model(names: Iterable[str]) -> str | None:
    """The first that does not call itself something else than a chat model."""
    return next((name for name in names if not any(word in name.lower() for word in _NOT_FOR_CHAT)), None)


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
