"""One OpenAI-compatible server through the vendor's SDK; shared by chat and embeddings."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx2
import openai

from core.adapters.openai_access import Access, Failed, MalformedAnswer, Timeouts
from core.adapters.openai_direct import DirectPost
from core.adapters.openai_failures import explain, with_retries
from core.ports import Message

_log = logging.getLogger(__name__)

_NO_KEY = "no-key"
"""Ollama, vLLM and llama.cpp want a key but do not look at it."""
_CHAT_ATTEMPTS, _EMBED_ATTEMPTS = 3, 5
_EMBED_RETRY_S = 120.0
_OPTIONAL = ("stream_options", "temperature", "max_completion_tokens", "max_tokens")
"""What some servers and models reject; a request is sent again without it."""
# The SDK's own parsers stumble in the last three ways over an answer that is not of the format.
_ERRORS = (openai.OpenAIError, MalformedAnswer, AttributeError, TypeError, ValueError)


LeftOut = tuple[str, ...]
"""Options that a request was made without, as the server rejects them."""


class Endpoint:
    """The client; one object serves all threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._rejected: frozenset[str] = frozenset()
        self._client = openai.OpenAI(
            base_url=access.base_url,
            api_key=access.key or _NO_KEY,
            max_retries=0,
            timeout=_http_timeout(access.timeouts),
        )
        # The SDK imports these when they are first touched: now, and not while a reader waits for the first word.
        _ = self._client.chat.completions, self._client.embeddings, self._client.models

        headers = {**self._client.default_headers, **self._client.auth_headers}
        texts = {name: value for name, value in headers.items() if isinstance(value, str) and _is_needed(name)}
        self._direct = DirectPost(access, texts) if DirectPost.can_reach(access) else None

    def list_models(self) -> list[str]:
        """Names that the server offers, in its order. Raises Failed."""
        try:
            entries = self._client.models.list(timeout=self._access.timeouts.connect_s).data
            if not isinstance(entries, list):
                raise MalformedAnswer
            return [entry.id for entry in entries if isinstance(entry.id, str) and entry.id]
        except _ERRORS as error:
            raise Failed(explain(error, self._access, "list")) from error

    def embed(self, model: str, texts: Sequence[str], options: dict[str, Any]) -> Any:
        """The answer as the SDK read it, unchecked. Raises Failed."""
        create: Any = self._client.embeddings.create
        try:
            return with_retries(
                lambda: create(model=model, input=list(texts), **options),
                attempts=_EMBED_ATTEMPTS,
                timeout_s=_EMBED_RETRY_S,
            )
        except _ERRORS as error:
            raise Failed(explain(error, self._access, model)) from error

    def open_chat(
        self, model: str, messages: Sequence[Message], options: dict[str, Any], stopped: Callable[[], bool]
    ) -> tuple[Any, LeftOut]:
        """The SDK's stream, once the server has begun to answer. Raises Failed."""
        try:
            return with_retries(
                lambda: self._create(self._open, model, messages, options),
                attempts=_CHAT_ATTEMPTS,
                timeout_s=self._access.timeouts.first_s,
                stopped=stopped,
            )
        except _ERRORS as error:
            raise Failed(explain(error, self._access, model)) from error

    def whole_chat(self, model: str, messages: Sequence[Message], options: dict[str, Any]) -> tuple[Any, LeftOut]:
        """A whole answer as the JSON that the server wrote. Raises Failed."""
        try:
            content, left_out = with_retries(
                lambda: self._create(self._post, model, messages, options),
                attempts=_CHAT_ATTEMPTS,
                timeout_s=self._access.timeouts.total_s,
                when_busy=False,
            )
            return json.loads(content), left_out
        except _ERRORS as error:
            raise Failed(explain(error, self._access, model)) from error

    def explain(self, error: Exception, model: str) -> Failed:
        """An error met while reading an answer, in our words."""
        return Failed(explain(error, self._access, model))

    @property
    def _open(self) -> Any:
        return partial(self._client.chat.completions.create, stream=True)

    def _post(self, **body: Any) -> bytes:
        """The time is that of a whole answer: nothing comes before its end."""
        content = self._direct.post(body) if self._direct is not None else None
        if content is not None:
            return content
        limits = self._access.timeouts
        options: Any = {"timeout": httpx2.Timeout(limits.total_s, connect=limits.connect_s)}
        return self._client.post("/chat/completions", body=body, options=options, cast_to=httpx2.Response).content

    def _create(
        self, send: Callable[..., Any], model: str, messages: Sequence[Message], options: dict[str, Any]
    ) -> tuple[Any, LeftOut]:
        """One request; what the server rejects of the options is left out, this time and from now on."""
        while True:
            sent = {name: value for name, value in options.items() if name not in self._rejected}
            try:
                answer = send(model=model, messages=list(messages), **sent)
                return answer, tuple(name for name in options if name not in sent)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                culprit = _rejected_option(error, sent)
                if culprit is None:
                    raise
                _log.warning("%s rejects the option %s: it is left out", self._access.host, culprit)
                self._rejected |= {culprit}


def _is_needed(name: str) -> bool:
    """What the SDK tells of this machine takes a tenth of the work of a small request."""
    return not name.lower().startswith("x-stainless-")


def _rejected_option(error: openai.APIStatusError, sent: dict[str, Any]) -> str | None:
    """The option that the server complains about; where it names none, the one that old servers do not know."""
    complaint = f"{error.param} {error.message} {error.body}"
    named = (name for name in _OPTIONAL if name in sent and name in complaint)
    return next(named, "stream_options" if "stream_options" in sent else None)


def _http_timeout(timeouts: Timeouts) -> httpx2.Timeout:
    """A backstop: who waits for the answer keeps the time itself."""
    read_s = max(timeouts.first_s, timeouts.between_s)
    return httpx2.Timeout(connect=timeouts.connect_s, read=read_s, write=30.0, pool=timeouts.connect_s)
