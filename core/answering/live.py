"""An answer while it is being written: what its worker writes and its readers look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any

from core.answering.request import AskRequest
from core.errors import CuepointError
from core.models import Answer, AnswerStatus, Span, Usage
from core.plain_text import plain
from core.ports import ChatStream
from core.prompts import visible_text

WAITING = "waiting"


class Cancelled(Exception):
    """The reader stopped the answer."""


@dataclass(slots=True)
class LiveAnswer:
    """One worker writes, any thread reads. Times are milliseconds since the question."""

    trace_id: str
    request: AskRequest
    started_at: datetime
    language: str = "en"
    model: str | None = None
    """The one that answered, by the server's name for it."""
    asked_model: str | None = None
    """The name that was asked for."""
    left_out: tuple[str, ...] = ()
    """Options that the model's server rejects: the last call was made without them."""
    library_version: str | None = None
    """The library that was searched."""
    stage: str = WAITING
    notices: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    """One per call to a model."""
    ttft_ms: float | None = None
    final: Answer | None = None
    """Set only where the ledger could not keep it."""
    done: Event = field(default_factory=Event)
    cancelled: Event = field(default_factory=Event)
    _pieces: list[str] = field(default_factory=list)
    _stream: ChatStream | None = None
    _began: float = field(default_factory=time.perf_counter)

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000

    def snapshot(self) -> Answer:
        """What a reader may see now."""
        if self.final is not None:
            return self.final
        return Answer(
            trace_id=self.trace_id,
            status=AnswerStatus.RUNNING,
            text=plain(visible_text(self.text)),
            language=self.language,
            notices=tuple(self.notices),
            model=self.model,
            ttft_ms=self.ttft_ms,
        )

    @property
    def text(self) -> str:
        """As the model wrote it so far."""
        return "".join(self._pieces)

    def write(self, piece: str) -> None:
        if piece.strip():
            self.shown()
        self._pieces.append(piece)

    def shown(self) -> None:
        """The reader has something to read from now on."""
        if self.ttft_ms is None:
            self.ttft_ms = self.elapsed_ms()

    def notice(self, sentence: str) -> None:
        """Tells the reader something, once."""
        if sentence not in self.notices:
            self.notices.append(sentence)

    def drop_text(self) -> None:
        """Takes back what was shown: something else takes its place."""
        self._pieces.clear()

    @contextmanager
    def step(self, name: str, **attributes: Any) -> Iterator[dict[str, Any]]:
        """One span. The dictionary takes what is found out on the way. Raises Cancelled at its begin."""
        self.check_cancelled()
        self.stage = name
        begin, error = self.elapsed_ms(), None
        try:
            yield attributes
        except CuepointError as problem:
            error = str(problem)
            raise
        finally:
            self.spans.append(Span(name, begin, self.elapsed_ms() - begin, attributes, error))

    @contextmanager
    def reading(self, stream: ChatStream) -> Iterator[ChatStream]:
        """The stream that ``cancel`` closes; closed at the end in any case."""
        self._stream = stream
        try:
            self.check_cancelled()
            yield stream
        finally:
            self._stream = None
            stream.close()

    def check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        self.cancelled.set()
        stream = self._stream
        if stream is not None:
            stream.close()
