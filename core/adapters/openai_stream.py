"""An answer of an OpenAI-compatible server while it is being written.

A thread of its own reads the connection and the reader waits on a queue: so each time limit holds whatever the
server does (a comment line every second keeps a socket's time-out from ever firing), and ``close`` is felt at once.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from core.adapters.openai_access import Access, Failed, MalformedAnswer, model_error
from core.adapters.openai_text import VisibleText
from core.errors import ModelError, ModelUnreachable
from core.models import Usage

_log = logging.getLogger(__name__)

MOST_CHARS = 400_000
"""Of one answer with its reasoning; a server that writes more does not stop by itself."""


class CompletionStream:
    """A ChatStream.

    ``open_chunks`` is called in the reading thread with a function that says whether the answer is no longer wanted;
    it returns the SDK's stream, and the options that it was opened without. ``explain`` puts the SDK's errors into our
    words.
    """

    def __init__(
        self,
        access: Access,
        model: str,
        open_chunks: Callable[[Callable[[], bool]], tuple[Any, tuple[str, ...]]],
        explain: Callable[[Exception, str], Failed],
    ) -> None:
        self._access = access
        self._explain = explain
        self._model = model
        self._open_chunks = open_chunks
        self._usage = self._counted = Usage()
        self._finish_reason: str | None = None
        self._left_out: tuple[str, ...] = ()
        self._closed = threading.Event()
        self._chunks: Any = None
        self._events: queue.SimpleQueue[str | Exception | None] = queue.SimpleQueue()
        self._started = time.monotonic()
        threading.Thread(target=self._pump, name="chat-stream", daemon=True).start()

    @property
    def usage(self) -> Usage:
        return self._usage

    @property
    def model(self) -> str:
        return self._model

    @property
    def finish_reason(self) -> str | None:
        """Why the server stopped ("stop", "length", "content_filter"); None before the end."""
        return self._finish_reason

    @property
    def left_out(self) -> tuple[str, ...]:
        return self._left_out

    def close(self) -> None:
        """Ends the answer for the reader and for the server; safe at any time and from any thread."""
        self._closed.set()
        self._events.put(None)
        _hang_up(self._chunks)

    def __iter__(self) -> Iterator[str]:
        """The visible text in pieces. Raises ModelError. Ends quietly when closed. To be iterated once."""
        cleaner = VisibleText()
        shown = False
        try:
            for text in self._texts():
                piece = cleaner.feed(text)
                if piece:
                    shown = True
                    yield piece
            rest = cleaner.end()
            if rest:
                yield rest
            elif not shown and not self._closed.is_set():
                raise self._empty()
        finally:
            self._usage = self._counted
            self.close()

    def _texts(self) -> Iterator[str]:
        """Text as the server sends it, each within its time."""
        limits = self._access.timeouts
        deadline, length = self._started + limits.first_s, 0
        end = self._started + limits.total_s
        while True:
            event = self._next(min(deadline, end))
            if event is None or self._closed.is_set():
                return
            length += len(event)
            if length > MOST_CHARS:
                raise ModelUnreachable(f"The model at {self._access.host} does not stop writing", subject=self._model)
            yield event
            deadline = time.monotonic() + limits.between_s

    def _next(self, deadline: float) -> str | None:
        try:
            event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise self._late() from None
        if isinstance(event, Exception):
            raise event
        return event

    def _late(self) -> ModelError:
        waited = time.monotonic() - self._started
        return ModelUnreachable(
            f"The model server {self._access.host} stopped answering or did not finish within {waited:.0f} s",
            subject=self._model,
            hint="Try again, or raise CUEPOINT_CHAT_TIMEOUT_S.",
        )

    def _empty(self) -> ModelError:
        why = f"it stopped with {self._finish_reason!r}" if self._finish_reason else "it gave no reason"
        return ModelUnreachable(
            f"The model {self._model} at {self._access.host} wrote no answer ({why})", subject=self._model
        )

    # ------------------------------------------------------------------------------ in the thread that reads

    def _pump(self) -> None:
        try:
            self._read()
            self._events.put(None)
        except Exception as error:  # noqa: BLE001 - whatever happens, the reader must hear of it
            _log.debug("A chat stream failed", exc_info=error)
            self._events.put(self._in_our_words(error))

    def _in_our_words(self, error: Exception) -> ModelError:
        if isinstance(error, ModelError):
            return error
        failed = error if isinstance(error, Failed) else self._explain(error, self._model)
        return model_error(failed.failure, self._model)

    def _read(self) -> None:
        opened, self._left_out = self._open_chunks(self._closed.is_set)
        with opened as chunks:
            _check_content_type(chunks)
            self._chunks = chunks
            for chunk in chunks:
                if self._closed.is_set():
                    return
                if time.monotonic() > self._started + self._access.timeouts.total_s:
                    raise self._late()  # nobody reads, and the server does not stop
                self._events.put(self._take(chunk))
            self._chunks = None  # the connection may now serve another answer: it must not be shut down any more
        if self._finish_reason is None:
            message = f"The model server {self._access.host} broke off in the middle of the answer"
            raise ModelUnreachable(message, subject=self._model, hint="Try again.")

    def _take(self, chunk: Any) -> str:
        """The text of a chunk, possibly empty; keeps model, usage and finish reason."""
        choices = getattr(chunk, "choices", None)
        if not isinstance(choices, list):
            raise MalformedAnswer
        if isinstance(chunk.model, str) and chunk.model:
            self._model = chunk.model
        if getattr(chunk, "usage", None) is not None:
            self._counted = usage_of(chunk.usage)
        if not choices:
            return ""
        self._finish_reason = getattr(choices[0], "finish_reason", None) or self._finish_reason
        text = getattr(getattr(choices[0], "delta", None), "content", None)
        if text is not None and not isinstance(text, str):
            raise MalformedAnswer
        return text or ""


def usage_of(usage: Any) -> Usage:
    """Tokens as the server counted them; what is missing or no number is None."""

    def count(holder: Any, name: str) -> int | None:
        value = getattr(holder, name, None)
        return value if type(value) is int and value >= 0 else None

    return Usage(
        prompt_tokens=count(usage, "prompt_tokens"),
        completion_tokens=count(usage, "completion_tokens"),
        cached_tokens=count(getattr(usage, "prompt_tokens_details", None), "cached_tokens"),
        reasoning_tokens=count(getattr(usage, "completion_tokens_details", None), "reasoning_tokens"),
    )


def _check_content_type(chunks: Any) -> None:
    """A web page or plain JSON instead of an event stream would pass for an empty answer."""
    kind = str(chunks.response.headers.get("content-type", "")).lower()
    if "html" in kind or kind.startswith("application/json"):
        raise MalformedAnswer


def _hang_up(chunks: Any) -> None:
    """Wakes the thread that reads: closing a socket does not, shutting it down does."""
    if chunks is None:
        return
    stream = chunks.response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None:
        with contextlib.suppress(OSError):  # already closed
            connection.shutdown(socket.SHUT_RDWR)
