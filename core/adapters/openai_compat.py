"""Chat and embeddings on OpenAI, and on every server that speaks its API: vLLM, Ollama, llama.cpp, LM Studio."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from core.adapters.openai_access import Access, Failed, MalformedAnswer, Timeouts, first_chat_model, model_error
from core.adapters.openai_embedding import DEFAULT_EMBEDDING_MODEL, OpenAIEmbedder
from core.adapters.openai_lazy import LazyEndpoint
from core.adapters.openai_stream import CompletionStream
from core.adapters.openai_whole import completion_of
from core.config import Settings
from core.errors import ModelError, ModelRefused
from core.ports import Completion, Message

__all__ = ["DEFAULT_CHAT_MODEL", "DEFAULT_EMBEDDING_MODEL", "OpenAIChat", "OpenAIEmbedder", "Timeouts"]

DEFAULT_CHAT_MODEL = "gpt-5.4-mini"
"""On OpenAI itself where no model is chosen: the small model without an announced end in the type list of the SDK 3.54
(gpt-4o-mini and gpt-4.1-mini end on 2027-01-14), and one that takes a temperature."""


class OpenAIChat:
    """A ChatModel; one object serves all threads. Raises SettingsError for an address or key that cannot be one.

    ``model`` None: the default on OpenAI itself, elsewhere the first chat model that the server lists.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        model: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        limits = timeouts or Timeouts()
        self._access = Access.checked(base_url, api_key, timeouts=limits, variable="CUEPOINT_CHAT_MODEL")
        self._endpoint = LazyEndpoint(self._access)
        self._model = model or (DEFAULT_CHAT_MODEL if self._access.is_openai else None)
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings, *, model: str | None = None) -> OpenAIChat | None:
        """The chat model of the settings, or None where neither key nor address is given."""
        if settings.openai_api_key is None and settings.openai_base_url is None:
            return None
        return cls(
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key.get_secret_value() if settings.openai_api_key else None,
            model=model or settings.chat_model,
            timeouts=Timeouts(first_s=settings.chat_timeout_s),
        )

    @property
    def name(self) -> str:
        """The model's name; "" while it is the server's choice and the server cannot be asked."""
        try:
            return self._chosen()
        except ModelError:
            return ""

    @property
    def base_url(self) -> str:
        return self._access.base_url

    def warm_up(self) -> None:
        """Imports the SDK, so that the first question does not wait for it; sends nothing."""
        self._endpoint.get()

    def check(self) -> None:
        """Sees whether the server answers and takes the key. Raises ModelError."""
        self.list_models()

    def list_models(self) -> list[str]:
        """Names that the server offers. Raises ModelError."""
        try:
            return self._endpoint.get().list_models()
        except Failed as error:
            raise model_error(error.failure, self._model or "") from error

    def stream(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> CompletionStream:
        """Starts an answer and returns at once; errors come from iterating it.

        429, 5xx and refused connections are tried again before the first piece, never after it.
        """
        options = {"stream_options": {"include_usage": True}, **self._options(temperature, max_tokens)}
        clean = _encodable(messages)

        def open_chunks(stopped: Callable[[], bool]) -> Any:
            return self._endpoint.get().open_chat(self._chosen(), clean, options, stopped)

        def explain(error: Exception, model: str) -> Failed:
            return self._endpoint.get().explain(error, model)

        return CompletionStream(self._access, self._model or "", open_chunks, explain)

    def complete(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> Completion:
        """A whole answer at once; a 429 is the caller's to wait for. Raises ModelError."""
        model = self._chosen()
        try:
            endpoint = self._endpoint.get()
            answer, left_out = endpoint.whole_chat(model, _encodable(messages), self._options(temperature, max_tokens))
            return replace(completion_of(answer, model), left_out=left_out)
        except MalformedAnswer as error:
            raise model_error(endpoint.explain(error, model).failure, model) from error
        except Failed as error:
            raise model_error(error.failure, model) from error

    def _options(self, temperature: float, max_tokens: int | None) -> dict[str, Any]:
        if max_tokens is None:
            return {"temperature": temperature}
        limit_name = "max_completion_tokens" if self._access.is_openai else "max_tokens"
        return {"temperature": temperature, limit_name: max_tokens}

    def _chosen(self) -> str:
        """The model's name, asked of the server once. Raises ModelError."""
        with self._lock:
            if self._model is None:
                self._model = first_chat_model(self.list_models())
            if self._model is None:
                said = f"The model server {self._access.host} offers no chat model"
                raise ModelRefused(said, hint="Set CUEPOINT_CHAT_MODEL.", rejects="model")
            return self._model


def _encodable(messages: Sequence[Message]) -> list[Message]:
    """Lone surrogates, which no request can carry, become "?"."""
    return [
        {"role": message["role"], "content": message["content"].encode("utf-8", "replace").decode("utf-8")}
        for message in messages
    ]
