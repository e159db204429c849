"""Fakes of the two models: an embedder whose rankings mean something, and a chat model that follows a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from core.models import Usage, Vectors
from core.ports import Message
from core.stop_words import word_set

_WORD = re.compile(r"\w+")
_COMMON = word_set("a an and are as at be by do does for from how i in is it of on or that the this to was what with")


class HashingEmbedder:
    """Words and their letter triples, hashed into a vector: texts that share words, or parts of them, are near."""

    batch_size = 64
    concurrency = 1

    def __init__(self, dimensions: int = 256, *, identity: str = "hashing@1") -> None:
        self.identity = identity
        self.dimensions = dimensions
        self.texts: list[str] = []
        """Everything that was embedded, in order."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts.extend(texts)
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for feature, weight in _features(text):
                code = crc32(feature.encode("utf-8", "replace"))
                row[code % self.dimensions] += weight if code & 0x8000_0000 else -weight
            if not row.any():
                row[0] = 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text.lower()):
        if word in _COMMON:
            continue
        yield word, 1.0
        padded = f"^{word}$"
        yield from ((padded[n : n + 3], 0.3) for n in range(len(padded) - 2))


Piece = str | Exception | Callable[[], object]
"""Text to send, an error to raise there, or something to call there (``event.wait``)."""


@dataclass(frozen=True)
class ScriptedReply:
    """One answer of the script."""

    pieces: Sequence[Piece]
    usage: Usage = field(default_factory=lambda: Usage(prompt_tokens=100, completion_tokens=20))
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScriptedCall:
    """What the model was asked."""

    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int | None


@dataclass
class ScriptedStream:
    """A ChatStream over one reply; the usage is known only at its end."""

    reply: ScriptedReply
    model: str
    usage: Usage = field(default_factory=Usage)
    closed: bool = False

    @property
    def left_out(self) -> tuple[str, ...]:
        return self.reply.left_out

    def __iter__(self) -> Iterator[str]:
        for piece in self.reply.pieces:
            if self.closed:
                return
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, str):
                yield piece
            else:
                piece()
        self.usage = self.reply.usage

    def close(self) -> None:
        self.closed = True


class ScriptedChatModel:
    """Answers each call with the next reply of its script, and fails when there is none.

    A reply that is a text comes in pieces of a few words; one that is an error is raised before the first piece.
    """

    def __init__(
        self, *replies: str | Exception | ScriptedReply, name: str = "scripted-model", answers_as: str = ""
    ) -> None:
        """``answers_as``: the name that its streams give, where that is another."""
        self._script = list(replies)
        self.name = name
        self._answers_as = answers_as or name
        self.calls: list[ScriptedCall] = []
        self.streams: list[ScriptedStream] = []

    @property
    def left(self) -> int:
        """Replies that nobody asked for yet."""
        return len(self._script)

    def stream(
        self, messages: Sequence[Message], *, temperature: float = 0.0, max_tokens: int | None = None
    ) -> ScriptedStream:
        self.calls.append(ScriptedCall(tuple(messages), temperature, max_tokens))
        if not self._script:
            raise AssertionError(f"the script of {self.name} ran out: call {len(self.calls)} has no reply")
        stream = ScriptedStream(_as_reply(self._script.pop(0)), self._answers_as)
        self.streams.append(stream)
        return stream


def _as_reply(reply: str | Exception | ScriptedReply) -> ScriptedReply:
    if isinstance(reply, ScriptedReply):
        return reply
    if isinstance(reply, Exception):
        return ScriptedReply((reply,))
    return ScriptedReply(re.findall(r"\s*\S+\s*\S*", reply) or [reply])
